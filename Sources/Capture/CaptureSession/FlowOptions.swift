package import BPFLinks
package import FlowTable
package import PacketFilter

/// What counting flows is asked to do.
package struct FlowOptions: Sendable {
  /// As those of ``CaptureOptions``.
  package var xdpRungs = Rung.xdp
  package var classifierRungs = Rung.classifier
  package var direction = CaptureDirection.both
  package var filter: PacketFilter?
  /// How many flows there is room for.
  package var flowCount = 65_536
  /// One packet in so many is counted, at random.
  package var sample = 1
  /// How long to run, in seconds of the clock; `nil` for no limit.
  package var duration: Double?
  /// How often to read the map and show it, in seconds; `nil` for only at the end.
  package var interval: Double?

  package init() {}
}

/// Where flows are shown, and who says what to show. All calls come from the thread that runs the session.
package protocol FlowOutput: ~Copyable {
  /// The map has been read. Returns whether to go on.
  mutating func show(_ table: inout FlowTable, _ statistics: FlowStatistics, isLast: Bool) -> Bool
  /// Something has come on the input that the session watches. Returns whether to go on; what is shown is then shown again.
  mutating func input() -> Bool
  /// The terminal has changed its size (`SIGWINCH`), or its user wants to stop for a while (`SIGTSTP`).
  mutating func terminalSignal(_ signal: CInt)
  /// Something about an interface that the person watching should know.
  mutating func notice(_ notice: CaptureNotice)
  /// The counters, asked for by a signal.
  mutating func statistics(_ statistics: FlowStatistics)
}
