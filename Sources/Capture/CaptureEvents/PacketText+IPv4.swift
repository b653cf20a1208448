import ByteReading

extension PacketText {
  mutating func writeIPv4(
    _ packet: Packet, _ frame: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "ip"
    let network = packet.network
    let offset = network.offset
    if case .ipVersion(let version) = packet.end {
      startMark(into: &out)
      out.append("IP")
      out.appendDecimal(version)
      if version == 6 { out.append(", wrong link-layer encapsulation") }
      out.append(" (invalid)")
      endMark(into: &out)
      return
    }
    // The version comes first: without that byte, nobody calls it IP.
    _ = try frame.read(UInt8.self, at: offset)
    if !options.showsLinkHeader { out.append("IP ") }
    guard packet.end != .ipTruncated else {
      writeTruncation(into: &out)
      return
    }
    if case .ipHeaderLength(let length) = packet.end {
      writeBadLength("bad-hlen ", length, into: &out)
      return
    }
    if network.missing > 0 {
      writeMissing("truncated-ip - ", network.missing, " bytes missing! ", into: &out)
    }
    if case .ipTotalLength(let length) = packet.end {
      writeBadLength("bad-len ", length, into: &out)
      return
    }
    let datagram = frame.extracting(0..<packet.capturedEnd)
    if options.verbosity > 0 {
      guard try writeIPv4Details(packet, datagram, into: &out) else { return }
    }
    if network.fragmentOffset != 0 {
      try writeAddresses(network, datagram, into: &out)
      out.append(" ip-proto-")
      out.appendDecimal(network.protocolNumber)
      return
    }
    if !bringsPorts(network.protocolNumber) {
      try writeAddresses(network, datagram, into: &out)
      out.append(" ")
    }
    if packet.end == .ipOptionsTruncated {
      startMark(into: &out)
      out.append(" [remaining caplen(")
      out.appendDecimal(packet.capturedEnd - offset)
      out.append(") < header length(")
      out.appendDecimal(network.headerLength)
      out.append(")]")
      endMark(into: &out)
      throw TruncatedError(offset: offset, needed: network.headerLength, available: packet.capturedEnd)
    }
    if network.protocolNumber == IPProtocol.authentication {
      try writeAuthentication(
        packet, datagram, at: offset + network.headerLength, length: UInt32(network.lengthField - network.headerLength),
        connections: &connections, into: &out)
    } else {
      try writeTransport(
        packet, datagram, protocolNumber: network.protocolNumber, length: network.payloadLength,
        connections: &connections, into: &out)
    }
  }

  private func writeBadLength(_ text: StaticString, _ length: Int, into out: inout OutputBuffer) {
    startMark(into: &out)
    out.append(text)
    out.appendDecimal(length)
    endMark(into: &out)
  }

  /// What -v shows of the header, in parentheses; the rest of the packet goes onto a line of its own.
  /// - Returns: false where the options were cut off, which ends the packet.
  private func writeIPv4Details(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let network = packet.network
    let offset = network.offset
    let service = try datagram.read(UInt8.self, at: offset + 1)
    out.append("(tos 0x")
    out.appendHex(UInt64(service))
    switch service & 3 {
    case 1: out.append(",ECT(1)")
    case 2: out.append(",ECT(0)")
    case 3: out.append(",CE")
    default: break
    }
    let timeToLive = try datagram.read(UInt8.self, at: offset + 8)
    if timeToLive >= 1 {
      out.append(", ttl ")
      out.appendDecimal(timeToLive)
    }
    out.append(", id ")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 4))
    out.append(", offset ")
    out.appendDecimal(network.fragmentOffset)
    out.append(", flags [")
    writeFragmentFlags(try datagram.read(UInt8.self, at: offset + 6), into: &out)
    out.append("], proto ")
    out.append(IPProtocol.name(network.protocolNumber) ?? "unknown")
    out.append(" (")
    out.appendDecimal(network.protocolNumber)
    out.append("), length ")
    out.appendDecimal(network.lengthField)
    var isWhole = true
    if network.headerLength > 20 {
      out.append(", options (")
      isWhole = try writeIPv4Options(network, datagram, into: &out)
      if !isWhole { out.append(" [truncated-option]") }
      out.append(")")
    }
    if let (field, expected) = packet.ipChecksum(in: datagram), field != expected {
      startMark(into: &out)
      out.append(", bad cksum ")
      out.appendHex(UInt64(field))
      out.append(" (->")
      out.appendHex(UInt64(expected))
      out.append(")!")
      endMark(into: &out)
    }
    out.append(")\n    ")
    guard !isWhole else { return true }
    try writeAddresses(network, datagram, into: &out)
    out.append(" ")
    writeTruncation(into: &out)
    return false
  }

  private func writeFragmentFlags(_ byte: UInt8, into out: inout OutputBuffer) {
    var names = NameList()
    names.append("none", if: byte & 0xe0 == 0, to: &out)
    names.append("+", if: byte & 0x20 != 0, to: &out)
    names.append("DF", if: byte & 0x40 != 0, to: &out)
    names.append("rsvd", if: byte & 0x80 != 0, to: &out)
  }

  /// `10.0.0.1 > 10.0.0.2:`.
  func writeAddresses(
    _ network: IPHeader, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try writeSource(network, datagram, into: &out)
    out.append(" > ")
    try writeDestination(network, datagram, into: &out)
    out.append(":")
  }

  func writeSource(_ network: IPHeader, _ datagram: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    if network.version == .v6 {
      try out.appendIPv6(datagram, at: network.offset + 8)
    } else {
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: network.offset + 12))
    }
  }

  func writeDestination(
    _ network: IPHeader, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if network.version == .v6 {
      try out.appendIPv6(datagram, at: network.offset + 24)
    } else {
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: network.offset + 16))
    }
  }

  /// Protocols whose own line begins with addresses and ports, so that IP's does not show them.
  func bringsPorts(_ protocolNumber: UInt8) -> Bool {
    switch protocolNumber {
    case IPProtocol.tcp, IPProtocol.udp, IPProtocol.dccp, IPProtocol.sctp: true
    default: false
    }
  }
}
