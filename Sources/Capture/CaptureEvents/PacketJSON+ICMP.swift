import ByteReading

extension PacketJSON {
  /// The members for ICMP, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  /// - Returns: what is wrong with it.
  func writeICMP(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    guard packet.network.version == .v4 else { return "ICMP in IPv6" }
    do throws(TruncatedError) {
      try writeICMPFields(packet, datagram, into: &out)
      return nil
    } catch {
      return "ICMP message not captured whole"
    }
  }

  private func writeICMPFields(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let offset = packet.transportOffset
    try field("icmp.type", .decimal8, datagram, at: offset, into: &out)
    let type = try datagram.read(UInt8.self, at: offset)
    try field("icmp.code", .decimal8, datagram, at: offset + 1, into: &out)
    let code = try datagram.read(UInt8.self, at: offset + 1)
    try field("icmp.checksum", .hex16, datagram, at: offset + 2, into: &out)
    let length = packet.network.payloadLength
    verdict("icmp.checksum.status", try packet.icmpChecksum(in: datagram, length: length), into: &out)
    switch type {
    case ICMPType.echoRequest, ICMPType.echoReply, ICMPType.timestampRequest, ICMPType.timestampReply,
      ICMPType.informationRequest, ICMPType.informationReply, ICMPType.addressMaskRequest, ICMPType.addressMaskReply:
      try field("icmp.ident", .decimal16, datagram, at: offset + 4, into: &out)
      try field("icmp.seq", .decimal16, datagram, at: offset + 6, into: &out)
    case ICMPType.unreachable where code == 4:
      try field("icmp.mtu", .decimal16, datagram, at: offset + 6, into: &out)
    case ICMPType.redirect:
      try field("icmp.redir_gw", .ipv4, datagram, at: offset + 4, into: &out)
    case ICMPType.parameterProblem:
      try field("icmp.pointer", .decimal8, datagram, at: offset + 4, into: &out)
    case ICMPType.routerAdvertisement:
      try writeRouterAdvertisement(datagram, at: offset, into: &out)
    default: break
    }
    switch type {
    case ICMPType.timestampRequest, ICMPType.timestampReply:
      try field("icmp.originate_timestamp", .decimal32, datagram, at: offset + 8, into: &out)
      try field("icmp.receive_timestamp", .decimal32, datagram, at: offset + 12, into: &out)
      try field("icmp.transmit_timestamp", .decimal32, datagram, at: offset + 16, into: &out)
    case ICMPType.addressMaskRequest, ICMPType.addressMaskReply:
      try field("icmp.address_mask", .ipv4, datagram, at: offset + 8, into: &out)
    default: break
    }
    if ICMPType.isError(type) { try writeQuoted(datagram, at: offset + 8, version: .v4, into: &out) }
  }

  private func writeRouterAdvertisement(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try field("icmp.num_addrs", .decimal8, datagram, at: offset + 4, into: &out)
    try field("icmp.addr_entry_size", .decimal8, datagram, at: offset + 5, into: &out)
    try field("icmp.lifetime", .decimal16, datagram, at: offset + 6, into: &out)
    guard try datagram.read(UInt8.self, at: offset + 5) == 2 else { return }
    let count = Int(try datagram.read(UInt8.self, at: offset + 4))
    try array("icmp.router_address", .ipv4, datagram, at: offset + 8, stride: 8, count: count, into: &out)
    try array("icmp.pref_level", .decimal32, datagram, at: offset + 12, stride: 8, count: count, into: &out)
  }

  /// What an error quotes, as far as it goes: its fields have `quoted.` before their names.
  func writeQuoted(
    _ datagram: RawSpan, at offset: Int, version: IPHeader.Version, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard offset <= datagram.byteCount else { return }
    let bytes = datagram.extracting(offset...)
    // Nothing is missing from it: an error quotes the beginning only.
    let packet = Packet(
      payload: bytes, etherType: version == .v6 ? EtherType.ipv6 : EtherType.ipv4, wireLength: .max)
    let network = packet.network
    switch network.version {
    case .v4:
      field("quoted.ip.len", network.lengthField, into: &out)
      try field("quoted.ip.id", .hex16, bytes, at: 4, into: &out)
      try field("quoted.ip.ttl", .decimal8, bytes, at: 8, into: &out)
      field("quoted.ip.proto", Int(network.protocolNumber), into: &out)
      try field("quoted.ip.src", .ipv4, bytes, at: 12, into: &out)
      try field("quoted.ip.dst", .ipv4, bytes, at: 16, into: &out)
    case .v6:
      field("quoted.ipv6.plen", network.lengthField, into: &out)
      field("quoted.ipv6.nxt", Int(network.protocolNumber), into: &out)
      try field("quoted.ipv6.hlim", .decimal8, bytes, at: 7, into: &out)
      try field("quoted.ipv6.src", .ipv6, bytes, at: 8, into: &out)
      try field("quoted.ipv6.dst", .ipv6, bytes, at: 24, into: &out)
    case .none: return
    }
    let inner = bytes.extracting(0..<packet.capturedEnd)
    let transport = packet.transportOffset
    guard packet.hasPorts || packet.end == .otherTransport else { return }
    switch network.transportProtocol {
    case IPProtocol.tcp:
      try field("quoted.tcp.srcport", .decimal16, inner, at: transport, into: &out)
      try field("quoted.tcp.dstport", .decimal16, inner, at: transport + 2, into: &out)
      try field("quoted.tcp.seq_raw", .decimal32, inner, at: transport + 4, into: &out)
    case IPProtocol.udp:
      try field("quoted.udp.srcport", .decimal16, inner, at: transport, into: &out)
      try field("quoted.udp.dstport", .decimal16, inner, at: transport + 2, into: &out)
    case IPProtocol.icmp:
      try field("quoted.icmp.type", .decimal8, inner, at: transport, into: &out)
      try field("quoted.icmp.code", .decimal8, inner, at: transport + 1, into: &out)
      let type = try inner.read(UInt8.self, at: transport)
      guard type == ICMPType.echoRequest || type == ICMPType.echoReply else { return }
      try field("quoted.icmp.ident", .decimal16, inner, at: transport + 4, into: &out)
      try field("quoted.icmp.seq", .decimal16, inner, at: transport + 6, into: &out)
    case IPProtocol.icmpv6:
      try field("quoted.icmpv6.type", .decimal8, inner, at: transport, into: &out)
      try field("quoted.icmpv6.code", .decimal8, inner, at: transport + 1, into: &out)
      let type = try inner.read(UInt8.self, at: transport)
      guard type == ICMPv6Type.echoRequest || type == ICMPv6Type.echoReply else { return }
      try field("quoted.icmpv6.echo.identifier", .hex16, inner, at: transport + 4, into: &out)
      try field("quoted.icmpv6.echo.sequence_number", .decimal16, inner, at: transport + 6, into: &out)
    default: break
    }
  }
}
