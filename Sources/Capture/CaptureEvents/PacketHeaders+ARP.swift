import ByteReading

extension PacketHeaders {
  /// The lines for ARP and RARP, from `packet.link.payloadOffset` on.
  func writeARP(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let arp = try ARPHeader(in: frame, at: packet.link.payloadOffset)
    out.append("Hardware Type: ")
    out.appendDecimal(arp.hardwareType)
    meaning(ARPHeader.hardwareName(arp.hardwareType), into: &out)
    out.append("\n")
    line("Protocol Type", hex: UInt64(arp.protocolType), width: 4, into: &out)
    meaning(EtherType.name(arp.protocolType), into: &out)
    // Addresses over ATM have lengths of their own (RFC 2225).
    let hasAddresses = arp.hardwareType != ARPHeader.atm
    if hasAddresses {
      line("Hardware Address Length", Int(arp.hardwareLength), into: &out)
      line("Protocol Address Length", Int(arp.protocolLength), into: &out)
    }
    line("Operation", Int(arp.operation), into: &out)
    meaning(ARPHeader.operationName(arp.operation), into: &out)
    out.append("\n")
    guard hasAddresses else { return }
    guard arp.end <= frame.byteCount else {
      out.append("Malformed: ARP addresses not captured whole\n")
      return
    }
    try writeAddresses(
      arp, frame, hardware: arp.senderHardware, "Sender MAC: ", protocol: arp.senderProtocol, "Sender Address: ",
      into: &out)
    try writeAddresses(
      arp, frame, hardware: arp.targetHardware, "Target MAC: ", protocol: arp.targetProtocol, "Target Address: ",
      into: &out)
  }

  private func writeAddresses(
    _ arp: ARPHeader, _ frame: RawSpan, hardware: Int, _ hardwareName: StaticString, protocol place: Int,
    _ protocolName: StaticString, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if arp.hardwareLength > 0 {
      out.append(hardwareName)
      out.appendColonHex(frame.extracting(hardware..<hardware + Int(arp.hardwareLength)))
      out.append("\n")
    }
    guard arp.protocolLength > 0 else { return }
    out.append(protocolName)
    if arp.hasIPv4 {
      out.appendIPv4(try frame.readBigEndian(UInt32.self, at: place))
    } else {
      out.appendColonHex(frame.extracting(place..<place + Int(arp.protocolLength)))
    }
    out.append("\n")
  }

  /// What a number stands for, in parentheses.
  func meaning(_ name: StaticString?, into out: inout OutputBuffer) {
    guard let name else { return }
    out.append(" (")
    out.append(name)
    out.append(")")
  }
}
