import ByteReading

extension PacketText {
  /// Why the list of options ended early. The three leave different marks, which depend on whether the option is the
  /// first of the list.
  enum OptionFlaw: Error {
    /// A length that contradicts what is left of the header, or the option's own kind.
    case bad
    /// Kind or length was not captured.
    case headerTruncated
    /// The value was not captured.
    case valueTruncated
  }

  /// `, options [...]`.
  /// - Returns: false where a flaw ended the line.
  mutating func writeOptions(
    _ tcp: TCPHeader, _ datagram: RawSpan, numbers: RelativeNumbers, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    out.append(", options [")
    guard try writeOptionList(tcp, datagram, numbers: numbers, into: &out) else { return false }
    out.append("]")
    return true
  }

  /// `mss 1460,sackOK`, and a mark behind a flaw.
  @discardableResult
  mutating func writeOptionList(
    _ tcp: TCPHeader, _ datagram: RawSpan, numbers: RelativeNumbers, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    var offset = tcp.optionsOffset
    var remaining = tcp.optionsLength
    var isFirst = true
    do throws(OptionFlaw) {
      while remaining > 0 {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        guard let kind = try? datagram.read(UInt8.self, at: offset) else { throw .headerTruncated }
        if kind == TCPOptionKind.noOperation {
          out.append("nop")
          offset += 1
          remaining -= 1
        } else if kind == TCPOptionKind.endOfList {
          out.append("eol")
          break
        } else {
          guard let byte = try? datagram.read(UInt8.self, at: offset + 1) else { throw .headerTruncated }
          let length = Int(byte)
          guard length >= 2, length <= remaining else { throw .bad }
          let used = try writeOption(
            TextOption(kind: kind, offset: offset, length: length, remaining: remaining), tcp, datagram,
            numbers: numbers, into: &out)
          // A kind of fixed size in an option of another: the rest is read as the next option.
          if used != length {
            out.append("[len ")
            out.appendDecimal(length)
            out.append("]")
          }
          offset += used
          remaining -= used
        }
        isFirst = false
      }
    } catch {
      switch error {
      case .bad:
        startMark(into: &out)
        out.append(isFirst ? "[bad opt]" : "[bad opt]]")
        endMark(into: &out)
      case .headerTruncated: throw TruncatedError(offset: offset, needed: 2, available: datagram.byteCount)
      case .valueTruncated:
        writeTruncation(into: &out)
        if !isFirst { out.append(">") }
      }
      return false
    }
    return true
  }

  /// One option with a length, and how much of the header is left from its kind on.
  struct TextOption {
    let kind: UInt8
    let offset: Int
    /// As its length byte says, 2...40, within the header.
    let length: Int
    let remaining: Int

    var valueOffset: Int { offset + 2 }
    var valueLength: Int { length - 2 }

    /// The first `count` bytes of the value, which must lie within the header and within what was captured.
    func check(_ count: Int, in datagram: RawSpan) throws(OptionFlaw) {
      guard count <= remaining - 2 else { throw .bad }
      guard count <= datagram.byteCount - valueOffset else { throw .valueTruncated }
    }

    /// A number at `index` of the value, once the bytes up to its end were checked.
    func read<T: FixedWidthInteger & BitwiseCopyable>(
      _ type: T.Type, at index: Int = 0, in datagram: RawSpan
    ) throws(OptionFlaw) -> T {
      try check(index + MemoryLayout<T>.size, in: datagram)
      do throws(TruncatedError) {
        return try datagram.readBigEndian(type, at: valueOffset + index)
      } catch {
        throw .valueTruncated
      }
    }
  }

  /// - Returns: how many bytes of the header the option took, by its kind.
  private mutating func writeOption(
    _ option: TextOption, _ tcp: TCPHeader, _ datagram: RawSpan, numbers: RelativeNumbers,
    into out: inout OutputBuffer
  ) throws(OptionFlaw) -> Int {
    if let name = TCPOptionKind.name(option.kind) {
      out.append(name)
    } else {
      out.append("unknown-")
      out.appendDecimal(option.kind)
    }
    switch option.kind {
    case TCPOptionKind.maximumSegmentSize:
      let size = try option.read(UInt16.self, in: datagram)
      out.append(" ")
      out.appendDecimal(size)
      return 4
    case TCPOptionKind.windowScale:
      let shift = try option.read(UInt8.self, in: datagram)
      out.append(" ")
      out.appendDecimal(shift)
      return 3
    case TCPOptionKind.selectiveAcknowledgmentPermitted:
      return 2
    case TCPOptionKind.selectiveAcknowledgment:
      try writeSelectiveAcknowledgment(option, datagram, base: numbers.selectiveBase, into: &out)
      return option.length
    case TCPOptionKind.timestamps:
      try option.check(8, in: datagram)
      out.append(" val ")
      out.appendDecimal(try option.read(UInt32.self, in: datagram))
      out.append(" ecr ")
      out.appendDecimal(try option.read(UInt32.self, at: 4, in: datagram))
      return 10
    case TCPOptionKind.echo, TCPOptionKind.echoReply, TCPOptionKind.connectionCount,
      TCPOptionKind.connectionCountNew, TCPOptionKind.connectionCountEcho:
      let value = try option.read(UInt32.self, in: datagram)
      out.append(" ")
      out.appendDecimal(value)
      return 6
    case TCPOptionKind.signature:
      try option.check(16, in: datagram)
      // Nobody gave us the secret; tcpdump says first what it misses first.
      let dataEnd = tcp.offset + tcp.headerLength + Int(tcp.dataLength)
      out.append(
        dataEnd > datagram.byteCount ? " snaplen too short, " : " shared secret not supplied with -M, ")
      out.append("can't check - ")
      out.appendHex(datagram.extracting(option.valueOffset..<option.valueOffset + 16))
      return 18
    case TCPOptionKind.capabilities:
      try option.check(2, in: datagram)
      out.append(" cap ")
      out.appendHex(UInt64(try option.read(UInt8.self, in: datagram)), width: 2)
      out.append(" id ")
      out.appendDecimal(try option.read(UInt8.self, at: 1, in: datagram))
      return 4
    case TCPOptionKind.userTimeout:
      let value = try option.read(UInt16.self, in: datagram)
      out.append(" 0x")
      out.appendHex(UInt64(value))
      out.append(" ")
      out.appendDecimal(value & 1 != 0 ? UInt32(value >> 1) * 60 : UInt32(value >> 1))
      return 4
    case TCPOptionKind.authentication:
      try writeAuthentication(option, datagram, into: &out)
    case TCPOptionKind.multipath:
      try option.check(option.valueLength, in: datagram)
      // tcpdump forgets to go back to the name of TCP, so what is cut off behind this option goes by this one's.
      layer = "mptcp"
      let value = datagram.extracting(option.offset..<option.offset + option.length)
      guard MultipathText.write(value, flags: tcp.flags, into: &out) else { throw .bad }
    case TCPOptionKind.fastOpen:
      try option.check(option.valueLength, in: datagram)
      out.append(" ")
      writeFastOpen(datagram.extracting(option.valueOffset..<option.offset + option.length), into: &out)
    case TCPOptionKind.experiment2:
      try option.check(option.valueLength, in: datagram)
      guard option.valueLength >= 2 else { throw .bad }
      let identifier = try option.read(UInt16.self, in: datagram)
      out.append("-")
      if identifier == TCPOptionKind.fastOpenExperiment {
        out.append("tfo")
        writeFastOpen(datagram.extracting(option.valueOffset + 2..<option.offset + option.length), into: &out)
      } else {
        out.appendHex(UInt64(identifier), width: 4)
      }
    default:
      if option.valueLength > 0 { out.append(" 0x") }
      try writeHex(option, from: 0, datagram, into: &out)
    }
    return option.length
  }

  /// The value's bytes from `start` on, as far as they were captured.
  private func writeHex(
    _ option: TextOption, from start: Int, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(OptionFlaw) {
    for index in start..<max(start, option.valueLength) {
      out.appendHex(UInt64(try option.read(UInt8.self, at: index, in: datagram)), width: 2)
    }
  }

  /// RFC 2018: left and right edges, relative to the other side's first sequence number.
  private func writeSelectiveAcknowledgment(
    _ option: TextOption, _ datagram: RawSpan, base: UInt32, into out: inout OutputBuffer
  ) throws(OptionFlaw) {
    guard option.valueLength % 8 == 0 else {
      out.append(" invalid sack")
      return
    }
    out.append(" ")
    out.appendDecimal(option.valueLength / 8)
    out.append(" ")
    for index in stride(from: 0, to: option.valueLength, by: 8) {
      let left = try option.read(UInt32.self, at: index, in: datagram)
      let right = try option.read(UInt32.self, at: index + 4, in: datagram)
      out.append("{")
      out.appendDecimal(left &- base)
      out.append(":")
      out.appendDecimal(right &- base)
      out.append("}")
    }
  }

  /// RFC 5925: two key identifiers and the code over the segment.
  private func writeAuthentication(
    _ option: TextOption, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(OptionFlaw) {
    guard option.valueLength >= 2 else {
      out.append(" (invalid)")
      return
    }
    let key = try option.read(UInt8.self, in: datagram)
    out.append(" keyid ")
    out.appendDecimal(key)
    let next = try option.read(UInt8.self, at: 1, in: datagram)
    out.append(" rnextkeyid ")
    out.appendDecimal(next)
    guard option.valueLength > 2 else { return }
    out.append(" mac 0x")
    try writeHex(option, from: 2, datagram, into: &out)
  }

  /// RFC 7413: nothing asks for a cookie; a cookie has 4...16 bytes, an even number.
  private func writeFastOpen(_ cookie: RawSpan, into out: inout OutputBuffer) {
    switch cookie.byteCount {
    case 0: out.append(" cookiereq")
    case 4...16 where cookie.byteCount % 2 == 0:
      out.append(" cookie ")
      out.appendHex(cookie)
    default: out.append(" (invalid)")
    }
  }
}
