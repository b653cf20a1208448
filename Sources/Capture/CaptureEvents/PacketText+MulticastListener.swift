import ByteReading

/// Multicast listener discovery, version 2 (RFC 3810, 5); version 1 fits into one line of the ICMPv6 printer.
extension PacketText {
  func writeListenerQuery2(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append(" v2")
    let delay = try datagram.readBigEndian(UInt16.self, at: offset + 4)
    if options.verbosity > 0 {
      out.append(" [max resp delay=")
      out.appendDecimal(MulticastListener.responseDelay(delay))
      out.append("]")
    }
    try writeAddress(" [gaddr ", datagram, at: offset + 8, into: &out)
    if options.verbosity > 0 {
      let flags = try datagram.read(UInt8.self, at: offset + 24)
      if flags & 8 != 0 { out.append(" sflag") }
      if flags & 7 != 0 {
        out.append(" robustness=")
        out.appendDecimal(flags & 7)
      }
      let interval = try datagram.read(UInt8.self, at: offset + 25)
      out.append(" qqi=")
      out.appendDecimal(MulticastListener.queryInterval(interval))
    }
    let count = try datagram.readBigEndian(UInt16.self, at: offset + 26)
    if count > 0 {
      if length < 28 + UInt32(count) * 16 {
        out.append(" [invalid number of sources]")
      } else {
        try writeSources(datagram, at: offset + 28, count: count, into: &out)
      }
    }
    out.append("]")
  }

  /// Their number, or with -vv themselves.
  private func writeSources(
    _ datagram: RawSpan, at offset: Int, count: UInt16, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard options.verbosity > 1 else {
      out.append(", ")
      out.appendDecimal(count)
      out.append(" source(s)")
      return
    }
    out.append(" {")
    for index in 0..<Int(count) { try writeAddress(" ", datagram, at: offset + index * 16, into: &out) }
    out.append(" }")
  }

  func writeListenerReport2(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard length >= 8 else {
      out.append(" [invalid len ")
      out.appendDecimal(length)
      out.append("]")
      return
    }
    let count = try datagram.readBigEndian(UInt16.self, at: offset + 6)
    out.append(", ")
    out.appendDecimal(count)
    out.append(" group record(s)")
    guard options.verbosity > 0 else { return }
    var record = 8
    for _ in 0..<count {
      guard record + 20 <= Int(length) else {
        out.append(" [invalid number of groups]")
        return
      }
      try writeAddress(" [gaddr ", datagram, at: offset + record + 4, into: &out)
      let type = try datagram.read(UInt8.self, at: offset + record)
      out.append(Self.groupRecordName(type), or: "  [v2-report-#", type, "]")
      let sources = try datagram.readBigEndian(UInt16.self, at: offset + record + 2)
      let end = record + 20 + Int(sources) * 16
      guard end <= Int(length) else {
        out.append(" [invalid number of sources ")
        out.appendDecimal(sources)
        out.append("]")
        return
      }
      try writeSources(datagram, at: offset + record + 20, count: sources, into: &out)
      record = end
      out.append("]")
    }
  }

  /// What a record of IGMPv3 or MLDv2 says of a group: RFC 9776, 4.2.13; RFC 9777, 5.2.12.
  static func groupRecordName(_ type: UInt8) -> StaticString? {
    switch type {
    case 1: " is_in"
    case 2: " is_ex"
    case 3: " to_in"
    case 4: " to_ex"
    case 5: " allow"
    case 6: " block"
    default: nil
    }
  }
}
