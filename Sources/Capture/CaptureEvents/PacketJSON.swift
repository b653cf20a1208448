import ByteReading

/// One JSON object a line, with the names that Wireshark's display filters have for the fields.
///
/// Numbers that Wireshark shows in decimal are JSON numbers; what it shows in hexadecimal, addresses and times are
/// strings, as it writes them. Fragment offsets count 8 bytes, as in the header and there. A field that can occur
/// several times (VLAN tags, SACK edges) is an array. What was not captured is absent, and `malformed` says
/// why. Wireshark has no names for `frame.direction` (in, out), `socket.state` (of the socket that the packet is for),
/// `ip.missing` (bytes that IP's length counts and the frame does not have) and `malformed`.
///
/// What an ICMP or ICMPv6 error quotes has the names of its own fields behind `quoted.`: Wireshark gives the outer and
/// the quoted `ip.src` one name. The prefixes of route information are `icmpv6.opt.route_info.prefix` and
/// `icmpv6.opt.route_info.prefix_length`, which Wireshark counts among those of prefix information.
struct PacketJSON {
  func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    connections: inout ConnectionTable, remark: (inout OutputBuffer) -> Void, into out: inout OutputBuffer
  ) {
    let (seconds, nanoseconds) = arrival.split
    out.append(#"{"frame.number":"#)
    out.appendDecimal(number)
    out.append(#","frame.time_epoch":""#)
    out.appendDecimal(Int(seconds))
    out.append(".")
    out.appendDecimal(nanoseconds, width: 9)
    out.append(#"""#)
    field("frame.len", packet.wireLength, into: &out)
    field("frame.cap_len", packet.capturedLength, into: &out)
    if interfaceName.byteCount > 0 {
      name("frame.interface_name", into: &out)
      out.append(#"""#)
      out.append(interfaceName)
      out.append(#"""#)
    }
    field("frame.interface_id", Int(arrival.interface), into: &out)
    if let direction = arrival.direction {
      out.append(direction == .incoming ? #","frame.direction":"in""# : #","frame.direction":"out""#)
    }
    if let state = arrival.socketState {
      out.append(#","socket.state":""#)
      out.append(state.name)
      out.append(#"""#)
    }
    // Should a value turn out not to be there, the object goes on behind the last whole member.
    var whole = out.count
    var innerFlaw: StaticString?
    do throws(TruncatedError) {
      try writeLink(packet, frame, into: &out)
      whole = out.count
      switch packet.network.version {
      case .v4: try writeIPv4(packet, frame, into: &out)
      case .v6: try writeIPv6(packet, frame, into: &out)
      case .none: break
      }
      whole = out.count
      if packet.hasPorts {
        innerFlaw = try writeTCP(
          packet, frame.extracting(0..<packet.capturedEnd), connections: &connections, into: &out)
      } else {
        innerFlaw = try writeOther(packet, frame, into: &out)
      }
    } catch {
      out.truncate(to: whole)
      innerFlaw = "not captured whole"
    }
    if packet.network.missing > 0 { field("ip.missing", packet.network.missing, into: &out) }
    if let flaw = packet.flaw ?? innerFlaw {
      name("malformed", into: &out)
      out.append(#"""#)
      out.append(flaw)
      out.append(#"""#)
    }
    remark(&out)
    out.append("}\n")
  }

  private func writeOther(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    switch packet.end {
    case .otherTransport:
      let datagram = frame.extracting(0..<packet.capturedEnd)
      switch packet.network.transportProtocol {
      case IPProtocol.udp: return try writeUDP(packet, datagram, into: &out)
      case IPProtocol.icmp: return try writeICMP(packet, datagram, into: &out)
      case IPProtocol.icmpv6: return try writeICMPv6(packet, datagram, into: &out)
      default: return nil
      }
    case .notIP:
      switch packet.link.etherType {
      case EtherType.arp, EtherType.reverseARP: return try writeARP(packet, frame, into: &out)
      default: return nil
      }
    default: return nil
    }
  }

  // MARK: Members, each with the comma before it

  // Inlined, so that names become a few stores: a quarter less time for a packet.
  @inline(__always)
  func name(_ name: StaticString, into out: inout OutputBuffer) {
    out.append(#",""#)
    out.append(name)
    out.append(#"":"#)
  }

  @inline(__always)
  func field(_ name: StaticString, _ value: Int, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    out.appendDecimal(value)
  }

  @inline(__always)
  func field(_ name: StaticString, hex value: UInt64, width: Int, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    out.append(#""0x"#)
    out.appendHex(value, width: width)
    out.append(#"""#)
  }

  @inline(__always)
  func field(_ name: StaticString, _ value: Bool, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    out.append(value ? "true" : "false")
  }

  /// Bytes as Wireshark writes them: `02:04:05:b4`.
  func field(_ name: StaticString, _ bytes: RawSpan, into out: inout OutputBuffer) {
    self.name(name, into: &out)
    out.append(#"""#)
    out.appendColonHex(bytes)
    out.append(#"""#)
  }

  // MARK: Network

  private func writeIPv4(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let network = packet.network
    let offset = network.offset
    out.append(#","ip.version":4"#)
    field("ip.hdr_len", network.headerLength, into: &out)
    field("ip.dsfield", hex: UInt64(try frame.read(UInt8.self, at: offset + 1)), width: 2, into: &out)
    field("ip.len", network.lengthField, into: &out)
    field("ip.id", hex: UInt64(try frame.readBigEndian(UInt16.self, at: offset + 4)), width: 4, into: &out)
    let flags = try frame.read(UInt8.self, at: offset + 6)
    field("ip.flags", hex: UInt64(flags >> 5), width: 2, into: &out)
    field("ip.flags.df", flags & 0x40 != 0, into: &out)
    field("ip.flags.mf", flags & 0x20 != 0, into: &out)
    field("ip.frag_offset", network.fragmentOffset / 8, into: &out)
    field("ip.ttl", Int(try frame.read(UInt8.self, at: offset + 8)), into: &out)
    field("ip.proto", Int(network.protocolNumber), into: &out)
    field("ip.checksum", hex: UInt64(try frame.readBigEndian(UInt16.self, at: offset + 10)), width: 4, into: &out)
    verdict("ip.checksum.status", packet.ipChecksum(in: frame.extracting(0..<packet.capturedEnd)), into: &out)
    out.append(#","ip.src":""#)
    out.appendIPv4(try frame.readBigEndian(UInt32.self, at: offset + 12))
    out.append(#"","ip.dst":""#)
    out.appendIPv4(try frame.readBigEndian(UInt32.self, at: offset + 16))
    out.append(#"""#)
  }

  private func writeIPv6(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let network = packet.network
    let offset = network.offset
    let flow = try frame.readBigEndian(UInt32.self, at: offset)
    out.append(#","ipv6.version":6"#)
    field("ipv6.tclass", hex: UInt64(flow >> 20 & 0xff), width: 8, into: &out)
    field("ipv6.flow", hex: UInt64(flow & 0xfffff), width: 6, into: &out)
    field("ipv6.plen", network.lengthField, into: &out)
    field("ipv6.nxt", Int(network.protocolNumber), into: &out)
    field("ipv6.hlim", Int(try frame.read(UInt8.self, at: offset + 7)), into: &out)
    out.append(#","ipv6.src":""#)
    try out.appendIPv6(frame, at: offset + 8)
    out.append(#"","ipv6.dst":""#)
    try out.appendIPv6(frame, at: offset + 24)
    out.append(#"""#)
    guard network.hasFragmentHeader else { return }
    let identification = try frame.readBigEndian(UInt32.self, at: network.fragmentHeaderOffset + 4)
    field("ipv6.fraghdr.offset", network.fragmentOffset / 8, into: &out)
    field("ipv6.fraghdr.more", network.moreFragments, into: &out)
    field("ipv6.fraghdr.ident", hex: UInt64(identification), width: 8, into: &out)
  }

  /// Wireshark's numbers: 0 wrong, 1 right, 2 not verified.
  func verdict(
    _ name: StaticString, _ checksum: (field: UInt16, expected: UInt16)?, into out: inout OutputBuffer
  ) {
    self.name(name, into: &out)
    guard let (field, expected) = checksum else {
      out.append("2")
      return
    }
    out.append(field == expected ? "1" : "0")
  }

  // MARK: TCP

  /// - Returns: what is wrong with the options.
  private func writeTCP(
    _ packet: Packet, _ datagram: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    let tcp = packet.tcp
    field("tcp.srcport", Int(tcp.sourcePort), into: &out)
    field("tcp.dstport", Int(tcp.destinationPort), into: &out)
    guard packet.hasTCPFields else { return nil }
    if packet.end == .tcp { field("tcp.len", Int(tcp.dataLength), into: &out) }
    let numbers = try RelativeNumbers(asWireshark: packet, in: datagram, &connections)
    field("tcp.seq", Int(numbers.sequence), into: &out)
    field("tcp.seq_raw", Int(tcp.sequenceNumber), into: &out)
    field("tcp.ack", Int(numbers.acknowledgment), into: &out)
    field("tcp.ack_raw", Int(tcp.acknowledgmentNumber), into: &out)
    field("tcp.hdr_len", tcp.headerLength, into: &out)
    writeFlags(tcp.flags, into: &out)
    field("tcp.window_size_value", Int(tcp.window), into: &out)
    field("tcp.checksum", hex: UInt64(tcp.checksum), width: 4, into: &out)
    verdict("tcp.checksum.status", packet.tcpChecksum(in: datagram), into: &out)
    field("tcp.urgent_pointer", Int(tcp.urgentPointer), into: &out)
    guard packet.end == .tcp, tcp.optionsLength > 0 else { return nil }
    let end = min(tcp.optionsOffset + tcp.optionsLength, datagram.byteCount)
    field("tcp.options", datagram.extracting(tcp.optionsOffset..<end), into: &out)
    return try writeOptions(packet, datagram, base: numbers.selectiveBase, into: &out)
  }

  private func writeFlags(_ flags: TCPFlags, into out: inout OutputBuffer) {
    field("tcp.flags", hex: UInt64(flags.rawValue), width: 4, into: &out)
    // From the highest bit: three reserved, then AE, CWR, ECE and so on; a dot for each that is not set.
    out.append(#","tcp.flags.str":""#)
    for bit in stride(from: UInt16(11), through: 0, by: -1) {
      guard flags.rawValue >> bit & 1 != 0 else {
        out.append("·")
        continue
      }
      switch bit {
      case 0: out.append("F")
      case 1: out.append("S")
      case 2: out.append("R")
      case 3: out.append("P")
      case 4: out.append("A")
      case 5: out.append("U")
      case 6: out.append("E")
      case 7: out.append("C")
      case 8: out.append("A")
      default: out.append("R")
      }
    }
    out.append(#"""#)
    field("tcp.flags.syn", flags.contains(.syn), into: &out)
    field("tcp.flags.ack", flags.contains(.ack), into: &out)
    field("tcp.flags.fin", flags.contains(.fin), into: &out)
    field("tcp.flags.reset", flags.contains(.rst), into: &out)
    field("tcp.flags.push", flags.contains(.psh), into: &out)
    field("tcp.flags.urg", flags.contains(.urg), into: &out)
    field("tcp.flags.ece", flags.contains(.ece), into: &out)
    field("tcp.flags.cwr", flags.contains(.cwr), into: &out)
    field("tcp.flags.ae", flags.contains(.ae), into: &out)
  }

  /// The kinds in their order, then the values of those that are understood, each kind's first.
  private func writeOptions(
    _ packet: Packet, _ datagram: RawSpan, base: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> StaticString? {
    name("tcp.option_kind", into: &out)
    out.append("[")
    var kinds = TCPOptionList(packet)
    var isFirst = true
    while let option = kinds.next(in: datagram) {
      if !isFirst { out.append(",") }
      isFirst = false
      out.appendDecimal(option.kind)
    }
    out.append("]")
    var list = TCPOptionList(packet)
    // One bit for each kind below 64 that was written: a name stands in an object once.
    var written: UInt64 = 0
    while let option = list.next(in: datagram) {
      // An experiment has no fields but Fast Open's, which are those of the kind that it became.
      let kind = option.kind == TCPOptionKind.experiment2 ? TCPOptionKind.fastOpen : option.kind
      guard kind < 64, written >> UInt64(kind) & 1 == 0 else { continue }
      if try writeOption(option, datagram, base: base, into: &out) { written |= 1 << UInt64(kind) }
    }
    return switch list.flaw {
    case .none: nil
    case .badLength: "TCP option length cannot be"
    case .truncated: "TCP options not captured whole"
    }
  }

  private func writeOption(
    _ option: TCPOptionList.Option, _ datagram: RawSpan, base: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let value = option.valueOffset
    switch (option.kind, option.length) {
    case (TCPOptionKind.maximumSegmentSize, 4):
      field("tcp.options.mss_val", Int(try datagram.readBigEndian(UInt16.self, at: value)), into: &out)
    case (TCPOptionKind.windowScale, 3):
      field("tcp.options.wscale.shift", Int(try datagram.read(UInt8.self, at: value)), into: &out)
    case (TCPOptionKind.selectiveAcknowledgmentPermitted, 2):
      field("tcp.options.sack_perm", true, into: &out)
    case (TCPOptionKind.selectiveAcknowledgment, 10...) where option.valueLength % 8 == 0:
      try writeEdges("tcp.options.sack_le", option, datagram, from: 0, base: base, into: &out)
      try writeEdges("tcp.options.sack_re", option, datagram, from: 4, base: base, into: &out)
    case (TCPOptionKind.timestamps, 10):
      field("tcp.options.timestamp.tsval", Int(try datagram.readBigEndian(UInt32.self, at: value)), into: &out)
      field("tcp.options.timestamp.tsecr", Int(try datagram.readBigEndian(UInt32.self, at: value + 4)), into: &out)
    case (TCPOptionKind.signature, 18):
      field("tcp.options.md5.digest", datagram.extracting(value..<value + 16), into: &out)
    case (TCPOptionKind.userTimeout, 4):
      let timeout = try datagram.readBigEndian(UInt16.self, at: value)
      field("tcp.options.user_to_granularity", timeout >> 15 != 0, into: &out)
      field("tcp.options.user_to_val", Int(timeout & 0x7fff), into: &out)
    case (TCPOptionKind.authentication, 4...):
      field("tcp.options.ao.keyid", Int(try datagram.read(UInt8.self, at: value)), into: &out)
      field("tcp.options.ao.rnextkeyid", Int(try datagram.read(UInt8.self, at: value + 1)), into: &out)
      field("tcp.options.ao.mac", datagram.extracting(value + 2..<option.offset + option.length), into: &out)
    case (TCPOptionKind.multipath, 3...):
      field("tcp.options.mptcp.subtype", Int(try datagram.read(UInt8.self, at: value) >> 4), into: &out)
    case (TCPOptionKind.fastOpen, _):
      fastOpen(datagram.extracting(value..<option.offset + option.length), into: &out)
    case (TCPOptionKind.experiment2, 4...):
      guard try datagram.readBigEndian(UInt16.self, at: value) == TCPOptionKind.fastOpenExperiment else { return false }
      fastOpen(datagram.extracting(value + 2..<option.offset + option.length), into: &out)
    default: return false
    }
    return true
  }

  private func fastOpen(_ cookie: RawSpan, into out: inout OutputBuffer) {
    if cookie.isEmpty {
      field("tcp.options.tfo.request", true, into: &out)
    } else {
      field("tcp.options.tfo.cookie", cookie, into: &out)
    }
  }

  private func writeEdges(
    _ name: StaticString, _ option: TCPOptionList.Option, _ datagram: RawSpan, from start: Int, base: UInt32,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    self.name(name, into: &out)
    out.append("[")
    for index in stride(from: start, to: option.valueLength, by: 8) {
      if index > start { out.append(",") }
      let edge = try datagram.readBigEndian(UInt32.self, at: option.valueOffset + index)
      out.appendDecimal(edge &- base)
    }
    out.append("]")
  }
}
