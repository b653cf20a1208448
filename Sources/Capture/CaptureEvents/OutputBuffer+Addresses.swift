package import ByteReading

extension OutputBuffer {
  /// RFC 5952: the longest run of two or more zero groups, the first of equals, shrinks to `::`.
  /// As inet_ntop(3) does, an address below ::ffff:0:0/96 ends in dotted decimals.
  package mutating func appendIPv6(high: UInt64, low: UInt64) {
    func group(_ index: Int) -> UInt64 { (index < 4 ? high : low) >> UInt64(48 - 16 * (index & 3)) & 0xffff }
    var run = 0..<0
    var index = 0
    while index < 8 {
      var end = index
      while end < 8, group(end) == 0 { end += 1 }
      if end - index > max(run.count, 1) { run = index..<end }
      index = end + 1
    }
    let mapped = high == 0 && (low >> 32 == 0xffff || (low >> 32 == 0 && low > 0xffff))
    index = 0
    while index < 8 {
      if index == run.lowerBound, !run.isEmpty {
        append("::")
        index = run.upperBound
        continue
      }
      if index > 0, index != run.upperBound || run.isEmpty { append(UInt8(ascii: ":")) }
      if mapped, index == 6 {
        appendIPv4(UInt32(truncatingIfNeeded: low))
        return
      }
      appendHex(group(index))
      index += 1
    }
  }

  /// The 16 bytes of an IPv6 address at `offset`.
  package mutating func appendIPv6(_ bytes: RawSpan, at offset: Int) throws(TruncatedError) {
    appendIPv6(
      high: try bytes.readBigEndian(UInt64.self, at: offset), low: try bytes.readBigEndian(UInt64.self, at: offset + 8))
  }

  /// `02:00:00:00:00:01`, from the six bytes at `offset`.
  package mutating func appendEthernet(_ bytes: RawSpan, at offset: Int) throws(TruncatedError) {
    appendColonHex(bytes.extracting(try bytes.checked(offset, count: 6)))
  }
}
