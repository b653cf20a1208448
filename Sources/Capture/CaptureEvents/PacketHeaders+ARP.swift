import ByteReading

extension PacketHeaders {
  /// The lines for ARP and RARP, from `packet.link.payloadOffset` on.
  func writeARP(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {}
}
