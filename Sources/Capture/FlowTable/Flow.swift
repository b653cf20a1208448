internal import ByteReading
package import CaptureEvents

/// What one end of a flow sent. `struct flow_side`, bpf/include/flow.h.
package struct FlowSide: Hashable, Sendable {
  package let packets: UInt64
  /// Of whole frames.
  package let bytes: UInt64
  /// Nanoseconds of the monotonic clock; 0 where nothing came.
  package let first: UInt64
  package let last: UInt64
  /// TCP's numbers of the last packet.
  package let sequence: UInt32
  package let acknowledged: UInt32
  /// Those of RFC 9293 and RFC 3168 that were seen.
  package let flags: TCPFlags
  /// A SYN without ACK was among them.
  package let opened: Bool

  static let byteCount = 56

  init(_ bytes: RawSpan, at offset: Int) throws(TruncatedError) {
    packets = try bytes.read(UInt64.self, at: offset)
    self.bytes = try bytes.read(UInt64.self, at: offset + 8)
    first = try bytes.read(UInt64.self, at: offset + 16)
    last = try bytes.read(UInt64.self, at: offset + 24)
    sequence = try bytes.read(UInt32.self, at: offset + 32)
    acknowledged = try bytes.read(UInt32.self, at: offset + 36)
    var flags: UInt16 = 0
    for flag in 0..<8 { flags |= UInt16(try bytes.read(UInt8.self, at: offset + 40 + flag)) }
    self.flags = TCPFlags(rawValue: flags)
    opened = try bytes.read(UInt8.self, at: offset + 48) != 0
  }
}

/// A flow as it was counted in the kernel, and what has come of it lately.
package struct Flow: Sendable {
  package let key: FlowKey
  private var low: FlowSide
  private var high: FlowSide
  /// In the last interval.
  package private(set) var newPackets: UInt64
  package private(set) var newBytes: UInt64
  /// How many bytes came in each of the last intervals; which one is the newest, the table knows.
  private var history = InlineArray<16, UInt64>(repeating: 0)
  /// The last round in which it was in the map.
  private(set) var round: UInt32

  /// How many intervals are remembered.
  package static let historyCount = 16
  package static let valueByteCount = 2 * FlowSide.byteCount

  init(_ key: FlowKey, _ value: RawSpan, round: UInt32) throws(TruncatedError) {
    self.key = key
    low = try FlowSide(value, at: 0)
    high = try FlowSide(value, at: FlowSide.byteCount)
    self.round = round
    (newPackets, newBytes) = (0, 0)
    (newPackets, newBytes) = (packets, bytes)
    history[Int(round) % Self.historyCount] = bytes
  }

  /// Takes over what the map has of it now.
  mutating func update(_ value: RawSpan, round: UInt32) throws(TruncatedError) {
    let (oldPackets, oldBytes) = (packets, bytes)
    low = try FlowSide(value, at: 0)
    high = try FlowSide(value, at: FlowSide.byteCount)
    // Fewer than before: it was evicted in the meantime, and began anew.
    newPackets = packets >= oldPackets ? packets - oldPackets : packets
    newBytes = bytes >= oldBytes ? bytes - oldBytes : bytes
    self.round = round
    history[Int(round) % Self.historyCount] = newBytes
  }

  /// Both directions.
  package var packets: UInt64 { low.packets &+ high.packets }
  package var bytes: UInt64 { low.bytes &+ high.bytes }
  package var first: UInt64 { low.first == 0 ? high.first : high.first == 0 ? low.first : min(low.first, high.first) }
  package var last: UInt64 { max(low.last, high.last) }

  /// Whether it was seen which end opened the connection: it sent a SYN without ACK.
  package var isInitiatorKnown: Bool { low.opened != high.opened }

  /// Whether the initiator is `low`: the end that opened the connection, or whose packet was the first that was seen.
  private var startsLow: Bool {
    if isInitiatorKnown { return low.opened }
    if low.first == 0 || high.first == 0 { return low.first != 0 }
    return low.first <= high.first
  }

  /// The initiator, and what it sent; then the other end.
  package var a: FlowSide { startsLow ? low : high }
  package var b: FlowSide { startsLow ? high : low }
  var aEnd: FlowKey.Endpoint { startsLow ? key.low : key.high }
  var bEnd: FlowKey.Endpoint { startsLow ? key.high : key.low }

  /// How many bytes came in the interval that was `age` rounds ago; 0 is the last.
  func bytes(ago age: Int, in round: UInt32) -> UInt64 {
    guard age < Self.historyCount, age <= round else { return 0 }
    return history[(Int(round) - age) % Self.historyCount]
  }
}
