import ArgumentParser
import BPFObjectFile
import BPFRelocation
import BPFTypes
import ByteReading
import Glibc
import LinuxCalls

/// `merops inspect`
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a BPF object file holds, and what loading it would ask of a kernel.",
    discussion: """
      Nothing is loaded, and no privilege is needed. With --relocated the object is completed for a kernel: the running \
      one, or one that files describe.
      """)

  @Argument(help: "The object file.")
  var object: String
  @Flag(help: "Show the plan for a kernel instead of the object as it is.")
  var relocated = false
  @Flag(help: "One JSON document.")
  var json = false
  @Option(help: "The kernel's types: a file like /sys/kernel/btf/vmlinux.")
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
  @Option(help: "Leave a program out.")
  var disable: [String] = []
  @Option(help: "PROGRAM=TARGET: what the program attaches to.")
  var attach: [String] = []
  @Option(help: "PROGRAM=NUMBER: the program's type.")
  var type: [String] = []

  func validate() throws {
    guard relocated && json else { throw ValidationError("Only --relocated --json is there so far.") }
    if let ncpus, ncpus < 1 { throw ValidationError("--ncpus \(ncpus): there is at least one CPU.") }
    for assignment in attach + type where !assignment.contains("=") {
      throw ValidationError("'\(assignment)': write PROGRAM=VALUE.")
    }
  }

  func run() throws {
    print(try document().json)
  }

  func document() throws -> PlanDocument {
    let bytes = try Self.contents(of: object)
    var spec: ObjectSpec
    do {
      let name = object.split(separator: "/").last.map(String.init) ?? object
      spec = try ObjectSpec(name: name, bytes: bytes)
    } catch { return PlanDocument(failed: "open", "\(error)") }
    try change(&spec)
    let kernel = try self.kernel()
    do { return PlanDocument(try LoadPlan(spec, kernel: kernel), of: spec) } catch {
      return PlanDocument(failed: "load", "\(error)")
    }
  }

  private func change(_ spec: inout ObjectSpec) throws(ValidationError) {
    func program(_ name: String) throws(ValidationError) -> Int {
      guard let index = spec.programIndex(name) else { throw ValidationError("The object has no program \(name).") }
      return index
    }
    for name in disable { spec.programs[try program(name)].isWanted = false }
    for assignment in attach {
      let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
      spec.programs[try program(parts[0])].target = parts.last
    }
    for assignment in type {
      let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
      guard let number = parts.last.flatMap({ UInt32($0) }) else {
        throw ValidationError("--type \(assignment): a program type is a number (enum bpf_prog_type).")
      }
      spec.programs[try program(parts[0])].type = ProgramType(rawValue: number)
    }
  }

  private func kernel() throws -> TargetKernel {
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

  private static func contents(of path: String) throws(Failure) -> [UInt8] {
    do { return try LinuxCalls.contents(ofFile: path) } catch {
      throw Failure(report: "read \(path): \(error.errno)")
    }
  }
}
