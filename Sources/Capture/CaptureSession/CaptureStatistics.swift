internal import CaptureProgram
internal import LinuxCalls

/// What became of every packet. Two sums hold always:
/// `seen` = all of `passedOver` + `matched`, and `matched` = `delivered` + all of `lost`.
package struct CaptureStatistics: Sendable {
  /// Packets by cause; all causes, also those that never came up.
  package typealias Causes = [(cause: String, count: UInt64)]

  private let counters: CaptureCounters
  /// Matched packets that came after the last one asked for; they count as passed over.
  private let pastCount: UInt64
  /// Delivered packets whose line could not be written; they count as lost.
  private let notWritten: UInt64
  /// How long the capture has been running, in seconds.
  package let seconds: Double
  /// Where the packets were taken, such as `xdp-native`.
  package let via: String
  /// Whether each CPU has a ring of its own.
  private let usesPerfEvents: Bool

  init(
    counters: CaptureCounters, pastCount: UInt64, notWritten: UInt64, seconds: Double, via: String,
    usesPerfEvents: Bool = false
  ) {
    self.counters = counters
    self.pastCount = pastCount
    self.notWritten = notWritten
    self.seconds = seconds
    self.via = via
    self.usesPerfEvents = usesPerfEvents
  }

  package var seen: UInt64 { counters.seen }
  package var matched: UInt64 { counters.matched - pastCount }
  package var delivered: UInt64 { counters.delivered - pastCount - notWritten }
  package var passedOver: Causes {
    let kernel = zip(counters.names.passedOver, counters.passedOver).map { (cause: $0, count: $1) }
    return kernel + [("past_count", pastCount)]
  }
  package var lost: Causes {
    let kernel = zip(counters.names.lost, counters.lost).map { (cause: $0, count: $1) }
    return kernel + [("not_written", notWritten)]
  }

  /// What the programs lost on each CPU, those where it is nothing left out.
  private var lostByCPU: [(cpu: Int, count: UInt64)] {
    counters.lostByCPU.enumerated().filter { $0.element > 0 }.map { (cpu: $0.offset, count: $0.element) }
  }

  private var way: String { usesPerfEvents ? ", by perf events" : "" }

  /// The two sums for people, and how long and where.
  package var summary: String {
    let passedOverCount = Self.total(passedOver)
    let lostCount = Self.total(lost)
    return """
      \(delivered) packets captured, \(lostCount) lost, in \(Clock.text(seconds: seconds)) s via \(via)\(way)
      seen \(seen) = passed over \(passedOverCount)\(Self.list(passedOver)) + matched \(matched)
      matched \(matched) = delivered \(delivered) + lost \(lostCount)\(Self.list(lost))
      """
        + (usesPerfEvents && !lostByCPU.isEmpty
          ? "\nlost " + lostByCPU.map { "\($0.count) on CPU \($0.cpu)" }.joined(separator: ", ") : "")
  }

  /// The same on one line.
  package var line: String {
    "seen \(seen), passed over \(Self.total(passedOver)), matched \(matched), delivered \(delivered), "
      + "lost \(Self.total(lost))\(Self.list(lost)), \(Clock.text(seconds: seconds)) s"
  }

  /// `{"seen":N,"passed_over":{CAUSE:N},"matched":N,"delivered":N,"lost":{CAUSE:N},"seconds":S,"via":V}`; of perf events,
  /// which have a ring for each CPU, also `"transport":"perf","lost_by_cpu":{CPU:N}`.
  /// - Parameter connections: an object, `"connections"`, of what became of the news of connections.
  package func json(connections: String? = nil) -> String {
    let ofCPUs: Causes = lostByCPU.map { (cause: "\($0.cpu)", count: $0.count) }
    return "{\"seen\":\(seen),\"passed_over\":\(Self.object(passedOver)),\"matched\":\(matched),"
      + "\"delivered\":\(delivered),\"lost\":\(Self.object(lost)),\"seconds\":\(Clock.text(seconds: seconds)),"
      + "\"via\":\"\(via)\""
      + (usesPerfEvents ? ",\"transport\":\"perf\",\"lost_by_cpu\":\(Self.object(ofCPUs))" : "")
      + (connections.map { ",\"connections\":\($0)" } ?? "") + "}"
  }

  static func total(_ causes: Causes) -> UInt64 { causes.reduce(0) { $0 + $1.count } }

  /// ` (3 not_ip, 4 not_tcp)`, without the causes that never came up.
  static func list(_ causes: Causes) -> String {
    let some = causes.filter { $0.count > 0 }
    return some.isEmpty ? "" : " (" + some.map { "\($0.count) \($0.cause)" }.joined(separator: ", ") + ")"
  }

  static func object(_ causes: Causes) -> String {
    "{" + causes.map { "\"\($0.cause)\":\($0.count)" }.joined(separator: ",") + "}"
  }
}
