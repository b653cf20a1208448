import ByteReading

/// The routing protocol for lossy networks (RFC 6550, 6).
extension PacketText {
  /// - Parameters:
  ///   - offset: where that begins which follows the checksum.
  ///   - length: what is left from there on; it wraps where a message is shorter than that.
  func writeRoutingProtocol(
    _ datagram: RawSpan, at offset: Int, code: UInt8, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard code & 0x80 == 0 else {
      // What is encrypted is not looked into.
      out.append(", (SEC) [worktodo]")
      return
    }
    out.append(", (CLR)")
    let showsAll = options.verbosity > 0
    switch code {
    case 0: out.append("DODAG Information Solicitation")
    case 1:
      out.append("DODAG Information Object")
      if showsAll { try writeInformationObject(datagram, at: offset, length: length, into: &out) }
    case 2:
      out.append("Destination Advertisement Object")
      guard showsAll else { break }
      try writeDestination(datagram, at: offset, length: length, isReply: false, into: &out)
    case 3:
      out.append("Destination Advertisement Object Ack")
      guard showsAll else { break }
      try writeDestination(datagram, at: offset, length: length, isReply: true, into: &out)
    default:
      out.append("RPL message, unknown code ")
      out.appendDecimal(code)
    }
  }

  private func writeInformationObject(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard length >= 24 else {
      startMark(into: &out)
      out.append(" [length ")
      out.appendDecimal(length)
      out.append(" < 24] (invalid)")
      endMark(into: &out)
      return
    }
    try writeAddress(" [dagid:", datagram, at: offset + 8, into: &out)
    out.append(",seq:")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset + 5))
    out.append(",instance:")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset))
    out.append(",rank:")
    out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 2))
    let mode = try datagram.read(UInt8.self, at: offset + 4)
    out.append(mode & 0x80 != 0 ? ",grounded,mop:" : ",mop:")
    switch mode >> 3 & 7 {
    case 0: out.append("nonstoring")
    case 1: out.append("storing")
    case 2: out.append("nonstoring-multicast")
    case 3: out.append("storing-multicast")
    default:
      out.append("mop")
      out.appendDecimal(mode >> 3 & 7)
    }
    out.append(",prf:")
    out.appendDecimal(mode & 7)
    out.append("]")
    try writeRoutingOptions(datagram, at: offset + 24, length: length - 24, into: &out)
  }

  /// A destination advertisement, or the answer to it.
  private func writeDestination(
    _ datagram: RawSpan, at offset: Int, length: UInt32, isReply: Bool, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard offset + (isReply ? 4 : 20) <= datagram.byteCount else {
      writeTruncation(into: &out)
      return
    }
    let flags = try datagram.read(UInt8.self, at: offset + 1)
    let hasIdentifier = flags & (isReply ? 0x80 : 0x40) != 0
    let fixed = hasIdentifier ? 20 : 4
    if hasIdentifier, length >= 4, offset + fixed > datagram.byteCount {
      writeTruncation(into: &out)
      return
    }
    guard length >= UInt32(fixed) else {
      out.append(isReply ? " [|dao-length too short]" : " [|length too short]")
      return
    }
    out.append(" [dagid:")
    if hasIdentifier {
      try out.appendIPv6(datagram, at: offset + 4)
    } else {
      out.append("<elided>")
    }
    out.append(",seq:")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset + (isReply ? 2 : 3)))
    out.append(",instance:")
    out.appendDecimal(try datagram.read(UInt8.self, at: offset))
    if isReply {
      out.append(",status:")
      out.appendDecimal(try datagram.read(UInt8.self, at: offset + 3))
    } else {
      if flags & 0x80 != 0 { out.append(",acK") }
      if hasIdentifier { out.append(",Dagid") }
      out.append(",")
      out.appendHex(UInt64(flags), width: 2)
    }
    out.append("]")
    try writeRoutingOptions(datagram, at: offset + fixed, length: length - UInt32(fixed), into: &out)
  }

  /// Shown with -vv; what they hold, with -vvv.
  private func writeRoutingOptions(
    _ datagram: RawSpan, at start: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard options.verbosity > 1 else { return }
    var at = start
    var left = Int(length)
    while left > 0 {
      let type = try datagram.read(UInt8.self, at: at)
      guard type != 0 else {
        out.append(" opt:pad1")
        at += 1
        left -= 1
        continue
      }
      guard left >= 2 else {
        writeTruncation(into: &out)
        return
      }
      let size = Int(try datagram.read(UInt8.self, at: at + 1)) + 2
      out.append(" opt:")
      out.append(Self.routingOptionName(type), or: "subopt:", type)
      out.append(" len:")
      out.appendDecimal(size)
      out.append(" ")
      guard at + size <= datagram.byteCount, size <= left else {
        writeTruncation(into: &out)
        return
      }
      if options.verbosity > 2 {
        writeHex(datagram.extracting(at + 2..<at + size), from: 0, indent: " ", withText: false, into: &out)
      }
      at += size
      left -= size
    }
  }

  private static func routingOptionName(_ type: UInt8) -> StaticString? {
    switch type {
    case 1: "padN"
    case 2: "metrics"
    case 3: "routinginfo"
    case 4: "config"
    case 5: "rpltarget"
    case 6: "transitinfo"
    case 8: "destprefix"
    case 9: "rpltargetdesc"
    default: nil
    }
  }
}
