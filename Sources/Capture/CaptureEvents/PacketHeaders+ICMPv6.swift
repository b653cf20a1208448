import ByteReading

extension PacketHeaders {
  /// The lines for ICMPv6, from `packet.transportOffset` on.
  /// - Parameter datagram: the captured bytes from the start of the frame, cut where IP's length ends.
  func writeICMPv6(_ packet: Packet, _ datagram: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let offset = packet.transportOffset
    let length = packet.network.payloadLength
    guard packet.network.version == .v6, offset + 8 <= datagram.byteCount else {
      out.append("Malformed: ICMPv6 header not captured whole\n")
      return
    }
    let type = try datagram.read(UInt8.self, at: offset)
    try writeMessageHead(
      datagram, at: offset, name: ICMPv6Type.name(type), checksum: packet.icmpv6Checksum(in: datagram, length: length),
      into: &out)
    do throws(TruncatedError) {
      try writeMessage(datagram, at: offset, type: type, into: &out)
    } catch {
      out.append("\nMalformed: ICMPv6 message not captured whole")
    }
    line("Message Length", Int(length), into: &out)
    out.append("\n")
    if ICMPv6Type.isError(type) { try writeQuoted(datagram, at: offset + 8, version: .v6, into: &out) }
  }

  private func writeMessage(
    _ datagram: RawSpan, at offset: Int, type: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    switch type {
    case ICMPv6Type.echoRequest, ICMPv6Type.echoReply:
      line("Identifier", Int(try datagram.readBigEndian(UInt16.self, at: offset + 4)), into: &out)
      line("Sequence Number", Int(try datagram.readBigEndian(UInt16.self, at: offset + 6)), into: &out)
    case ICMPv6Type.packetTooBig:
      line("MTU", Int(try datagram.readBigEndian(UInt32.self, at: offset + 4)), into: &out)
    case ICMPv6Type.parameterProblem:
      line("Pointer", Int(try datagram.readBigEndian(UInt32.self, at: offset + 4)), into: &out)
    case ICMPv6Type.neighbourSolicitation, ICMPv6Type.neighbourAdvertisement, ICMPv6Type.redirect:
      try address("Target Address", datagram, at: offset + 8, into: &out)
      if type == ICMPv6Type.redirect { try address("Destination Address", datagram, at: offset + 24, into: &out) }
    case ICMPv6Type.listenerQuery, ICMPv6Type.listenerReport, ICMPv6Type.listenerDone:
      try address("Multicast Address", datagram, at: offset + 8, into: &out)
    case ICMPv6Type.listenerReport2:
      line("Group Records", Int(try datagram.readBigEndian(UInt16.self, at: offset + 6)), into: &out)
    case ICMPv6Type.routerAdvertisement:
      line("Current Hop Limit", Int(try datagram.read(UInt8.self, at: offset + 4)), into: &out)
      line("Router Lifetime", Int(try datagram.readBigEndian(UInt16.self, at: offset + 6)), into: &out)
    default: break
    }
    guard let start = ICMPv6Type.optionsOffset(type) else { return }
    var options = NeighbourOptionList(at: offset + start)
    while let option = options.next(in: datagram) { try writeOption(option, datagram, into: &out) }
  }

  private func writeOption(
    _ option: NeighbourOptionList.Option, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let at = option.offset
    switch option.type {
    case NeighbourOption.sourceLinkAddress, NeighbourOption.targetLinkAddress:
      let isSource = option.type == NeighbourOption.sourceLinkAddress
      out.append(isSource ? "\nSource Link-Layer Address: " : "\nTarget Link-Layer Address: ")
      out.appendColonHex(datagram.extracting(at + 2..<at + option.length))
    case NeighbourOption.mtu: line("MTU", Int(try datagram.readBigEndian(UInt32.self, at: at + 4)), into: &out)
    case NeighbourOption.prefixInformation where option.length == 32:
      try address("Prefix", datagram, at: at + 16, into: &out)
      out.append("/")
      out.appendDecimal(try datagram.read(UInt8.self, at: at + 2))
    case NeighbourOption.recursiveServers:
      for server in stride(from: 8, through: option.length - 16, by: 16) {
        try address("DNS Server", datagram, at: at + server, into: &out)
      }
    default: break
    }
  }

  private func address(
    _ name: StaticString, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    _ = try datagram.checked(offset, count: 16)
    out.append("\n")
    out.append(name)
    out.append(": ")
    try out.appendIPv6(datagram, at: offset)
  }
}
