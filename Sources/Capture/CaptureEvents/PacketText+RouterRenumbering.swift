import ByteReading

/// Router renumbering (RFC 2894, 3).
extension PacketText {
  func writeRouterRenumbering(
    _ datagram: RawSpan, at offset: Int, code: UInt8, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard offset + 16 <= datagram.byteCount else {
      writeTruncation(into: &out)
      return
    }
    switch code {
    case 0: out.append(", command")
    case 1: out.append(", result")
    case 255: out.append(", sequence number reset")
    default:
      out.append(", code-#")
      out.appendDecimal(code)
    }
    out.append(", seq=")
    out.appendDecimal(try datagram.readBigEndian(UInt32.self, at: offset + 4))
    if options.verbosity > 0 {
      let flags = try datagram.read(UInt8.self, at: offset + 9)
      out.append("[")
      if flags & 0x80 != 0 { out.append("T") }
      if flags & 0x40 != 0 { out.append("R") }
      if flags & 0x20 != 0 { out.append("A") }
      if flags & 0x10 != 0 { out.append("S") }
      if flags & 0x08 != 0 { out.append("P") }
      out.append(flags == 0 ? "seg=" : ",seg=")
      out.appendDecimal(try datagram.read(UInt8.self, at: offset + 8))
      out.append(",maxdelay=")
      out.appendDecimal(try datagram.readBigEndian(UInt16.self, at: offset + 10))
      let reserved = try datagram.readBigEndian(UInt32.self, at: offset + 12)
      if reserved != 0 {
        out.append("rsvd=0x")
        out.appendHex(UInt64(reserved))
      }
      out.append("]")
    }
    if code == 0 { try writePrefixOperation(datagram, at: offset + 16, into: &out) }
  }

  /// One prefix to look for and those to put in its place.
  private func writePrefixOperation(
    _ datagram: RawSpan, at match: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard match + 24 <= datagram.byteCount else {
      writeTruncation(into: &out)
      return
    }
    out.append(options.verbosity > 1 ? "\n\tmatch(" : " match(")
    let code = try datagram.read(UInt8.self, at: match)
    switch code {
    case 1: out.append("add")
    case 2: out.append("change")
    case 3: out.append("setglobal")
    default:
      out.append("#")
      out.appendDecimal(code)
    }
    if options.verbosity > 0 {
      out.append(",ord=")
      out.appendDecimal(try datagram.read(UInt8.self, at: match + 2))
      out.append(",min=")
      out.appendDecimal(try datagram.read(UInt8.self, at: match + 4))
      out.append(",max=")
      out.appendDecimal(try datagram.read(UInt8.self, at: match + 5))
    }
    try writeAddress(",", datagram, at: match + 8, into: &out)
    out.append("/")
    out.appendDecimal(try datagram.read(UInt8.self, at: match + 3))
    out.append(")")
    let words = Int(try datagram.read(UInt8.self, at: match + 1)) - 3
    guard words >= 0, words % 4 == 0 else {
      writeTruncation(into: &out)
      return
    }
    for index in 0..<words / 4 {
      let use = match + 24 + index * 32
      guard use + 32 <= datagram.byteCount else {
        writeTruncation(into: &out)
        return
      }
      try writePrefixUse(datagram, at: use, into: &out)
    }
  }

  private func writePrefixUse(_ datagram: RawSpan, at use: Int, into out: inout OutputBuffer) throws(TruncatedError) {
    out.append(options.verbosity > 1 ? "\n\tuse(" : " use(")
    let flags = try datagram.read(UInt8.self, at: use + 12)
    if flags != 0 {
      if flags & 0x80 != 0 { out.append("V") }
      if flags & 0x40 != 0 { out.append("P") }
      out.append(",")
    }
    if options.verbosity > 0 {
      out.append("mask=0x")
      out.appendHex(UInt64(try datagram.read(UInt8.self, at: use + 2)))
      out.append(",raflags=0x")
      out.appendHex(UInt64(try datagram.read(UInt8.self, at: use + 3)))
      writeLifetime(",vltime=", try datagram.readBigEndian(UInt32.self, at: use + 4), into: &out)
      writeLifetime(",pltime=", try datagram.readBigEndian(UInt32.self, at: use + 8), into: &out)
      out.append(",")
    }
    try out.appendIPv6(datagram, at: use + 16)
    out.append("/")
    out.appendDecimal(try datagram.read(UInt8.self, at: use))
    out.append("/")
    out.appendDecimal(try datagram.read(UInt8.self, at: use + 1))
    out.append(")")
  }

  private func writeLifetime(_ words: StaticString, _ seconds: UInt32, into out: inout OutputBuffer) {
    out.append(words)
    if seconds == .max {
      out.append("infty")
    } else {
      out.appendDecimal(seconds)
    }
  }
}
