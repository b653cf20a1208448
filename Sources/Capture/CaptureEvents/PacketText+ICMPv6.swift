import ByteReading

extension PacketText {
  /// ICMPv6 from `packet.transportOffset` on.
  /// - Parameters:
  ///   - datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  ///   - length: what the lengths leave for it, in bytes; more than was captured, perhaps.
  mutating func writeICMPv6(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try writeOther(packet.network, datagram, IPProtocol.icmpv6, length: length, into: &out)
  }
}
