/// Which file packets go into where there are several, as tcpdump's `-C`, `-G` and `-W` have it. A value: it opens nothing
/// and reads no clock.
///
///     -C                 name, name1, name2 ...
///     -C -W 20           name00, name01 ... name19, name00 ...
///     -G                 name with its time, for each interval anew
///     -G -W 20           the same, twenty times, and then the end
///     -C -G              name with its time, name with its time and 1 ...: numbers begin again with each interval
///     -C -G -W 20        the same with 00 ... 19; there is no end
package struct CaptureFileSequence: Hashable, Sendable {
  package struct Limits: Hashable, Sendable {
    /// `-C`: what is behind a file of more bytes goes into the next.
    package var byteCount: Int?
    /// `-G`: after so many seconds there is another file.
    package var seconds: Int?
    /// `-W`
    package var fileCount: Int?

    package init(byteCount: Int? = nil, seconds: Int? = nil, fileCount: Int? = nil) {
      precondition([byteCount, seconds, fileCount].allSatisfy { $0 ?? 1 > 0 }, "a limit is 1 or more")
      (self.byteCount, self.seconds, self.fileCount) = (byteCount, seconds, fileCount)
    }
  }

  /// What comes after a moment.
  package enum Step: Hashable, Sendable {
    case stays
    /// Another file, of another name or the same.
    case next
    /// `-G` with `-W`: the file was the last.
    case ends
  }

  private let limits: Limits
  /// When the present interval began, in seconds since 1970: what the name of a file tells.
  package private(set) var start: Int
  private var intervalCount = 1
  /// Of the file in its interval, from 0 on.
  private var number = 0

  /// - Parameter now: seconds since 1970.
  package init(_ limits: Limits = Limits(), now: Int) {
    self.limits = limits
    start = now
  }

  /// Before a packet is written: whether it goes into the next file.
  package mutating func advance(byteCount: Int) -> Bool {
    guard let limit = limits.byteCount, byteCount > limit else { return false }
    number += 1
    if let count = limits.fileCount, number >= count { number = 0 }
    return true
  }

  /// With how many more bytes of a file that has so many ``advance(byteCount:)`` comes to the next; `nil` for any number.
  package func room(byteCount: Int) -> Int? { limits.byteCount.map { max($0 - byteCount, 0) + 1 } }

  /// - Parameter now: seconds since 1970.
  package mutating func advance(now: Int) -> Step {
    guard let seconds = limits.seconds else { return .stays }
    // The clock was set back: the interval begins with it.
    start = min(start, now)
    let over = (now - start) / seconds
    guard over > 0 else { return .stays }
    if limits.byteCount == nil, let count = limits.fileCount, intervalCount >= count { return .ends }
    intervalCount += 1
    // Where nobody looked for long, intervals are left out, and the next one begins when it should.
    start += over * seconds
    number = 0
    return .next
  }

  /// When the present interval is over, in seconds since 1970; `nil` for never.
  package var end: Int? { limits.seconds.map { start + $0 } }

  /// Whether the name is a format of strftime(3), to be filled in with ``start``.
  package var namesTellTheTime: Bool { limits.seconds != nil }

  /// What is behind the name.
  package var suffix: String {
    guard limits.byteCount != nil else { return "" }
    let digits = limits.fileCount.map { $0 > 1 ? "\($0 - 1)".count : 0 } ?? 0
    guard number > 0 || digits > 0 else { return "" }
    let text = "\(number)"
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
