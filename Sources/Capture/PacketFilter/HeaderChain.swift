/// A walk from an IP header over the headers that follow it, to one of a kind: `ip6 protochain 6`. It ends in the number of
/// the header that it was looking for, or of the last one that it came to.
struct HeaderChain: Hashable, Sendable {
  /// How many headers are stepped over at most.
  static let limit = 8

  let isIPv6: Bool
  let wanted: UInt32
  /// Where the IP header begins. With a constant place the walk is libpcap's: it takes a fragment header for one as long as
  /// its reserved byte says, goes on behind later fragments' headers, and takes the length of an authentication header for
  /// the place where it ends, counted from the IP header.
  let start: Load

  var isExact: Bool { start.base == .frame }
}
