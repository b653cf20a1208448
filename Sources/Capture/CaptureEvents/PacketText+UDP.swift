import ByteReading

extension PacketText {
  /// The header's line; data is not dissected.
  mutating func writeUDP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "udp"
    let network = packet.network
    let offset = packet.transportOffset
    guard let ports = try? datagram.readBigEndian(UInt32.self, at: offset) else {
      if bringsPorts(network.protocolNumber) {
        try writeAddresses(network, datagram, into: &out)
        out.append(" ")
      }
      writeTruncation(into: &out)
      return
    }
    try writeEndpoints(
      network, datagram, source: UInt16(truncatingIfNeeded: ports >> 16),
      destination: UInt16(truncatingIfNeeded: ports), into: &out)
    guard length >= UInt32(UDPHeader.length) else {
      writeFlaw("truncated-udp ", length, into: &out)
      return
    }
    guard let field = try? datagram.readBigEndian(UInt16.self, at: offset + 4) else {
      writeTruncation(into: &out)
      return
    }
    let own = field == 0 && length > 0xffff ? length : UInt32(field)
    guard own >= UInt32(UDPHeader.length) else {
      writeFlaw("truncated-udplength ", own, into: &out)
      return
    }
    guard let header = UDPHeader(datagram, at: offset) else {
      writeTruncation(into: &out)
      return
    }
    let covered = min(own, length)
    let isFragment = !network.isWhole || network.hasFragmentHeader
    if options.verbosity > (network.version == .v4 ? 1 : 0), !isFragment {
      writeVerdict(header, packet, datagram, length: Int(covered), into: &out)
    }
    guard own <= length || isFragment else {
      startMark(into: &out)
      out.append("UDP, bad length ")
      out.appendDecimal(own - UInt32(UDPHeader.length))
      out.append(" > ")
      out.appendDecimal(covered - UInt32(UDPHeader.length))
      endMark(into: &out)
      return
    }
    out.append("UDP, length ")
    out.appendDecimal(own - UInt32(UDPHeader.length))
  }

  private func writeFlaw(_ text: StaticString, _ length: UInt32, into out: inout OutputBuffer) {
    startMark(into: &out)
    out.append(text)
    out.appendDecimal(length)
    endMark(into: &out)
  }

  /// Whether the checksum is right, if all that it counts was captured. In IPv6 it cannot be left out.
  private func writeVerdict(
    _ header: UDPHeader, _ packet: Packet, _ datagram: RawSpan, length: Int, into out: inout OutputBuffer
  ) {
    guard header.checksum != 0 || packet.network.version == .v6 else {
      out.append("[no cksum] ")
      return
    }
    guard
      let expected = packet.transportChecksum(
        in: datagram, protocolNumber: IPProtocol.udp, at: packet.transportOffset, length: length, field: header.checksum
      )
    else { return }
    guard expected != header.checksum else {
      out.append("[udp sum ok] ")
      return
    }
    startMark(into: &out)
    out.append("[bad udp cksum 0x")
    out.appendHex(UInt64(header.checksum), width: 4)
    out.append(" -> 0x")
    out.appendHex(UInt64(expected), width: 4)
    out.append("!]")
    endMark(into: &out)
    out.append(" ")
  }
}
