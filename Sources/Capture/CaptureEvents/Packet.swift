import ByteReading

/// One frame, decoded: the headers' fields and where each header lies, up to where something ended it.
///
/// A value of fixed size, without references: decoding allocates nothing. All offsets are bytes from the start of the
/// frame. The bytes themselves stay in the frame, which printers get beside the packet.
package struct Packet: Sendable {
  /// Bytes of the frame that were captured.
  package var capturedLength: Int
  /// Bytes of the frame on the wire.
  package var wireLength: Int
  package var link = LinkHeader()
  package var network = IPHeader()
  package var tcp = TCPHeader()
  /// Why decoding ended where it did.
  package var end = End.tcp

  /// How far decoding went. What lies before the end is true, what lies after it was not looked at.
  package enum End: Hashable, Sendable {
    /// The whole fixed TCP header is there and its length is possible.
    case tcp
    /// Nothing that is understood: `LinkType.isUnderstood`.
    case linkType
    /// The frame was captured only to within its link header.
    case linkTruncated
    /// ... or its VLAN tags.
    case vlanTruncated
    /// More VLAN tags than `LinkHeader.tagLimit`.
    case tooManyTags
    /// The LLC header or SNAP's was not captured whole or does not lie in what the length says.
    case llcTruncated
    /// Neither IPv4 nor IPv6.
    case notIP
    /// The fixed IP header was not captured whole.
    case ipTruncated
    /// The version field contradicts the EtherType.
    case ipVersion(UInt8)
    /// IPv4: IHL says fewer than the 20 bytes that every header has.
    case ipHeaderLength(Int)
    /// IPv4: the total length is less than the header's.
    case ipTotalLength(Int)
    /// IPv4: the options were not captured whole.
    case ipOptionsTruncated
    /// IPv6: payload length 0 although extension headers follow.
    case noPayload
    /// A fragment other than the first: no transport header.
    case laterFragment
    /// An extension header (or AH) of this protocol number was not captured whole or runs past the datagram.
    case extensionTruncated(UInt8)
    /// More extension headers than `ExtensionHeader.limit`.
    case tooManyExtensions
    /// Whole IP headers, and another protocol than TCP behind them.
    case otherTransport
    /// Not even the ports were captured.
    case portsTruncated
    /// The ports were captured, the rest of the fixed header was not.
    case tcpTruncated
    /// The data offset says fewer than 20 bytes.
    case tcpHeaderTooShort
    /// The data offset says more than the segment has.
    case tcpHeaderTooLong
  }

  /// Where that begins which follows IP's header and its extension headers: the header of TCP, UDP, ICMP and so on.
  /// It may lie behind what was captured.
  package var transportOffset: Int { network.payloadOffset }

  /// Where the datagram ends in what was captured: what follows is padding.
  package var capturedEnd: Int { min(capturedLength, network.end, link.end) }
}

extension Packet {
  /// Decodes any bytes at all; what is wrong with them is in `end`.
  /// - Parameters:
  ///   - frame: from its first byte on, perhaps cut short.
  ///   - wireLength: the whole frame, in bytes.
  ///   - linkType: what the frame begins with.
  package init(frame: RawSpan, wireLength: Int, linkType: LinkType = .ethernet) {
    capturedLength = frame.byteCount
    self.wireLength = max(wireLength, frame.byteCount)
    do throws(TruncatedError) {
      end = .linkTruncated
      end = try link.decode(frame, wireLength: self.wireLength, linkType: linkType)
      try decodeNetwork(frame)
    } catch {
      // Each layer names the end that a missing byte means before it reads on.
    }
  }

  /// Decodes what another packet carries; there is no link header.
  /// - Parameters:
  ///   - payload: its first bytes, perhaps cut short; all offsets count from there.
  ///   - wireLength: how long the outer packet says that it is.
  init(payload: RawSpan, etherType: UInt16, wireLength: Int) {
    capturedLength = payload.byteCount
    self.wireLength = max(wireLength, payload.byteCount)
    link.kind = .none
    link.etherType = etherType
    do throws(TruncatedError) {
      try decodeNetwork(payload)
    } catch {
      // As above.
    }
  }

  private mutating func decodeNetwork(_ frame: RawSpan) throws(TruncatedError) {
    guard end == .tcp else { return }
    let offset = link.payloadOffset
    let onWire = max(0, min(wireLength, link.end) - offset)
    end = .ipTruncated
    switch link.etherType {
    case EtherType.ipv4:
      end = try network.decodeIPv4(frame.extracting(0..<min(capturedLength, link.end)), at: offset, onWire: onWire)
    case EtherType.ipv6:
      end = try network.decodeIPv6(frame.extracting(0..<min(capturedLength, link.end)), at: offset, onWire: onWire)
    default: end = .notIP
    }
    guard end == .tcp else { return }
    end = tcp.decode(frame.extracting(0..<capturedEnd), at: network.payloadOffset, length: network.payloadLength)
  }
}
