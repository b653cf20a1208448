import ByteReading

/// What stands before the network's header: an Ethernet header or one that Linux or BSD puts in its place, VLAN tags,
/// and LLC.
///
///     0             6        12         14                     Ethernet
///     | destination | source | type     | tags ... | payload
///     | packet type, hardware type, address | type | tags ...  Linux cooked, 16 bytes
///     | type | interface, hardware type, packet type, address  Linux cooked, version 2, 20 bytes
///     | address family |                                       BSD loopback, 4 bytes
package struct LinkHeader: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case ethernet, linuxSLL, linuxSLL2, loopback
    /// Begins with the network's header.
    case none

    /// Without tags.
    var headerLength: Int {
      switch self {
      case .ethernet: 14
      case .linuxSLL: 16
      case .linuxSLL2: 20
      case .loopback: 4
      case .none: 0
      }
    }

    /// Where the type lies, for those that have one.
    var typeOffset: Int {
      switch self {
      case .ethernet: 12
      case .linuxSLL: 14
      case .linuxSLL2, .loopback, .none: 0
      }
    }
  }

  /// More tags than these are no traffic but an attempt on us.
  package static let tagLimit = 16

  package var kind = Kind.ethernet
  /// Each four bytes behind the fixed header: priority, drop eligible, VLAN identifier; then the next type.
  package var tagCount = 0
  /// The type behind the last tag, or SNAP's if that has Ethernet's types, in host order. 0 where it was not captured
  /// or there is none. Up to 1500: a length (IEEE 802.3), or Linux's number for something without a type.
  package var etherType: UInt16 = 0
  /// Where an LLC header begins, or 0.
  package var llcOffset = 0
  /// Where the network's header begins, perhaps behind what was captured.
  package var payloadOffset = 0
  /// Where 802.3's length ends the frame.
  package var end = Int.max

  /// Where a tag's priority and identifier lie.
  package func tagOffset(_ index: Int) -> Int { kind.headerLength + 4 * index }

  /// Where the type lies that says of a tag what it is.
  package func tagTypeOffset(_ index: Int) -> Int { index == 0 ? kind.typeOffset : tagOffset(index) - 2 }

  /// Decodes as much as there is.
  package init(_ frame: RawSpan, wireLength: Int, linkType: LinkType) {
    // What a missing byte leaves undecided stays 0.
    _ = try? decode(frame, wireLength: wireLength, linkType: linkType)
  }

  init() {}

  mutating func decode(
    _ frame: RawSpan, wireLength: Int, linkType: LinkType
  ) throws(TruncatedError) -> Packet.End {
    guard linkType != .ethernet else { return try decodeEthernet(frame, wireLength: wireLength) }
    switch linkType {
    case .linuxSLL: return try decodeCooked(frame, .linuxSLL)
    case .linuxSLL2: return try decodeCooked(frame, .linuxSLL2)
    case .null, .loop: return try decodeLoopback(frame)
    case let type where type.isRawIP:
      kind = .none
      switch try frame.read(UInt8.self, at: 0) >> 4 {
      case 4: etherType = EtherType.ipv4
      case 6: etherType = EtherType.ipv6
      default: return .notIP
      }
      return .tcp
    default:
      kind = .none
      return .linkType
    }
  }

  private mutating func decodeEthernet(_ frame: RawSpan, wireLength: Int) throws(TruncatedError) -> Packet.End {
    payloadOffset = 14
    guard frame.byteCount >= 14 else { return .linkTruncated }
    etherType = try frame.readBigEndian(UInt16.self, at: 12)
    while EtherType.isTag(etherType) {
      if let end = try decodeTag(frame) { return end }
    }
    guard etherType <= EtherType.maximumLength else { return .tcp }
    end = payloadOffset + min(Int(etherType), max(0, wireLength - payloadOffset))
    return try decodeLLC(frame.extracting(0..<min(frame.byteCount, end)))
  }

  /// Nil where it goes on behind the tag.
  private mutating func decodeTag(_ frame: RawSpan) throws(TruncatedError) -> Packet.End? {
    guard tagCount < Self.tagLimit else { return .tooManyTags }
    guard 4 <= frame.byteCount - payloadOffset else { return .vlanTruncated }
    etherType = try frame.readBigEndian(UInt16.self, at: payloadOffset + 2)
    tagCount += 1
    payloadOffset += 4
    return nil
  }

  /// `SOCK_DGRAM` packets of Linux, as libpcap writes them for `any` (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2).
  private mutating func decodeCooked(_ frame: RawSpan, _ kind: Kind) throws(TruncatedError) -> Packet.End {
    self.kind = kind
    payloadOffset = kind.headerLength
    guard frame.byteCount >= kind.headerLength else { return .linkTruncated }
    etherType = try frame.readBigEndian(UInt16.self, at: kind.typeOffset)
    while etherType == EtherType.vlan {
      if let end = try decodeTag(frame) { return end }
      if etherType <= EtherType.maximumLength { etherType = EtherType.linuxLLC }
    }
    guard etherType <= EtherType.maximumLength else { return .tcp }
    return etherType == EtherType.linuxLLC ? try decodeLLC(frame) : .notIP
  }

  private mutating func decodeLoopback(_ frame: RawSpan) throws(TruncatedError) -> Packet.End {
    kind = .loopback
    payloadOffset = kind.headerLength
    guard frame.byteCount >= kind.headerLength else { return .linkTruncated }
    switch try AddressFamily(frame) {
    case .ipv4: etherType = EtherType.ipv4
    case .ipv6: etherType = EtherType.ipv6
    default: return .notIP
    }
    return .tcp
  }

  /// An LLC header (IEEE 802.2), which goes on with SNAP or, as RFC 948 wanted it, with IP.
  private mutating func decodeLLC(_ frame: RawSpan) throws(TruncatedError) -> Packet.End {
    llcOffset = payloadOffset
    guard let header = LLCHeader(frame, at: llcOffset) else {
      payloadOffset = frame.byteCount
      return .llcTruncated
    }
    // Novell's frames have IPX right here.
    guard !header.isIPX else { return .notIP }
    payloadOffset += header.length
    guard !header.isIP else {
      etherType = EtherType.ipv4
      return .tcp
    }
    guard header.isSNAP else { return .notIP }
    guard 5 <= frame.byteCount - payloadOffset else {
      payloadOffset += 5
      return .llcTruncated
    }
    let organization = try frame.readBigEndian(UInt32.self, at: payloadOffset) >> 8
    let type = try frame.readBigEndian(UInt16.self, at: payloadOffset + 3)
    payloadOffset += 5
    guard LLCHeader.hasEtherTypes(organization) else { return .notIP }
    etherType = type
    return .tcp
  }
}
