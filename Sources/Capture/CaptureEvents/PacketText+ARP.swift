import ByteReading

extension PacketText {
  /// ARP and RARP (RFC 826, 903, 2390), from `packet.link.payloadOffset` on.
  mutating func writeARP(_ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    layer = "arp"
    let offset = packet.link.payloadOffset
    let arp = try ARPHeader(in: frame, at: offset)
    let hasForm =
      arp.hardwareType == ARPHeader.atm
      ? try writeATMARP(arp, frame, into: &out) : try writePlainARP(arp, frame, into: &out)
    guard hasForm else {
      writeHex(frame, from: offset, withText: true, into: &out)
      return
    }
    out.append(", length ")
    out.appendDecimal(min(packet.wireLength, packet.link.end) - offset)
  }

  /// - Returns: false for an operation without a form of its own.
  private func writePlainARP(
    _ arp: ARPHeader, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    _ = try frame.checked(arp.offset, count: arp.end - arp.offset)
    if !options.showsLinkHeader { out.append("ARP, ") }
    let isPlain = arp.hasIPv4 && arp.hardwareLength > 0
    if !isPlain || options.verbosity > 0 {
      out.append(ARPHeader.hardwareName(arp.hardwareType), or: "Unknown Hardware (", arp.hardwareType, ")")
      out.append(" (len ")
      out.appendDecimal(arp.hardwareLength)
      out.append("), ")
      writeProtocolType(arp, into: &out)
      out.append(" (len ")
      out.appendDecimal(arp.protocolLength)
      out.append(")")
    }
    guard isPlain || options.verbosity > 0 else { return true }
    if options.verbosity > 0 { out.append(", ") }
    writeOperationName(arp, into: &out)
    switch arp.operation {
    case ARPHeader.request:
      out.append("who-has ")
      try writeProtocolAddress(arp, frame, at: arp.targetProtocol, into: &out)
      if try arp.knowsTarget(in: frame) {
        out.append(" (")
        try writeHardwareAddress(arp, frame, at: arp.targetHardware, into: &out)
        out.append(")")
      }
      out.append(" tell ")
      try writeProtocolAddress(arp, frame, at: arp.senderProtocol, into: &out)
    case ARPHeader.reply:
      try writeProtocolAddress(arp, frame, at: arp.senderProtocol, into: &out)
      out.append(" is-at ")
      try writeHardwareAddress(arp, frame, at: arp.senderHardware, into: &out)
    case ARPHeader.reverseRequest, ARPHeader.inverseRequest:
      out.append("who-is ")
      try writeHardwareAddress(arp, frame, at: arp.targetHardware, into: &out)
      out.append(" tell ")
      try writeHardwareAddress(arp, frame, at: arp.senderHardware, into: &out)
    case ARPHeader.reverseReply:
      try writeHardwareAddress(arp, frame, at: arp.targetHardware, into: &out)
      out.append(" at ")
      try writeProtocolAddress(arp, frame, at: arp.targetProtocol, into: &out)
    case ARPHeader.inverseReply:
      try writeHardwareAddress(arp, frame, at: arp.senderHardware, into: &out)
      out.append(" at ")
      try writeProtocolAddress(arp, frame, at: arp.senderProtocol, into: &out)
    default: return false
    }
    return true
  }

  func writeProtocolType(_ arp: ARPHeader, into out: inout OutputBuffer) {
    if let name = EtherType.name(arp.protocolType) {
      out.append(name)
    } else {
      out.append("Unknown Protocol (0x")
      out.appendHex(UInt64(arp.protocolType), width: 4)
      out.append(")")
    }
  }

  func writeOperationName(_ arp: ARPHeader, into out: inout OutputBuffer) {
    out.append(ARPHeader.operationName(arp.operation), or: "Unknown (", arp.operation, ")")
    out.append(" ")
  }

  private func writeProtocolAddress(
    _ arp: ARPHeader, _ frame: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    if !ARPHeader.isIPv4(arp.protocolType) {
      out.append("<wrong proto type>")
    } else if arp.protocolLength != 4 {
      out.append("<wrong len>")
    } else {
      out.appendIPv4(try frame.readBigEndian(UInt32.self, at: offset))
    }
  }

  private func writeHardwareAddress(
    _ arp: ARPHeader, _ frame: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let address = frame.extracting(offset..<offset + Int(arp.hardwareLength))
    if address.isEmpty {
      out.append("<empty>")
    } else if arp.hardwareType == ARPHeader.frameRelay {
      try writeFrameRelayAddress(address, into: &out)
    } else {
      out.appendColonHex(address)
    }
  }

  /// The number of a connection in an address of Q.922 (3.3): 2 to 4 bytes, the last of which is odd.
  private func writeFrameRelayAddress(_ address: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    var connection: UInt32 = 0
    for index in 0..<4 {
      guard index < address.byteCount else {
        out.append("<Truncated>")
        return
      }
      let byte = UInt32(try address.read(UInt8.self, at: index))
      let isLast = byte & 1 != 0
      // One byte is too few, and five are too many.
      if isLast ? index == 0 : index == 3 { break }
      switch index {
      case 0: connection = byte >> 2
      case 1: connection = connection << 4 | byte >> 4
      case 2 where !isLast: connection = connection << 7 | byte >> 1
      default: connection = connection << 6 | byte >> 2
      }
      guard isLast else { continue }
      out.append("DLCI ")
      out.appendDecimal(connection)
      return
    }
    out.append("<Invalid DLCI>")
  }
}
