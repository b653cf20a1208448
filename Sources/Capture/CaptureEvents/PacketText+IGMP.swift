import ByteReading

extension PacketText {
  /// Membership queries and reports (RFC 1112, 2236, 3376); what else is sent as IGMP has a short line.
  mutating func writeIGMP(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "igmp"
    guard !options.isQuiet else {
      out.append("igmp")
      return
    }
    let offset = packet.transportOffset
    let type = try datagram.read(UInt8.self, at: offset)
    switch type {
    case 0x11:
      out.append("igmp query")
      try writeQuery(datagram, at: offset, length: length, into: &out)
    case 0x12:
      try writeGroup("igmp v1 report ", datagram, at: offset + 4, into: &out)
      if length != 8 { writeLength(length, into: &out) }
    case 0x16: try writeGroup("igmp v2 report ", datagram, at: offset + 4, into: &out)
    case 0x17: try writeGroup("igmp leave ", datagram, at: offset + 4, into: &out)
    case 0x22:
      out.append("igmp v3 report")
      try writeReport(datagram, at: offset, length: length, into: &out)
    case 0x13: writeName("igmp dvmrp", length, into: &out)
    case 0x14: writeName("igmp pimv1", length, into: &out)
    case 0x1e: writeName("mresp", length, into: &out)
    case 0x1f: writeName("mtrace", length, into: &out)
    default:
      out.append("igmp-")
      out.appendDecimal(type)
    }
    guard options.verbosity > 0, length >= 4, Int(length) <= datagram.byteCount - offset else { return }
    var sum = InternetChecksum()
    try sum.add(datagram, offset..<offset + Int(length))
    guard sum.value != 0 else { return }
    startMark(into: &out)
    out.append(" bad igmp cksum ")
    out.appendHex(UInt64(try datagram.readBigEndian(UInt16.self, at: offset + 2)))
    out.append("!")
    endMark(into: &out)
  }

  private func writeName(_ name: StaticString, _ length: UInt32, into out: inout OutputBuffer) {
    out.append(name)
    out.append(", length ")
    out.appendDecimal(length)
  }

  private func writeLength(_ length: UInt32, into out: inout OutputBuffer) {
    out.append(" [len ")
    out.appendDecimal(length)
    out.append("]")
  }

  private func writeInvalid(_ what: StaticString, into out: inout OutputBuffer) {
    startMark(into: &out)
    out.append(what)
    endMark(into: &out)
  }

  private func writeInvalid(_ what: StaticString, _ value: UInt32, into out: inout OutputBuffer) {
    startMark(into: &out)
    out.append(what)
    out.appendDecimal(value)
    out.append("]")
    endMark(into: &out)
  }

  private func writeGroup(
    _ text: StaticString, _ datagram: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let address = try datagram.readBigEndian(UInt32.self, at: offset)
    out.append(text)
    out.appendIPv4(address)
  }

  private func writeQuery(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard length < 12 else {
      try writeQuery3(datagram, at: offset, length: length, into: &out)
      return
    }
    let time = try datagram.read(UInt8.self, at: offset + 1)
    out.append(time == 0 ? " v1" : " v2")
    if time != 0, time != 100 {
      out.append(" [max resp time ")
      out.appendDecimal(time)
      out.append("]")
    }
    if try datagram.readBigEndian(UInt32.self, at: offset + 4) != 0 {
      try writeGroup(" [gaddr ", datagram, at: offset + 4, into: &out)
      out.append("]")
    }
    if length != 8 { writeLength(length, into: &out) }
  }

  private func writeQuery3(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    out.append(" v3")
    guard length % 4 == 0 else {
      writeInvalid(" [invalid len ", length, into: &out)
      return
    }
    let code = UInt32(try datagram.read(UInt8.self, at: offset + 1))
    if code != 100 {
      out.append(" [max resp time ")
      // Tenths of seconds, above 127 as a floating-point number (RFC 3376, 4.1.1).
      writeTenths(code < 128 ? code : (code & 15 | 16) << ((code >> 4 & 7) + 3), into: &out)
      out.append("]")
    }
    guard try datagram.readBigEndian(UInt32.self, at: offset + 4) != 0 else { return }
    try writeGroup(" [gaddr ", datagram, at: offset + 4, into: &out)
    let sources = UInt32(try datagram.readBigEndian(UInt16.self, at: offset + 10))
    if sources > 0 {
      if length < 12 + sources * 4 {
        writeInvalid(" [invalid number of sources]", into: &out)
      } else {
        try writeSources(datagram, at: offset + 12, sources, into: &out)
      }
    }
    out.append("]")
  }

  private func writeTenths(_ tenths: UInt32, into out: inout OutputBuffer) {
    guard tenths >= 600 else {
      out.appendDecimal(tenths / 10)
      out.append(".")
      out.appendDecimal(tenths % 10)
      out.append("s")
      return
    }
    var seconds = tenths / 10
    func append(_ unit: UInt32, _ name: StaticString, to out: inout OutputBuffer) {
      guard seconds >= unit else { return }
      out.appendDecimal(seconds / unit)
      out.append(name)
      seconds %= unit
    }
    append(3600, "h", to: &out)
    append(60, "m", to: &out)
    append(1, "s", to: &out)
  }

  private func writeSources(
    _ datagram: RawSpan, at offset: Int, _ count: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard options.verbosity > 1 else {
      out.append(", ")
      out.appendDecimal(count)
      out.append(" source(s)")
      return
    }
    out.append(" {")
    for index in 0..<Int(count) { try writeGroup(" ", datagram, at: offset + index * 4, into: &out) }
    out.append(" }")
  }

  private func writeReport(
    _ datagram: RawSpan, at offset: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard length >= 16, length % 4 == 0 else {
      writeInvalid(" [invalid len ", length, into: &out)
      return
    }
    let groups = try datagram.readBigEndian(UInt16.self, at: offset + 6)
    out.append(", ")
    out.appendDecimal(groups)
    out.append(" group record(s)")
    guard options.verbosity > 0 else { return }
    var record: UInt32 = 8
    for _ in 0..<groups {
      guard length >= record + 8 else {
        writeInvalid(" [invalid number of groups]", into: &out)
        return
      }
      let at = offset + Int(record)
      try writeGroup(" [gaddr ", datagram, at: at + 4, into: &out)
      let type = try datagram.read(UInt8.self, at: at)
      out.append(Self.groupRecordName(type), or: "  [v3-report-#", type, "]")
      let sources = UInt32(try datagram.readBigEndian(UInt16.self, at: at + 2))
      guard length >= record + 8 + sources * 4 else {
        writeInvalid(" [invalid number of sources ", sources, into: &out)
        return
      }
      try writeSources(datagram, at: at + 8, sources, into: &out)
      record += 8 + sources * 4
      out.append("]")
    }
  }
}
