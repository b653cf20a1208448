import ByteReading

extension PacketJSON {
  /// The members for ICMP, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  /// - Returns: what is wrong with it.
  /// - Throws: where something was not captured; the members of this protocol are then taken back.
  func writeICMP(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    nil
  }
}
