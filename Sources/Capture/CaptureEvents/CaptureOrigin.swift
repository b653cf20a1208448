/// What records of packets do not say themselves: all of one interface, read at one time. Public as ``CaptureRecord`` is.
public struct CaptureOrigin: Hashable, Sendable {
  /// The kernel's index of the interface.
  public let interface: UInt32
  /// The interface's number in the capture, from 0 on.
  public let number: UInt32
  /// From CLOCK_MONOTONIC to nanoseconds since 1970.
  public let clockOffset: UInt64

  package init(interface: UInt32, number: UInt32, clockOffset: UInt64) {
    self.interface = interface
    self.number = number
    self.clockOffset = clockOffset
  }

  /// Nanoseconds since 1970.
  @inlinable @inline(__always)
  public func nanoseconds(of record: CaptureRecord) -> Int64 {
    Int64(truncatingIfNeeded: record.time &+ clockOffset)
  }

  package func arrival(of record: CaptureRecord) -> PacketArrival {
    PacketArrival(
      nanoseconds: nanoseconds(of: record), interface: number, direction: record.direction,
      linkType: record.linkType, socketState: record.socketState)
  }
}
