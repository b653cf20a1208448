/// When and where a packet was seen, as far as its bytes do not say.
package struct PacketArrival: Hashable, Sendable {
  /// Since the epoch (CLOCK_REALTIME).
  package var nanoseconds: Int64
  /// Index of the interface.
  package var interface: UInt32
  /// `nil` where a file does not tell.
  package var direction: CaptureRecord.Direction?
  /// What the packet begins with.
  package var linkType: LinkType

  package init(
    nanoseconds: Int64, interface: UInt32 = 0, direction: CaptureRecord.Direction? = .incoming,
    linkType: LinkType = .ethernet
  ) {
    self.nanoseconds = nanoseconds
    self.interface = interface
    self.direction = direction
    self.linkType = linkType
  }

  /// Whole seconds, rounded down, and the nanoseconds above them.
  var split: (seconds: Int64, nanoseconds: UInt32) {
    var (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    return (seconds, UInt32(rest))
  }
}
