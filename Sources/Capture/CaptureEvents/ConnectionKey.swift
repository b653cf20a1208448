import ByteReading

/// The two endpoints of a TCP connection in an order that is the same for both directions.
struct ConnectionKey: Hashable {
  /// The address that goes with the lower port (with equal ports: the lower address), then the other.
  /// IPv4 addresses stand in `first.low` and `second.low`.
  private(set) var firstHigh: UInt64 = 0
  private(set) var firstLow: UInt64 = 0
  private(set) var secondHigh: UInt64 = 0
  private(set) var secondLow: UInt64 = 0
  /// The ports in that order, and the IP version above them so that the two address families never meet.
  private(set) var portsAndVersion: UInt64 = 0
  /// The packet goes from the second endpoint to the first.
  private(set) var isReversed = false

  static func == (left: Self, right: Self) -> Bool {
    left.portsAndVersion == right.portsAndVersion && left.firstLow == right.firstLow
      && left.secondLow == right.secondLow && left.firstHigh == right.firstHigh && left.secondHigh == right.secondHigh
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(portsAndVersion)
    hasher.combine(firstLow)
    hasher.combine(secondLow)
    hasher.combine(firstHigh)
    hasher.combine(secondHigh)
  }

  /// - Parameter packet: one whose addresses and ports were decoded from `frame`.
  init(_ packet: Packet, in frame: RawSpan) throws(TruncatedError) {
    let network = packet.network.offset
    let source = packet.tcp.sourcePort
    let destination = packet.tcp.destinationPort
    var version: UInt64 = 4
    if packet.network.version == .v6 {
      version = 6
      firstHigh = try frame.readBigEndian(UInt64.self, at: network + 8)
      firstLow = try frame.readBigEndian(UInt64.self, at: network + 16)
      secondHigh = try frame.readBigEndian(UInt64.self, at: network + 24)
      secondLow = try frame.readBigEndian(UInt64.self, at: network + 32)
    } else {
      firstLow = UInt64(try frame.readBigEndian(UInt32.self, at: network + 12))
      secondLow = UInt64(try frame.readBigEndian(UInt32.self, at: network + 16))
    }
    isReversed =
      source != destination
      ? source > destination : (firstHigh, firstLow) > (secondHigh, secondLow)
    if isReversed {
      swap(&firstHigh, &secondHigh)
      swap(&firstLow, &secondLow)
    }
    portsAndVersion =
      version << 32 | UInt64(min(source, destination)) << 16 | UInt64(max(source, destination))
  }
}
