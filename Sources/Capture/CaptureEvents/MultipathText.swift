import ByteReading

/// The Multipath TCP option (RFC 8684, 3) as tcpdump prints it: its length, the name of its subtype, the subtype's fields.
enum MultipathText {
  /// - Parameters:
  ///   - option: from its kind byte to its end, whole.
  ///   - flags: of the segment, which decide the forms that the option may take.
  /// - Returns: false for a form that does not exist.
  static func write(_ option: RawSpan, flags: TCPFlags, into out: inout OutputBuffer) -> Bool {
    let length = option.byteCount
    guard length >= 3, let byte = try? option.read(UInt8.self, at: 2) else { return false }
    out.append(" ")
    out.appendDecimal(length)
    out.append(" ")
    do throws(TruncatedError) {
      switch byte >> 4 {
      case 0:
        out.append("capable")
        return try writeCapable(option, flags: flags, into: &out)
      case 1:
        out.append("join")
        return try writeJoin(option, flags: flags, into: &out)
      case 2:
        out.append("dss")
        return try writeSignal(option, flags: flags, into: &out)
      case 3:
        out.append("add-addr")
        return try writeAddAddress(option, into: &out)
      case 4:
        out.append("rem-addr")
        guard length >= 4 else { return false }
        out.append(" id")
        for index in 3..<length {
          out.append(" ")
          out.appendDecimal(try option.read(UInt8.self, at: index))
        }
        return true
      case 5:
        out.append("prio")
        guard length == 3 || length == 4 else { return false }
        out.append(byte & 1 != 0 ? " backup" : " non-backup")
        if length == 4 {
          out.append(" id ")
          out.appendDecimal(try option.read(UInt8.self, at: 3))
        }
        return true
      case 6:
        out.append("fail")
        guard length == 12 else { return false }
        out.append(" seq ")
        out.appendDecimal(try option.readBigEndian(UInt64.self, at: 4))
        return true
      case 7:
        out.append("fast-close")
        guard length == 12 else { return false }
        out.append(" key 0x")
        out.appendHex(try option.readBigEndian(UInt64.self, at: 4))
        return true
      default:
        out.append("unknown")
        return true
      }
    } catch {
      return false
    }
  }

  private static func writeCapable(
    _ option: RawSpan, flags: TCPFlags, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let length = option.byteCount
    let opens = (length == 12 || length == 4) && flags.contains(.syn)
    let carriesKeys = (length == 20 || length == 22) && flags.contains(.ack) && !flags.contains(.syn)
    guard opens || carriesKeys else { return false }
    let version = try option.read(UInt8.self, at: 2) & 15
    guard version <= 1 else {
      out.append(" Unknown Version (")
      out.appendDecimal(version)
      out.append(")")
      return true
    }
    out.append(" v")
    out.appendDecimal(version)
    if try option.read(UInt8.self, at: 3) & 0x80 != 0 { out.append(" csum") }
    guard length >= 12 else { return true }
    out.append(" {0x")
    out.appendHex(try option.readBigEndian(UInt64.self, at: 4))
    if length >= 20 {
      out.append(",0x")
      out.appendHex(try option.readBigEndian(UInt64.self, at: 12))
    }
    out.append("}")
    return true
  }

  private static func writeJoin(
    _ option: RawSpan, flags: TCPFlags, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let length = option.byteCount
    guard
      length == 12 && flags.contains(.syn) || length == 16 && flags.isSuperset(of: [.syn, .ack])
        || length == 24 && flags.contains(.ack)
    else { return false }
    if length != 24 {
      if try option.read(UInt8.self, at: 2) & 1 != 0 { out.append(" backup") }
      out.append(" id ")
      out.appendDecimal(try option.read(UInt8.self, at: 3))
    }
    switch length {
    case 12:
      out.append(" token 0x")
      out.appendHex(UInt64(try option.readBigEndian(UInt32.self, at: 4)))
      out.append(" nonce 0x")
      out.appendHex(UInt64(try option.readBigEndian(UInt32.self, at: 8)))
    case 16:
      out.append(" hmac 0x")
      out.appendHex(try option.readBigEndian(UInt64.self, at: 4))
      out.append(" nonce 0x")
      out.appendHex(UInt64(try option.readBigEndian(UInt32.self, at: 12)))
    default:
      out.append(" hmac 0x")
      out.appendHex(option.extracting(4..<24))
    }
    return true
  }

  /// Data sequence signal: acknowledgment and mapping, each in four or eight bytes, each if its flag says so.
  private static func writeSignal(
    _ option: RawSpan, flags: TCPFlags, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    guard option.byteCount >= 4, !flags.contains(.syn) else { return false }
    let bits = try option.read(UInt8.self, at: 3)
    if bits & 0x10 != 0 { out.append(" fin") }
    var offset = 4
    func number(isLong: Bool, to out: inout OutputBuffer) throws(TruncatedError) {
      if isLong {
        out.appendDecimal(try option.readBigEndian(UInt64.self, at: offset))
        offset += 8
      } else {
        out.appendDecimal(try option.readBigEndian(UInt32.self, at: offset))
        offset += 4
      }
    }
    if bits & 0x01 != 0 {
      out.append(" ack ")
      try number(isLong: bits & 0x02 != 0, to: &out)
    }
    if bits & 0x04 != 0 {
      out.append(" seq ")
      try number(isLong: bits & 0x08 != 0, to: &out)
      let subflow = try option.readBigEndian(UInt32.self, at: offset)
      out.append(" subseq ")
      out.appendDecimal(subflow)
      let length = try option.readBigEndian(UInt16.self, at: offset + 4)
      out.append(" len ")
      out.appendDecimal(length)
      offset += 6
      // Two bytes more are the checksum, if the two sides agreed on one.
      if 2 <= option.byteCount - offset {
        out.append(" csum 0x")
        out.appendHex(UInt64(try option.readBigEndian(UInt16.self, at: offset)))
        offset += 2
      }
    }
    return offset == option.byteCount
  }

  /// An address, perhaps a port, perhaps a code: the length alone says which are there.
  private static func writeAddAddress(
    _ option: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    let isLong: Bool
    switch option.byteCount {
    case 8, 10, 16, 18: isLong = false
    case 20, 22, 28, 30: isLong = true
    default: return false
    }
    switch try option.read(UInt8.self, at: 2) & 15 {
    case 6: out.append(" v0-ip6")
    case 4: out.append(" v0-ip4")
    case 1: out.append(" v1-echo")
    case 0: out.append(" v1")
    default: out.append(" [bad version/echo]")
    }
    out.append(" id ")
    out.appendDecimal(try option.read(UInt8.self, at: 3))
    out.append(" ")
    var offset = 4
    if isLong {
      try out.appendIPv6(option, at: offset)
      offset += 16
    } else {
      out.appendIPv4(try option.readBigEndian(UInt32.self, at: offset))
      offset += 4
    }
    if (option.byteCount - offset) % 8 == 2 {
      out.append(":")
      out.appendDecimal(try option.readBigEndian(UInt16.self, at: offset))
      offset += 2
    }
    if option.byteCount - offset == 8 {
      out.append(" hmac 0x")
      out.appendHex(try option.readBigEndian(UInt64.self, at: offset))
    }
    return true
  }
}
