import ByteReading

extension PacketText {
  mutating func writeIPv6(
    _ packet: Packet, _ frame: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "ip6"
    let network = packet.network
    let offset = network.offset
    guard packet.end != .ipTruncated else {
      writeTruncation(into: &out)
      return
    }
    if !options.showsLinkHeader { out.append("IP6 ") }
    if case .ipVersion(let version) = packet.end {
      startMark(into: &out)
      out.append("version error: ")
      out.appendDecimal(version)
      out.append(" != 6")
      endMark(into: &out)
      return
    }
    if network.lengthField > 0 { writeMissing(network, into: &out) }
    if options.verbosity > 0 { try writeIPv6Details(network, frame, into: &out) }
    let datagram = frame.extracting(0..<packet.capturedEnd)
    if !bringsPorts(network.protocolNumber) {
      try writeAddresses(network, datagram, into: &out)
      out.append(" ")
    }
    var next = network.protocolNumber
    var at = offset + 40
    var length = UInt32(network.jumboLength > 0 ? network.jumboLength : network.lengthField)
    var isFirst = true
    var hadHopByHop = false
    while true {
      let kind = next
      var advance = 0
      switch kind {
      case IPProtocol.hopByHopOptions:
        guard isFirst else {
          startMark(into: &out)
          out.append("[The Hop-by-Hop Options header ")
          out.append(hadHopByHop ? "was already found" : "don't follow the IPv6 header")
          out.append("] (invalid)")
          endMark(into: &out)
          return
        }
        hadHopByHop = true
        do throws(TruncatedError) {
          advance = try writeHopByHop(network, datagram, at: at, into: &out)
        } catch {
          // With payload length 0, tcpdump goes on to miss the option that would explain it.
          guard 2 <= datagram.byteCount - at else { throw error }
          writeTruncation(into: &out)
          guard network.lengthField == 0 else { return }
        }
        guard network.lengthField > 0 || network.jumboLength > 0 else {
          startMark(into: &out)
          out.append("[No valid Jumbo Payload Hop-by-Hop option found] (invalid)")
          endMark(into: &out)
          return
        }
      case IPProtocol.destinationOptions:
        do throws(TruncatedError) {
          advance = try writeDestinationOptions(network, datagram, at: at, into: &out)
        } catch {
          guard 2 <= datagram.byteCount - at else { throw error }
          writeTruncation(into: &out)
          return
        }
      case IPProtocol.routing:
        guard let header = try writeRouting(datagram, at: at, into: &out) else { return }
        advance = header
      case IPProtocol.fragment:
        guard try writeFragment(network, datagram, at: at, into: &out) else { return }
        guard 8 < datagram.byteCount - at else { return }
        advance = 8
      case IPProtocol.authentication:
        guard packet.end != .noPayload else {
          // To tcpdump this is no extension header but what the payload begins with, and there is none.
          layer = isFirst ? "ah" : "ip6"
          writeTruncation(into: &out)
          return
        }
        try writeAuthentication(packet, datagram, at: at, length: length, connections: &connections, into: &out)
        return
      default:
        layer = "ip6"
        guard packet.end != .noPayload else {
          writeTruncation(into: &out)
          return
        }
        if network.jumboLength > 0 { writeMissing(network, into: &out) }
        try writeTransport(
          packet, datagram, protocolNumber: next, length: length, connections: &connections, into: &out)
        return
      }
      isFirst = false
      next = try datagram.read(UInt8.self, at: at)
      layer = "ip6"
      guard at < datagram.byteCount else { return }
      guard UInt32(advance) <= length || packet.end == .noPayload else {
        writeTruncation(into: &out)
        return
      }
      at += advance
      length &-= UInt32(advance)
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

  private func writeMissing(_ network: IPHeader, into out: inout OutputBuffer) {
    guard network.missing > 0 else { return }
    writeMissing("truncated-ip6 - ", network.missing, into: &out)
  }

  /// The length of hop-by-hop or destination options (RFC 8200, 4.3 and 4.6), once they are known to be there.
  private func optionsLength(_ datagram: RawSpan, at offset: Int) throws(TruncatedError) -> Int {
    let length = (Int(try datagram.read(UInt8.self, at: offset + 1)) + 1) * 8
    guard length <= datagram.byteCount - offset else {
      throw TruncatedError(offset: offset, needed: length, available: datagram.byteCount)
    }
    return length
  }

  /// These options are read in any case, since one of them may hold the length of the datagram.
  private mutating func writeHopByHop(
    _ network: IPHeader, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int {
    layer = "hbhopt"
    let length = try optionsLength(datagram, at: offset)
    out.append("HBH ")
    try writeIPv6Options(network, datagram.extracting(offset + 2..<offset + length), isHopByHop: true, into: &out)
    return length
  }

  private mutating func writeDestinationOptions(
    _ network: IPHeader, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int {
    layer = "dstopt"
    let length = try optionsLength(datagram, at: offset)
    out.append("DSTOPT ")
    if options.verbosity > 0 {
      try writeIPv6Options(network, datagram.extracting(offset + 2..<offset + length), isHopByHop: false, into: &out)
    }
    return length
  }

  /// Throws where a length contradicts what is there: tcpdump then says that the header was cut short.
  private func writeIPv6Options(
    _ network: IPHeader, _ bytes: RawSpan, isHopByHop: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let showsAll = options.verbosity > 0
    var offset = 0
    var hasJumbo = false
    while offset < bytes.byteCount {
      let kind = try bytes.read(UInt8.self, at: offset)
      let length = kind == 0 ? 1 : Int(try bytes.read(UInt8.self, at: offset + 1)) + 2
      let option = try bytes.checked(offset, count: length)
      let remaining = bytes.byteCount - offset
      switch kind {
      case 0: if showsAll { out.append("(pad1)") }
      case 1: if showsAll { out.append("(padn)") }
      case ExtensionHeader.routerAlert:
        try checkOption("rtalert", option, remaining: remaining, is: 4, into: &out)
        guard showsAll else { break }
        out.append("(rtalert: 0x")
        out.appendHex(UInt64(try bytes.readBigEndian(UInt16.self, at: offset + 2)), width: 4)
        out.append(") ")
      case ExtensionHeader.jumboPayload:
        try checkOption("jumbo", option, remaining: remaining, is: 6, into: &out)
        guard showsAll else { break }
        out.append("(jumbo: ")
        let value = try bytes.readBigEndian(UInt32.self, at: offset + 2)
        out.appendDecimal(value)
        if hasJumbo {
          out.append(" - already seen")
        } else if !isHopByHop {
          out.append(" - not a hop-by-hop option")
        } else if network.lengthField > 0 {
          out.append(" - payload len != 0")
        } else if value <= 0xffff {
          out.append(" - < 65536")
        }
        out.append(") ")
        hasJumbo = true
      case ExtensionHeader.homeAddress where option.count >= 18:
        guard showsAll else { break }
        out.append("(homeaddr: ")
        try out.appendIPv6(bytes, at: offset + 2)
        out.append(")")
      case ExtensionHeader.homeAddress:
        try checkOption("homeaddr", option, remaining: remaining, is: 18, into: &out)
      default:
        guard showsAll else { break }
        out.append("(opt_type 0x")
        out.appendHex(UInt64(kind), width: 2)
        out.append(": len=")
        out.appendDecimal(length - 2)
        out.append(")")
      }
      offset += length
    }
    if showsAll { out.append(" ") }
  }

  /// An option of fixed size, counted with type and length.
  private func checkOption(
    _ name: StaticString, _ option: Range<Int>, remaining: Int, is length: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard option.count != length else { return }
    startMark(into: &out)
    out.append("(")
    out.append(name)
    if remaining < length {
      out.append(": trunc)")
    } else {
      out.append(": invalid len ")
      out.appendDecimal(option.count - 2)
      out.append(")")
    }
    endMark(into: &out)
    throw TruncatedError(offset: option.lowerBound, needed: length, available: option.count)
  }

  /// A routing header: types 0 (deprecated by RFC 5095), 2 (RFC 6275) and 4 (segment routing, RFC 8754).
  /// - Returns: the header's length, or nil where it cannot be followed, which ends the line.
  private mutating func writeRouting(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int? {
    guard offset < datagram.byteCount else {
      writeTruncation(into: &out)
      return nil
    }
    layer = "rt6"
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
      let last = try datagram.read(UInt8.self, at: offset + 4)
      out.append(", last-entry=")
      out.appendDecimal(last)
      let flags = try datagram.read(UInt8.self, at: offset + 5)
      if flags != 0 || options.verbosity > 0 {
        out.append(", flags=0x")
        out.appendHex(UInt64(flags))
      }
      let tag = try datagram.readBigEndian(UInt16.self, at: offset + 6)
      out.append(", tag=")
      out.appendHex(UInt64(tag))
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
      let segment = try datagram.checked(offset + 8 + index * 16, count: 16)
      out.append(", [")
      out.appendDecimal(index)
      out.append("]")
      try out.appendIPv6(datagram, at: segment.lowerBound)
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
    _ packet: Packet, _ datagram: RawSpan, at offset: Int, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "ah"
    var at = offset
    var next = IPProtocol.authentication
    var length = length
    while next == IPProtocol.authentication {
      guard at < datagram.byteCount else {
        writeTruncation(into: &out)
        return
      }
      let kind = try datagram.read(UInt8.self, at: at)
      out.append("AH")
      let count = Int(try datagram.read(UInt8.self, at: at + 1))
      out.append("(")
      if options.verbosity > 0 {
        out.append("length=")
        out.appendDecimal(count)
        out.append("(")
        out.appendDecimal((count + 2) * 4)
        out.append("-bytes),")
      }
      let reserved = try datagram.readBigEndian(UInt16.self, at: at + 2)
      if reserved != 0 {
        out.append("reserved=0x")
        out.appendHex(UInt64(reserved))
        out.append("[MustBeZero],")
      }
      let security = try datagram.readBigEndian(UInt32.self, at: at + 4)
      out.append("spi=0x")
      out.appendHex(UInt64(security), width: 8)
      out.append(",")
      let sequence = try datagram.readBigEndian(UInt32.self, at: at + 8)
      out.append("seq=0x")
      out.appendHex(UInt64(sequence))
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
