import ByteReading

extension PacketText {
  /// What follows the IP headers.
  mutating func writeTransport(
    _ packet: Packet, _ datagram: RawSpan, protocolNumber: UInt8, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let isIPv4 = packet.network.version == .v4
    switch protocolNumber {
    case IPProtocol.tcp: try writeTCP(packet, datagram, connections: &connections, into: &out)
    case IPProtocol.udp: try writeUDP(packet, datagram, length: length, into: &out)
    case IPProtocol.icmp where isIPv4:
      try writeICMP(packet, datagram, length: length, connections: &connections, into: &out)
    case IPProtocol.icmpv6 where !isIPv4:
      try writeICMPv6(packet, datagram, length: length, connections: &connections, into: &out)
    case IPProtocol.igmp where isIPv4: try writeIGMP(packet, datagram, length: length, into: &out)
    case IPProtocol.icmp, IPProtocol.igmp: writeWrongVersion(protocolNumber, "4", into: &out)
    case IPProtocol.icmpv6: writeWrongVersion(protocolNumber, "6", into: &out)
    case IPProtocol.ethernet where isIPv4: writeWrongVersion(protocolNumber, "6", into: &out)
    case IPProtocol.ethernet:
      try writeInnerFrame(
        datagram, from: packet.transportOffset, length: length, connections: &connections, into: &out)
    case IPProtocol.ipv4, IPProtocol.ipv6:
      try writeInner(
        datagram, from: packet.transportOffset, length: length,
        etherType: protocolNumber == IPProtocol.ipv4 ? EtherType.ipv4 : EtherType.ipv6, connections: &connections,
        into: &out)
    case IPProtocol.gre: try writeGRE(packet, datagram, length: length, connections: &connections, into: &out)
    case IPProtocol.encapsulatingSecurity: try writeESP(packet, datagram, length: length, into: &out)
    case IPProtocol.compression:
      layer = "ipcomp"
      let index = try datagram.readBigEndian(UInt16.self, at: packet.transportOffset + 2)
      out.append("IPComp(cpi=0x")
      out.appendHex(UInt64(index), width: 4)
      out.append(")")
    case IPProtocol.sctp: try writeSCTP(packet, datagram, length: length, into: &out)
    case IPProtocol.dccp: try writeDCCP(packet, datagram, length: length, into: &out)
    case IPProtocol.ospf: try writeOSPF(packet, datagram, length: length, into: &out)
    case IPProtocol.pim: try writePIM(packet, datagram, length: length, into: &out)
    case IPProtocol.vrrp: try writeVRRP(packet, datagram, length: length, into: &out)
    case IPProtocol.noNextHeader: out.append("no next header")
    case IPProtocol.netDisk:
      out.append(" nd ")
      out.appendDecimal(length)
    default: try writeOther(packet.network, datagram, protocolNumber, length: length, into: &out)
    }
  }

  /// Not our business; a short line says what it is.
  mutating func writeOther(
    _ network: IPHeader, _ datagram: RawSpan, _ protocolNumber: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if bringsPorts(network.protocolNumber) {
      try writeAddresses(network, datagram, into: &out)
      out.append(" ")
    }
    // Extension headers have names, but not where they cannot be.
    if let name = IPProtocol.name(protocolNumber), !ExtensionHeader.isKnown(protocolNumber) {
      out.append(name)
      out.append(", length ")
    } else {
      out.append(" ip-proto-")
      out.appendDecimal(protocolNumber)
      out.append(" ")
    }
    out.appendDecimal(length)
  }

  private func writeWrongVersion(
    _ protocolNumber: UInt8, _ version: StaticString, into out: inout OutputBuffer
  ) {
    startMark(into: &out)
    out.append("[")
    out.append(IPProtocol.name(protocolNumber) ?? "unknown")
    out.append(" requires IPv")
    out.append(version)
    out.append("] (invalid)")
    endMark(into: &out)
  }

  /// Behind an extension header or AH, the addresses stand on the line already.
  func writeEndpoints(
    _ network: IPHeader, _ datagram: RawSpan, source: UInt16, destination: UInt16, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let bringsAddresses = bringsPorts(network.protocolNumber)
    if bringsAddresses {
      try writeSource(network, datagram, into: &out)
      out.append(".")
    }
    out.appendDecimal(source)
    out.append(" > ")
    if bringsAddresses {
      try writeDestination(network, datagram, into: &out)
      out.append(".")
    }
    out.appendDecimal(destination)
    out.append(": ")
  }

  // MARK: One short header each

  private mutating func writeESP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "esp"
    let offset = packet.transportOffset
    // The header alone is nothing: at least the padding's length follows it.
    guard 8 < datagram.byteCount - offset else {
      writeTruncation(into: &out)
      return
    }
    out.append("ESP(spi=0x")
    out.appendHex(UInt64(try datagram.readBigEndian(UInt32.self, at: offset)), width: 8)
    out.append(",seq=0x")
    out.appendHex(UInt64(try datagram.readBigEndian(UInt32.self, at: offset + 4)))
    out.append("), length ")
    out.appendDecimal(length)
  }

  /// The common header (RFC 9260, 3.1); chunks are not dissected.
  private mutating func writeSCTP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "sctp"
    let offset = packet.transportOffset
    guard length >= 12 else {
      writeMissing("truncated-sctp - ", Int(12 - length), into: &out)
      return
    }
    guard 12 <= datagram.byteCount - offset else {
      writeTruncation(into: &out)
      return
    }
    try writeAllEndpoints(packet, datagram, into: &out)
    out.append("sctp, length ")
    out.appendDecimal(length)
  }

  /// The generic header (RFC 4340, 5.1), of which 12 bytes are there in any form.
  private mutating func writeDCCP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "dccp"
    guard 12 <= datagram.byteCount - packet.transportOffset else {
      writeTruncation(into: &out)
      return
    }
    let isLong = try datagram.read(UInt8.self, at: packet.transportOffset + 8) & 1 != 0
    let needed: UInt32 = length < 12 ? 12 : isLong ? 16 : 12
    guard length >= needed else {
      writeMissing("truncated-dccp - ", Int(needed - length), into: &out)
      return
    }
    guard Int(needed) <= datagram.byteCount - packet.transportOffset else {
      writeTruncation(into: &out)
      return
    }
    try writeAllEndpoints(packet, datagram, into: &out)
    out.append("DCCP, length ")
    out.appendDecimal(length)
  }

  /// With addresses also behind an extension header.
  private func writeAllEndpoints(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try writeSource(packet.network, datagram, into: &out)
    out.append(".")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: packet.transportOffset))
    out.append(" > ")
    try writeDestination(packet.network, datagram, into: &out)
    out.append(".")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: packet.transportOffset + 2))
    out.append(": ")
  }

  private mutating func writePIM(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "pim"
    let first = try datagram.read(UInt8.self, at: packet.transportOffset)
    out.append("PIMv")
    out.appendDecimal(first >> 4)
    if first >> 4 == 2 {
      out.append(", ")
      out.append(Self.pimType(first & 15))
    }
    out.append(", length ")
    out.appendDecimal(length)
  }

  private static func pimType(_ type: UInt8) -> StaticString {
    switch type {
    case 0: "Hello"
    case 1: "Register"
    case 2: "Register Stop"
    case 3: "Join / Prune"
    case 4: "Bootstrap"
    case 5: "Assert"
    case 6: "Graft"
    case 7: "Graft Acknowledgement"
    case 8: "Candidate RP Advertisement"
    case 9: "Prune Refresh"
    case 10: "DF Election"
    case 11: "ECMP Redirect"
    default: "Unknown Type"
    }
  }

  private mutating func writeOSPF(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let offset = packet.transportOffset
    let isVersion3 = packet.network.version == .v6
    layer = isVersion3 ? "ospf3" : "ospf2"
    var length = length
    var captured = datagram.byteCount
    // Version 2 with cryptographic authentication: the digest behind the packet is not counted (RFC 2328, D.4.3).
    if !isVersion3, try datagram.readBigEndian(UInt16.self, at: offset + 14) == 2 {
      length &-= 16
      captured = max(0, captured - 16)
    }
    let type = try datagram.extracting(0..<captured).read(UInt8.self, at: offset + 1)
    let version = try datagram.read(UInt8.self, at: offset)
    out.append("OSPFv")
    out.appendDecimal(version)
    switch type {
    case 1: out.append(", Hello")
    case 2: out.append(", Database Description")
    case 3: out.append(", LS-Request")
    case 4: out.append(", LS-Update")
    case 5: out.append(", LS-Ack")
    default:
      out.append(isVersion3 ? ", unknown packet type (" : ", unknown LS-type ")
      out.appendDecimal(type)
      if isVersion3 { out.append(")") }
    }
    out.append(", length ")
    out.appendDecimal(length)
  }

  private mutating func writeVRRP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "vrrp"
    let offset = packet.transportOffset
    out.append("VRRP")
    let first = try datagram.read(UInt8.self, at: offset)
    out.append("v")
    out.appendDecimal(first >> 4)
    if first & 15 == 1 {
      out.append(", Advertisement")
    } else {
      out.append(", unknown type (")
      out.appendDecimal(first & 15)
      out.append(")")
    }
    let hopLimit = try datagram.read(
      UInt8.self, at: packet.network.offset + (packet.network.version == .v4 ? 8 : 7))
    if hopLimit != 255 {
      out.append(", (ttl ")
      out.appendDecimal(hopLimit)
      out.append(")")
    }
    guard first == 0x21 || first == 0x31 else { return }
    let router = try datagram.read(UInt8.self, at: offset + 1)
    let priority = try datagram.read(UInt8.self, at: offset + 2)
    out.append(", vrid ")
    out.appendDecimal(router)
    out.append(", prio ")
    out.appendDecimal(priority)
    let fifth = try datagram.read(UInt8.self, at: offset + 4)
    if first == 0x21 {
      out.append(", authtype ")
      switch fifth {
      case 0: out.append("none")
      case 1: out.append("simple")
      case 2: out.append("ah")
      default:
        out.append("#")
        out.appendDecimal(fifth)
      }
      let interval = try datagram.read(UInt8.self, at: offset + 5)
      out.append(", intvl ")
      out.appendDecimal(interval)
      out.append("s, length ")
    } else {
      let interval = try datagram.readBigEndian(UInt16.self, at: offset + 4) & 0xfff
      out.append(", intvl ")
      out.appendDecimal(interval)
      out.append("cs, length ")
    }
    out.appendDecimal(length)
  }
}
