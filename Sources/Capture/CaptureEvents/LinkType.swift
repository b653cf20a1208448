/// What a captured packet begins with: a LINKTYPE_ value of the registry that both formats share.
///
/// Any value can be read and written; `isUnderstood` says which ones are decoded and printed.
package struct LinkType: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt16

  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// LINKTYPE_NULL: BSD's loopback, an address family in the writer's byte order.
  package static let null = LinkType(rawValue: 0)
  /// LINKTYPE_ETHERNET.
  package static let ethernet = LinkType(rawValue: 1)
  /// LINKTYPE_RAW: begins with the IPv4 or IPv6 header.
  package static let raw = LinkType(rawValue: 101)
  /// LINKTYPE_LOOP: OpenBSD's loopback, an address family in network order.
  package static let loop = LinkType(rawValue: 108)
  /// LINKTYPE_LINUX_SLL: what Linux gives for `any`.
  package static let linuxSLL = LinkType(rawValue: 113)
  /// LINKTYPE_IPV4.
  package static let ipv4 = LinkType(rawValue: 228)
  /// LINKTYPE_IPV6.
  package static let ipv6 = LinkType(rawValue: 229)
  /// LINKTYPE_LINUX_SLL2.
  package static let linuxSLL2 = LinkType(rawValue: 276)

  /// LINKTYPE_RAW, and the numbers that it had on some systems: begins with IP, as its version says.
  var isRawIP: Bool {
    switch rawValue {
    case 12, 14, Self.raw.rawValue, Self.ipv4.rawValue, Self.ipv6.rawValue: true
    default: false
    }
  }

  /// `Packet` decodes it.
  package var isUnderstood: Bool {
    switch self {
    case .ethernet, .linuxSLL, .linuxSLL2, .null, .loop: true
    default: isRawIP
    }
  }

  private static let names: [LinkType: String] = [
    .null: "NULL", .ethernet: "ETHERNET", .raw: "RAW", .loop: "LOOP", .linuxSLL: "LINUX_SLL", .ipv4: "IPV4",
    .ipv6: "IPV6", .linuxSLL2: "LINUX_SLL2",
  ]
}

extension LinkType: CustomStringConvertible {
  package var description: String {
    Self.names[self].map { "LINKTYPE_\($0) (\(rawValue))" } ?? "link type \(rawValue)"
  }
}
