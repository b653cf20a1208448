import ArgumentParser
import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import Glibc
import LinuxCalls

/// The kernel that something is for: the running one, or one that files describe.
struct KernelOptions: ParsableArguments {
  @Option(help: "The kernel's types: a file like /sys/kernel/btf/vmlinux, or a vmlinux.")
  var btf: String?
  @Option(help: "A module's types, named like the module; can be given several times.")
  var moduleBtf: [String] = []
  @Option(help: "The kernel's symbols: a file like /proc/kallsyms.")
  var kallsyms: String?
  @Option(help: "The kernel's configuration: a file like /boot/config-*.")
  var kconfig: String?
  @Option(help: "The kernel's release, as uname -r says it.")
  var release: String?
  @Option(name: .customLong("version"), help: "The kernel's version, as uname -v says it.")
  var kernelVersion: String?
  @Option(help: "How many CPUs there can be.")
  var ncpus: Int?

  func validate() throws {
    if let ncpus, ncpus < 1 { throw ValidationError("--ncpus \(ncpus): there is at least one CPU.") }
  }

  /// Everything is told by options, or nothing of the running kernel's types is used.
  func kernel(for object: ObjectSpec) throws -> TargetKernel {
    try explaining {
      var kernel = btf == nil ? try TargetKernel.running(for: object) : TargetKernel.running
      if let btf { kernel.btf = try Self.types(in: btf) }
      if !moduleBtf.isEmpty {
        let modules = try modules(of: kernel.btf)
        kernel.modules = { modules }
      }
      if object.needsSymbols, btf != nil || kallsyms != nil {
        kernel.symbols = try Self.contents(of: kallsyms ?? "/proc/kallsyms")
      }
      if let release { kernel.release = release }
      if release != nil || kernelVersion != nil { kernel.version = kernelVersion ?? "" }
      if object.needsConfiguration {
        if let kconfig {
          kernel.configuration = try Self.contents(of: kconfig)
        } else if btf != nil {
          kernel.configuration = TargetKernel.configuration()
        }
      }
      if let ncpus { kernel.cpuCount = ncpus }
      return kernel
    }
  }

  /// Read when they are needed; that the files are there is seen to at once.
  private func modules(of kernel: BTF?) throws -> [KernelModule] {
    for path in moduleBtf {
      do { _ = try FileDescriptor(opening: path, flags: O_RDONLY) } catch {
        throw Failure(report: "read \(path): \(error.errno)")
      }
    }
    return moduleBtf.map { path in
      let file = path.split(separator: "/").last ?? ""
      return KernelModule(name: String(file.hasSuffix(".btf") ? file.dropLast(4) : file)) {
        try BTF(contentsOf: path, base: kernel)
      }
    }
  }

  private static func types(in path: String) throws -> BTF {
    do { return try BTF(contentsOf: path) } catch let error as BTFError {
      throw Failure(report: "\(path) \(error)")
    }
  }

  static func contents(of path: String) throws(Failure) -> [UInt8] {
    do { return try LinuxCalls.contents(ofFile: path) } catch {
      throw Failure(report: "read \(path): \(error.errno)")
    }
  }
}
