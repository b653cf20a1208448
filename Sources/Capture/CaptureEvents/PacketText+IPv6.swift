import ByteReading

extension PacketText {
  mutating func writeIPv6(
    _ packet: Packet, _ frame: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "ip6"
    let network = packet.network
    let offset = network.offset
    if packet.end == .ipTruncated { throw TruncatedError(offset: offset, needed: 40, available: frame.byteCount) }
    if !options.showsLinkHeader { out.append("IP6 ") }
    if case .ipVersion(let version) = packet.end {
      startMark(into: &out)
      out.append("version error: ")
      out.appendDecimal(version)
      out.append(" != 6")
      endMark(into: &out)
      return
    }
    if network.missing > 0, network.lengthField > 0 {
      startMark(into: &out)
      out.append("truncated-ip6 - ")
      out.appendDecimal(network.missing)
      out.append(" bytes missing!")
      endMark(into: &out)
    }
    if options.verbosity > 0 { try writeIPv6Details(network, frame, into: &out) }
    let datagram = frame.extracting(0..<packet.capturedEnd)
    if !bringsPorts(network.protocolNumber) {
      try writeAddresses(network, datagram, into: &out)
      out.append(" ")
    }
    var next = network.protocolNumber
    var at = offset + 40
    var length = network.payloadLength
    var isFirst = true
    while true {
      let kind = next
      var advance = 0
      switch kind {
      case IPProtocol.hopByHopOptions:
        if !isFirst {
          out.append("[The Hop-by-Hop Options header don't follow the IPv6 header] (invalid)")
          return
        }
        guard let header = try writeOptionsHeader("hbh", "HBH ", datagram, at: at, readsAlways: true, into: &out) else {
          return
        }
        advance = header
      case IPProtocol.destinationOptions:
        guard let header = try writeOptionsHeader("dstopt", "DSTOPT ", datagram, at: at, readsAlways: false, into: &out)
        else { return }
        advance = header
      case IPProtocol.routing:
        guard let header = try writeRouting(datagram, at: at, into: &out) else { return }
        advance = header
      case IPProtocol.fragment:
        guard try writeFragment(network, datagram, at: at, into: &out) else { return }
        guard 8 < datagram.byteCount - at else { return }
        advance = 8
      case IPProtocol.authentication:
        try writeAuthentication(packet, datagram, at: at, connections: &connections, into: &out)
        return
      default:
        layer = "ip6"
        guard packet.end != .noPayload else {
          throw TruncatedError(offset: at, needed: 1, available: datagram.byteCount)
        }
        try writeTransport(
          packet, datagram, protocolNumber: next, length: length, connections: &connections, into: &out)
        return
      }
      isFirst = false
      next = try datagram.read(UInt8.self, at: at)
      layer = "ip6"
      guard at < datagram.byteCount else { return }
      guard UInt32(advance) <= length else {
        throw TruncatedError(offset: at, needed: advance, available: datagram.byteCount)
      }
      at += advance
      length -= UInt32(advance)
    }
  }

  private func writeIPv6Details(
    _ network: IPHeader, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let flow = try frame.readBigEndian(UInt32.self, at: network.offset)
    out.append("(")
    if flow & 0x0ff0_0000 != 0 {
      out.append("class 0x")
      out.appendHex(UInt64(flow >> 20 & 0xff), width: 2)
      out.append(", ")
    }
    if flow & 0x000f_ffff != 0 {
      out.append("flowlabel 0x")
      out.appendHex(UInt64(flow & 0xfffff), width: 5)
      out.append(", ")
    }
    out.append("hlim ")
    out.appendDecimal(try frame.read(UInt8.self, at: network.offset + 7))
    out.append(", next-header ")
    out.append(IPProtocol.name(network.protocolNumber) ?? "unknown")
    out.append(" (")
    out.appendDecimal(network.protocolNumber)
    out.append(") payload length: ")
    out.appendDecimal(network.lengthField)
    out.append(") ")
  }

  /// Hop-by-hop or destination options (RFC 8200, 4.3 and 4.6).
  /// - Returns: the header's length, or nil where its options contradict their lengths, which ends the line.
  private mutating func writeOptionsHeader(
    _ layer: StaticString, _ name: StaticString, _ datagram: RawSpan, at offset: Int, readsAlways: Bool,
    into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int? {
    self.layer = layer
    let length = (Int(try datagram.read(UInt8.self, at: offset + 1)) + 1) * 8
    guard length <= datagram.byteCount - offset else {
      throw TruncatedError(offset: offset, needed: length, available: datagram.byteCount)
    }
    out.append(name)
    guard readsAlways || options.verbosity > 0 else { return length }
    guard try writeIPv6Options(datagram.extracting(offset + 2..<offset + length), into: &out) else {
      startMark(into: &out)
      out.append(" (invalid)")
      endMark(into: &out)
      return nil
    }
    if options.verbosity > 0 { out.append(" ") }
    return length
  }

  private func writeIPv6Options(_ bytes: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) -> Bool {
    let showsAll = options.verbosity > 0
    var offset = 0
    while offset < bytes.byteCount {
      let kind = try bytes.read(UInt8.self, at: offset)
      let remaining = bytes.byteCount - offset
      guard kind == 0 || remaining >= 2 else { return false }
      let length = kind == 0 ? 1 : Int(try bytes.read(UInt8.self, at: offset + 1)) + 2
      guard length <= remaining else { return false }
      switch kind {
      case 0: if showsAll { out.append("(pad1)") }
      case 1: if showsAll { out.append("(padn)") }
      case 5:
        guard length == 4 else {
          out.append("(rtalert: invalid len ")
          out.appendDecimal(length - 2)
          out.append(")")
          return false
        }
        if showsAll {
          out.append("(rtalert: 0x")
          out.appendHex(UInt64(try bytes.readBigEndian(UInt16.self, at: offset + 2)), width: 4)
          out.append(") ")
        }
      default:
        if showsAll {
          out.append("(opt_type 0x")
          out.appendHex(UInt64(kind), width: 2)
          out.append(": len=")
          out.appendDecimal(length - 2)
          out.append(")")
        }
      }
      offset += length
    }
    return true
  }

  /// A routing header: types 0 (deprecated by RFC 5095), 2 (RFC 6275) and 4 (segment routing, RFC 8754).
  /// - Returns: the header's length, or nil where it cannot be followed, which ends the line.
  private mutating func writeRouting(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int? {
    layer = "rt6"
    _ = try datagram.read(UInt8.self, at: offset)
    out.append("RT6")
    let count = try datagram.read(UInt8.self, at: offset + 1)
    out.append(" (len=")
    out.appendDecimal(count)
    let type = try datagram.read(UInt8.self, at: offset + 2)
    out.append(", type=")
    out.appendDecimal(type)
    if type == 0 { out.append(" [Deprecated]") }
    let left = try datagram.read(UInt8.self, at: offset + 3)
    out.append(", segleft=")
    out.appendDecimal(left)
    switch type {
    case 0, 2:
      let reserved = try datagram.readBigEndian(UInt32.self, at: offset + 4)
      if reserved != 0 || options.verbosity > 0 {
        out.append(", rsv=0x")
        out.appendHex(UInt64(reserved))
      }
    case 4:
      out.append(", last-entry=")
      out.appendDecimal(try datagram.read(UInt8.self, at: offset + 4))
      let flags = try datagram.read(UInt8.self, at: offset + 5)
      if flags != 0 || options.verbosity > 0 {
        out.append(", flags=0x")
        out.appendHex(UInt64(flags))
      }
      out.append(", tag=")
      out.appendHex(UInt64(try datagram.readBigEndian(UInt16.self, at: offset + 6)))
    default:
      out.append(" (unknown type) (invalid)")
      return nil
    }
    guard count % 2 == 0 else {
      out.append(" (invalid length ")
      out.appendDecimal(count)
      out.append(") (invalid)")
      return nil
    }
    for index in 0..<Int(count) / 2 {
      out.append(", [")
      out.appendDecimal(index)
      out.append("]")
      try out.appendIPv6(datagram, at: offset + 8 + index * 16)
    }
    out.append(") ")
    return (Int(count) + 1) * 8
  }

  /// - Returns: false for a fragment other than the first, behind which is no header.
  private mutating func writeFragment(
    _ network: IPHeader, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    layer = "frag6"
    let position = try datagram.readBigEndian(UInt16.self, at: offset + 2) & 0xfff8
    let identification = options.verbosity > 0 ? try datagram.readBigEndian(UInt32.self, at: offset + 4) : 0
    out.append("frag (")
    if options.verbosity > 0 {
      out.append("0x")
      out.appendHex(UInt64(identification), width: 8)
      out.append(":")
    }
    out.appendDecimal(position)
    out.append("|")
    // What the payload length leaves behind this header; tcpdump's wraps where that is negative.
    out.appendDecimal(UInt64(bitPattern: Int64(40 + network.lengthField - (offset - network.offset) - 8)))
    out.append(")")
    guard position == 0 else { return false }
    out.append(" ")
    return true
  }

  /// An authentication header (RFC 4302) and what follows it.
  mutating func writeAuthentication(
    _ packet: Packet, _ datagram: RawSpan, at offset: Int, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "ah"
    var at = offset
    var next = IPProtocol.authentication
    var length = packet.network.payloadLength &- UInt32(offset - packet.network.offset - packet.network.headerLength)
    while next == IPProtocol.authentication {
      let kind = try datagram.read(UInt8.self, at: at)
      let count = Int(try datagram.read(UInt8.self, at: at + 1))
      guard 12 <= datagram.byteCount - at else {
        throw TruncatedError(offset: at, needed: 12, available: datagram.byteCount)
      }
      out.append("AH(")
      if options.verbosity > 0 {
        out.append("length=")
        out.appendDecimal(count)
        out.append("(")
        out.appendDecimal((count + 2) * 4)
        out.append("-bytes),")
      }
      out.append("spi=0x")
      out.appendHex(UInt64(try datagram.readBigEndian(UInt32.self, at: at + 4)), width: 8)
      out.append(",seq=0x")
      out.appendHex(UInt64(try datagram.readBigEndian(UInt32.self, at: at + 8)))
      out.append(",icv=0x")
      let end = at + (count + 2) * 4
      let captured = min(end, datagram.byteCount)
      if captured > at + 12 { out.appendHex(datagram.extracting(at + 12..<captured)) }
      guard end <= datagram.byteCount else {
        throw TruncatedError(offset: at, needed: end - at, available: datagram.byteCount)
      }
      out.append("): ")
      length &-= UInt32(end - at)
      at = end
      next = kind
    }
    try writeTransport(packet, datagram, protocolNumber: next, length: length, connections: &connections, into: &out)
  }
}
