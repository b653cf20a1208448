internal import BPFLoader
internal import CaptureProgram

/// What the programs of a capture have counted, all interfaces together. Can be asked at any time, also while packets are
/// handed out.
package struct CaptureCounts: Sendable {
  let map: Map
  var names = CaptureProgram.Counters.capture

  package struct Totals: Sendable {
    package let seen: UInt64
    /// What the filter took.
    package let matched: UInt64
    /// Matched, and dropped before anybody could read it.
    package let lost: UInt64
  }

  /// `nil` where the counters cannot be read.
  package var totals: Totals? {
    guard let counters = try? read() else { return nil }
    return Totals(seen: counters.seen, matched: counters.matched, lost: counters.lost.reduce(0, &+))
  }

  func read() throws -> CaptureCounters {
    let key = [UInt8](repeating: 0, count: 4)
    // While packets come, a program may be between two counts; the next look finds another moment.
    for _ in 0..<1000 {
      if let counters = try? CaptureCounters(names, perCPU: try map.value(forKey: key)) { return counters }
    }
    throw CaptureSessionError.countersNeverBalance
  }
}

package enum CaptureSessionError: Error, CustomStringConvertible {
  case countersNeverBalance

  package var description: String {
    switch self {
    case .countersNeverBalance: "the program's counters did not add up in a thousand readings"
    }
  }
}
