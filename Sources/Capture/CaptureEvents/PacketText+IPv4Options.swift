import ByteReading

extension PacketText {
  /// The options of an IPv4 header (RFC 791, 3.1), as -v shows them.
  /// - Returns: false where one was not captured whole.
  func writeIPv4Options(
    _ network: IPHeader, _ datagram: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    var offset = network.offset + 20
    var remaining = network.headerLength - 20
    var isFirst = true
    while remaining > 0 {
      if !isFirst { out.append(",") }
      isFirst = false
      let kind = try datagram.read(UInt8.self, at: offset)
      out.append(Self.optionName(kind), or: "unknown ", kind)
      let length = kind < 2 ? 1 : Int(try datagram.read(UInt8.self, at: offset + 1))
      guard kind < 2 || length >= 2, length <= remaining else {
        writeBad(" [bad length ", length, into: &out)
        return true
      }
      guard length <= datagram.byteCount - offset else { return false }
      switch kind {
      case 0: return true
      case 68: try writeTimestamps(datagram.extracting(offset..<offset + length), into: &out)
      case 7, 131, 137: try writeRoute(datagram.extracting(offset..<offset + length), into: &out)
      case 148:
        if length < 4 {
          writeBad(" [bad length ", length, into: &out)
        } else {
          let value = try datagram.readBigEndian(UInt16.self, at: offset + 2)
          if value != 0 {
            out.append(" value ")
            out.appendDecimal(value)
          }
        }
      default: break
      }
      offset += length
      remaining -= length
    }
    return true
  }

  private static func optionName(_ kind: UInt8) -> StaticString? {
    switch kind {
    case 0: "EOL"
    case 1: "NOP"
    case 7: "RR"
    case 68: "timestamp"
    case 82: "traceroute"
    case 130: "security"
    case 131: "LSRR"
    case 137: "SSRR"
    case 148: "RA"
    default: nil
    }
  }

  private func writeBad(_ text: StaticString, _ value: Int, into out: inout OutputBuffer) {
    out.append(text)
    out.appendDecimal(value)
    out.append("]")
  }

  /// Record route and the two source routes: kind, length, pointer, then addresses.
  private func writeRoute(_ option: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let length = option.byteCount
    guard length >= 3 else {
      writeBad(" [bad length ", length, into: &out)
      return
    }
    if (length + 1) & 3 != 0 { writeBad(" [bad length ", length, into: &out) }
    let field = Int(try option.read(UInt8.self, at: 2))
    let pointer = field - 1
    if pointer < 3 || (pointer + 1) & 3 != 0 || pointer > length + 1 { writeBad(" [bad ptr ", field, into: &out) }
    for offset in stride(from: 3, to: length, by: 4) {
      guard 4 <= length - offset else { return }
      out.append(" ")
      out.appendIPv4(try option.readBigEndian(UInt32.self, at: offset))
      if pointer > offset { out.append(",") }
    }
  }

  /// Internet timestamps: kind, length, pointer, overflow and flag, then times or pairs of address and time.
  private func writeTimestamps(_ option: RawSpan, into out: inout OutputBuffer) throws(TruncatedError) {
    let length = option.byteCount
    guard length >= 4 else {
      writeBad("[bad length ", length, into: &out)
      return
    }
    out.append(" TS{")
    let flag = try option.read(UInt8.self, at: 3)
    let hop = flag & 15 == 0 ? 4 : 8
    if (length - 4) & (hop - 1) != 0 { writeBad("[bad length ", length, into: &out) }
    let field = Int(try option.read(UInt8.self, at: 2))
    let pointer = field - 1
    if pointer < 4 || (pointer - 4) & (hop - 1) != 0 || pointer > length + 1 {
      writeBad("[bad ptr ", field, into: &out)
    }
    var offset = 0
    switch flag & 15 {
    case 0, 1, 3:
      out.append(flag & 15 == 0 ? "TSONLY" : flag & 15 == 1 ? "TS+ADDR" : "PRESPEC")
      offset = 4
      while offset < length {
        out.append(pointer == offset ? " ^ " : " ")
        guard hop <= length - offset else { return }
        out.appendDecimal(try option.readBigEndian(UInt32.self, at: offset + hop - 4))
        out.append("@")
        if hop == 8 { out.appendIPv4(try option.readBigEndian(UInt32.self, at: offset)) }
        offset += hop
      }
    default: writeBad("[bad ts type ", Int(flag & 15), into: &out)
    }
    if pointer == offset { out.append(" ^ ") }
    if flag >> 4 != 0 {
      out.append(" [")
      out.appendDecimal(flag >> 4)
      out.append(" hops not recorded]} ")
    } else {
      out.append("}")
    }
  }
}
