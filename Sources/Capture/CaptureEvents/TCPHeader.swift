import ByteReading

/// The fixed 20 bytes of a TCP header (RFC 9293, 3.1), in host order, and where its options lie.
package struct TCPHeader: Hashable, Sendable {
  package static let fixedLength = 20

  package var offset = 0
  package var sourcePort: UInt16 = 0
  package var destinationPort: UInt16 = 0
  package var sequenceNumber: UInt32 = 0
  package var acknowledgmentNumber: UInt32 = 0
  /// The data offset in bytes, 0...60.
  package var headerLength = 0
  package var flags = TCPFlags()
  package var window: UInt16 = 0
  package var checksum: UInt16 = 0
  package var urgentPointer: UInt16 = 0
  /// Header and data together, by IP's lengths.
  package var segmentLength: UInt32 = 0

  /// Bytes of data by the lengths; wraps if the header is longer than its segment.
  package var dataLength: UInt32 { segmentLength &- UInt32(headerLength) }
  package var optionsOffset: Int { offset + Self.fixedLength }
  package var optionsLength: Int { max(0, headerLength - Self.fixedLength) }

  mutating func decode(_ datagram: RawSpan, at offset: Int, length: UInt32) -> Packet.End {
    self.offset = offset
    segmentLength = length
    do throws(TruncatedError) {
      let ports = try datagram.readBigEndian(UInt32.self, at: offset)
      sourcePort = UInt16(truncatingIfNeeded: ports >> 16)
      destinationPort = UInt16(truncatingIfNeeded: ports)
    } catch {
      return .portsTruncated
    }
    do throws(TruncatedError) {
      // The last field first: then the whole fixed header is there.
      let last = try datagram.readBigEndian(UInt32.self, at: offset + 16)
      checksum = UInt16(truncatingIfNeeded: last >> 16)
      urgentPointer = UInt16(truncatingIfNeeded: last)
      sequenceNumber = try datagram.readBigEndian(UInt32.self, at: offset + 4)
      acknowledgmentNumber = try datagram.readBigEndian(UInt32.self, at: offset + 8)
      let word = try datagram.readBigEndian(UInt32.self, at: offset + 12)
      headerLength = Int(word >> 28) * 4
      flags = TCPFlags(rawValue: UInt16(truncatingIfNeeded: word >> 16) & 0xfff)
      window = UInt16(truncatingIfNeeded: word)
    } catch {
      return .tcpTruncated
    }
    guard headerLength >= Self.fixedLength else { return .tcpHeaderTooShort }
    guard UInt32(headerLength) <= length else { return .tcpHeaderTooLong }
    return .tcp
  }
}
