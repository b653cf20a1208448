import BPFLoader
import BPFObjectFile
import BPFRelocation
import Glibc
import LinuxCalls
import Testing

/// Tests that attach programs: as root, one after the other.
@Suite(.serialized) struct HookTests {}

/// One program of those that include bpf/include/hook_fixture.h, in the kernel, which counts its runs.
struct HookFixture: RoundObjects {
  let program: Program
  private let object: LoadedObject
  private let variables: [VariableSpec]

  /// - Parameters:
  ///   - name: the program's.
  ///   - bytes: the object.
  ///   - ownProcess: count only what this process causes.
  ///   - attachedTo: another target than the section names.
  ///   - change: makes the kernel another one than it is.
  init(
    _ name: String, in bytes: [UInt8], ownProcess: Bool = true, attachedTo target: String? = nil,
    _ change: (inout TargetKernel) -> Void = { _ in }
  ) throws {
    if geteuid() != 0 { try Test.cancel("needs root: loads BPF programs") }
    var spec = try ObjectSpec(name: "hooks.bpf.o", bytes: bytes)
    for index in spec.programs.indices {
      spec.programs[index].isWanted = spec.programs[index].name == name
      if spec.programs[index].isWanted, let target { spec.programs[index].target = target }
    }
    if ownProcess { try spec.set("process", to: UInt32(getpid())) }
    variables = spec.variables
    var kernel = try TargetKernel.running(for: spec)
    change(&kernel)
    object = try LoadedObject(loading: LoadPlan(spec, kernel: kernel))
    program = try #require(object.program(name))
  }

  var count: UInt64 { get throws { try value("count") } }
  var cookie: UInt64 { get throws { try value("cookie") } }
  var objects: [LoadedObject] { [object] }
  func map(_ name: String) -> Map? { object.map(name) }

  /// A variable of the program's, of at most 64 bits.
  func value(_ name: String) throws -> UInt64 {
    try values(name).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The bytes of a variable.
  func values(_ name: String) throws -> [UInt8] {
    let (map, range) = try place(name)
    return Array(try map.value(forKey: [0, 0, 0, 0])[range])
  }

  func set(_ name: String, to value: UInt64) throws {
    let (map, range) = try place(name)
    var bytes = try map.value(forKey: [0, 0, 0, 0])
    for (index, place) in range.enumerated() { bytes[place] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    try map.set(bytes, forKey: [0, 0, 0, 0])
  }

  private func place(_ name: String) throws -> (map: Map, range: Range<Int>) {
    let variable = try #require(variables.first { $0.name == name })
    return (try #require(object.map(variable.map)), variable.offset..<variable.offset + variable.size)
  }
}
