import ByteReading

extension PacketText {
  /// ICMPv6 from `packet.transportOffset` on.
  /// - Parameters:
  ///   - datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  ///   - length: what the lengths leave for it, in bytes; more than was captured, perhaps.
  mutating func writeICMPv6(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "icmp6"
    guard length > 0 else {
      startMark(into: &out)
      out.append("ICMP6, length 0 (invalid)")
      endMark(into: &out)
      return
    }
    let offset = packet.transportOffset
    if options.verbosity > 0 { try writeICMPv6Checksum(packet, datagram, length: length, into: &out) }
    let type = try datagram.read(UInt8.self, at: offset)
    out.append("ICMP6, ")
    out.append(ICMPv6Type.name(type), or: "unknown icmp6 type (", type, ")")
    // With -v, only what can have options says how long it is, and says it first.
    let hasOptions = ICMPv6Type.optionsOffset(type) != nil || type == ICMPv6Type.homeAgentReply
    if options.verbosity > 0, hasOptions { writeLength(length, into: &out) }
    let code = try datagram.read(UInt8.self, at: offset + 1)
    guard try writeICMPv6Message(datagram, at: offset, type: type, code: code, length: length, into: &out) else {
      return
    }
    if options.verbosity == 0 { writeLength(length, into: &out) }
  }

  private func writeICMPv6Checksum(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let offset = packet.transportOffset
    // To tcpdump a fragment header makes a fragment.
    guard !packet.network.hasFragmentHeader, Int(length) <= datagram.byteCount - offset else { return }
    _ = try datagram.checked(offset + 2, count: 2)
    guard let (field, expected) = packet.icmpv6Checksum(in: datagram, length: length) else { return }
    guard field != expected else {
      out.append("[icmp6 sum ok] ")
      return
    }
    startMark(into: &out)
    out.append("[bad icmp6 cksum 0x")
    out.appendHex(UInt64(field), width: 4)
    out.append(" -> 0x")
    out.appendHex(UInt64(expected), width: 4)
    out.append("!] ")
    endMark(into: &out)
  }

  private func writeLength(_ length: UInt32, into out: inout OutputBuffer) {
    out.append(", length ")
    out.appendDecimal(length)
  }

  /// - Returns: whether the line goes on behind the message. It does not where tcpdump looks for bytes before it reads
  ///   them, and they are not there.
  private func writeICMPv6Message(
    _ datagram: RawSpan, at offset: Int, type: UInt8, code: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    switch type {
    case ICMPv6Type.unreachable:
      return try writeICMPv6Unreachable(datagram, at: offset, code: code, length: length, into: &out)
    case ICMPv6Type.packetTooBig:
      let mtu = try datagram.readBigEndian(UInt32.self, at: offset + 4)
      out.append(", mtu ")
      out.appendDecimal(mtu)
    case ICMPv6Type.timeExceeded:
      switch code {
      case 0: try writeAddress(" for ", datagram, at: offset + 32, into: &out)
      case 1: out.append(" (reassembly)")
      default:
        out.append(", unknown code (")
        out.appendDecimal(code)
        out.append(")")
      }
    case ICMPv6Type.parameterProblem:
      guard offset + 48 <= datagram.byteCount else { return writeEnd(into: &out) }
      switch code {
      case 0: out.append(", erroneous - octet ")
      case 1: out.append(", next header - octet ")
      case 2: out.append(", option - octet ")
      case 3: out.append(", incomplete header chain - octet ")
      default:
        out.append(", code-#")
        out.appendDecimal(code)
        return true
      }
      out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: offset + 4))
    case ICMPv6Type.echoRequest, ICMPv6Type.echoReply:
      let sequence = try datagram.readBigEndian(UInt16.self, at: offset + 6)
      out.append(", id ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 4))
      out.append(", seq ")
      out.appendDecimal(sequence)
    case ICMPv6Type.listenerQuery where length < 28 && length != 24:
      out.append(" unknown-version (len ")
      out.appendDecimal(length)
      out.append(") ")
    case ICMPv6Type.listenerQuery where length >= 28:
      try writeListenerQuery2(datagram, at: offset, length: length, into: &out)
    case ICMPv6Type.listenerQuery, ICMPv6Type.listenerReport, ICMPv6Type.listenerDone:
      // There is nothing between the name of the message and this.
      guard offset + 24 <= datagram.byteCount else { break }
      out.append("max resp delay: ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 4))
      try writeAddress(" addr: ", datagram, at: offset + 8, into: &out)
    case ICMPv6Type.listenerReport2:
      try writeListenerReport2(datagram, at: offset, length: length, into: &out)
    case ICMPv6Type.routerSolicitation, ICMPv6Type.routerAdvertisement, ICMPv6Type.neighbourSolicitation,
      ICMPv6Type.neighbourAdvertisement, ICMPv6Type.redirect, ICMPv6Type.mobilePrefixAdvertisement:
      return try writeNeighbourDiscovery(datagram, at: offset, type: type, length: length, into: &out)
    case ICMPv6Type.routerRenumbering:
      try writeRouterRenumbering(datagram, at: offset, code: code, into: &out)
    case ICMPv6Type.nodeInformationQuery:
      try writeNodeInformationQuery(datagram, at: offset, code: code, into: &out)
    case ICMPv6Type.nodeInformationReply:
      try writeNodeInformationReply(datagram, at: offset, code: code, length: length, into: &out)
    case ICMPv6Type.inverseSolicitation, ICMPv6Type.inverseAdvertisement: break
    case ICMPv6Type.homeAgentRequest, ICMPv6Type.mobilePrefixSolicitation:
      try writeIdentity(datagram, at: offset, into: &out)
    case ICMPv6Type.homeAgentReply:
      guard options.verbosity > 0 else { break }
      try writeIdentity(datagram, at: offset, into: &out)
      for address in stride(from: offset + 8, to: offset + Int(length), by: 16) {
        try writeAddress(", ", datagram, at: address, into: &out)
      }
    case ICMPv6Type.routingProtocol:
      try writeRoutingProtocol(datagram, at: offset + 4, code: code, length: length &- 4, into: &out)
    default:
      writeLength(length, into: &out)
      if options.verbosity <= 1 { writeMessageBytes(datagram, at: offset, length: length, into: &out) }
      return false
    }
    return true
  }

  private func writeEnd(into out: inout OutputBuffer) -> Bool {
    writeTruncation(into: &out)
    return false
  }

  /// What a message holds that tcpdump has no words for.
  private func writeMessageBytes(_ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer) {
    writeHex(
      datagram.extracting(offset..<min(offset + Int(length), datagram.byteCount)), from: 0, withText: false, into: &out)
  }

  /// Words and an address, or neither of them.
  func writeAddress(
    _ words: StaticString, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    _ = try datagram.checked(offset, count: 16)
    out.append(words)
    try out.appendIPv6(datagram, at: offset)
  }

  func writeIdentity(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let identity = try datagram.readBigEndian(UInt16.self, at: offset + 4)
    out.append(", id 0x")
    out.appendHex(UInt64(identity), width: 4)
  }

  /// What cannot be reached is the destination of the quoted packet.
  private func writeICMPv6Unreachable(
    _ datagram: RawSpan, at offset: Int, code: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    out.append(", ")
    let destination = offset + 32
    switch code {
    case 0: out.append("unreachable route")
    case 1: out.append(" unreachable prohibited")
    case 2: out.append("beyond scope")
    case 3: out.append("unreachable address")
    case 4: out.append("unreachable port")
    default:
      out.append("unknown unreach code (")
      out.appendDecimal(code)
      out.append(")")
      guard options.verbosity <= 1 else { return true }
      writeMessageBytes(datagram, at: offset, length: length, into: &out)
      return false
    }
    switch code {
    case 2:
      _ = try datagram.checked(destination, count: 16)
      try writeAddress(" ", datagram, at: destination, into: &out)
      try writeAddress(", source address ", datagram, at: offset + 16, into: &out)
    case 4:
      guard let port = Self.quotedPort(datagram, at: offset + 8) else { return writeEnd(into: &out) }
      try writeAddress(", ", datagram, at: destination, into: &out)
      out.append(port.isTCP ? " tcp port " : " udp port ")
      out.appendDecimal(port.number)
    default: try writeAddress(" ", datagram, at: destination, into: &out)
    }
    return true
  }

  /// The destination port of a quoted packet, behind its extension headers, whatever its length field says.
  private static func quotedPort(_ datagram: RawSpan, at offset: Int) -> (isTCP: Bool, number: UInt16)? {
    guard var next = try? datagram.read(UInt8.self, at: offset + 6) else { return nil }
    var at = offset + 40
    for _ in 0..<ExtensionHeader.limit {
      if next == IPProtocol.tcp || next == IPProtocol.udp {
        guard let number = try? datagram.readBigEndian(UInt16.self, at: at + 2) else { return nil }
        return (next == IPProtocol.tcp, number)
      }
      guard ExtensionHeader.isKnown(next), let header = ExtensionHeader(kind: next, in: datagram, at: at) else {
        return nil
      }
      if next == IPProtocol.fragment, let place = try? datagram.readBigEndian(UInt16.self, at: at + 2),
        place & 0xfff8 != 0
      {
        return nil
      }
      next = header.next
      at += header.length
    }
    return nil
  }

  /// RFC 4861, 4.1 to 4.5, and RFC 6275, 6.8. Options are shown with -v only.
  private func writeNeighbourDiscovery(
    _ datagram: RawSpan, at offset: Int, type: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let showsAll = options.verbosity > 0
    switch type {
    case ICMPv6Type.routerAdvertisement:
      if showsAll { try writeICMPv6RouterAdvertisement(datagram, at: offset, into: &out) }
    case ICMPv6Type.neighbourSolicitation:
      try writeAddress(", who has ", datagram, at: offset + 8, into: &out)
    case ICMPv6Type.neighbourAdvertisement:
      try writeAddress(", tgt is ", datagram, at: offset + 8, into: &out)
      guard showsAll else { break }
      out.append(", Flags [")
      writeNames(try datagram.read(UInt8.self, at: offset + 4), Self.advertisementFlags, into: &out)
      out.append("]")
    case ICMPv6Type.redirect:
      try writeAddress(", ", datagram, at: offset + 24, into: &out)
      try writeAddress(" to ", datagram, at: offset + 8, into: &out)
    case ICMPv6Type.mobilePrefixAdvertisement:
      guard showsAll else { break }
      try writeIdentity(datagram, at: offset, into: &out)
      let flags = try datagram.readBigEndian(UInt16.self, at: offset + 6)
      if flags & 0xc000 != 0 { out.append(" ") }
      if flags & 0x8000 != 0 { out.append("M") }
      if flags & 0x4000 != 0 { out.append("O") }
    default: break
    }
    guard showsAll, let start = ICMPv6Type.optionsOffset(type) else { return true }
    let left = Int(Int32(truncatingIfNeeded: length)) - start
    guard try writeNeighbourOptions(datagram, at: offset + start, length: left, into: &out) else {
      return writeEnd(into: &out)
    }
    return true
  }

  private static let advertisementFlags: [(bit: UInt8, name: StaticString)] = [
    (0x80, "router"), (0x40, "solicited"), (0x20, "override"),
  ]
  private static let routerFlags: [(bit: UInt8, name: StaticString)] = [
    (0x80, "managed"), (0x40, "other stateful"), (0x20, "home agent"), (0x02, "ipv6 only"),
  ]

  private func writeICMPv6RouterAdvertisement(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    _ = try datagram.checked(offset, count: 16)
    out.append("\n\thop limit ")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset + 4))
    let flags = try datagram.read(UInt8.self, at: offset + 5)
    out.append(", Flags [")
    writeNames(flags, Self.routerFlags, into: &out)
    out.append("], pref ")
    writePreference(flags, into: &out)
    out.append(", router lifetime ")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 6))
    out.append("s, reachable time ")
    out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: offset + 8))
    out.append("ms, retrans timer ")
    out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: offset + 12))
    out.append("ms")
  }

  /// The names of the bits that are set, with commas between them.
  func writeNames(_ bits: UInt8, _ names: [(bit: UInt8, name: StaticString)], into out: inout OutputBuffer) {
    var isFirst = true
    for (bit, name) in names where bits & bit != 0 {
      if !isFirst { out.append(", ") }
      isFirst = false
      out.append(name)
    }
    if isFirst { out.append("none") }
  }

  /// How much a router or a route is preferred (RFC 4191, 2.1).
  func writePreference(_ flags: UInt8, into out: inout OutputBuffer) {
    switch flags >> 3 & 3 {
    case 0: out.append("medium")
    case 1: out.append("high")
    case 2: out.append("rsv")
    default: out.append("low")
    }
  }
}
