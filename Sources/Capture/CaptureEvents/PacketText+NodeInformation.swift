import ByteReading

/// Node information (RFC 4620), whose length is that of the datagram: `ni_flags` and `qtype` choose what follows a
/// header of 16 bytes.
extension PacketText {
  private enum QueryType {
    static let nothing: UInt16 = 0
    static let supportedTypes: UInt16 = 1
    static let name: UInt16 = 2
    static let addresses: UInt16 = 3
  }

  private static let nodeHeaderLength = 16

  func writeNodeInformationQuery(
    _ datagram: RawSpan, at offset: Int, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let size = datagram.byteCount - offset
    guard size != 12 else {
      out.append(" who-are-you request")
      return
    }
    out.append(" node information query")
    guard size >= Self.nodeHeaderLength else {
      writeTruncation(into: &out)
      return
    }
    out.append(" (")
    let type = try datagram.readBigEndian(UInt16.self, at: offset + 4)
    let flags = try datagram.readBigEndian(UInt16.self, at: offset + 6)
    switch type {
    case QueryType.nothing: out.append("noop")
    case QueryType.supportedTypes: writeSupportedTypes(flags, into: &out)
    case QueryType.name: out.append("DNS name")
    case QueryType.addresses:
      out.append("node addresses")
      // Nothing was cut off from a query.
      if flags != 0 { writeAddressFlags(flags & ~1, into: &out) }
    default: out.append("unknown")
    }
    if type == QueryType.nothing || type == QueryType.supportedTypes {
      if size != Self.nodeHeaderLength, options.verbosity > 0 { out.append(", invalid len") }
    } else if size == Self.nodeHeaderLength {
      out.append(", 03 draft")
    } else {
      try writeSubject(datagram, at: offset + Self.nodeHeaderLength, code: code, into: &out)
    }
    out.append(")")
  }

  private func writeSubject(
    _ datagram: RawSpan, at subject: Int, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let size = datagram.byteCount - subject
    switch code {
    case 0 where size == 16: try writeAddress(", subject=", datagram, at: subject, into: &out)
    case 2 where size == 4:
      out.append(", subject=")
      out.appendIPv4(try datagram.readBigEndian(UInt32.self, at: subject))
    case 0, 2:
      if size > (code == 0 ? 16 : 4), options.verbosity > 0 { out.append(", invalid subject len") }
    case 1:
      out.append(", subject=DNS name")
      try writeNodeName(datagram, at: subject, into: &out)
    default: out.append(", unknown subject")
    }
  }

  func writeNodeInformationReply(
    _ datagram: RawSpan, at offset: Int, code: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let size = datagram.byteCount - offset
    guard Int(length) <= size, size >= Self.nodeHeaderLength else {
      writeTruncation(into: &out)
      return
    }
    out.append(" node information reply (")
    var separator: StaticString = ""
    switch code {
    case 0 where options.verbosity > 0:
      out.append("success")
      separator = ", "
    case 1: out.append("refused")
    case 2: out.append("unknown")
    default: break
    }
    guard code == 0 else {
      if code <= 2, size != Self.nodeHeaderLength, options.verbosity > 0 { out.append(", invalid length") }
      out.append(")")
      return
    }
    out.append(separator)
    let type = try datagram.readBigEndian(UInt16.self, at: offset + 4)
    let flags = try datagram.readBigEndian(UInt16.self, at: offset + 6)
    let data = offset + Self.nodeHeaderLength
    switch type {
    case QueryType.nothing:
      out.append("noop")
      if size != Self.nodeHeaderLength, options.verbosity > 0 { out.append(", invalid length") }
    case QueryType.supportedTypes: writeSupportedTypes(flags, into: &out)
    case QueryType.name:
      out.append("DNS name")
      try writeNodeName(datagram, at: data + 4, into: &out)
      guard flags & 1 != 0 else { break }
      out.append(" [TTL=")
      out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: data))
      out.append("]")
    case QueryType.addresses:
      out.append("node addresses")
      for entry in stride(from: data, through: datagram.byteCount - 20, by: 20) {
        try writeAddress(" ", datagram, at: entry + 4, into: &out)
        out.append("(")
        out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: entry))
        out.append(")")
      }
      if flags != 0 { writeAddressFlags(flags, into: &out) }
    default: out.append("unknown")
    }
    out.append(")")
  }

  private func writeSupportedTypes(_ flags: UInt16, into out: inout OutputBuffer) {
    out.append("supported qtypes")
    if flags != 0 { out.append(flags & 1 != 0 ? " [C]" : " []") }
  }

  private func writeAddressFlags(_ flags: UInt16, into out: inout OutputBuffer) {
    out.append(" [")
    if flags & 0x40 != 0 { out.append("a") }
    if flags & 0x20 != 0 { out.append("G") }
    if flags & 0x10 != 0 { out.append("S") }
    if flags & 0x08 != 0 { out.append("L") }
    if flags & 0x04 != 0 { out.append("C") }
    if flags & 0x02 != 0 { out.append("A") }
    if flags & 0x01 != 0 { out.append("T") }
    out.append("]")
  }

  /// Up to the end of the datagram, as labels or, in an early draft, as one string.
  private func writeNodeName(
    _ datagram: RawSpan, at start: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let end = datagram.byteCount
    var at = start + 1
    if Int(try datagram.read(UInt8.self, at: start)) == end - at {
      if options.verbosity > 0 { out.append(", 03 draft") }
      out.append(", \"")
      for offset in at..<end { writeCharacter(try datagram.read(UInt8.self, at: offset), into: &out) }
      out.append("\"")
      return
    }
    out.append(", \"")
    at = start
    while at < end {
      let length = Int(try datagram.read(UInt8.self, at: at))
      at += 1
      guard length > 0 else {
        if at == end {
          out.append(".")
        } else if at + 1 == end, try datagram.read(UInt8.self, at: at) == 0 {
          // The name was cut off by its sender, who says so with a second zero.
        } else {
          out.append("???")
        }
        break
      }
      guard length <= end - at else {
        out.append("???")
        break
      }
      for offset in at..<at + length { writeCharacter(try datagram.read(UInt8.self, at: offset), into: &out) }
      at += length
      if at + 1 < end, try datagram.read(UInt8.self, at: at) != 0 { out.append(".") }
    }
    out.append("\"")
  }
}
