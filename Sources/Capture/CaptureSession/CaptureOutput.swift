package import BPFLinks
package import CaptureEvents
package import CaptureFiles

/// Where the packets and the news of a capture go. All calls come from the thread that runs it.
package protocol CaptureOutput: ~Copyable {
  /// One more interface that packets come from, before its first packet. They are numbered from 0 in the order of these calls.
  mutating func interface(_ interface: CaptureInterface)
  /// Packets that have come are about to be read.
  /// - Parameter offset: how their times come from CLOCK_MONOTONIC, in nanoseconds.
  mutating func resume(offset: UInt64)
  /// A packet, whose bytes end with the call. Returns whether it was taken; what
  /// was, and could not be written, is in ``notWrittenCount``.
  /// - Parameters:
  ///   - wireLength: the whole packet, in bytes.
  ///   - arrival: with the number of the interface.
  mutating func packet(_ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool
  /// Several packets as the programs wrote them down, the first one of the interface. Those from the first on of another are
  /// left for the next call. Whoever has no quicker way has ``eachPacket(_:_:_:)``.
  /// - Parameters:
  ///   - memory: ends with the call.
  ///   - records: where a ``CaptureRecord`` lies in it; at least one.
  mutating func packets(_ memory: RawSpan, _ records: Span<Range<Int>>, _ origin: CaptureOrigin) -> TakenPackets
  /// No packet comes for a moment: what has been gathered can be written. Returns whether to go on.
  mutating func pause() -> Bool
  /// In how many milliseconds ``pause()`` has to be called again, also when nothing comes; `nil` for whenever.
  var pauseDueMilliseconds: Int? { get }
  /// How many of the packets that it took could not be written after all.
  var notWrittenCount: UInt64 { get }
  /// Something about an interface that the person watching should know.
  mutating func notice(_ notice: CaptureNotice)
  /// The counters, asked for by an interval or a signal.
  mutating func statistics(_ statistics: CaptureStatistics)
}

/// What became of packets on their way to an output.
package struct TakenPackets: Hashable, Sendable {
  package var taken = 0
  package var refused = 0

  package init() {}
}

extension CaptureOutput where Self: ~Copyable {
  /// ``packet(_:wireLength:_:)`` for one after the other.
  package mutating func eachPacket(
    _ memory: RawSpan, _ records: Span<Range<Int>>, _ origin: CaptureOrigin
  ) -> TakenPackets {
    var result = TakenPackets()
    for number in records.indices {
      let bytes = memory.extracting(records[number])
      let record = CaptureRecord(written: bytes)
      guard record.interface == origin.interface else { break }
      if packet(bytes.extracting(record.frameRange), wireLength: record.wireLength, origin.arrival(of: record)) {
        result.taken += 1
      } else {
        result.refused += 1
      }
    }
    return result
  }
}

package enum CaptureNotice: Sendable {
  /// The kernel has finished attaching; packets may have come before.
  case attached(CaptureAttachment)
  /// One of all interfaces cannot be captured on.
  case notAttached(AttachError)
  case interfaceIsDown(String)
  case interfaceIsUp(String)
  case interfaceIsGone(String)
}

/// How an interface is attached, or a function of the kernel.
package struct CaptureAttachment: Sendable {
  /// Its name.
  package let interface: String
  package let direction: CaptureRecord.Direction
  package let hook: Hook
  package let rung: Rung
  package let refusals: [Refusal]
  package let leftOversRemoved: [String]
}
