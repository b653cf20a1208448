import ByteReading

extension PacketHeaders {
  func writeUDP(_ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer) {
    guard let header = UDPHeader(datagram, at: packet.transportOffset) else {
      out.append("Malformed: UDP header not captured whole\n")
      return
    }
    out.append("Source Port: ")
    out.appendDecimal(header.sourcePort)
    line("Destination Port", Int(header.destinationPort), into: &out)
    line("Length", Int(header.lengthField), into: &out)
    out.append("\n")
    line("Checksum", hex: UInt64(header.checksum), width: 4, into: &out)
    if header.checksum == 0, packet.network.version == .v4 {
      out.append(" (none)")
    } else {
      writeVerdict(header.checksum(of: packet, in: datagram), into: &out)
    }
    out.append("\n")
    guard header.coverage(of: packet.network.payloadLength) == nil, packet.network.isWhole else { return }
    out.append("Malformed: UDP length ")
    out.append(Int(header.lengthField) < UDPHeader.length ? "less than its header\n" : "beyond the datagram\n")
  }
}
