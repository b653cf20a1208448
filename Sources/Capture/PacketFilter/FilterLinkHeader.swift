/// What frames began with before they were given to the filter, which always sees an Ethernet header: on other links one
/// with addresses of zeros and the type of what follows.
public enum FilterLinkHeader: Hashable, Sendable, CaseIterable {
  case ethernet
  /// The IP header at once, of either version, or an address family before it (BSD's loopback).
  case ip
  case ipv4
  case ipv6
  /// Linux cooked: a type, and no destination.
  case cooked

  /// Whether the header has the addresses and tags that Ethernet has.
  var isEthernet: Bool { self == .ethernet }

  /// What can follow; `nil` where a type says it.
  var protocols: Set<FilterProtocol>? {
    switch self {
    case .ethernet, .cooked: nil
    case .ip: [.ip, .ip6]
    case .ipv4: [.ip]
    case .ipv6: [.ip6]
    }
  }

  /// For messages: `on a link of ...`
  var name: String {
    switch self {
    case .ethernet: "Ethernet"
    case .ip: "raw IP"
    case .ipv4: "raw IPv4"
    case .ipv6: "raw IPv6"
    case .cooked: "Linux's cooked form"
    }
  }
}
