/// Addresses that a filter asks for: one, or a network's.
enum FilterHost: Hashable, Sendable {
  case ipv4(UInt32, mask: UInt32)
  /// Sixteen bytes.
  case ipv6([UInt8], prefixLength: UInt32)
  /// Six bytes.
  case ethernet([UInt8])
}
