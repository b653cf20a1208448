import ByteReading

extension PacketHeaders {
  /// The lines for ICMP, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  func writeICMP(_ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let offset = packet.transportOffset
    let length = packet.network.payloadLength
    guard packet.network.version == .v4, offset + 8 <= datagram.byteCount else {
      out.append("Malformed: ICMP header not captured whole\n")
      return
    }
    let type = try datagram.read(UInt8.self, at: offset)
    let code = try datagram.read(UInt8.self, at: offset + 1)
    try writeMessageHead(
      datagram, at: offset, name: ICMPType.name(type), checksum: try packet.icmpChecksum(in: datagram, length: length),
      into: &out)
    switch type {
    case ICMPType.echoRequest, ICMPType.echoReply, ICMPType.timestampRequest, ICMPType.timestampReply,
      ICMPType.informationRequest, ICMPType.informationReply, ICMPType.addressMaskRequest, ICMPType.addressMaskReply:
      line("Identifier", Int(try datagram.readBigEndian(UInt16.self, at: offset + 4)), into: &out)
      line("Sequence Number", Int(try datagram.readBigEndian(UInt16.self, at: offset + 6)), into: &out)
    case ICMPType.unreachable where code == 4:
      line("Next-Hop MTU", Int(try datagram.readBigEndian(UInt16.self, at: offset + 6)), into: &out)
    case ICMPType.redirect:
      out.append("\nGateway Address: ")
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: offset + 4))
    case ICMPType.parameterProblem:
      line("Pointer", Int(try datagram.read(UInt8.self, at: offset + 4)), into: &out)
    default: break
    }
    line("Message Length", Int(length), into: &out)
    out.append("\n")
    if ICMPType.isError(type) { try writeQuoted(datagram, at: offset + 8, version: .v4, into: &out) }
  }

  /// What ICMP and ICMPv6 have in common.
  func writeMessageHead(
    _ datagram: RawSpan, at offset: Int, name: StaticString?, checksum: (field: UInt16, expected: UInt16)?,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append("Type: ")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset))
    meaning(name, into: &out)
    line("Code", Int(try datagram.read(UInt8.self, at: offset + 1)), into: &out)
    out.append("\n")
    line("Checksum", hex: UInt64(try datagram.readBigEndian(UInt16.self, at: offset + 2)), width: 4, into: &out)
    writeVerdict(checksum, into: &out)
  }

  /// What an error says of the packet that it is about.
  func writeQuoted(
    _ datagram: RawSpan, at offset: Int, version: IPHeader.Version, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard offset <= datagram.byteCount else { return }
    let quoted = datagram.extracting(offset...)
    let packet = Packet(
      payload: quoted, etherType: version == .v6 ? EtherType.ipv6 : EtherType.ipv4, wireLength: .max)
    let text = PacketText(options: TextOptions())
    guard packet.network.version != .none else { return }
    out.append("Quoted Source Address: ")
    try text.writeSource(packet.network, quoted, into: &out)
    out.append("\nQuoted Destination Address: ")
    try text.writeDestination(packet.network, quoted, into: &out)
    line("Quoted Protocol", Int(packet.network.transportProtocol), into: &out)
    meaning(IPProtocol.name(packet.network.transportProtocol), into: &out)
    let kind = packet.network.transportProtocol
    if kind == IPProtocol.tcp || kind == IPProtocol.udp, packet.network.fragmentOffset == 0,
      let source = try? quoted.readBigEndian(UInt16.self, at: packet.transportOffset),
      let destination = try? quoted.readBigEndian(UInt16.self, at: packet.transportOffset + 2)
    {
      line("Quoted Source Port", Int(source), into: &out)
      line("Quoted Destination Port", Int(destination), into: &out)
    }
    out.append("\n")
  }
}
