/// Packets that somebody who writes a filter may mean, and which it does not take.
package enum FilterLimit: Hashable, Sendable, CaseIterable {
  case taggedFrames
  case otherTagCounts
  case moreTags
  case extensionHeaders
  case anyExtensionHeader
  case moreExtensionHeaders
  case bytesOverIPv6
  case laterFragments
  case moreHeadersOfChain
  case behindAuthentication
  case tunnels
  case missingBytes

  package var text: String {
    switch self {
    case .taggedFrames: "frames with a VLAN tag: before 'vlan' all is asked of untagged frames"
    case .otherTagCounts:
      "other counts of VLAN tags: behind 'vlan' all is asked of frames with as many tags as it was said"
    case .moreTags: "what is behind more than two VLAN tags"
    case .extensionHeaders:
      "over IPv6, protocols behind extension headers, other than directly behind one fragment header"
    case .anyExtensionHeader: "over IPv6, ports and bytes behind any extension header, fragments' too"
    case .moreExtensionHeaders: "what is behind more than eight IPv6 extension headers"
    case .bytesOverIPv6: "bytes of tcp[...], udp[...] and the like over IPv6: they are asked of IPv4 only"
    case .laterFragments: "later fragments: only the first one has ports and the header's bytes"
    case .moreHeadersOfChain: "'protochain' behind more than eight headers"
    case .behindAuthentication:
      "'protochain' where other headers follow one of authentication, where libpcap loses its place"
    case .tunnels: "packets inside tunnels (IP in IP, GRE, VXLAN, ...): only the outermost headers are asked"
    case .missingBytes:
      "packets that end, or were cut, before a byte that is asked for: none is taken, behind 'not' neither"
    }
  }

  static func applying(to expression: FilterExpression, _ meaning: FilterMeaning) -> [FilterLimit] {
    var found: Set<FilterLimit> = []
    var tagCount = 0
    expression.forEachPrimitive { primitive in
      if case .vlan = primitive.kind { tagCount += 1 }
      found.formUnion(limits(of: Reach(primitive), meaning, tagCount: tagCount))
    }
    return allCases.filter(found.contains)
  }

  private static func limits(of reach: Reach, _ meaning: FilterMeaning, tagCount: Int) -> Set<FilterLimit> {
    var found: Set<FilterLimit> = []
    if reach.network {
      found.insert(.tunnels)
      if meaning.linkHeader.isEthernet {
        found.insert(!meaning.isExact ? .moreTags : tagCount == 0 ? .taggedFrames : .otherTagCounts)
      }
    }
    if reach.bytes { found.insert(.missingBytes) }
    if reach.transport { found.insert(.laterFragments) }
    if reach.chain {
      found.insert(.moreHeadersOfChain)
      if meaning.isExact { found.insert(.behindAuthentication) }
    }
    if reach.transport, meaning.isExact, reach.isBytesOfIPv4 { found.insert(.bytesOverIPv6) }
    guard reach.overIPv6 else { return found }
    switch (meaning.isExact, reach.transport) {
    case (false, _): found.insert(.moreExtensionHeaders)
    case (true, true): if !reach.isBytesOfIPv4 { found.insert(.anyExtensionHeader) }
    case (true, false): found.insert(.extensionHeaders)
    }
    return found
  }

  /// How far into packets a term reaches.
  private struct Reach {
    /// What follows the Ethernet header, or which kind that is.
    var network = false
    /// Bytes that a packet of the kind may lack.
    var bytes = false
    /// What follows the IP header.
    var transport = false
    /// Which protocol follows the IPv6 header.
    var overIPv6 = false
    /// Bytes that libpcap looks for behind IPv4 headers only.
    var isBytesOfIPv4 = false
    var chain = false

    init(_ primitive: FilterPrimitive) {
      switch primitive.kind {
      case .isProtocol(let name):
        network = true
        overIPv6 = Self.isOverIPv6(name)
      case .has(let qualifiers, _):
        if qualifiers.protocol != .link || qualifiers.kind == .protocol { network = true }
        switch qualifiers.kind {
        case .port?, .portRange?: (transport, overIPv6, bytes) = (true, true, true)
        case .protocol?: overIPv6 = qualifiers.protocol == nil || qualifiers.protocol == .ip6
        case .protocolChain?: chain = true
        case nil, .host?, .net?: bytes = network
        }
      case .broadcast(.ip?), .multicast(.ip?), .multicast(.ip6?): (network, bytes) = (true, true)
      case .relation(_, let left, let right):
        add(left)
        add(right)
      case .broadcast, .multicast, .less, .greater, .vlan, .inbound, .outbound: break
      }
    }

    private static func isOverIPv6(_ name: FilterProtocol) -> Bool {
      [.tcp, .udp, .sctp, .pim, .ah, .esp, .icmp6].contains(name)
    }

    private mutating func add(_ arithmetic: FilterArithmetic) {
      switch arithmetic {
      case .number, .length: break
      case .negated(let inner): add(inner)
      case .operation(_, let left, let right):
        add(left)
        add(right)
      case .bytes(let name, let at, _):
        add(at)
        bytes = true
        if name != .link { network = true }
        guard ![.link, .ip, .ip6, .arp, .rarp].contains(name) else { return }
        transport = true
        if FilterLimit.Reach.isOverIPv6(name) { overIPv6 = true }
        if name != .icmp6 { isBytesOfIPv4 = FilterLimit.Reach.isOverIPv6(name) }
      }
    }
  }
}
