import ByteReading

extension PacketJSON {
  /// The members for ARP and RARP, from `packet.link.payloadOffset` on.
  /// - Returns: what is wrong with it.
  /// - Throws: where something was not captured; the members of this protocol are then taken back.
  func writeARP(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    nil
  }
}
