import ByteReading

extension PacketHeaders {
  /// The lines for ICMPv6, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  func writeICMPv6(_ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {}
}
