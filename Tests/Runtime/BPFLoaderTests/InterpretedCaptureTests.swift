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

  /// With how many bytes of each its headers are.
  private static let packets: [(bytes: [UInt8], headers: Int)] = [
    (ethernet + ipv4(6) + tcp + payload, 58),
    (ethernet + ipv6(6) + tcp + payload, 78),
    (ethernet + [0x81, 0, 0, 5] + ipv4(6) + tcp, 62),
    // Hop-by-hop options, as long as they go, make the long record.
    (ethernet + ipv6(0) + [6, 20] + [UInt8](repeating: 0, count: 166) + tcp + payload, 246),
    (ethernet + ipv4(6), 34),
    // ARP, as far as anything that is not known.
    (ethernet + [8, 6] + payload + payload, 174),
    (ethernet + ipv4(17) + payload, 42),
    (ethernet + ipv4(1) + payload, 134),
    (ethernet + [8, 0, 0x45, 0], 16),
    (ethernet + [0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7] + ipv4(6) + tcp, 70),
  ]

  /// - Parameter hasFragments: as on kernels since 5.18.
  private func plan(snapLength: UInt32 = 0, hasFragments: Bool = true) throws -> LoadPlan {
    var spec = try ObjectSpec(name: "capture.bpf.o", bytes: captureObject())
    try spec.set(CaptureProgram.snapLength, to: snapLength)
    try spec.set(CaptureProgram.hasFragments, to: hasFragments)
    return try LoadPlan(spec)
  }

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
    for (packet, headers) in Self.packets {
      let result = try unsafe object.run(CaptureProgram.Names.capture.xdp, on: packet.span.bytes, context: Self.context)
      #expect(result == 2)
      var records: [[UInt8]] = []
      try object.drain(CaptureProgram.ring) { record in
        records.append(unsafe record.withUnsafeBytes { unsafe Array($0) })
      }
      let record = try #require(records.first)
      #expect(records.count == 1)
      #expect(Self.capturedLength(record) == headers)
      #expect(record[..<8] == [0x67, 0x12, 0, 0, 0, 0, 0, 0])
      #expect(record[24..<24 + headers] == packet[..<headers])
    }
    let values = try #require(object.maps[CaptureProgram.counters]?.values)
    let count = UInt64(Self.packets.count)
    for (index, expected) in [count, count, count, 0, 0, 0].enumerated() {
      #expect(try object.memory.read(UInt64.self, at: values.advanced(by: index * 8)) == expected)
    }
  }

  /// Lengths of a snapshot at the edges of the sizes of record, of packets shorter and longer.
  @Test(
    .enabled(if: Capability.effective().contains(.sysAdmin), "needs root: loads BPF programs"),
    arguments: [0, 1, 60, 96, 97, 511, 512, 513, 1536, 262_144] as [UInt32],
    [CaptureProgram.Names.capture.xdp, "merops_in", "merops_ip_out"])
  func recordsAreThoseOfTheKernel(snapLength: UInt32, name: String) throws {
    let plan = try plan(snapLength: snapLength)
    var interpreted = try InterpretedObject(plan)
    let loaded =
      try (try? LoadedObject(loading: plan))
      ?? LoadedObject(loading: self.plan(snapLength: snapLength, hasFragments: false))
    let program = try #require(loaded.program(name))
    var ring = try RingBuffer(try #require(loaded.map(CaptureProgram.ring)))
    let long = Self.ethernet + Self.ipv4(6) + Self.tcp + [UInt8](repeating: 7, count: 1400)
    // The kernel makes no skb of less than the protocol's header.
    for packet in Self.packets.map(\.bytes) + [long]
    where name == CaptureProgram.Names.capture.xdp || packet.count >= 34 {
      let result = try unsafe interpreted.run(
        name, on: packet.span.bytes,
        context: name == CaptureProgram.Names.capture.xdp ? Self.context : Self.socketBuffer(packet))
      #expect(try UInt64(program.run(onPacket: packet)) == result.map { $0 & 0xffff_ffff })
      var (ours, theirs): ([[UInt8]], [[UInt8]]) = ([], [])
      try interpreted.drain(CaptureProgram.ring) { ours.append(Self.withoutTime($0)) }
      _ = ring.drain { theirs.append(Self.withoutTime($0)) }
      #expect(ours == theirs)
      let record = try #require(ours.first)
      if snapLength > 0, name != "merops_ip_out" {
        #expect(record.count - 17 == min(Int(snapLength), packet.count))
        #expect(record[17...] == packet[..<min(Int(snapLength), packet.count)])
      }
    }
  }

  /// As BPF_PROG_TEST_RUN makes it.
  private static func socketBuffer(_ packet: [UInt8]) -> PacketContext {
    var context = SocketBufferContext()
    context.interface = 1
    context.networkOrderProtocol = UInt16(packet[12]) | UInt16(packet[13]) << 8
    return .socketBuffer(context)
  }

  private static func capturedLength(_ record: [UInt8]) -> Int {
    Int(record[16]) | Int(record[17]) << 8 | Int(record[18]) << 16
  }

  /// What a record means: up to the captured length, from behind the time on.
  private static func withoutTime(_ record: RawSpan) -> [UInt8] {
    let bytes = unsafe record.withUnsafeBytes { unsafe Array($0) }
    return [UInt8(bytes.count & 255)] + bytes[8..<24 + capturedLength(bytes)]
  }
}
