import ByteReading

/// A block of lines for a packet, `Name: value` each, with an empty line at its end.
struct PacketHeaders {
  func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    time: inout CivilTime, remark: (inout OutputBuffer) -> Void, into out: inout OutputBuffer
  ) {
    out.append("Captured ")
    out.append(title(packet))
    out.append(" Header\n")
    writePlace(packet, arrival: arrival, interfaceName: interfaceName, number: number, time: &time, into: &out)
    do throws(TruncatedError) {
      try writeLink(packet, frame, into: &out)
      switch packet.network.version {
      case .v4: try writeIPv4(packet, frame, into: &out)
      case .v6: try writeIPv6(packet, frame, into: &out)
      case .none: break
      }
      if packet.hasPorts {
        try writeTCP(packet, frame.extracting(0..<packet.capturedEnd), into: &out)
      } else {
        try writeOther(packet, frame, into: &out)
      }
    } catch {
      // What was decoded was captured; nothing else is read.
    }
    writeEnd(packet, into: &out)
    remark(&out)
    out.append("\n")
  }

  private func writeOther(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    switch packet.end {
    case .otherTransport:
      let datagram = frame.extracting(0..<packet.capturedEnd)
      switch packet.network.transportProtocol {
      case IPProtocol.udp: writeUDP(packet, datagram, into: &out)
      case IPProtocol.icmp: try writeICMP(packet, datagram, into: &out)
      case IPProtocol.icmpv6: try writeICMPv6(packet, datagram, into: &out)
      default: break
      }
    case .notIP:
      switch packet.link.etherType {
      case EtherType.arp, EtherType.reverseARP: try writeARP(packet, frame, into: &out)
      default: break
      }
    default: break
    }
  }

  /// The innermost protocol that the headers name.
  private func title(_ packet: Packet) -> StaticString {
    switch packet.network.version {
    case .v4, .v6: return IPProtocol.name(packet.network.transportProtocol) ?? "IP"
    case .none:
      guard packet.link.etherType > EtherType.maximumLength else { return "Link" }
      return EtherType.name(packet.link.etherType) ?? "Link"
    }
  }

  private func writePlace(
    _ packet: Packet, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64, time: inout CivilTime,
    into out: inout OutputBuffer
  ) {
    out.append("Packet: ")
    out.appendDecimal(number)
    let (seconds, nanoseconds) = arrival.split
    time.move(to: seconds)
    out.append("\nTime: ")
    out.append(time.date)
    out.append(time.clock)
    out.appendDecimal(nanoseconds / 1000, width: 6)
    if interfaceName.byteCount > 0 {
      out.append("\nInterface: ")
      out.append(interfaceName)
    }
    if let direction = arrival.direction {
      out.append("\nDirection: ")
      out.append(direction == .incoming ? "in" : "out")
    }
    if let state = arrival.socketState {
      out.append("\nSocket State: ")
      out.append(state.name)
    }
    line("Frame Length", packet.wireLength, into: &out)
    line("Captured Length", packet.capturedLength, into: &out)
    out.append("\n")
  }

  func line(_ name: StaticString, _ value: Int, into out: inout OutputBuffer) {
    out.append("\n")
    out.append(name)
    out.append(": ")
    out.appendDecimal(value)
  }

  func line(_ name: StaticString, hex value: UInt64, width: Int, into out: inout OutputBuffer) {
    out.append(name)
    out.append(": 0x")
    out.appendHex(value, width: width)
  }

  private func writeAddresses(
    _ text: PacketText, _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append("Source Address: ")
    try text.writeSource(packet.network, frame, into: &out)
    out.append("\nDestination Address: ")
    try text.writeDestination(packet.network, frame, into: &out)
  }

  func writeProtocol(_ name: StaticString, _ number: UInt8, into out: inout OutputBuffer) {
    out.append("\n")
    out.append(name)
    out.append(": ")
    out.appendDecimal(number)
    if let name = IPProtocol.name(number) {
      out.append(" (")
      out.append(name)
      out.append(")")
    }
  }

  private func writeIPv4(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let network = packet.network
    out.append("IP Version: 4\n")
    try writeAddresses(PacketText(options: TextOptions()), packet, frame, into: &out)
    writeProtocol("Protocol", network.protocolNumber, into: &out)
    line("Header Length", network.headerLength, into: &out)
    line("Total Length", network.lengthField, into: &out)
    line("TTL", Int(try frame.read(UInt8.self, at: network.offset + 8)), into: &out)
    out.append("\n")
    line("Type of Service", hex: UInt64(try frame.read(UInt8.self, at: network.offset + 1)), width: 2, into: &out)
    line("Identification", Int(try frame.readBigEndian(UInt16.self, at: network.offset + 4)), into: &out)
    let bits = try frame.read(UInt8.self, at: network.offset + 6)
    out.append("\nFragment Flags:")
    if bits & 0xe0 == 0 { out.append(" none") }
    if bits & 0x80 != 0 { out.append(" reserved") }
    if bits & 0x40 != 0 { out.append(" DF") }
    if bits & 0x20 != 0 { out.append(" MF") }
    line("Fragment Offset", network.fragmentOffset, into: &out)
    out.append("\n")
    let checksum = try frame.readBigEndian(UInt16.self, at: network.offset + 10)
    line("Header Checksum", hex: UInt64(checksum), width: 4, into: &out)
    writeVerdict(packet.ipChecksum(in: frame.extracting(0..<packet.capturedEnd)), into: &out)
    out.append("\n")
  }

  private func writeIPv6(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let network = packet.network
    let flow = try frame.readBigEndian(UInt32.self, at: network.offset)
    out.append("IP Version: 6\n")
    try writeAddresses(PacketText(options: TextOptions()), packet, frame, into: &out)
    writeProtocol("Next Header", network.protocolNumber, into: &out)
    if network.transportProtocol != network.protocolNumber {
      writeProtocol("Protocol", network.transportProtocol, into: &out)
    }
    line("Payload Length", network.lengthField, into: &out)
    line("Hop Limit", Int(try frame.read(UInt8.self, at: network.offset + 7)), into: &out)
    out.append("\n")
    line("Traffic Class", hex: UInt64(flow >> 20 & 0xff), width: 2, into: &out)
    out.append("\n")
    line("Flow Label", hex: UInt64(flow & 0xfffff), width: 5, into: &out)
    if network.hasFragmentHeader {
      out.append("\n")
      let identification = try frame.readBigEndian(UInt32.self, at: network.fragmentHeaderOffset + 4)
      line("Identification", hex: UInt64(identification), width: 8, into: &out)
      line("Fragment Offset", network.fragmentOffset, into: &out)
      out.append(network.moreFragments ? "\nMore Fragments: yes" : "\nMore Fragments: no")
    }
    out.append("\n")
  }

  func writeVerdict(_ checksum: (field: UInt16, expected: UInt16)?, into out: inout OutputBuffer) {
    guard let (field, expected) = checksum else {
      out.append(" (not verified)")
      return
    }
    guard field != expected else {
      out.append(" (correct)")
      return
    }
    out.append(" (incorrect, should be 0x")
    out.appendHex(UInt64(expected), width: 4)
    out.append(")")
  }

  private func writeTCP(
    _ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let tcp = packet.tcp
    out.append("Source Port: ")
    out.appendDecimal(tcp.sourcePort)
    line("Destination Port", Int(tcp.destinationPort), into: &out)
    out.append("\n")
    guard packet.hasTCPFields else { return }
    out.append("Sequence Number: ")
    out.appendDecimal(tcp.sequenceNumber)
    line("Acknowledgment Number", Int(tcp.acknowledgmentNumber), into: &out)
    line("Data Offset", tcp.headerLength / 4, into: &out)
    out.append(" (")
    out.appendDecimal(tcp.headerLength)
    out.append(" bytes)\n")
    line("Flags", hex: UInt64(tcp.flags.rawValue), width: 3, into: &out)
    writeFlagNames(tcp.flags, into: &out)
    line("Window Size", Int(tcp.window), into: &out)
    out.append("\n")
    line("Checksum", hex: UInt64(tcp.checksum), width: 4, into: &out)
    writeVerdict(packet.tcpChecksum(in: datagram), into: &out)
    line("Urgent Pointer", Int(tcp.urgentPointer), into: &out)
    if packet.end == .tcp {
      if tcp.optionsLength > 0 {
        out.append("\nOptions: ")
        var text = PacketText(options: TextOptions())
        do throws(TruncatedError) {
          try text.writeOptionList(tcp, datagram, numbers: RelativeNumbers(absolute: tcp), into: &out)
        } catch {
          out.append(" (the rest was not captured)")
        }
      }
      line("Data Length", Int(tcp.dataLength), into: &out)
    }
    out.append("\n")
  }

  private func writeFlagNames(_ flags: TCPFlags, into out: inout OutputBuffer) {
    out.append(" (")
    var names = NameList()
    names.append("FIN", if: flags.contains(.fin), to: &out)
    names.append("SYN", if: flags.contains(.syn), to: &out)
    names.append("RST", if: flags.contains(.rst), to: &out)
    names.append("PSH", if: flags.contains(.psh), to: &out)
    names.append("ACK", if: flags.contains(.ack), to: &out)
    names.append("URG", if: flags.contains(.urg), to: &out)
    names.append("ECE", if: flags.contains(.ece), to: &out)
    names.append("CWR", if: flags.contains(.cwr), to: &out)
    names.append("AE", if: flags.contains(.ae), to: &out)
    names.append("none", if: flags.rawValue == 0, to: &out)
    names.append("reserved", if: flags.rawValue & 0xe00 != 0, to: &out)
    out.append(")")
  }

  private func writeEnd(_ packet: Packet, into out: inout OutputBuffer) {
    if packet.network.missing > 0 {
      out.append("Missing: ")
      out.appendDecimal(packet.network.missing)
      out.append(" bytes that IP's length counts are not in the frame\n")
    }
    switch packet.end {
    case .laterFragment: out.append("Note: a later fragment, the header of what it carries is in the first\n")
    default:
      if let flaw = packet.flaw {
        out.append("Malformed: ")
        out.append(flaw)
        out.append("\n")
      }
    }
  }
}
