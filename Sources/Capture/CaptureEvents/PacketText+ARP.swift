import ByteReading

extension PacketText {
  /// ARP and RARP, from `packet.link.payloadOffset` on.
  mutating func writeARP(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    out.append("ARP, length ")
    out.appendDecimal(packet.wireLength - packet.link.payloadOffset)
  }
}
