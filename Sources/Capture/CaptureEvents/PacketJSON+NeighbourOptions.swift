import ByteReading

extension PacketJSON {
  /// The types and lengths (in units of 8 bytes) of all options; then the values of those that are understood, each
  /// field an array, but for link-layer addresses and the MTU, of which there can be one.
  /// - Returns: what is wrong with the options.
  func writeNeighbourOptions(
    _ options: NeighbourOptionList, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    var list = options
    guard list.next(in: datagram) != nil else { return list.flaw }
    try each("icmpv6.opt.type", .decimal8, plus: 0, of: nil, options, datagram, into: &out)
    try each("icmpv6.opt.length", .decimal8, plus: 1, of: nil, options, datagram, into: &out)
    list = options
    // One bit for each type below 64 that was written: a name stands in an object once.
    var written: UInt64 = 0
    while let option = list.next(in: datagram) {
      guard option.type < 64, written >> UInt64(option.type) & 1 == 0 else { continue }
      written |= 1 << UInt64(option.type)
      try writeOption(option, options, datagram, into: &out)
    }
    return list.flaw
  }

  private func writeOption(
    _ option: NeighbourOptionList.Option, _ options: NeighbourOptionList, _ datagram: RawSpan,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let at = option.offset
    switch option.type {
    case NeighbourOption.sourceLinkAddress:
      field("icmpv6.opt.src_linkaddr", datagram.extracting(at + 2..<at + option.length), into: &out)
    case NeighbourOption.targetLinkAddress:
      field("icmpv6.opt.target_linkaddr", datagram.extracting(at + 2..<at + option.length), into: &out)
    case NeighbourOption.mtu:
      try field("icmpv6.opt.mtu", .decimal32, datagram, at: at + 4, into: &out)
    case NeighbourOption.prefixInformation:
      try each("icmpv6.opt.prefix", .ipv6, plus: 16, of: option.type, options, datagram, into: &out)
      try each("icmpv6.opt.prefix.length", .decimal8, plus: 2, of: option.type, options, datagram, into: &out)
      try each("icmpv6.opt.prefix.flag.l", .flag(0x80), plus: 3, of: option.type, options, datagram, into: &out)
      try each("icmpv6.opt.prefix.flag.a", .flag(0x40), plus: 3, of: option.type, options, datagram, into: &out)
      try each(
        "icmpv6.opt.prefix.valid_lifetime", .decimal32, plus: 4, of: option.type, options, datagram, into: &out)
      try each(
        "icmpv6.opt.prefix.preferred_lifetime", .decimal32, plus: 8, of: option.type, options, datagram, into: &out)
    case NeighbourOption.routeInformation:
      try writeRoutes(options, datagram, into: &out)
      try each(
        "icmpv6.opt.route_info.prefix_length", .decimal8, plus: 2, of: option.type, options, datagram, into: &out)
      try each("icmpv6.opt.route_lifetime", .decimal32, plus: 4, of: option.type, options, datagram, into: &out)
    case NeighbourOption.recursiveServers:
      try each("icmpv6.opt.rdnss.lifetime", .decimal32, plus: 4, of: option.type, options, datagram, into: &out)
      try writeServers(options, datagram, into: &out)
    case NeighbourOption.searchList:
      try each("icmpv6.opt.dnssl.lifetime", .decimal32, plus: 4, of: option.type, options, datagram, into: &out)
      try writeSearchList(options, datagram, into: &out)
    default: break
    }
  }

  /// One field of all options of a type, or of all, as far as they have it.
  private func each(
    _ name: StaticString, _ shape: Shape, plus place: Int, of type: UInt8?, _ options: NeighbourOptionList,
    _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    var list = options
    var array = JSONArray(name)
    while let option = list.next(in: datagram) {
      guard type == nil || option.type == type, place + shape.byteCount <= option.length else { continue }
      array.next(into: &out)
      try value(shape, datagram, at: option.offset + place, into: &out)
    }
    array.end(into: &out)
  }

  /// RFC 8106, 5.1: the addresses of all such options together.
  private func writeServers(
    _ options: NeighbourOptionList, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    var list = options
    var array = JSONArray("icmpv6.opt.rdnss")
    while let option = list.next(in: datagram) {
      guard option.type == NeighbourOption.recursiveServers else { continue }
      for address in stride(from: 8, through: option.length - 16, by: 16) {
        array.next(into: &out)
        try value(.ipv6, datagram, at: option.offset + address, into: &out)
      }
    }
    array.end(into: &out)
  }

  /// RFC 4191, 2.3: of each prefix, no more than 0, 8 or 16 bytes are there.
  private func writeRoutes(
    _ options: NeighbourOptionList, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    var list = options
    var array = JSONArray("icmpv6.opt.route_info.prefix")
    while let option = list.next(in: datagram) {
      guard option.type == NeighbourOption.routeInformation else { continue }
      array.next(into: &out)
      out.append(#"""#)
      out.appendIPv6(
        high: option.length > 8 ? try datagram.readBigEndian(UInt64.self, at: option.offset + 8) : 0,
        low: option.length > 16 ? try datagram.readBigEndian(UInt64.self, at: option.offset + 16) : 0)
      out.append(#"""#)
    }
    array.end(into: &out)
  }

  /// RFC 8106, 5.2: domain names without pointers, of all such options together.
  private func writeSearchList(
    _ options: NeighbourOptionList, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    var list = options
    var array = JSONArray("icmpv6.opt.dnssl")
    while let option = list.next(in: datagram) {
      guard option.type == NeighbourOption.searchList else { continue }
      let bytes = datagram.extracting(0..<option.offset + option.length)
      var at = option.offset + 8
      while let end = Self.nameEnd(bytes, at: at) {
        array.next(into: &out)
        out.append(#"""#)
        try writeName(bytes, at..<end, into: &out)
        out.append(#"""#)
        at = end
      }
    }
    array.end(into: &out)
  }

  /// Where a name ends, behind its zero; nil where none begins or it does not end.
  private static func nameEnd(_ bytes: RawSpan, at start: Int) -> Int? {
    var at = start
    while let label = try? bytes.read(UInt8.self, at: at), label < 64 {
      at += 1 + Int(label)
      if label == 0 { return at > start + 1 ? at : nil }
    }
    return nil
  }

  /// With a point between the labels; what JSON or a reader could take for something else is escaped.
  private func writeName(
    _ bytes: RawSpan, _ range: Range<Int>, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    var next = range.lowerBound
    for offset in range.dropLast() {
      let byte = try bytes.read(UInt8.self, at: offset)
      guard offset != next else {
        if offset > range.lowerBound { out.append(".") }
        next += 1 + Int(byte)
        continue
      }
      if byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
        out.append(byte)
      } else {
        out.append(#"\u00"#)
        out.appendHex(UInt64(byte), width: 2)
      }
    }
  }
}
