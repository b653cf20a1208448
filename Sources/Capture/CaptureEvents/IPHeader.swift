import ByteReading

/// An IPv4 or IPv6 header with what follows it up to the transport's.
///
/// Fields that both versions have carry IPv4's name; the rest is read from the frame when printed.
package struct IPHeader: Hashable, Sendable {
  package enum Version: Hashable, Sendable { case none, v4, v6 }

  /// `.none` until a whole fixed header with a possible length was seen.
  package var version = Version.none
  package var offset = 0
  /// IPv4: with options, 20...60. IPv6: the fixed header, 40.
  package var headerLength = 0
  /// The length field: IPv4's counts the header, IPv6's does not.
  package var lengthField = 0
  /// Where the datagram ends by its own length, perhaps behind the end of the frame.
  package var end = Int.max
  /// How many bytes the datagram claims beyond the end of the frame on the wire.
  package var missing = 0
  /// The first protocol number: IPv4's protocol, IPv6's next header.
  package var protocolNumber: UInt8 = 0
  /// The protocol behind extension headers and AH.
  package var transportProtocol: UInt8 = 0
  package var payloadOffset = 0
  /// What the lengths leave for the transport. It wraps where they contradict each other, as tcpdump's does.
  package var payloadLength: UInt32 = 0
  /// In bytes, 0...65528.
  package var fragmentOffset = 0
  package var moreFragments = false
  /// IPv6: the length that a Jumbo Payload option gives instead of the length field's 0, at least 65536; 0 without.
  package var jumboLength = 0
  /// IPv6: there is a fragment header.
  package var hasFragmentHeader = false
  /// Where the fragment header lies, if there is one.
  package var fragmentHeaderOffset = 0
  /// IPv6: where a routing header lies that names the last destination, or 0.
  package var finalDestinationOffset = 0

  /// A checksum over the transport's bytes means something.
  var isWhole: Bool { !moreFragments && fragmentOffset == 0 }

  mutating func decodeIPv4(_ frame: RawSpan, at offset: Int, onWire: Int) throws(TruncatedError) -> Packet.End {
    self.offset = offset
    let first = try frame.readBigEndian(UInt8.self, at: offset)
    guard first >> 4 == 4 else { return .ipVersion(first >> 4) }
    guard 20 <= frame.byteCount - offset else { return .ipTruncated }
    headerLength = Int(first & 15) * 4
    guard headerLength >= 20 else { return .ipHeaderLength(headerLength) }
    lengthField = Int(try frame.readBigEndian(UInt16.self, at: offset + 2))
    missing = max(0, lengthField - onWire)
    guard lengthField >= headerLength else { return .ipTotalLength(lengthField) }
    version = .v4
    end = offset + lengthField
    let fragment = try frame.readBigEndian(UInt16.self, at: offset + 6)
    fragmentOffset = Int(fragment & 0x1fff) * 8
    moreFragments = fragment & 0x2000 != 0
    protocolNumber = try frame.readBigEndian(UInt8.self, at: offset + 9)
    transportProtocol = protocolNumber
    payloadOffset = offset + headerLength
    payloadLength = UInt32(lengthField - headerLength)
    guard fragmentOffset == 0 else { return .laterFragment }
    let captured = min(frame.byteCount, end)
    guard headerLength <= captured - offset else { return .ipOptionsTruncated }
    guard protocolNumber == IPProtocol.authentication else {
      return protocolNumber == IPProtocol.tcp ? .tcp : .otherTransport
    }
    return try skipExtensions(frame.extracting(0..<captured))
  }

  mutating func decodeIPv6(_ frame: RawSpan, at offset: Int, onWire: Int) throws(TruncatedError) -> Packet.End {
    self.offset = offset
    guard 40 <= frame.byteCount - offset else { return .ipTruncated }
    let first = try frame.readBigEndian(UInt8.self, at: offset)
    guard first >> 4 == 6 else { return .ipVersion(first >> 4) }
    version = .v6
    headerLength = 40
    lengthField = Int(try frame.readBigEndian(UInt16.self, at: offset + 4))
    protocolNumber = try frame.readBigEndian(UInt8.self, at: offset + 6)
    if lengthField == 0, protocolNumber == IPProtocol.hopByHopOptions {
      jumboLength = ExtensionHeader.jumboLength(in: frame, at: offset + 40)
    }
    let length = jumboLength > 0 ? jumboLength : lengthField
    missing = max(0, length + 40 - onWire)
    end = offset + 40 + length
    transportProtocol = protocolNumber
    payloadOffset = offset + 40
    payloadLength = UInt32(length)
    if protocolNumber == IPProtocol.tcp { return .tcp }
    guard ExtensionHeader.isKnown(protocolNumber) else { return .otherTransport }
    guard length > 0 else {
      // Nothing can follow, yet something is announced: look at what is there.
      end = frame.byteCount
      return .noPayload
    }
    return try skipExtensions(frame.extracting(0..<min(frame.byteCount, end)))
  }

  /// Follows the chain of extension headers to what they precede.
  private mutating func skipExtensions(_ datagram: RawSpan) throws(TruncatedError) -> Packet.End {
    for _ in 0..<ExtensionHeader.limit {
      guard ExtensionHeader.isKnown(transportProtocol) else {
        return transportProtocol == IPProtocol.tcp ? .tcp : .otherTransport
      }
      let kind = transportProtocol
      guard let header = ExtensionHeader(kind: kind, in: datagram, at: payloadOffset) else {
        return .extensionTruncated(kind)
      }
      if kind == IPProtocol.fragment {
        hasFragmentHeader = true
        fragmentHeaderOffset = payloadOffset
        let fragment = try datagram.readBigEndian(UInt16.self, at: payloadOffset + 2)
        fragmentOffset = Int(fragment & 0xfff8)
        moreFragments = fragment & 1 != 0
      } else if kind == IPProtocol.routing, finalDestinationOffset == 0 {
        finalDestinationOffset = header.finalDestinationOffset(in: datagram)
      }
      transportProtocol = header.next
      payloadOffset += header.length
      payloadLength &-= UInt32(header.length)
      if fragmentOffset != 0 { return .laterFragment }
    }
    return .tooManyExtensions
  }
}
