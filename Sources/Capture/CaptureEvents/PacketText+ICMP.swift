import ByteReading

extension PacketText {
  /// ICMP from `packet.transportOffset` on.
  /// - Parameters:
  ///   - datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  ///   - length: what the lengths leave for it, in bytes; more than was captured, perhaps.
  mutating func writeICMP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "icmp"
    let offset = packet.transportOffset
    let type = try datagram.read(UInt8.self, at: offset)
    let code = try datagram.read(UInt8.self, at: offset + 1)
    // tcpdump shows the message once it has all of it.
    let start = out.count
    out.append("ICMP ")
    do throws(TruncatedError) {
      guard try writeICMPMessage(datagram, at: offset, type: type, code: code, into: &out) else {
        out.truncate(to: start)
        writeTruncation(into: &out)
        return
      }
    } catch {
      out.truncate(to: start)
      throw error
    }
    out.append(", length ")
    out.appendDecimal(length)
    guard options.verbosity > 0 else { return }
    if let (field, expected) = try packet.icmpChecksum(in: datagram, length: length), field != expected {
      startMark(into: &out)
      out.append(" (wrong icmp cksum ")
      out.appendHex(UInt64(field))
      out.append(" (->")
      out.appendHex(UInt64(expected))
      out.append(")!)")
      endMark(into: &out)
    }
    guard ICMPType.isError(type) else { return }
    try writeQuotedPacket(datagram, at: offset + 8, connections: &connections, into: &out)
    layer = "icmp"
    if ICMPType.hasExtensions(type), length > Self.extensionsOffset {
      try writeICMPExtensions(datagram, at: offset, length: length, into: &out)
    }
  }

  /// - Returns: false where tcpdump looks whether the bytes are there before it reads them, and they are not.
  private func writeICMPMessage(
    _ datagram: RawSpan, at offset: Int, type: UInt8, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    switch type {
    case ICMPType.echoRequest, ICMPType.echoReply:
      out.append(type == ICMPType.echoRequest ? "echo request, id " : "echo reply, id ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 4))
      out.append(", seq ")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 6))
    case ICMPType.unreachable:
      return try writeUnreachable(datagram, at: offset, code: code, into: &out)
    case ICMPType.redirect:
      try writeRedirect(datagram, at: offset, code: code, into: &out)
    case ICMPType.routerAdvertisement:
      return try writeRouterAdvertisement(datagram, at: offset, into: &out)
    case ICMPType.timeExceeded:
      guard offset + 28 <= datagram.byteCount else { return false }
      switch code {
      case 0: out.append("time exceeded in-transit")
      case 1: out.append("ip reassembly time exceeded")
      default:
        out.append("time exceeded-#")
        out.appendDecimal(code)
      }
    case ICMPType.parameterProblem:
      out.append(code == 0 ? "parameter problem - octet " : "parameter problem - code ")
      out.appendDecimal(code == 0 ? try datagram.read(UInt8.self, at: offset + 4) : code)
    case ICMPType.addressMaskReply:
      out.append("address mask is 0x")
      out.appendHex(UInt64(try datagram.readBigEndian(UInt32.self, at: offset + 8)), width: 8)
    case ICMPType.timestampRequest:
      try writeTimestampIdentity("time stamp query id ", datagram, at: offset, into: &out)
    case ICMPType.timestampReply:
      guard offset + 20 <= datagram.byteCount else { return false }
      try writeTimestampIdentity("time stamp reply id ", datagram, at: offset, into: &out)
      writeMilliseconds(": org ", try datagram.readBigEndian(UInt32.self, at: offset + 8), into: &out)
      writeMilliseconds(", recv ", try datagram.readBigEndian(UInt32.self, at: offset + 12), into: &out)
      writeMilliseconds(", xmit ", try datagram.readBigEndian(UInt32.self, at: offset + 16), into: &out)
    default: out.append(ICMPType.name(type), or: "type-#", type)
    }
    return true
  }

  /// What cannot be reached is the destination of the quoted packet.
  private func writeUnreachable(
    _ datagram: RawSpan, at offset: Int, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let quoted = offset + 8
    if code == 3 {
      guard quoted + 9 < datagram.byteCount else { return false }
      let headerLength = Int(try datagram.read(UInt8.self, at: quoted) & 15) * 4
      let port = try datagram.readBigEndian(UInt16.self, at: quoted + headerLength + 2)
      let protocolNumber = try datagram.read(UInt8.self, at: quoted + 9)
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: quoted + 16))
      switch protocolNumber {
      case IPProtocol.tcp: out.append(" tcp port ")
      case IPProtocol.udp: out.append(" udp port ")
      default:
        out.append(" protocol ")
        out.appendDecimal(protocolNumber)
        out.append(" port ")
      }
      out.appendDecimal(port)
      out.append(" unreachable")
      return true
    }
    switch code {
    case 0, 6, 9, 11: out.append("net ")
    case 1, 7, 10, 12, 13, 14, 15: out.append("host ")
    default: break
    }
    out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: quoted + 16))
    if code == 2 {
      out.append(" protocol ")
      out.appendDecimal(try datagram.read(UInt8.self, at: quoted + 9))
    }
    out.append(" unreachable")
    switch code {
    case 0, 1, 2: break
    case 4:
      out.append(" - need to frag")
      let mtu = try datagram.readBigEndian(UInt16.self, at: offset + 6)
      guard mtu > 0 else { break }
      out.append(" (mtu ")
      out.appendDecimal(mtu)
      out.append(")")
    case 5: out.append(" - source route failed")
    case 6, 7: out.append(" - unknown")
    case 8: out.append(" - source host isolated")
    case 9, 10: out.append(" - admin prohibited")
    case 11, 12: out.append(" - tos prohibited")
    case 13: out.append(" - admin prohibited filter")
    case 14: out.append(" - host precedence violation")
    case 15: out.append(" - precedence cutoff")
    default:
      out.append(" - #")
      out.appendDecimal(code)
    }
    return true
  }

  private func writeRedirect(
    _ datagram: RawSpan, at offset: Int, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append("redirect")
    switch code {
    case 0, 1: break
    case 2, 3: out.append("-tos")
    default:
      out.append("-#")
      out.appendDecimal(code)
    }
    out.append(" ")
    out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: offset + 24))
    switch code {
    case 0, 2: out.append(" to net ")
    case 1, 3: out.append(" to host ")
    default: out.append(" to ")
    }
    out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: offset + 4))
  }

  /// RFC 1256. What does not fit into tcpdump's 163 characters is left out, as there.
  private func writeRouterAdvertisement(
    _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let start = out.count
    guard offset + 8 <= datagram.byteCount else { return false }
    let count = try datagram.read(UInt8.self, at: offset + 4)
    let size = try datagram.read(UInt8.self, at: offset + 5)
    let lifetime = UInt32(try datagram.readBigEndian(UInt16.self, at: offset + 6))
    out.append("router advertisement lifetime ")
    if lifetime >= 3600 {
      out.appendDecimal(lifetime / 3600)
      out.append(":")
      out.appendDecimal(lifetime / 60 % 60, width: 2)
    } else if lifetime >= 60 {
      out.appendDecimal(lifetime / 60)
    } else {
      out.appendDecimal(lifetime)
    }
    if lifetime >= 60 {
      out.append(":")
      out.appendDecimal(lifetime % 60, width: 2)
    }
    out.append(" ")
    out.appendDecimal(count)
    out.append(":")
    guard size == 2 else {
      out.append(" [size ")
      out.appendDecimal(size)
      out.append("]")
      return true
    }
    for index in 0..<Int(count) {
      let entry = offset + 8 + index * 8
      guard entry + 8 <= datagram.byteCount else { return false }
      out.append(" {")
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: entry))
      out.append(" ")
      out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: entry + 4))
      out.append("}")
    }
    out.truncate(to: min(out.count, start + 163))
    return true
  }

  private func writeTimestampIdentity(
    _ words: StaticString, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append(words)
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 4))
    out.append(" seq ")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 6))
  }

  /// Milliseconds since midnight UT (RFC 792), or whatever else a host counts.
  private func writeMilliseconds(_ words: StaticString, _ value: UInt32, into out: inout OutputBuffer) {
    out.append(words)
    let hours = value / 3_600_000
    if hours < 10 { out.append("0") }
    out.appendDecimal(hours)
    out.append(":")
    out.appendDecimal(value / 60_000 % 60, width: 2)
    out.append(":")
    out.appendDecimal(value / 1000 % 60, width: 2)
    out.append(".")
    out.appendDecimal(value % 1000, width: 3)
  }

  // MARK: Behind the message

  /// The quoted packet on a line of its own, as IP prints it.
  private mutating func writeQuotedPacket(
    _ datagram: RawSpan, at offset: Int, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append("\n\t")
    let length = try datagram.readBigEndian(UInt16.self, at: offset + 2)
    let quoted = datagram.extracting(0..<min(offset + Int(length), datagram.byteCount))
    // tcpdump reads the length a second time, from what it leaves.
    _ = try quoted.checked(offset + 2, count: 2)
    try writeInner(
      quoted, from: offset, length: UInt32(length), etherType: EtherType.ipv4, connections: &connections, into: &out)
  }

  /// Where extensions begin in the message, behind 128 bytes of the quoted packet (RFC 4884, 4.1).
  private static let extensionsOffset: UInt32 = 136

  private func writeICMPExtensions(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let start = offset + Int(Self.extensionsOffset)
    guard start + 5 <= datagram.byteCount else {
      writeTruncation(into: &out)
      return
    }
    var left = length - Self.extensionsOffset
    var checksum: InternetChecksum?
    if Int(left) <= datagram.byteCount - start {
      checksum = InternetChecksum()
      try checksum?.add(datagram, start..<start + Int(left))
    }
    // Without a length that says that there is an extension, only a checksum that is right makes one.
    if try datagram.read(UInt8.self, at: offset + 5) == 0, let checksum, checksum.value != 0 { return }
    out.append("\n\tICMP Multi-Part extension v")
    let version = try datagram.read(UInt8.self, at: start) >> 4
    out.appendDecimal(version)
    guard version == 2 else {
      out.append(" packet not supported")
      return
    }
    if let checksum {
      out.append(", checksum 0x")
      out.appendHex(UInt64(try datagram.readBigEndian(UInt16.self, at: start + 2)), width: 4)
      out.append(checksum.value == 0 ? " (correct), length " : " (incorrect), length ")
      out.appendDecimal(left)
    }
    left &-= 4
    var at = start + 4
    while left > 4 {
      guard at + 4 <= datagram.byteCount else {
        writeTruncation(into: &out)
        return
      }
      let objectLength = try datagram.readBigEndian(UInt16.self, at: at)
      let objectClass = try datagram.read(UInt8.self, at: at + 2)
      let type = try datagram.read(UInt8.self, at: at + 3)
      out.append("\n\t  ")
      switch objectClass {
      case 1: out.append("MPLS Stack Entry")
      case 2: out.append("Interface Identification")
      default: out.append("unknown")
      }
      out.append(" Object (")
      out.appendDecimal(objectClass)
      out.append("), Class-Type: ")
      out.appendDecimal(type)
      out.append(", length ")
      out.appendDecimal(objectLength)
      at += 4
      left -= 4
      guard objectClass != 0, objectLength >= 4 else { return }
      let valueLength = Int(objectLength) - 4
      if objectClass == 1, type == 1 {
        writeLabel(try datagram.readBigEndian(UInt32.self, at: at), into: &out)
      } else {
        let captured = min(at + valueLength, datagram.byteCount)
        writeHex(datagram.extracting(at..<captured), from: 0, indent: "\n\t    ", withText: false, into: &out)
      }
      guard UInt32(valueLength) <= left else { return }
      left -= UInt32(valueLength)
      at += valueLength
    }
  }

  /// The first entry of an MPLS label stack (RFC 4950, 3; RFC 3032, 2.1).
  private func writeLabel(_ entry: UInt32, into out: inout OutputBuffer) {
    out.append("\n\t    label ")
    out.appendDecimal(entry >> 12)
    out.append(", tc ")
    out.appendDecimal(entry >> 9 & 7)
    if entry & 0x100 != 0 { out.append(", [S]") }
    out.append(", ttl ")
    out.appendDecimal(entry & 0xff)
  }
}
