import ByteReading

extension PacketJSON {
  /// The members for ARP and RARP, from `packet.link.payloadOffset` on.
  /// - Returns: what is wrong with it.
  func writeARP(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    guard let arp = try? ARPHeader(in: frame, at: packet.link.payloadOffset) else {
      return "ARP header not captured whole"
    }
    field("arp.hw.type", Int(arp.hardwareType), into: &out)
    field("arp.proto.type", hex: UInt64(arp.protocolType), width: 4, into: &out)
    field("arp.opcode", Int(arp.operation), into: &out)
    // Addresses over ATM have lengths of their own (RFC 2225).
    guard arp.hardwareType != ARPHeader.atm else { return nil }
    field("arp.hw.size", Int(arp.hardwareLength), into: &out)
    field("arp.proto.size", Int(arp.protocolLength), into: &out)
    guard arp.end <= frame.byteCount else { return "ARP addresses not captured whole" }
    if arp.hasEthernet {
      try field("arp.src.hw_mac", .ethernet, frame, at: arp.senderHardware, into: &out)
      try field("arp.dst.hw_mac", .ethernet, frame, at: arp.targetHardware, into: &out)
    } else if arp.hardwareLength > 0 {
      field("arp.src.hw", frame.extracting(arp.senderHardware..<arp.senderProtocol), into: &out)
      field("arp.dst.hw", frame.extracting(arp.targetHardware..<arp.targetProtocol), into: &out)
    }
    guard arp.protocolType == EtherType.ipv4, arp.protocolLength == 4 else {
      guard arp.protocolLength > 0 else { return nil }
      field("arp.src.proto", frame.extracting(arp.senderProtocol..<arp.targetHardware), into: &out)
      field("arp.dst.proto", frame.extracting(arp.targetProtocol..<arp.end), into: &out)
      return nil
    }
    try field("arp.src.proto_ipv4", .ipv4, frame, at: arp.senderProtocol, into: &out)
    try field("arp.dst.proto_ipv4", .ipv4, frame, at: arp.targetProtocol, into: &out)
    let sender = try frame.readBigEndian(UInt32.self, at: arp.senderProtocol)
    let target = try frame.readBigEndian(UInt32.self, at: arp.targetProtocol)
    let isRequest = arp.operation == ARPHeader.request
    // A probe and an announcement ask for an address that they know no owner of (RFC 5227, 1.1).
    let knowsTarget = try arp.knowsTarget(in: frame)
    let asks = isRequest && !knowsTarget
    if sender == target, isRequest || arp.operation == ARPHeader.reply {
      field("arp.isgratuitous", true, into: &out)
      if asks { field("arp.isannouncement", true, into: &out) }
    } else if asks, sender == 0 {
      field("arp.isprobe", true, into: &out)
    }
    return nil
  }
}
