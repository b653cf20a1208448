internal import ByteReading
internal import ConnectionProgram
internal import LinuxCalls

/// What became of everything that the programs had to tell. Two sums hold always:
/// `seen` = `filteredOut` + `matched`, and `matched` = `delivered` + `ringFull` + `notWritten`.
package struct ConnectionStatistics: Sendable {
  package internal(set) var seen: UInt64
  package internal(set) var matched: UInt64
  package internal(set) var delivered: UInt64
  package internal(set) var filteredOut: UInt64
  package internal(set) var ringFull: UInt64
  package internal(set) var notWritten: UInt64 = 0
  /// Past the last one that was asked for; they count as passed over.
  package internal(set) var past: UInt64 = 0
  /// Connections whose beginning could not be kept, since the table was full; their ends are told of all the same.
  package internal(set) var untracked: UInt64
  /// Half-open connections of which nothing could be kept, and nothing will be told.
  package internal(set) var halfOpenUntracked: UInt64
  /// Entries of listening sockets that found no room: their connections' owners are known only when they are accepted.
  package internal(set) var listenersUntracked: UInt64
  /// How often the kernel left a program out, since it had not come to its end on that CPU: what came then was not seen.
  package internal(set) var missed: UInt64 = 0
  package internal(set) var seconds: Double = 0
  /// What the programs are attached to, such as `tp_btf+fexit`.
  package internal(set) var via = ""

  /// Adds up the value of the per-CPU map.
  init(perCPU bytes: [UInt8]) {
    var sums = [UInt64](repeating: 0, count: ConnectionProgram.counterCount)
    for (index, start) in stride(from: 0, to: bytes.count - 7, by: 8).enumerated() {
      sums[index % sums.count] &+= (try? bytes.read(UInt64.self, at: start)) ?? 0
    }
    (seen, matched, delivered, filteredOut) = (sums[0], sums[1], sums[2], sums[3])
    (ringFull, untracked, halfOpenUntracked, listenersUntracked) = (sums[4], sums[5], sums[6], sums[7])
  }

  var isBalanced: Bool { seen == filteredOut &+ matched && matched == delivered &+ ringFull }

  /// Whether something was lost or not seen, or a table was full.
  package var isIncomplete: Bool { lost + untracked + halfOpenUntracked + listenersUntracked + missed > 0 }

  private var lost: UInt64 { ringFull + notWritten }
  private var passedOver: UInt64 { filteredOut + past }

  /// For people.
  package var summary: String {
    """
    \(delivered) told, \(lost) lost, in \(Clock.text(seconds: seconds)) s via \(via)
    seen \(seen) = passed over \(passedOver) + matched \(matched)
    matched \(matched) = delivered \(delivered) + lost \(lost)\(causes)
    """ + shortfall
  }

  /// The same on one line.
  package var line: String {
    "seen \(seen), passed over \(passedOver), matched \(matched), delivered \(delivered), lost \(lost)\(causes), "
      + "\(Clock.text(seconds: seconds)) s\(shortfall.replacing("\n", with: "; "))"
  }

  private var causes: String {
    let some = [(ringFull, "ring_full"), (notWritten, "not_written")].filter { $0.0 > 0 }
    return some.isEmpty ? "" : " (" + some.map { "\($0.0) \($0.1)" }.joined(separator: ", ") + ")"
  }

  private var shortfall: String {
    (untracked > 0
      ? "\nof \(untracked) connections the beginning is unknown: the table was full (--connections)" : "")
      + (halfOpenUntracked > 0
        ? "\n\(halfOpenUntracked) half-open connections are not told of: their table was full (--half-open)" : "")
      + (listenersUntracked > 0
        ? "\n\(listenersUntracked) times a listening socket's owner was not noted: their table was full" : "")
      + (missed > 0
        ? "\n\(missed) times something was not seen: the kernel had interrupted the program in the middle" : "")
  }

  /// `{"seen":N,"passed_over":{CAUSE:N},"matched":N,"delivered":N,"lost":{CAUSE:N},"table_full":{TABLE:N},"missed":N,...}`
  package var json: String {
    "{\"seen\":\(seen),\"passed_over\":{\"filtered_out\":\(filteredOut),\"past_count\":\(past)},\"matched\":\(matched),"
      + "\"delivered\":\(delivered),\"lost\":{\"ring_full\":\(ringFull),\"not_written\":\(notWritten)},"
      + "\"table_full\":{\"connections\":\(untracked),\"half_open\":\(halfOpenUntracked),\"listeners\":\(listenersUntracked)},"
      + "\"missed\":\(missed),"
      + "\"seconds\":\(Clock.text(seconds: seconds)),\"via\":\"\(via)\"}"
  }
}
