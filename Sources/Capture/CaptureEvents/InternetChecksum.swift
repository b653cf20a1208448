import ByteReading

/// The ones' complement sum of 16-bit words (RFC 1071), over as many pieces as are added; all but the last have an even
/// number of bytes.
struct InternetChecksum {
  private var sum: UInt64 = 0

  mutating func add(_ word: UInt16) { sum += UInt64(word) }

  mutating func add(_ bytes: RawSpan, _ range: Range<Int>) throws(TruncatedError) {
    var offset = range.lowerBound
    while range.upperBound - offset >= 4 {
      sum += UInt64(try bytes.readBigEndian(UInt32.self, at: offset))
      offset += 4
    }
    if range.upperBound - offset >= 2 {
      sum += UInt64(try bytes.readBigEndian(UInt16.self, at: offset))
      offset += 2
    }
    if offset < range.upperBound { sum += UInt64(try bytes.read(UInt8.self, at: offset)) << 8 }
  }

  /// 0 over bytes whose checksum field is right.
  var value: UInt16 {
    var folded = sum
    while folded > 0xffff { folded = folded >> 16 + folded & 0xffff }
    return ~UInt16(truncatingIfNeeded: folded)
  }

  /// What a field that holds `field` should hold, where `value` over it came out so.
  static func corrected(_ field: UInt16, value: UInt16) -> UInt16 {
    var sum = UInt32(field) + UInt32(value)
    sum = sum >> 16 + sum & 0xffff
    return UInt16(truncatingIfNeeded: sum >> 16 + sum)
  }
}

extension Packet {
  /// What a TCP checksum field says and what it should say. Nil where the segment was not captured whole, so that
  /// nobody can know.
  func tcpChecksum(in frame: RawSpan) -> (field: UInt16, expected: UInt16)? {
    let expected = transportChecksum(
      in: frame, protocolNumber: IPProtocol.tcp, at: tcp.offset, length: Int(tcp.segmentLength), field: tcp.checksum)
    guard let expected else { return nil }
    return (tcp.checksum, expected)
  }

  /// What the checksum field of a header with IP's addresses in its sum should say (RFC 9293, 3.1; RFC 8200, 8.1).
  /// Nil where not all that it counts was captured, or the datagram goes on in other fragments.
  /// - Parameters:
  ///   - length: how many bytes it counts from `offset` on, the field included.
  ///   - field: what the header says.
  func transportChecksum(
    in frame: RawSpan, protocolNumber: UInt8, at offset: Int, length: Int, field: UInt16
  ) -> UInt16? {
    guard network.isWhole, length >= 0, length <= min(capturedEnd, frame.byteCount) - offset else { return nil }
    do throws(TruncatedError) {
      var sum = InternetChecksum()
      sum.add(UInt16(protocolNumber))
      sum.add(UInt16(truncatingIfNeeded: length))
      sum.add(UInt16(truncatingIfNeeded: length >> 16))
      switch network.version {
      case .v4:
        try sum.add(frame, network.offset + 12..<network.offset + 16)
        let destination = finalIPv4DestinationOffset(in: frame)
        try sum.add(frame, destination..<destination + 4)
      case .v6:
        let destination = network.finalDestinationOffset > 0 ? network.finalDestinationOffset : network.offset + 24
        try sum.add(frame, network.offset + 8..<network.offset + 24)
        try sum.add(frame, destination..<destination + 16)
      case .none: return nil
      }
      try sum.add(frame, offset..<offset + length)
      return InternetChecksum.corrected(field, value: sum.value)
    } catch {
      return nil
    }
  }

  /// The same for ICMPv6 (RFC 4443, 2.3), for whose message the lengths leave `length` bytes.
  func icmpv6Checksum(in frame: RawSpan, length: UInt32) -> (field: UInt16, expected: UInt16)? {
    guard let field = try? frame.readBigEndian(UInt16.self, at: transportOffset + 2) else { return nil }
    let expected = transportChecksum(
      in: frame, protocolNumber: IPProtocol.icmpv6, at: transportOffset, length: Int(length), field: field)
    guard let expected else { return nil }
    return (field, expected)
  }

  /// ICMP's counts the message alone, without addresses.
  /// - Throws: where the message is wrong and too short to have a checksum.
  func icmpChecksum(
    in frame: RawSpan, length: UInt32
  ) throws(TruncatedError) -> (field: UInt16, expected: UInt16)? {
    let length = Int(length)
    guard network.isWhole, length <= capturedEnd - transportOffset else { return nil }
    var sum = InternetChecksum()
    try sum.add(frame, transportOffset..<transportOffset + length)
    guard sum.value != 0 || length >= 4 else { return nil }
    let field = try frame.extracting(0..<transportOffset + length).readBigEndian(UInt16.self, at: transportOffset + 2)
    return (field, InternetChecksum.corrected(field, value: sum.value))
  }

  /// What IPv4's header checksum field says and what it should say; nil where the header was not captured whole.
  func ipChecksum(in frame: RawSpan) -> (field: UInt16, expected: UInt16)? {
    guard network.version == .v4, network.headerLength <= capturedEnd - network.offset else { return nil }
    do throws(TruncatedError) {
      var sum = InternetChecksum()
      try sum.add(frame, network.offset..<network.offset + network.headerLength)
      let field = try frame.readBigEndian(UInt16.self, at: network.offset + 10)
      return (field, InternetChecksum.corrected(field, value: sum.value))
    } catch {
      return nil
    }
  }

  /// The sender counted the last address of a source route as the destination (RFC 1122, 4.1.3.4 by analogy).
  private func finalIPv4DestinationOffset(in frame: RawSpan) -> Int {
    let destination = network.offset + 16
    let end = network.offset + network.headerLength
    var offset = network.offset + 20
    while offset < end, let kind = try? frame.read(UInt8.self, at: offset), kind != 0 {
      guard kind != 1 else {
        offset += 1
        continue
      }
      guard let length = try? frame.read(UInt8.self, at: offset + 1), length >= 2, Int(length) <= end - offset else {
        return destination
      }
      if kind == 131 || kind == 137, length >= 7 { return offset + Int(length) - 4 }
      offset += Int(length)
    }
    return destination
  }
}
