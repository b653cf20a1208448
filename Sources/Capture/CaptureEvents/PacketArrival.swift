/// When and where a packet was seen, as far as its bytes do not say.
package struct PacketArrival: Hashable, Sendable {
  /// Since the epoch (CLOCK_REALTIME).
  package var nanoseconds: Int64
  /// The interface's number in the capture, from 0 on.
  package var interface: UInt32
  /// `nil` where a file does not tell.
  package var direction: CaptureRecord.Direction?
  /// What the packet begins with.
  package var linkType: LinkType
  /// Of the socket that it is for, where that is known.
  package var socketState: SocketState?

  package init(
    nanoseconds: Int64, interface: UInt32 = 0, direction: CaptureRecord.Direction? = .incoming,
    linkType: LinkType = .ethernet, socketState: SocketState? = nil
  ) {
    self.nanoseconds = nanoseconds
    self.interface = interface
    self.direction = direction
    self.linkType = linkType
    self.socketState = socketState
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
