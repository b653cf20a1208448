import ByteReading

extension PacketText {
  mutating func writeTCP(
    _ packet: Packet, _ datagram: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "tcp"
    let tcp = packet.tcp
    if packet.end == .portsTruncated {
      try writeAddresses(packet.network, datagram, into: &out)
      writeTruncation(into: &out)
      return
    }
    try writeEndpoints(
      packet.network, datagram, source: tcp.sourcePort, destination: tcp.destinationPort, into: &out)
    guard packet.end != .tcpTruncated else {
      writeTruncation(into: &out)
      return
    }
    if packet.end == .tcpHeaderTooShort {
      out.append(" tcp ")
      out.appendDecimal(tcp.dataLength)
      writeBadHeaderLength(tcp.headerLength, " - too short, < ", 20, into: &out)
      return
    }
    guard !options.isQuiet else {
      out.append("tcp ")
      out.appendDecimal(tcp.dataLength)
      if packet.end == .tcpHeaderTooLong {
        writeBadHeaderLength(tcp.headerLength, " - too long, > ", tcp.segmentLength, into: &out)
      }
      return
    }
    writeFlags(tcp.flags, into: &out)
    let numbers =
      options.absoluteSequenceNumbers
      ? RelativeNumbers(absolute: tcp)
      : try RelativeNumbers(asTcpdump: packet, in: datagram, &connections)
    if packet.end == .tcpHeaderTooLong {
      writeBadHeaderLength(tcp.headerLength, " - too long, > ", tcp.segmentLength, into: &out)
      return
    }
    if options.verbosity > 0 { writeChecksum(packet, datagram, into: &out) }
    let length = tcp.dataLength
    if options.verbosity > 1 || length > 0 || !tcp.flags.isDisjoint(with: [.syn, .fin, .rst]) {
      out.append(", seq ")
      out.appendDecimal(numbers.sequence)
      if length > 0 {
        out.append(":")
        out.appendDecimal(numbers.sequence &+ length)
      }
    }
    if tcp.flags.contains(.ack) {
      out.append(", ack ")
      out.appendDecimal(numbers.acknowledgment)
    }
    out.append(", win ")
    out.appendDecimal(tcp.window)
    if tcp.flags.contains(.urg) {
      out.append(", urg ")
      out.appendDecimal(tcp.urgentPointer)
    }
    if tcp.optionsLength > 0 {
      guard try writeOptions(tcp, datagram, numbers: numbers, into: &out) else { return }
    }
    out.append(", length ")
    out.appendDecimal(length)
    guard length > 0 else { return }
    try writeData(tcp, datagram, into: &out)
  }

  private func writeBadHeaderLength(
    _ length: Int, _ what: StaticString, _ bound: UInt32, into out: inout OutputBuffer
  ) {
    startMark(into: &out)
    out.append(" [bad hdr length ")
    out.appendDecimal(length)
    out.append(what)
    out.appendDecimal(bound)
    out.append("]")
    endMark(into: &out)
  }

  private func writeFlags(_ flags: TCPFlags, into out: inout OutputBuffer) {
    out.append("Flags [")
    if options.usesColour {
      // A reset matters more than what it comes with.
      if flags.contains(.rst) {
        out.append("\u{1b}[31m")
      } else if flags.contains(.syn) {
        out.append("\u{1b}[32m")
      } else if flags.contains(.fin) {
        out.append("\u{1b}[33m")
      }
    }
    if flags.rawValue & 0xff == 0 {
      out.append("none")
    } else {
      if flags.contains(.fin) { out.append(UInt8(ascii: "F")) }
      if flags.contains(.syn) { out.append(UInt8(ascii: "S")) }
      if flags.contains(.rst) { out.append(UInt8(ascii: "R")) }
      if flags.contains(.psh) { out.append(UInt8(ascii: "P")) }
      if flags.contains(.ack) { out.append(UInt8(ascii: ".")) }
      if flags.contains(.urg) { out.append(UInt8(ascii: "U")) }
      if flags.contains(.ece) { out.append(UInt8(ascii: "E")) }
      if flags.contains(.cwr) { out.append(UInt8(ascii: "W")) }
    }
    if options.usesColour, !flags.isDisjoint(with: [.syn, .fin, .rst]) { out.append("\u{1b}[0m") }
    out.append("]")
  }

  private func writeChecksum(_ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer) {
    // To tcpdump, a fragment header makes a fragment, even where it says that there is no other.
    guard !packet.network.hasFragmentHeader, let (field, expected) = packet.tcpChecksum(in: datagram) else { return }
    out.append(", cksum 0x")
    out.appendHex(UInt64(field), width: 4)
    if field == expected {
      out.append(" (correct)")
    } else {
      startMark(into: &out)
      out.append(" (incorrect -> 0x")
      out.appendHex(UInt64(expected), width: 4)
      out.append(")")
      endMark(into: &out)
    }
  }

  /// Payload is not dissected, with one exception that belongs to TCP itself: the text in a reset
  /// (RFC 9293, 3.10.7.3 on RFC 1122, 4.2.2.12), which -v shows.
  private func writeData(_ tcp: TCPHeader, _ datagram: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    guard tcp.headerLength <= datagram.byteCount - tcp.offset else {
      startMark(into: &out)
      out.append(" [remaining caplen(")
      out.appendDecimal(datagram.byteCount - tcp.offset)
      out.append(") < header length(")
      out.appendDecimal(tcp.headerLength)
      out.append(")]")
      endMark(into: &out)
      throw TruncatedError(offset: tcp.offset, needed: tcp.headerLength, available: datagram.byteCount)
    }
    guard options.verbosity > 0, tcp.flags.contains(.rst) else { return }
    let start = tcp.offset + tcp.headerLength
    let captured = datagram.byteCount - start
    let length = Int(tcp.dataLength)
    let shown = min(length, 30)
    out.append(captured >= length ? " [RST" : " [!RST")
    if length > shown { out.append("+") }
    out.append(" ")
    for offset in start..<start + min(shown, captured) {
      writeCharacter(try datagram.read(UInt8.self, at: offset), into: &out)
    }
    out.append("]")
  }

  /// ASCII as it is, control characters as `^A`, the upper half with `M-` before it.
  func writeCharacter(_ byte: UInt8, into out: inout OutputBuffer) {
    if byte & 0x80 != 0 { out.append("M-") }
    let low = byte & 0x7f
    if low < 0x20 || low == 0x7f {
      out.append("^")
      out.append(low ^ 0x40)
    } else {
      out.append(low)
    }
  }
}
