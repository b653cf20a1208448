import ByteReading

extension PacketText {
  /// - Returns: whether the network's header follows, or another protocol that has a name.
  mutating func writeLink(
    _ packet: Packet, _ frame: RawSpan, _ interfaceName: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    switch packet.link.kind {
    case .ethernet: return try writeEthernet(packet, frame, into: &out)
    case .linuxSLL, .linuxSLL2: return try writeCooked(packet, frame, interfaceName, into: &out)
    case .loopback: return try writeLoopback(packet, frame, into: &out)
    case .none: return try writeNoLink(packet, frame, into: &out)
    }
  }

  // MARK: Ethernet

  private mutating func writeEthernet(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "ether"
    guard packet.end != .linkTruncated else {
      writeTruncation(into: &out)
      return false
    }
    let link = packet.link
    if options.showsLinkHeader {
      try writeEthernetAddresses(frame, into: &out)
      for index in 0..<link.tagCount {
        writeEtherType(try frame.readBigEndian(UInt16.self, at: link.tagTypeOffset(index)), into: &out)
        out.append(", ")
        if index == 0 { writeLength(packet.wireLength, into: &out) }
        try writeTag(frame, at: link.tagOffset(index), into: &out)
      }
    }
    guard hasWholeTags(packet, into: &out) else { return false }
    guard link.llcOffset == 0 else {
      if options.showsLinkHeader {
        out.append("802.3")
        if link.tagCount == 0 {
          out.append(", ")
          writeLength(link.end - link.llcOffset, into: &out)
        }
      }
      return try writeLLC(packet, frame, hasAddresses: true, into: &out)
    }
    if options.showsLinkHeader {
      writeEtherType(link.etherType, into: &out)
      out.append(", ")
      if link.tagCount == 0 { writeLength(packet.wireLength, into: &out) }
    }
    guard !EtherType.isDissected(link.etherType) else { return true }
    if !options.showsLinkHeader {
      try writeEthernetAddresses(frame, into: &out)
      writeEtherType(link.etherType, into: &out)
      out.append(", ")
      writeLength(packet.wireLength, into: &out)
    }
    writeUnknown(frame, from: link.payloadOffset, into: &out)
    return false
  }

  private func writeEthernetAddresses(_ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    try out.appendEthernet(frame, at: 6)
    out.append(" > ")
    try out.appendEthernet(frame, at: 0)
    out.append(", ")
  }

  private func writeTag(_ frame: RawSpan, at offset: Int, into out: inout OutputBuffer) throws(TruncatedError) {
    let tag = try frame.readBigEndian(UInt16.self, at: offset)
    out.append("vlan ")
    out.appendDecimal(tag & 0xfff)
    out.append(", p ")
    out.appendDecimal(tag >> 13)
    if tag & 0x1000 != 0 { out.append(", DEI") }
    out.append(", ")
  }

  private mutating func hasWholeTags(_ packet: Packet, into out: inout OutputBuffer) -> Bool {
    guard packet.end == .vlanTruncated || packet.end == .tooManyTags else { return true }
    layer = "vlan"
    writeTruncation(into: &out)
    return false
  }

  private func writeEtherType(_ type: UInt16, into out: inout OutputBuffer) {
    if !options.isQuiet { out.append("ethertype ") }
    if let name = EtherType.name(type) {
      out.append(name)
      if options.isQuiet { return }
    } else {
      out.append(options.isQuiet ? "Unknown Ethertype" : "Unknown")
    }
    out.append(" (0x")
    out.appendHex(UInt64(type), width: 4)
    out.append(")")
  }

  func writeLength(_ length: Int, into out: inout OutputBuffer) {
    out.append("length ")
    out.appendDecimal(length)
    out.append(": ")
  }

  // MARK: Linux cooked

  private mutating func writeCooked(
    _ packet: Packet, _ frame: RawSpan, _ interfaceName: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let link = packet.link
    layer = link.kind == .linuxSLL2 ? "sll2" : "sll"
    guard packet.end != .linkTruncated else {
      throw TruncatedError(offset: 0, needed: link.kind.headerLength, available: frame.byteCount)
    }
    if link.kind == .linuxSLL2 {
      // Which interface has the header's index is known where the packet was captured, not where the file is read.
      let direction = try packetType(UInt16(try frame.read(UInt8.self, at: 10)), alignsRight: false)
      if options.showsInterface, !interfaceName.isEmpty {
        writeInterface(interfaceName, direction, into: &out)
      } else {
        out.append("?     ")
        out.append(direction)
        out.append(" ")
      }
    }
    if options.showsLinkHeader { try writeCookedHeader(packet, frame, length: packet.wireLength, into: &out) }
    for index in 0..<link.tagCount {
      if options.showsLinkHeader { try writeTag(frame, at: link.tagOffset(index), into: &out) }
      guard !options.isQuiet else { continue }
      var type = try frame.readBigEndian(UInt16.self, at: link.tagOffset(index) + 2)
      if type <= EtherType.maximumLength { type = EtherType.linuxLLC }
      out.append("ethertype ")
      out.append(EtherType.name(type) ?? "Unknown")
      out.append(", ")
    }
    guard hasWholeTags(packet, into: &out) else { return false }
    guard link.llcOffset == 0 else { return try writeLLC(packet, frame, hasAddresses: false, into: &out) }
    switch link.etherType {
    case Self.linuxIPX:
      writeName("IPX", packet, into: &out)
      return false
    case ...EtherType.maximumLength: break
    case let type where EtherType.isDissected(type): return true
    default:
      if !options.showsLinkHeader {
        try writeCookedHeader(packet, frame, length: packet.wireLength - 4 * link.tagCount, into: &out)
      }
    }
    writeUnknown(frame, from: link.payloadOffset, into: &out)
    return false
  }

  /// Linux's number for Novell's frames, which have no type.
  private static let linuxIPX: UInt16 = 1

  /// `PACKET_HOST` and its like of packet(7), in three columns.
  private func packetType(_ type: UInt16, alignsRight: Bool) throws(TruncatedError) -> StaticString {
    switch type {
    case 0: alignsRight ? " In" : "In "
    case 1: alignsRight ? "  B" : "B  "
    case 2: alignsRight ? "  M" : "M  "
    case 3: alignsRight ? "  P" : "P  "
    case 4: "Out"
    default: alignsRight ? "  ?" : "?  "
    }
  }

  private func writeCookedHeader(
    _ packet: Packet, _ frame: RawSpan, length: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let addressLength: Int
    if packet.link.kind == .linuxSLL2 {
      out.append("ifindex ")
      out.appendDecimal(try frame.readBigEndian(UInt32.self, at: 4))
      addressLength = Int(try frame.read(UInt8.self, at: 11))
    } else {
      out.append(try packetType(try frame.readBigEndian(UInt16.self, at: 0), alignsRight: true))
      addressLength = Int(try frame.readBigEndian(UInt16.self, at: 4))
    }
    out.append(" ")
    if addressLength == 6 {
      try out.appendEthernet(frame, at: packet.link.kind == .linuxSLL2 ? 12 : 6)
      out.append(" ")
    }
    guard !options.isQuiet else { return }
    let type = try frame.readBigEndian(UInt16.self, at: packet.link.kind.typeOffset)
    switch type {
    case Self.linuxIPX: out.append("802.3")
    case EtherType.linuxLLC: out.append("802.2")
    default:
      out.append("ethertype ")
      out.append(type > EtherType.maximumLength ? EtherType.name(type) ?? "Unknown" : "Unknown")
      out.append(" (0x")
      out.appendHex(UInt64(type), width: 4)
      out.append(")")
    }
    out.append(", ")
    writeLength(length, into: &out)
  }

  // MARK: BSD loopback, raw IP

  private mutating func writeLoopback(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "null"
    let family = try AddressFamily(frame)
    if options.showsLinkHeader { writeFamily(family, length: packet.wireLength, into: &out) }
    guard packet.end == .notIP else { return true }
    if let name = family.name, family.isDissected {
      writeName(name, packet, into: &out)
    } else {
      if !options.showsLinkHeader { writeFamily(family, length: packet.wireLength, into: &out) }
      writeUnknown(frame, from: packet.link.payloadOffset, into: &out)
    }
    return false
  }

  private func writeFamily(_ family: AddressFamily, length: Int, into out: inout OutputBuffer) {
    if !options.isQuiet {
      out.append("AF ")
      out.append(family.name ?? "Unknown")
      out.append(" (")
      out.appendDecimal(family.rawValue)
      out.append(")")
    } else if let name = family.name {
      out.append(name)
    } else {
      out.append("Unknown AF ")
      out.appendDecimal(family.rawValue)
    }
    out.append(", ")
    writeLength(length, into: &out)
  }

  private mutating func writeNoLink(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "raw"
    guard packet.end != .linkType else {
      out.append("unknown link type, ")
      writeLength(packet.wireLength, into: &out)
      writeUnknown(frame, from: 0, into: &out)
      return false
    }
    if options.showsLinkHeader { out.append("ip: ") }
    guard packet.end == .notIP else { return true }
    out.append("unknown ip ")
    out.appendDecimal(try frame.read(UInt8.self, at: 0) >> 4)
    return false
  }
}
