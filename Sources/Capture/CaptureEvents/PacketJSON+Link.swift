import ByteReading

extension PacketJSON {
  func writeLink(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    guard packet.end != .linkTruncated else { return }
    switch packet.link.kind {
    case .ethernet:
      out.append(#","eth.dst":""#)
      try out.appendEthernet(frame, at: 0)
      out.append(#"","eth.src":""#)
      try out.appendEthernet(frame, at: 6)
      out.append(#"""#)
      let type = try frame.readBigEndian(UInt16.self, at: 12)
      if type > EtherType.maximumLength {
        field("eth.type", hex: UInt64(type), width: 4, into: &out)
      } else {
        field("eth.len", Int(type), into: &out)
      }
    case .linuxSLL, .linuxSLL2: try writeCooked(packet, frame, into: &out)
    case .loopback: field("null.family", Int(try AddressFamily(frame).rawValue), into: &out)
    case .none: return
    }
    try writeTags(packet, frame, into: &out)
    try writeLLC(packet, frame, into: &out)
  }

  private func writeCooked(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let isSecond = packet.link.kind == .linuxSLL2
    let packetType =
      isSecond ? UInt16(try frame.read(UInt8.self, at: 10)) : try frame.readBigEndian(UInt16.self, at: 0)
    let addressLength =
      isSecond ? UInt16(try frame.read(UInt8.self, at: 11)) : try frame.readBigEndian(UInt16.self, at: 4)
    field("sll.pkttype", Int(packetType), into: &out)
    let hardwareType = try frame.readBigEndian(UInt16.self, at: isSecond ? 8 : 2)
    field("sll.hatype", Int(hardwareType), into: &out)
    field("sll.halen", Int(addressLength), into: &out)
    if isSecond { field("sll.ifindex", Int(try frame.readBigEndian(UInt32.self, at: 4)), into: &out) }
    if addressLength == 6 {
      out.append(#","sll.src.eth":""#)
      try out.appendEthernet(frame, at: isSecond ? 12 : 6)
      out.append(#"""#)
    }
    let type = try frame.readBigEndian(UInt16.self, at: packet.link.kind.typeOffset)
    let typeName: StaticString =
      switch type {
      // ARPHRD_IPGRE: the type is GRE's own.
      case _ where hardwareType == 778: "sll.gretype"
      case ...EtherType.maximumLength: "sll.ltype"
      default: "sll.etype"
      }
    field(typeName, hex: UInt64(type), width: 4, into: &out)
  }

  private func writeLLC(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let offset = packet.link.llcOffset
    guard offset > 0, let header = LLCHeader(frame, at: offset), !header.isIPX else { return }
    field("llc.dsap", hex: UInt64(header.destination), width: 2, into: &out)
    field("llc.ssap", hex: UInt64(header.source), width: 2, into: &out)
    field("llc.control", hex: UInt64(header.control), width: 4, into: &out)
    guard header.isSNAP, packet.end != .llcTruncated else { return }
    let organization = try frame.readBigEndian(UInt32.self, at: offset + 3) >> 8
    let type = try frame.readBigEndian(UInt16.self, at: offset + 6)
    field("llc.oui", Int(organization), into: &out)
    if LLCHeader.hasEtherTypes(organization) { field("llc.type", hex: UInt64(type), width: 4, into: &out) }
  }

  private func writeTags(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    guard packet.link.tagCount > 0 else { return }
    try writeTags(packet, frame, "vlan.id", shift: 0, mask: 0xfff, into: &out)
    try writeTags(packet, frame, "vlan.priority", shift: 13, mask: 7, into: &out)
    try writeTags(packet, frame, "vlan.dei", shift: 12, mask: 1, into: &out)
    var separator: StaticString = #","vlan.etype":["0x"#
    var length: UInt16?
    for index in 1...packet.link.tagCount {
      let type = try frame.readBigEndian(UInt16.self, at: packet.link.tagTypeOffset(index))
      guard type > EtherType.maximumLength else {
        length = type
        break
      }
      out.append(separator)
      out.appendHex(UInt64(type), width: 4)
      out.append(#"""#)
      separator = #","0x"#
    }
    if length == nil || packet.link.tagCount > 1 { out.append("]") }
    if let length { field("vlan.len", Int(length), into: &out) }
  }

  private func writeTags(
    _ packet: Packet, _ frame: RawSpan, _ name: StaticString, shift: UInt16, mask: UInt16, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    self.name(name, into: &out)
    for index in 0..<packet.link.tagCount {
      out.append(index == 0 ? "[" : ",")
      let tag = try frame.readBigEndian(UInt16.self, at: packet.link.tagOffset(index))
      out.appendDecimal(tag >> shift & mask)
    }
    out.append("]")
  }
}
