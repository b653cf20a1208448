internal import CaptureProgram
package import FlowTable
internal import LinuxCalls

/// What became of every packet, and of every flow. Beside the sums of ``CaptureStatistics``, with `counted` in the place of
/// `delivered`: `inserted` flows = those in the map + those `evicted`, and packets `counted` = those of flows in the map + those
/// of evicted ones.
package struct FlowStatistics: Sendable {
  private let counters: CaptureCounters
  private let flowCount: UInt64
  private let packets: UInt64
  private let evicted: UInt64
  private let capacity: Int
  /// One packet in so many was looked at.
  private let sample: Int
  private let seconds: Double
  private let via: String

  /// - Parameter evicted: when the map was last read; programs may have evicted more since.
  init(
    _ counters: CaptureCounters, _ table: borrowing FlowTable, evicted: UInt64, capacity: Int, sample: Int,
    seconds: Double, via: String
  ) {
    (self.counters, self.evicted, self.capacity, self.sample) = (counters, evicted, capacity, sample)
    (self.seconds, self.via) = (seconds, via)
    flowCount = UInt64(table.flows.count)
    packets = table.packets
  }

  private var passedOver: CaptureStatistics.Causes {
    zip(counters.names.passedOver, counters.passedOver).map { (cause: $0, count: $1) }
  }
  private var lost: CaptureStatistics.Causes { zip(counters.names.lost, counters.lost).map { (cause: $0, count: $1) } }
  private var counted: UInt64 { counters.delivered }
  private var evictedPackets: UInt64 { counted - min(packets, counted) }

  package var totals: FlowTotals {
    FlowTotals(capacity: capacity, evicted: evicted, lost: CaptureStatistics.total(lost), seconds: seconds)
  }

  /// The sums for people, and how long and where.
  package var summary: String {
    let lostCount = CaptureStatistics.total(lost)
    let sampled = sample > 1 ? ", 1 packet in \(sample) of those seen" : ""
    return """
      \(counted) packets counted\(sampled), \(lostCount) lost, in \(Clock.text(seconds: seconds)) s via \(via)
      seen \(counters.seen) = passed over \(CaptureStatistics.total(passedOver))\(CaptureStatistics.list(passedOver)) \
      + matched \(counters.matched)
      matched \(counters.matched) = counted \(counted) + lost \(lostCount)\(CaptureStatistics.list(lost))
      flows: inserted \(counters.inserted) = there \(flowCount) + evicted \(evicted) (room for \(capacity)); \
      packets: counted \(counted) = there \(packets) + evicted \(evictedPackets)\(advice)
      """
  }

  private var advice: String {
    evicted > 0 ? "\nevicted flows and their counts are gone; a larger --flows keeps more" : ""
  }

  /// The same on one line.
  package var line: String {
    "seen \(counters.seen), passed over \(CaptureStatistics.total(passedOver)), matched \(counters.matched), "
      + "counted \(counted), lost \(CaptureStatistics.total(lost))\(CaptureStatistics.list(lost)), "
      + "flows \(flowCount), evicted \(evicted), \(Clock.text(seconds: seconds)) s"
  }

  /// `{"seen":N,"passed_over":{CAUSE:N},"matched":N,"counted":N,"lost":{CAUSE:N},"inserted":N,"flows":N,"evicted":N,`
  /// `"evicted_packets":N,"capacity":N,"sampled":N,"seconds":S,"via":V}`
  package var json: String {
    "{\"seen\":\(counters.seen),\"passed_over\":\(CaptureStatistics.object(passedOver)),"
      + "\"matched\":\(counters.matched),\"counted\":\(counted),\"lost\":\(CaptureStatistics.object(lost)),"
      + "\"inserted\":\(counters.inserted),\"flows\":\(flowCount),\"evicted\":\(evicted),"
      + "\"evicted_packets\":\(evictedPackets),\"capacity\":\(capacity),\"sampled\":\(sample),"
      + "\"seconds\":\(Clock.text(seconds: seconds)),\"via\":\"\(via)\"}"
  }
}
