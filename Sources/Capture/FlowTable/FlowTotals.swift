internal import CaptureEvents

/// What is told of all flows together.
package struct FlowTotals: Hashable, Sendable {
  /// How many flows the map has room for.
  package var capacity: Int
  /// How many flows were forgotten for the sake of others.
  package var evicted: UInt64
  /// How many packets could not be counted.
  package var lost: UInt64
  /// How long has been counted, in seconds.
  package var seconds: Double

  package init(capacity: Int, evicted: UInt64, lost: UInt64, seconds: Double) {
    (self.capacity, self.evicted, self.lost, self.seconds) = (capacity, evicted, lost, seconds)
  }
}

extension FlowColumns {
  /// `12 flows (evicted 3), 340 packets (lost 0), 1.20MB, 12.3kB/s, room for 64 flows`, the more important first. The rate is that
  /// of the last interval.
  func write(_ totals: FlowTotals, _ table: borrowing FlowTable, into out: inout OutputBuffer) {
    out.appendDecimal(table.flows.count)
    out.append(table.flows.count == 1 ? " flow (evicted " : " flows (evicted ")
    out.appendDecimal(totals.evicted)
    out.append("), ")
    writeEstimate(table.packets, into: &out)
    out.append(" packets (lost ")
    out.appendDecimal(totals.lost)
    out.append("), ")
    writeEstimate(table.bytes, into: &out)
    out.append("B, ")
    writeEstimate(table.moment.perSecond(table.newBytes), into: &out)
    out.append("B/s, room for ")
    out.appendDecimal(totals.capacity)
    out.append(" flows")
  }
}
