import ArgumentParser
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

  func kernel() throws -> TargetKernel {
    var kernel = TargetKernel()
    let types = try Self.types(in: btf ?? "/sys/kernel/btf/vmlinux")
    kernel.btf = types
    for path in moduleBtf {
      let file = path.split(separator: "/").last ?? ""
      let name = file.hasSuffix(".btf") ? file.dropLast(4) : file
      kernel.modules.append(
        TargetKernel.Module(name: String(name), btf: try Self.types(in: path, base: types)))
    }
    kernel.symbols = (try? Self.contents(of: kallsyms ?? "/proc/kallsyms")) ?? []
    kernel.release = release ?? Self.unameRelease
    kernel.version = kernelVersion ?? ""
    kernel.configuration = (try? Self.contents(of: kconfig ?? "/boot/config-\(kernel.release)")) ?? []
    kernel.cpuCount = ncpus ?? Int(sysconf(Int32(_SC_NPROCESSORS_CONF)))
    return kernel
  }

  private static var unameRelease: String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: name.release) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func types(in path: String, base: BTF? = nil) throws(Failure) -> BTF {
    do { return try BTF(file: path, base: base) } catch let error as SystemCallError {
      throw Failure(report: "read \(path): \(error.errno)")
    } catch {
      throw Failure(report: "\(path) \(error)")
    }
  }

  static func contents(of path: String) throws(Failure) -> [UInt8] {
    do { return try LinuxCalls.contents(ofFile: path) } catch {
      throw Failure(report: "read \(path): \(error.errno)")
    }
  }
}
