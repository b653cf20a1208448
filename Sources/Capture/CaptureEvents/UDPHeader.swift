import ByteReading

/// The 8 bytes of a UDP header (RFC 768), in host order.
struct UDPHeader {
  static let length = 8

  let sourcePort: UInt16
  let destinationPort: UInt16
  /// Header and data together, as the header says.
  let lengthField: UInt16
  /// 0: none, in IPv4.
  let checksum: UInt16

  /// Nil where it was not captured whole.
  init?(_ datagram: RawSpan, at offset: Int) {
    guard let ports = try? datagram.readBigEndian(UInt32.self, at: offset),
      let rest = try? datagram.readBigEndian(UInt32.self, at: offset + 4)
    else { return nil }
    sourcePort = UInt16(truncatingIfNeeded: ports >> 16)
    destinationPort = UInt16(truncatingIfNeeded: ports)
    lengthField = UInt16(truncatingIfNeeded: rest >> 16)
    checksum = UInt16(truncatingIfNeeded: rest)
  }

  /// How many bytes the checksum counts, where that is known: the header's length, or the datagram's in a jumbogram
  /// (RFC 2675, 4). Nil where that is impossible.
  func coverage(of length: UInt32) -> Int? {
    let own = lengthField == 0 && length > 0xffff ? length : UInt32(lengthField)
    guard own >= UInt32(Self.length), own <= length else { return nil }
    return Int(own)
  }

  /// What the checksum field says and what it should say; nil where nobody can know.
  func checksum(of packet: Packet, in datagram: RawSpan) -> (field: UInt16, expected: UInt16)? {
    guard let length = coverage(of: packet.network.payloadLength),
      let expected = packet.transportChecksum(
        in: datagram, protocolNumber: IPProtocol.udp, at: packet.transportOffset, length: length, field: checksum)
    else { return nil }
    return (checksum, expected)
  }
}
