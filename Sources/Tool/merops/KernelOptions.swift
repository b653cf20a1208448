import ArgumentParser
import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
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
        kernel.modules = ModuleTypes(
          try moduleBtf.map { path in
            let file = path.split(separator: "/").last ?? ""
            let name = file.hasSuffix(".btf") ? file.dropLast(4) : file
            return ModuleTypes.Module(name: String(name), btf: try Self.types(in: path, base: kernel.btf))
          })
      }
      if btf != nil || kallsyms != nil {
        kernel.symbols = try Self.contents(of: kallsyms ?? "/proc/kallsyms")
      }
      if let release { kernel.release = release }
      if release != nil || kernelVersion != nil { kernel.version = kernelVersion ?? "" }
      if let kconfig {
        kernel.configuration = try Self.contents(of: kconfig)
      } else if btf != nil {
        kernel.configuration = TargetKernel.configuration()
      }
      if let ncpus { kernel.cpuCount = ncpus }
      return kernel
    }
  }

  private static func types(in path: String, base: BTF? = nil) throws -> BTF {
    do { return try BTF(contentsOf: path, base: base) } catch let error as BTFError {
      throw Failure(report: "\(path) \(error)")
    }
  }

  static func contents(of path: String) throws(Failure) -> [UInt8] {
    do { return try LinuxCalls.contents(ofFile: path) } catch {
      throw Failure(report: "read \(path): \(error.errno)")
    }
  }
}
