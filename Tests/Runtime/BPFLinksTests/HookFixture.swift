import BPFLoader
import BPFObjectFile
import BPFRelocation
import Glibc
import LinuxCalls
import Testing

/// Tests that attach programs: as root, one after the other.
@Suite(.serialized) struct HookTests {}

/// One program of those that include bpf/include/hook_fixture.h, in the kernel, which counts its runs.
struct HookFixture {
  let program: Program
  private let object: LoadedObject

  /// - Parameters:
  ///   - name: the program's.
  ///   - bytes: the object.
  ///   - ownProcess: count only what this process causes.
  ///   - attachedTo: another target than the section names.
  init(_ name: String, in bytes: [UInt8], ownProcess: Bool = true, attachedTo target: String? = nil) throws {
    if geteuid() != 0 { try Test.cancel("needs root: loads BPF programs") }
    var spec = try ObjectSpec(name: "hooks.bpf.o", bytes: bytes)
    for index in spec.programs.indices {
      spec.programs[index].isWanted = spec.programs[index].name == name
      if spec.programs[index].isWanted, let target { spec.programs[index].target = target }
    }
    if ownProcess { try spec.set("process", to: UInt32(getpid())) }
    object = try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)))
    program = try #require(object.program(name))
  }

  var count: UInt64 { get throws { try word(0) } }
  var cookie: UInt64 { get throws { try word(1) } }
  func map(_ name: String) -> Map? { object.map(name) }

  /// Sets a variable of 32 bits that lies behind the two of 64 bits which count.
  func setVariable(to value: UInt32) throws {
    let map = try #require(object.map(ofSection: ".bss"))
    var variables = try map.value(forKey: [0, 0, 0, 0])
    for byte in 0..<4 { variables[16 + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
    try map.set(variables, forKey: [0, 0, 0, 0])
  }

  private func word(_ index: Int) throws -> UInt64 {
    let value = try #require(object.map(ofSection: ".bss")).value(forKey: [0, 0, 0, 0])
    return value[8 * index..<8 * index + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
