import BPFInterpreter
import CaptureProgram
import LinuxCalls
import Merops
import Testing

/// The capture program in the kernel and in the interpreter.
@Suite(.serialized) struct InterpretedCaptureTests {
  private static let ethernet: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
  private static let tcp: [UInt8] = [
    0x01, 0xbb, 0x9c, 0x40, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 1, 0, 0, 0, 0, 0, 2, 4, 5, 0xb4,
  ]
  private static func ipv4(_ number: UInt8) -> [UInt8] {
    [8, 0, 0x45, 0, 0, 64, 0, 1, 0, 0, 64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]
  }
  private static func ipv6(_ next: UInt8) -> [UInt8] {
    [0x86, 0xdd, 0x60, 0, 0, 0, 0, 40, next, 64] + [UInt8](repeating: 0xfd, count: 32)
  }
  private static let payload = [UInt8](0..<100)

  /// What each counts as: the place in `passed_over`, or `nil` for what is delivered.
  private static let packets: [(bytes: [UInt8], passedOver: Int?)] = [
    (ethernet + ipv4(6) + tcp + payload, nil),
    (ethernet + ipv6(6) + tcp + payload, nil),
    (ethernet + [0x81, 0, 0, 5] + ipv4(6) + tcp, nil),
    // Hop-by-hop options, as long as they go, make the long record.
    (ethernet + ipv6(0) + [6, 20] + [UInt8](repeating: 0, count: 166) + tcp + payload, nil),
    (ethernet + ipv4(6), nil),
    (ethernet + [8, 6] + payload, 0),
    (ethernet + ipv4(17) + payload, 1),
    (ethernet + [8, 0, 0x45, 0], 2),
    (ethernet + [0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7] + ipv4(6) + tcp, 3),
  ]

  private func plan() throws -> LoadPlan { try LoadPlan(ObjectSpec(name: "capture.bpf.o", bytes: captureObject())) }

  private static var context: PacketContext {
    var context = XDPContext()
    // BPF_PROG_TEST_RUN has packets come from the loopback.
    context.ingressInterface = 1
    return .xdp(context)
  }

  /// Without privilege.
  @Test func recordsAndCountersComeOutOfTheInterpreter() throws {
    var object = try InterpretedObject(plan())
    object.helpers.time = 4711
    var delivered: UInt64 = 0
    var passedOver = [UInt64](repeating: 0, count: 5)
    for (packet, cause) in Self.packets {
      let result = try unsafe object.run(CaptureProgram.program, on: packet.span.bytes, context: Self.context)
      #expect(result == 2)
      if let cause { passedOver[cause] += 1 } else { delivered += 1 }
      var records: [[UInt8]] = []
      try object.drain(CaptureProgram.ring) { record in
        records.append(unsafe record.withUnsafeBytes { unsafe Array($0) })
      }
      #expect(records.count == (cause == nil ? 1 : 0))
      guard let record = records.first else { continue }
      let length = Int(record[16]) | Int(record[17]) << 8
      #expect(record[..<8] == [0x67, 0x12, 0, 0, 0, 0, 0, 0])
      #expect(record[24..<24 + length] == packet[..<length])
    }
    let values = try #require(object.maps[CaptureProgram.counters]?.values)
    for (index, expected) in ([UInt64(Self.packets.count), delivered, delivered] + passedOver + [0, 0]).enumerated() {
      #expect(try object.memory.read(UInt64.self, at: values.advanced(by: index * 8)) == expected)
    }
  }

  @Test(.enabled(if: Capability.effective().contains(.sysAdmin), "needs root: loads BPF programs"))
  func recordsAreThoseOfTheKernel() throws {
    let plan = try plan()
    var interpreted = try InterpretedObject(plan)
    let loaded = try LoadedObject(loading: plan)
    let program = try #require(loaded.program(CaptureProgram.program))
    var ring = try RingBuffer(try #require(loaded.map(CaptureProgram.ring)))
    for (packet, _) in Self.packets {
      let result = try unsafe interpreted.run(CaptureProgram.program, on: packet.span.bytes, context: Self.context)
      #expect(try UInt64(program.run(onPacket: packet)) == result)
      var (ours, theirs): ([[UInt8]], [[UInt8]]) = ([], [])
      try interpreted.drain(CaptureProgram.ring) { ours.append(Self.withoutTime($0)) }
      _ = ring.drain { theirs.append(Self.withoutTime($0)) }
      #expect(ours == theirs)
    }
  }

  /// What a record means: up to the captured length, from behind the time on.
  private static func withoutTime(_ record: RawSpan) -> [UInt8] {
    let bytes = unsafe record.withUnsafeBytes { unsafe Array($0) }
    let length = Int(bytes[16]) | Int(bytes[17]) << 8
    return [UInt8(bytes.count & 255)] + bytes[8..<24 + length]
  }
}
