/// Addresses that a filter asks for: one, or a network's.
enum FilterHost: Hashable, Sendable {
  case ipv4(UInt32, mask: UInt32)
  /// Sixteen bytes.
  case ipv6([UInt8], prefixLength: UInt32)
  /// Six bytes.
  case ethernet([UInt8])
}

extension FilterHost {
  /// Whether the same bits of the same bytes are to be compared.
  func isAlike(_ other: FilterHost) -> Bool {
    switch (self, other) {
    case (.ipv4(_, let mask), .ipv4(_, let another)): mask == another
    case (.ipv6(_, let length), .ipv6(_, let another)): length == another
    case (.ethernet, .ethernet): true
    default: false
    }
  }
}
