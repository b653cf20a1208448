/// What the clock on the wall showed when the kernel's monotonic clock showed something.
package struct WallClock: Sendable {
  /// From the monotonic clock to nanoseconds since 1970.
  package private(set) var offset: UInt64 = 0
  private var lookedAt: UInt64 = 0

  package init() { look() }

  /// Compares the two clocks, once a second: the one on the wall may be set while a capture runs.
  package mutating func look() {
    let monotonic = Clock.monotonic
    guard offset == 0 || monotonic - lookedAt > 1_000_000_000 else { return }
    let realtime = Clock.realtime
    // The moment between two readings of the one is the best guess at when the other was read.
    let middle = monotonic + (Clock.monotonic - monotonic) / 2
    let difference = realtime &- middle
    // Differences of a few microseconds come from reading, not from the clock, and would make times run backwards.
    if offset == 0 || distance(difference, offset) > 100_000 { offset = difference }
    lookedAt = monotonic
  }

  private func distance(_ one: UInt64, _ other: UInt64) -> UInt64 { one > other ? one - other : other - one }

  /// Nanoseconds since 1970.
  package func realtime(atMonotonic time: UInt64) -> UInt64 { time &+ offset }
}
