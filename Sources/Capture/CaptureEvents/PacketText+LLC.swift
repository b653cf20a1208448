import ByteReading

extension PacketText {
  /// An LLC header, and SNAP's behind it.
  /// - Parameter hasAddresses: Ethernet's stand at the start of the frame, and name the frame where nothing else does.
  /// - Returns: whether the network's header follows.
  mutating func writeLLC(
    _ packet: Packet, _ frame: RawSpan, hasAddresses: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "llc"
    let link = packet.link
    let bytes = frame.extracting(0..<min(frame.byteCount, link.end))
    let length = min(packet.wireLength, link.end) - link.llcOffset
    guard let header = LLCHeader(bytes, at: link.llcOffset) else {
      writeTruncation(into: &out)
      writeHex(bytes, from: link.llcOffset, withText: true, into: &out)
      return false
    }
    guard !header.isIPX else {
      if options.showsLinkHeader { out.append("IPX 802.3: ") }
      writeName("IPX", packet, into: &out)
      return false
    }
    if options.showsLinkHeader { writeServiceAccessPoints(header, into: &out) }
    guard !header.isIP else { return true }
    if header.isSNAP { return try writeSNAP(packet, bytes, header, hasAddresses: hasAddresses, into: &out) }
    let name: StaticString?
    switch true {
    case header.isInformation(LLCHeader.spanningTree): name = "STP"
    case header.isInformation(LLCHeader.osi): name = "OSI"
    case header.isInformation(LLCHeader.ipx):
      name = "IPX"
      if options.showsLinkHeader { out.append("IPX 802.2: ") }
    default: name = nil
    }
    if let name {
      writeName(name, packet, into: &out)
      return false
    }
    if !options.showsLinkHeader { try writePeers(header, frame, hasAddresses: hasAddresses, into: &out) }
    guard try writeControl(header, bytes, at: link.llcOffset, length: length, into: &out) else { return false }
    writeUnknown(bytes, hasAddresses, from: link.llcOffset, into: &out)
    return false
  }

  /// A payload that nobody knows begins with LLC. Without Ethernet's header before that, tcpdump counts it to the payload
  /// in every way.
  private mutating func writeUnknown(
    _ bytes: RawSpan, _ hasAddresses: Bool, from offset: Int, into out: inout OutputBuffer
  ) {
    if !hasAddresses { networkOffset = offset }
    writeUnknown(bytes, from: offset, into: &out)
  }

  private func writeServiceAccessPoints(_ header: LLCHeader, into out: inout OutputBuffer) {
    out.append("LLC, dsap ")
    out.append(Self.name(ofPoint: header.destinationPoint) ?? "Unknown")
    out.append(" (0x")
    out.appendHex(UInt64(header.destinationPoint), width: 2)
    out.append(header.destination & 1 == 0 ? ") Individual, ssap " : ") Group, ssap ")
    out.append(Self.name(ofPoint: header.sourcePoint) ?? "Unknown")
    out.append(" (0x")
    out.appendHex(UInt64(header.sourcePoint), width: 2)
    out.append(header.source & 1 == 0 ? ") Command, ctrl 0x" : ") Response, ctrl 0x")
    out.appendHex(UInt64(header.control), width: header.isUnnumbered ? 2 : 4)
    out.append(": ")
  }

  /// Who talks to whom, as far as `-e` has not said it.
  private func writePeers(
    _ header: LLCHeader, _ frame: RawSpan, hasAddresses: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let isOne = header.sourcePoint == header.destinationPoint
    if hasAddresses {
      try out.appendEthernet(frame, at: 6)
      out.append(" ")
    }
    if !isOne {
      writePoint(header.sourcePoint, "SSAP", into: &out)
      out.append(" ")
    }
    if hasAddresses || !isOne { out.append("> ") }
    if hasAddresses {
      try out.appendEthernet(frame, at: 0)
      out.append(" ")
    }
    writePoint(header.destinationPoint, "DSAP", into: &out)
    out.append(" ")
  }

  private func writePoint(_ point: UInt8, _ kind: StaticString, into out: inout OutputBuffer) {
    guard let name = Self.name(ofPoint: point) else {
      out.append("Unknown ")
      out.append(kind)
      out.append(" 0x")
      out.appendHex(UInt64(point), width: 2)
      return
    }
    out.append(name)
  }

  /// - Returns: whether what follows is unknown.
  private func writeControl(
    _ header: LLCHeader, _ bytes: RawSpan, at offset: Int, length: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let control = header.control
    let hasPoll = control & (header.isUnnumbered ? 0x10 : 0x100) != 0
    if header.isUnnumbered {
      out.append("Unnumbered, ")
      writeCommand(UInt8(truncatingIfNeeded: control & 0xef), into: &out)
    } else if control & 1 != 0 {
      out.append("Supervisory, ")
      switch control >> 2 & 3 {
      case 0: out.append("Receiver Ready")
      case 1: out.append("Receiver not Ready")
      case 2: out.append("Reject")
      default: out.append("?")
      }
      out.append(", rcv seq ")
      out.appendDecimal(control >> 9)
    } else {
      out.append("Information, send seq ")
      out.appendDecimal(control >> 1 & 0x7f)
      out.append(", rcv seq ")
      out.appendDecimal(control >> 9)
    }
    switch (header.source & 1 != 0, hasPoll) {
    case (false, false): out.append(", Flags [Command], length ")
    case (true, false): out.append(", Flags [Response], length ")
    case (false, true): out.append(", Flags [Poll], length ")
    case (true, true): out.append(", Flags [Final], length ")
    }
    out.appendDecimal(length)
    guard header.isUnnumbered else { return control & 1 == 0 }
    guard control & 0xef == 0xaf else { return true }
    // Exchange identification (IEEE 802.2, 5.4.1.1.2).
    let payload = offset + header.length
    guard length > header.length else { return false }
    guard let format = try? bytes.read(UInt8.self, at: payload) else {
      writeTruncation(into: &out)
      return false
    }
    guard format == 0x81 else { return true }
    guard let classes = try? bytes.readBigEndian(UInt16.self, at: payload + 1) else {
      writeTruncation(into: &out)
      writeHex(bytes, from: payload, withText: true, into: &out)
      return false
    }
    out.append(": ")
    out.appendHex(UInt64(classes >> 8), width: 2)
    out.append(" ")
    out.appendHex(UInt64(classes & 0xff), width: 2)
    return false
  }

  private func writeCommand(_ command: UInt8, into out: inout OutputBuffer) {
    switch command {
    case 0x03: out.append("ui")
    case 0xe3: out.append("test")
    case 0xaf: out.append("xid")
    case 0x63: out.append("ua")
    case 0x43: out.append("disc")
    case 0x0f: out.append("dm")
    case 0x6f: out.append("sabme")
    case 0x87: out.append("frmr")
    default: out.appendHex(UInt64(command), width: 2)
    }
  }

  private static func name(ofPoint point: UInt8) -> StaticString? {
    switch point {
    case 0x00: "Null"
    case 0x02: "802.1B I"
    case 0x04: "SNA"
    case LLCHeader.ip: "IP"
    case 0x0e: "ProWay NM"
    case LLCHeader.spanningTree: "STP"
    case 0x4e: "RS511"
    case 0x7e: "ISO8208"
    case 0x8e: "ProWay"
    case LLCHeader.snap: "SNAP"
    case LLCHeader.ipx: "IPX"
    case LLCHeader.netBEUI: "NetBeui"
    case LLCHeader.osi: "OSI"
    default: nil
    }
  }

  // MARK: SNAP

  private mutating func writeSNAP(
    _ packet: Packet, _ bytes: RawSpan, _ header: LLCHeader, hasAddresses: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "snap"
    let offset = packet.link.llcOffset + header.length
    guard packet.end != .llcTruncated else {
      writeTruncation(into: &out)
      return false
    }
    let organization = try bytes.readBigEndian(UInt32.self, at: offset) >> 8
    let type = try bytes.readBigEndian(UInt16.self, at: offset + 3)
    let length = min(packet.wireLength, packet.link.end) - offset - 5
    if options.showsLinkHeader {
      writeOrganization(organization, into: &out)
      writeType(type, of: organization, length: length, into: &out)
    }
    if LLCHeader.hasEtherTypes(organization), EtherType.isDissected(type) { return true }
    if let name = Self.dissectedName(type, of: organization) {
      writeName(name, packet, into: &out)
      return false
    }
    if !options.showsLinkHeader {
      if hasAddresses {
        try out.appendEthernet(bytes, at: 6)
        out.append(" > ")
        try out.appendEthernet(bytes, at: 0)
        out.append(" ")
      }
      out.append("SNAP, ")
      if organization != 0 { writeOrganization(organization, into: &out) }
      writeType(type, of: organization, length: length, into: &out)
    }
    writeUnknown(bytes, hasAddresses, from: packet.link.llcOffset, into: &out)
    return false
  }

  private func writeOrganization(_ organization: UInt32, into out: inout OutputBuffer) {
    out.append("oui ")
    out.append(OrganizationIdentifier.name(organization) ?? "Unknown")
    out.append(" (0x")
    out.appendHex(UInt64(organization), width: 6)
    out.append("), ")
  }

  private func writeType(
    _ type: UInt16, of organization: UInt32, length: Int, into out: inout OutputBuffer
  ) {
    out.append(organization == 0 ? "ethertype " : "pid ")
    let name: StaticString? =
      switch organization {
      case 0, 0x0000f8, 0x080007: EtherType.name(type)
      case LLCHeader.cisco: Self.ciscoName(type)
      case 0x0080c2: Self.bridgedName(type)
      default: nil
      }
    out.append(name ?? "Unknown")
    out.append(" (0x")
    out.appendHex(UInt64(type), width: 4)
    out.append("), ")
    writeLength(length, into: &out)
  }

  /// What tcpdump dissects behind an organization's own types.
  private static func dissectedName(_ type: UInt16, of organization: UInt32) -> StaticString? {
    switch (organization, type) {
    case (LLCHeader.cisco, 0x010b), (LLCHeader.cisco, 0x010c), (0x0080c2, 0x000e): "STP"
    case (LLCHeader.cisco, _): ciscoName(type)
    case (0x0080c2, 1), (0x0080c2, 7), (0x0080c2, 3), (0x0080c2, 9), (0x0080c2, 4), (0x0080c2, 10): bridgedName(type)
    case (0x080007, 0x809b): "Appletalk"
    default: nil
    }
  }

  private static func ciscoName(_ type: UInt16) -> StaticString? {
    switch type {
    case 0x0111: "UDLD"
    case 0x010b: "PVST"
    case 0x010c: "VLAN Bridge"
    case 0x2000: "CDP"
    case 0x2003: "VTP"
    case 0x2004: "DTP"
    default: nil
    }
  }

  /// RFC 2684, appendix B.
  private static func bridgedName(_ type: UInt16) -> StaticString? {
    switch type {
    case 1: "Ethernet + FCS"
    case 2: "802.4 + FCS"
    case 3: "Token Ring + FCS"
    case 4: "FDDI + FCS"
    case 5: "802.6 + FCS"
    case 7: "Ethernet w/o FCS"
    case 8: "802.4 w/o FCS"
    case 9: "Token Ring w/o FCS"
    case 10: "FDDI w/o FCS"
    case 11: "802.6 w/o FCS"
    case 14: "BPDU"
    default: nil
    }
  }
}
