import BPFRings
import FixturePrograms
import Glibc
import LinuxCalls
import Merops
import Testing

/// Tests in the kernel: as root, one after the other.
@Suite(.serialized) struct RingTests {}

/// Some programs and maps of bpf/fixtures/rings.bpf.c, in the kernel.
struct RingsFixture {
  private let object: LoadedObject

  init(_ program: String, maps: [String]) throws {
    if geteuid() != 0 { try Test.cancel("needs root: loads BPF programs") }
    var spec = try ObjectSpec(name: "rings.bpf.o", bytes: ringsObject())
    for index in spec.programs.indices { spec.programs[index].isWanted = spec.programs[index].name == program }
    for index in spec.maps.indices where spec.maps[index].section == nil {
      spec.maps[index].isWanted = maps.contains(spec.maps[index].name)
    }
    object = try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)))
  }

  func map(_ name: String) throws -> Map { try #require(object.map(name)) }

  /// Runs the program, on a packet of so many bytes. Returns whether it could do what it is for.
  func run(byteCount: Int = 64) throws -> Bool {
    let answer = try #require(object.programs.first).run(onPacket: [UInt8](repeating: 0, count: byteCount))
    return answer == 2
  }

  /// `number`, `taken`, `sum` and `answer`.
  func variable(_ index: Int) throws -> UInt64 {
    let bytes = try #require(object.map(ofSection: ".bss")).value(forKey: [0, 0, 0, 0])
    return bytes[8 * index..<8 * index + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension RawSpan {
  /// The first 8 bytes.
  var number: UInt64 { unsafe unsafeLoadUnaligned(as: UInt64.self) }
}
