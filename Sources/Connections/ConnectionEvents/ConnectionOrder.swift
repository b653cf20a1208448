/// Puts records of several processors into the order of their times, and joins those that belong together.
///
/// A socket that was closed, and then gets data, answers with a reset: the kernel ends it as if the other side had reset it,
/// and tells of its own reset only afterwards. So each record should be held back for as long as that may take.
package struct ConnectionOrder: ~Copyable {
  private var waiting: [ConnectionRecord] = []
  private var isSorted = true
  /// In nanoseconds; far longer than the kernel needs between the two.
  package static let patience: UInt64 = 2_000_000

  package init() {}

  package var isEmpty: Bool { waiting.isEmpty }

  package mutating func add(_ record: ConnectionRecord) {
    waiting.append(record)
    isSorted = false
  }

  /// Hands out what is old enough, in order.
  /// - Parameter time: of CLOCK_MONOTONIC, in nanoseconds, by ``patience`` before the last records were read; `nil` for all
  ///   that there is.
  package mutating func release(until time: UInt64?, _ body: (ConnectionRecord) -> Void) {
    if !isSorted { sort() }
    let limit = time ?? .max
    guard let first = waiting.first, first.time <= limit else { return }
    let count = waiting.firstIndex { $0.time > limit } ?? waiting.count
    for record in waiting[..<count] where record.event != .aborted { body(record) }
    waiting.removeFirst(count)
  }

  private mutating func sort() {
    waiting.sort { $0.time < $1.time }
    for (index, record) in waiting.enumerated() where record.event == .aborted {
      let end = waiting[..<index].lastIndex { $0.socket == record.socket && $0.event == .closed }
      if let end { waiting[end].flags.insert(.resetSent) }
    }
    isSorted = true
  }
}
