import ByteReading

extension PacketText {
  /// A GRE header (RFC 2784, 2890; version 1: RFC 2637) and the packet in it.
  mutating func writeGRE(
    _ packet: Packet, _ datagram: RawSpan, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    layer = "gre"
    let start = packet.transportOffset
    // What the length leaves bounds the reads here as what was captured does.
    let bytes = datagram.extracting(0..<min(datagram.byteCount, start + Int(length)))
    let content: GREContent
    do throws(TruncatedError) {
      guard let within = try writeGREHeader(bytes, at: start, length: length, into: &out) else { return }
      out.append(options.verbosity > 0 ? "\n\t" : ": ")
      content = within
    } catch {
      writeTruncation(into: &out)
      return
    }
    try writeInGRE(
      datagram, content, length: length - UInt32(content.offset - start), connections: &connections, into: &out)
  }

  /// What a GRE header precedes.
  private struct GREContent {
    let offset: Int
    let type: UInt16
    let version: UInt16
  }

  /// - Returns: nil where nothing follows.
  private func writeGREHeader(
    _ bytes: RawSpan, at start: Int, length: UInt32, into out: inout OutputBuffer
  ) throws(TruncatedError) -> GREContent? {
    let flags = try bytes.readBigEndian(UInt16.self, at: start)
    out.append("GREv")
    out.appendDecimal(flags & 7)
    guard flags & 7 < 2 else {
      startMark(into: &out)
      out.append(" ERROR: unknown-version")
      endMark(into: &out)
      return nil
    }
    if options.verbosity > 0 { writeGREFlags(flags, into: &out) }
    let type = try bytes.readBigEndian(UInt16.self, at: start + 2)
    let offset = try writeGREFields(bytes, flags, at: start + 4, into: &out)
    if options.showsLinkHeader {
      out.append(", proto ")
      out.append(EtherType.name(type) ?? "unknown")
      out.append(" (0x")
      out.appendHex(UInt64(type), width: 4)
      out.append(")")
    }
    out.append(", length ")
    out.appendDecimal(length)
    // Without a sequence number, version 1 only acknowledges.
    guard flags & 7 == 0 || flags & 0x1000 != 0 else { return nil }
    return GREContent(offset: offset, type: type, version: flags & 7)
  }

  private mutating func writeInGRE(
    _ datagram: RawSpan, _ content: GREContent, length: UInt32, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let (offset, type) = (content.offset, content.type)
    switch (content.version, type) {
    case (0, EtherType.ipv4), (0, EtherType.ipv6):
      try writeInner(datagram, from: offset, length: length, etherType: type, connections: &connections, into: &out)
    case (0, 0x6558):
      try writeInnerFrame(datagram, from: offset, length: length, connections: &connections, into: &out)
    case (0, 0x8847), (0, 0x8137), (0, 0x809b), (0, 0x00fe), (1, 0x880b):
      out.append(EtherType.name(type) ?? "")
      out.append(", length ")
      out.appendDecimal(length)
    default:
      out.append("gre-proto-0x")
      out.appendHex(UInt64(type))
    }
  }

  private func writeGREFlags(_ flags: UInt16, into out: inout OutputBuffer) {
    out.append(", Flags [")
    var names = NameList()
    names.append("checksum present", if: flags & 0x8000 != 0, to: &out)
    names.append("routing present", if: flags & 0x4000 != 0, to: &out)
    names.append("key present", if: flags & 0x2000 != 0, to: &out)
    names.append("sequence# present", if: flags & 0x1000 != 0, to: &out)
    names.append("source routing present", if: flags & 0x0800 != 0, to: &out)
    names.append("ack present", if: flags & 0x0080 != 0, to: &out)
    names.append("none", if: flags & 0xf880 == 0, to: &out)
    out.append("]")
  }

  /// - Returns: where the packet within begins.
  private func writeGREFields(
    _ bytes: RawSpan, _ flags: UInt16, at start: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int {
    var offset = start
    if flags & 7 == 0, flags & 0xc000 != 0 {
      let sum = try bytes.readBigEndian(UInt16.self, at: offset)
      if options.verbosity > 0 {
        out.append(", sum 0x")
        out.appendHex(UInt64(sum))
      }
      let routing = try bytes.readBigEndian(UInt16.self, at: offset + 2)
      out.append(", off 0x")
      out.appendHex(UInt64(routing))
      offset += 4
    }
    if flags & 0x2000 != 0 {
      let key = try bytes.readBigEndian(UInt32.self, at: offset)
      if flags & 7 == 0 {
        out.append(", key=0x")
        out.appendHex(UInt64(key))
      } else {
        out.append(", call ")
        out.appendDecimal(key & 0xffff)
      }
      offset += 4
    }
    if flags & 0x1000 != 0 {
      let sequence = try bytes.readBigEndian(UInt32.self, at: offset)
      out.append(", seq ")
      out.appendDecimal(sequence)
      offset += 4
    }
    if flags & 7 == 1 {
      if flags & 0x0080 != 0 {
        let acknowledgment = try bytes.readBigEndian(UInt32.self, at: offset)
        out.append(", ack ")
        out.appendDecimal(acknowledgment)
        offset += 4
      }
      if flags & 0x1000 == 0 { out.append(", no-payload") }
    } else if flags & 0x4000 != 0 {
      offset = try skipSourceRoutes(bytes, at: offset, into: &out)
    }
    return offset
  }

  /// Source routes (RFC 1701), whose addresses are not shown.
  private func skipSourceRoutes(
    _ bytes: RawSpan, at start: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Int {
    var offset = start
    while true {
      let head = try bytes.readBigEndian(UInt32.self, at: offset)
      offset += 4
      // The list ends with an entry of family 0 without addresses.
      guard head & 0xffff_00ff != 0 else { return offset }
      out.append(", (rtaf=0x")
      out.appendHex(UInt64(head >> 16))
      out.append(")")
      offset += Int(head & 0xff)
    }
  }
}
