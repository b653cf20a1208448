import ByteReading

extension PacketJSON {
  /// - Returns: what is wrong with the header.
  func writeUDP(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    guard let header = UDPHeader(datagram, at: packet.transportOffset) else { return "UDP header not captured whole" }
    field("udp.srcport", Int(header.sourcePort), into: &out)
    field("udp.dstport", Int(header.destinationPort), into: &out)
    field("udp.length", Int(header.lengthField), into: &out)
    field("udp.checksum", hex: UInt64(header.checksum), width: 4, into: &out)
    let length = header.coverage(of: packet.network.payloadLength)
    if header.checksum == 0 {
      // Wireshark's numbers for one that was left out, which IPv6 does not allow.
      field("udp.checksum.status", packet.network.version == .v4 ? 3 : 4, into: &out)
    } else {
      verdict("udp.checksum.status", header.checksum(of: packet, in: datagram), into: &out)
    }
    guard length == nil, packet.network.isWhole else { return nil }
    return Int(header.lengthField) < UDPHeader.length
      ? "UDP length less than its header" : "UDP length beyond the datagram"
  }
}
