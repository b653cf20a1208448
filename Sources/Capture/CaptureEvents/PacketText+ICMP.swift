import ByteReading

extension PacketText {
  /// ICMP from `packet.transportOffset` on.
  /// - Parameters:
  ///   - datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  ///   - length: what the lengths leave for it, in bytes; more than was captured, perhaps.
  mutating func writeICMP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try writeOther(packet.network, datagram, IPProtocol.icmp, length: length, into: &out)
  }
}
