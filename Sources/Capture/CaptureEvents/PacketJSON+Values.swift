import ByteReading

extension PacketJSON {
  /// How a field lies in the packet and how it is shown.
  enum Shape {
    case decimal8, decimal16, decimal32
    case hex8, hex16
    /// These bits of a byte.
    case flag(UInt8)
    case ipv4, ipv6, ethernet

    var byteCount: Int {
      switch self {
      case .decimal8, .hex8, .flag: 1
      case .decimal16, .hex16: 2
      case .decimal32, .ipv4: 4
      case .ethernet: 6
      case .ipv6: 16
      }
    }
  }

  /// A member from the bytes at `offset`. Where they are not all there, nothing is written.
  func field(
    _ name: StaticString, _ shape: Shape, _ bytes: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    _ = try bytes.checked(offset, count: shape.byteCount)
    self.name(name, into: &out)
    try value(shape, bytes, at: offset, into: &out)
  }

  func value(
    _ shape: Shape, _ bytes: RawSpan, at offset: Int, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    switch shape {
    case .decimal8: out.appendDecimal(try bytes.read(UInt8.self, at: offset))
    case .decimal16: out.appendDecimal(try bytes.readBigEndian(UInt16.self, at: offset))
    case .decimal32: out.appendDecimal(try bytes.readBigEndian(UInt32.self, at: offset))
    case .flag(let bits): out.append(try bytes.read(UInt8.self, at: offset) & bits != 0 ? "true" : "false")
    case .hex8:
      out.append(#""0x"#)
      out.appendHex(UInt64(try bytes.read(UInt8.self, at: offset)), width: 2)
      out.append(#"""#)
    case .hex16:
      out.append(#""0x"#)
      out.appendHex(UInt64(try bytes.readBigEndian(UInt16.self, at: offset)), width: 4)
      out.append(#"""#)
    case .ipv4:
      out.append(#"""#)
      out.appendIPv4(try bytes.readBigEndian(UInt32.self, at: offset))
      out.append(#"""#)
    case .ipv6:
      out.append(#"""#)
      try out.appendIPv6(bytes, at: offset)
      out.append(#"""#)
    case .ethernet:
      out.append(#"""#)
      try out.appendEthernet(bytes, at: offset)
      out.append(#"""#)
    }
  }

  /// A member that is an array, from values that lie `stride` bytes apart. Where one is not there, nothing is written.
  func array(
    _ name: StaticString, _ shape: Shape, _ bytes: RawSpan, at offset: Int, stride: Int, count: Int,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard count > 0 else { return }
    _ = try bytes.checked(offset, count: (count - 1) * stride + shape.byteCount)
    self.name(name, into: &out)
    for index in 0..<count {
      out.append(index == 0 ? "[" : ",")
      try value(shape, bytes, at: offset + index * stride, into: &out)
    }
    out.append("]")
  }
}
