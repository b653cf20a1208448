import ByteReading

/// An Ethernet II header with its VLAN tags.
///
///     0             6        12            12 + 4 * tagCount
///     | destination | source | tags ...    | etherType | payload
package struct EthernetHeader: Hashable, Sendable {
  /// More tags than these are no traffic but an attempt on us.
  package static let tagLimit = 16
  /// The fixed header, without tags.
  package static let length = 14

  /// Each four bytes, the first at offset 12: tag protocol, then priority, drop eligible, VLAN identifier.
  package var tagCount = 0
  /// The type behind the last tag, in host order; 0 where it was not captured.
  package var etherType: UInt16 = 0
  package var payloadOffset = EthernetHeader.length

  package static func tagOffset(_ index: Int) -> Int { 12 + 4 * index }

  mutating func decode(_ frame: RawSpan) throws(TruncatedError) -> Packet.End {
    guard frame.byteCount >= Self.length else { return .ethernetTruncated }
    etherType = try frame.readBigEndian(UInt16.self, at: 12)
    while EtherType.isTag(etherType) {
      guard tagCount < Self.tagLimit else { return .tooManyTags }
      guard 4 <= frame.byteCount - payloadOffset else { return .vlanTruncated }
      etherType = try frame.readBigEndian(UInt16.self, at: payloadOffset + 2)
      tagCount += 1
      payloadOffset += 4
    }
    return .tcp
  }
}
