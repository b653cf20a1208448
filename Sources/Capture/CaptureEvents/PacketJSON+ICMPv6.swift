import ByteReading

extension PacketJSON {
  /// The members for ICMPv6, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  /// - Returns: what is wrong with it.
  func writeICMPv6(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    guard packet.network.version == .v6 else { return "ICMPv6 in IPv4" }
    do throws(TruncatedError) {
      return try writeICMPv6Fields(packet, datagram, into: &out)
    } catch {
      return "ICMPv6 message not captured whole"
    }
  }

  private func writeICMPv6Fields(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    let offset = packet.transportOffset
    try field("icmpv6.type", .decimal8, datagram, at: offset, into: &out)
    let type = try datagram.read(UInt8.self, at: offset)
    try field("icmpv6.code", .decimal8, datagram, at: offset + 1, into: &out)
    try field("icmpv6.checksum", .hex16, datagram, at: offset + 2, into: &out)
    let checksum = packet.icmpv6Checksum(in: datagram, length: packet.network.payloadLength)
    verdict("icmpv6.checksum.status", checksum, into: &out)
    switch type {
    case ICMPv6Type.echoRequest, ICMPv6Type.echoReply:
      try field("icmpv6.echo.identifier", .hex16, datagram, at: offset + 4, into: &out)
      try field("icmpv6.echo.sequence_number", .decimal16, datagram, at: offset + 6, into: &out)
    case ICMPv6Type.packetTooBig:
      try field("icmpv6.mtu", .decimal32, datagram, at: offset + 4, into: &out)
    case ICMPv6Type.parameterProblem:
      try field("icmpv6.pointer", .decimal32, datagram, at: offset + 4, into: &out)
    case ICMPv6Type.listenerQuery, ICMPv6Type.listenerReport, ICMPv6Type.listenerDone:
      let hasSources = type == ICMPv6Type.listenerQuery && packet.network.payloadLength > 24
      try writeListener(datagram, at: offset, hasSources: hasSources, into: &out)
    case ICMPv6Type.listenerReport2:
      try writeListenerReport2(datagram, at: offset, into: &out)
    case ICMPv6Type.routerAdvertisement:
      try field("icmpv6.nd.ra.cur_hop_limit", .decimal8, datagram, at: offset + 4, into: &out)
      try field("icmpv6.nd.ra.flag", .hex8, datagram, at: offset + 5, into: &out)
      try field("icmpv6.nd.ra.flag.m", .flag(0x80), datagram, at: offset + 5, into: &out)
      try field("icmpv6.nd.ra.flag.o", .flag(0x40), datagram, at: offset + 5, into: &out)
      try field("icmpv6.nd.ra.flag.h", .flag(0x20), datagram, at: offset + 5, into: &out)
      field("icmpv6.nd.ra.flag.prf", Int(try datagram.read(UInt8.self, at: offset + 5) >> 3 & 3), into: &out)
      try field("icmpv6.nd.ra.router_lifetime", .decimal16, datagram, at: offset + 6, into: &out)
      try field("icmpv6.nd.ra.reachable_time", .decimal32, datagram, at: offset + 8, into: &out)
      try field("icmpv6.nd.ra.retrans_timer", .decimal32, datagram, at: offset + 12, into: &out)
    case ICMPv6Type.neighbourSolicitation:
      try field("icmpv6.nd.ns.target_address", .ipv6, datagram, at: offset + 8, into: &out)
    case ICMPv6Type.neighbourAdvertisement:
      try field("icmpv6.nd.na.flag.r", .flag(0x80), datagram, at: offset + 4, into: &out)
      try field("icmpv6.nd.na.flag.s", .flag(0x40), datagram, at: offset + 4, into: &out)
      try field("icmpv6.nd.na.flag.o", .flag(0x20), datagram, at: offset + 4, into: &out)
      try field("icmpv6.nd.na.target_address", .ipv6, datagram, at: offset + 8, into: &out)
    case ICMPv6Type.redirect:
      try field("icmpv6.nd.rd.target_address", .ipv6, datagram, at: offset + 8, into: &out)
      try field("icmpv6.rd.na.destination_address", .ipv6, datagram, at: offset + 24, into: &out)
    case ICMPv6Type.nodeInformationQuery, ICMPv6Type.nodeInformationReply:
      try field("icmpv6.ni.qtype", .decimal16, datagram, at: offset + 4, into: &out)
      try field("icmpv6.ni.flag", .hex16, datagram, at: offset + 6, into: &out)
    default: break
    }
    if ICMPv6Type.isError(type) { try writeQuoted(datagram, at: offset + 8, version: .v6, into: &out) }
    guard let start = ICMPv6Type.optionsOffset(type) else { return nil }
    _ = try datagram.checked(offset, count: start)
    return try writeNeighbourOptions(NeighbourOptionList(at: offset + start), datagram, into: &out)
  }

  private func writeListener(
    _ datagram: RawSpan, at offset: Int, hasSources: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if hasSources {
      let code = try datagram.readBigEndian(UInt16.self, at: offset + 4)
      field("icmpv6.mld.maximum_response_code", Int(MulticastListener.responseDelay(code)), into: &out)
    } else {
      try field("icmpv6.mld.maximum_response_delay", .decimal16, datagram, at: offset + 4, into: &out)
    }
    try field("icmpv6.mld.multicast_address", .ipv6, datagram, at: offset + 8, into: &out)
    guard hasSources else { return }
    try field("icmpv6.mld.flag.s", .flag(8), datagram, at: offset + 24, into: &out)
    field("icmpv6.mld.flag.qrv", Int(try datagram.read(UInt8.self, at: offset + 24) & 7), into: &out)
    let interval = try datagram.read(UInt8.self, at: offset + 25)
    field("icmpv6.mld.qqi", Int(MulticastListener.queryInterval(interval)), into: &out)
    try field("icmpv6.mld.nb_sources", .decimal16, datagram, at: offset + 26, into: &out)
    let count = Int(try datagram.readBigEndian(UInt16.self, at: offset + 26))
    try array("icmpv6.mld.source_address", .ipv6, datagram, at: offset + 28, stride: 16, count: count, into: &out)
  }

  /// An array for each field of the records, and one of all their sources.
  private func writeListenerReport2(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    try field("icmpv6.mldr.nb_mcast_records", .decimal16, datagram, at: offset + 6, into: &out)
    let count = Int(try datagram.readBigEndian(UInt16.self, at: offset + 6))
    guard count > 0 else { return }
    // All of them are there, or none is shown.
    var end = offset + 8
    for _ in 0..<count { end += try recordLength(datagram, at: end) }
    _ = try datagram.checked(offset, count: end - offset)
    try records("icmpv6.mldr.mar.record_type", .decimal8, plus: 0, datagram, offset + 8..<end, into: &out)
    try records("icmpv6.mldr.mar.nb_sources", .decimal16, plus: 2, datagram, offset + 8..<end, into: &out)
    try records("icmpv6.mldr.mar.multicast_address", .ipv6, plus: 4, datagram, offset + 8..<end, into: &out)
    var isFirst = true
    var at = offset + 8
    while at < end {
      let sources = Int(try datagram.readBigEndian(UInt16.self, at: at + 2))
      for index in 0..<sources {
        if isFirst { name("icmpv6.mldr.mar.source_address", into: &out) }
        out.append(isFirst ? "[" : ",")
        isFirst = false
        try value(.ipv6, datagram, at: at + 20 + index * 16, into: &out)
      }
      at += try recordLength(datagram, at: at)
    }
    if !isFirst { out.append("]") }
  }

  /// RFC 3810, 5.2.4: a fixed part, sources, and auxiliary data in words.
  private func recordLength(_ datagram: RawSpan, at offset: Int) throws(TruncatedError) -> Int {
    let words = Int(try datagram.read(UInt8.self, at: offset + 1))
    return 20 + Int(try datagram.readBigEndian(UInt16.self, at: offset + 2)) * 16 + words * 4
  }

  private func records(
    _ name: StaticString, _ shape: Shape, plus place: Int, _ datagram: RawSpan, _ range: Range<Int>,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    self.name(name, into: &out)
    var at = range.lowerBound
    while at < range.upperBound {
      out.append(at == range.lowerBound ? "[" : ",")
      try value(shape, datagram, at: at + place, into: &out)
      at += try recordLength(datagram, at: at)
    }
    out.append("]")
  }
}
