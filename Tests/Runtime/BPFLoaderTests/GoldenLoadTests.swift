import BPFLoader
import Foundation
import GoldenObjects
import LinuxCalls
import Merops
import Testing

/// Golden objects, in the running kernel: as root, one after the other.
@Suite(.serialized, .enabled(if: isRoot, "needs root: loads BPF programs")) struct GoldenLoadTests {
  private func object(_ name: String) throws -> ObjectSpec { try ObjectSpec(contentsOf: Golden.path("\(name).bpf.o")) }

  /// What needs nothing of the made-up kernel is loaded, with all of its types and with those only that a kernel of
  /// 5.10 knows.
  @Test(arguments: ["hidden", "kinds", "variables", "gcc", "raw-descriptor", "no-lines", "legacy-maps"])
  func objectsAreLoaded(name: String) throws {
    let object = try object(name)
    if name == "gcc", !takesSignExtendingMoves() {
      // gcc makes instructions of the set v4 (Linux 6.6).
      let error = #expect(throws: LoadError.self) {
        try LoadedObject(loading: LoadPlan(object, kernel: .running(for: object)))
      }
      #expect("\(try #require(error).report)".contains("compile it with -mcpu=v3"))
      return
    }
    if name == "raw-descriptor" {
      // Descriptor 1 is no map, and the kernel says so.
      let error = #expect(throws: LoadError.self) { try LoadedObject(loading: LoadPlan(object)) }
      #expect("\(try #require(error).report)".contains("fd 1 is not pointing to valid bpf_map"))
      return
    }
    let kernel = try TargetKernel.running(for: object)
    let plan = try LoadPlan(object, kernel: kernel)
    for variant in [plan, try plan.reduced(to: []), try plan.minimized(), plan.withoutTypes()] {
      let loaded: LoadedObject
      do { loaded = try LoadedObject(loading: variant) } catch {
        Issue.record("\(error.report)")
        continue
      }
      #expect(loaded.programs.map(\.name) == plan.programs.map(\.name))
      #expect(loaded.typesError == nil)
    }
  }

  /// Relocated against this kernel's own types, both from where it shows them and from a vmlinux-like ELF file.
  @Test func typesAreReadFromTheKernelAndFromFiles() throws {
    let own = try #require(try TargetKernel.types(), "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
    #expect(own.typeCount > 10_000)
    #expect(try own.types(named: "task_struct", kinds: [.structure]).count == 1)
    let raw = try BTF(contentsOf: Golden.path("kernel.btf"))
    #expect(try raw.types(named: "task", kinds: [.structure]).count == 1)
    // An object file is an ELF file with a section .BTF, too.
    let ofObject = try BTF(contentsOf: Golden.path("kinds.bpf.o"))
    #expect(try ofObject.types(named: "value", kinds: [.structure]).count == 1)
    #expect(throws: BTFError.self) { try BTF(contentsOf: Golden.path("README.md")) }
    #expect(throws: LoadError.self) { try BTF(contentsOf: "/nowhere/vmlinux") }
  }

  @Test func theRunningKernelAnswersWhatObjectsAsk() throws {
    let externs = try object("externs")
    let kernel = try TargetKernel.running(for: externs)
    #expect(kernel.versionCode >= 5 << 16 | 10 << 8)
    #expect(kernel.cpuCount >= 1)
    #expect(kernel.btf != nil)
    // All that the golden objects have of types is known since Linux 6.0.
    let features = KernelFeatures.probed(for: try object("kinds"))
    if kernel.versionCode >= 6 << 16 { #expect(features == .all) }
  }

  @Test func filesThatGzipCompressedAreReadLikeOthers() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)").path
    defer {
      try? FileManager.default.removeItem(atPath: path)
      try? FileManager.default.removeItem(atPath: path + ".gz")
    }
    let text = String(repeating: "CONFIG_SOMETHING=y\n", count: 10_000)
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try contents(ofCompressedFile: path) == Array(text.utf8))
    try run("gzip", path)
    #expect(try contents(ofCompressedFile: path + ".gz") == Array(text.utf8))
    #expect(throws: SystemCallError.self) { try contents(ofCompressedFile: path) }
  }

  @Test func pinnedMapsAreFoundAgainOrRefused() throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "pins-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    // A directory that is no BPF file system is named, and what to do about it.
    var object = try object("kinds")
    object.maps[0].pinning = .byName
    let plan = try LoadPlan(object)
    let error = #expect(throws: LoadError.self) { try LoadedObject(loading: plan, pinDirectory: directory) }
    #expect(try #require(error).report.contains("mount -t bpf bpf \(directory)"))

    try run("mount", "-t", "bpf", "bpf", directory)
    defer { try? run("umount", directory) }
    let key: [UInt8] = [1, 0, 0, 0]
    let value = (0..<object.maps[0].valueSize).map { UInt8($0) }
    do {
      let first = try LoadedObject(loading: plan, pinDirectory: directory)
      try #require(first.map("values")).set(value, forKey: key)
    }
    let second = try LoadedObject(loading: plan, pinDirectory: directory)
    #expect(try #require(second.map("values")).value(forKey: key) == value)
    object.maps[0].maxEntries = 5
    let other = try LoadPlan(object)
    let refusal = #expect(throws: LoadError.self) { try LoadedObject(loading: other, pinDirectory: directory) }
    let report = try #require(refusal).report
    #expect(report.contains("number of entries 8, not 5"))
    #expect(report.contains("Remove \(directory)/values"))
  }

  /// What the kernel does not have is named where the verifier stumbles over it.
  @Test func aPoisonedAccessIsNamedInCsSpelling() throws {
    let object = try object("poison")
    let kernel = try TargetKernel.running(for: object)
    let error = #expect(throws: LoadError.self) { try LoadedObject(loading: LoadPlan(object, kernel: kernel)) }
    let report = try #require(error).report
    #expect(report.contains("This instruction stands for the byte offset of struct task.pid, which this kernel"))
    #expect(report.contains("bpf_core_field_exists()"))
  }

  /// Types that the kernel refuses cost an object its types, not its life.
  @Test func anObjectGoesWithoutTypesThatTheKernelRefuses() throws {
    let object = try object("kinds")
    let plan = try LoadPlan(object)
    let btf = try #require(plan.btf)
    // A function's type that is one no more: its kind becomes that of a forward declaration.
    let function = try #require(btf.types(named: "entry", kinds: [.function]).first)
    let place = try btf.record(function).offset
    let broken = LoadPlan(plan, btf: BTF(btf, replacing: [(offset: place + 4, value: 7 << 24)]))
    let loaded = try LoadedObject(loading: broken)
    #expect(loaded.typesError?.cause.errno == .invalidArgument)
    #expect(loaded.programs.count == plan.programs.count)
  }

  private func takesSignExtendingMoves() -> Bool {
    let program = [
      Instruction(opcode: 0xb7, destination: 0, source: 0, offset: 0, immediate: 1),
      Instruction(opcode: 0xbf, destination: 0, source: 0, offset: 8, immediate: 0),
      Instruction(opcode: 0x95, destination: 0, source: 0, offset: 0, immediate: 0),
    ]
    var attributes = BPF.ProgramAttributes()
    attributes.type = 1
    attributes.license = "GPL"
    let none: [UInt32] = []
    let loaded = try? unsafe BPF.loadProgram(
      attributes, name: "probe", instructions: program.span.bytes, btf: nil, functions: none.span.bytes,
      lines: none.span.bytes, logByteCount: 0)
    return loaded != nil
  }

  private func run(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(arguments)")
  }
}

private let isRoot = Capability.effective().contains(.sysAdmin)
