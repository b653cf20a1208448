import ByteReading

extension PacketText {
  /// What the options want to see of the bytes below the line.
  func writeDump(_ frame: RawSpan, into out: inout OutputBuffer) {
    switch options.hexDump {
    case .none: break
    case .network: writeHex(frame, from: networkOffset, withText: false, into: &out)
    case .link: writeHex(frame, from: 0, withText: false, into: &out)
    case .networkAndText: writeHex(frame, from: networkOffset, withText: true, into: &out)
    case .linkAndText: writeHex(frame, from: 0, withText: true, into: &out)
    case .networkText: writeText(frame, from: networkOffset, into: &out)
    case .linkText: writeText(frame, from: 0, into: &out)
    }
  }

  /// Bytes that nobody knows the form of, unless the options choose what is seen of bytes.
  func writeUnknown(_ bytes: RawSpan, from start: Int, into out: inout OutputBuffer) {
    switch options.hexDump {
    case .none, .networkText, .linkText:
      if !options.isQuiet { writeHex(bytes, from: start, withText: true, into: &out) }
    default: break
    }
  }

  /// Lines of 16 bytes, two a group, each line behind `indent`.
  func writeHex(
    _ bytes: RawSpan, from start: Int, indent: StaticString = "\n\t", withText: Bool, into out: inout OutputBuffer
  ) {
    var offset = start
    while offset < bytes.byteCount {
      out.append(indent)
      out.append("0x")
      let position = UInt64(offset - start)
      // At least four digits.
      out.appendHex(position, width: position > 0xffff ? (64 - position.leadingZeroBitCount + 3) / 4 : 4)
      out.append(": ")
      let line = offset..<min(offset + 16, bytes.byteCount)
      while offset < line.upperBound {
        out.append(UInt8(ascii: " "))
        out.appendHex(bytes.extracting(offset..<min(offset + 2, line.upperBound)))
        offset += 2
      }
      guard withText else { continue }
      for _ in 0..<40 - line.count * 2 - (line.count + 1) / 2 { out.append(UInt8(ascii: " ")) }
      out.append("  ")
      out.append(graphic: bytes.extracting(line))
    }
  }

  /// The bytes as ASCII, on lines as they have them.
  private func writeText(_ bytes: RawSpan, from start: Int, into out: inout OutputBuffer) {
    guard start < bytes.byteCount else { return }
    out.append("\n")
    var index = start
    while let byte = try? bytes.read(UInt8.self, at: index) {
      index += 1
      switch byte {
      case UInt8(ascii: "\r"):
        // At the end of a line it is left out, and so it is where one byte is left.
        guard let next = try? bytes.readBigEndian(UInt16.self, at: index) else { break }
        if next >> 8 != UInt16(UInt8(ascii: "\n")) { out.append(UInt8(ascii: ".")) }
      case UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: " "): out.append(byte)
      default: out.append(graphic: bytes.extracting(index - 1..<index))
      }
    }
  }
}
