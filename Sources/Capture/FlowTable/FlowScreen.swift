package import CaptureEvents

/// The table of flows as a terminal shows it: what is being counted, the totals, the flows that there is room for, and the keys.
package struct FlowScreen: Sendable {
  package struct Size: Hashable, Sendable {
    package var columns: Int
    package var rows: Int
    package init(columns: Int, rows: Int) {
      // What a terminal says may be nothing at all.
      self.columns = columns > 0 ? min(columns, 1000) : 80
      self.rows = rows > 0 ? min(rows, 1000) : 24
    }
  }

  package private(set) var sort: FlowTable.Sort
  package private(set) var isReversed: Bool
  private let title: String
  private let top: Int?
  /// How many flows have been scrolled past.
  private var skipped = 0
  private var visibleCount = 1
  private var count = 0

  /// - Parameters:
  ///   - title: of what is being counted.
  ///   - top: how many flows to show at most.
  package init(title: String, sort: FlowTable.Sort, isReversed: Bool = false, top: Int? = nil) {
    (self.title, self.sort, self.isReversed, self.top) = (title, sort, isReversed, top)
  }

  /// The other screen of the terminal, without a cursor and without going on in the next line; and back.
  package static let enter: StaticString = "\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l"
  package static let leave: StaticString = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"
  private static let help =
    "r rate  b bytes  p packets  t last  a age  o reverse  arrows scroll  q quit"

  /// Does what a key asks for. Returns whether to go on.
  package mutating func press(_ key: FlowKeyPress) -> Bool {
    switch key {
    case .sort(let sort): (self.sort, skipped) = (sort, 0)
    case .reverse: (isReversed, skipped) = (!isReversed, 0)
    case .up: skipped -= 1
    case .down: skipped += 1
    case .pageUp: skipped -= visibleCount
    case .pageDown: skipped += visibleCount
    case .first: skipped = 0
    case .redraw: break
    case .quit: return false
    }
    skipped = max(0, min(skipped, count - visibleCount))
    return true
  }

  /// Draws all of it, over what is there.
  /// - Parameters:
  ///   - columns: made for `size.columns`.
  ///   - news: something about an interface, in the place of the keys.
  package mutating func draw(
    _ table: inout FlowTable, _ totals: FlowTotals, _ columns: FlowColumns, _ size: Size, news: String? = nil,
    into out: inout OutputBuffer
  ) {
    count = min(table.flows.count, top ?? .max)
    visibleCount = max(1, size.rows - 4)
    skipped = max(0, min(skipped, count - visibleCount))
    out.append("\u{1b}[H")
    writeHead(totals, columns.sample, size, into: &out)
    var line = OutputBuffer()
    columns.write(totals, table, into: &line)
    end(line, size, into: &out)
    out.append("\u{1b}[7m")
    columns.writeTitles(sort: sort, isReversed: isReversed, into: &out)
    // In the colours of the line up to its end.
    out.append("\u{1b}[K\u{1b}[0m\r\n")
    let moment = table.moment
    var shown = 0
    table.forEach(
      by: sort, isReversed: isReversed, skipping: skipped, limit: min(visibleCount, count - skipped)
    ) { flow in
      columns.write(flow, in: moment, into: &out)
      out.append("\u{1b}[K\r\n")
      shown += 1
    }
    if shown == 0 {
      out.append("no packets yet\u{1b}[K\r\n")
      shown = 1
    }
    // The rest of the screen, and the last line.
    out.append("\u{1b}[J\u{1b}[")
    out.appendDecimal(size.rows)
    out.append("H\u{1b}[2m")
    out.append(Self.printable(news ?? Self.help, size.columns))
    out.append("\u{1b}[0m")
  }

  /// What is counted, and at the right for how long.
  private func writeHead(_ totals: FlowTotals, _ sample: UInt64, _ size: Size, into out: inout OutputBuffer) {
    var right = OutputBuffer()
    if sample > 1 {
      right.append("1 packet in ")
      right.appendDecimal(sample)
      right.append(" counted, ~ estimated  ")
    }
    right.append(durationOf: UInt64(max(0, min(totals.seconds, 1e9)) * 1e9))
    let room = max(0, size.columns - right.count - 1)
    let left = Self.printable(title, room)
    out.append("\u{1b}[1m")
    out.append(left)
    out.append("\u{1b}[0m")
    for _ in 0...(room - left.count) { out.append(" ") }
    right.withBytes { out.append($0.extracting(first: size.columns)) }
    out.append("\u{1b}[K\r\n")
  }

  private func end(_ line: borrowing OutputBuffer, _ size: Size, into out: inout OutputBuffer) {
    line.withBytes { out.append($0.extracting(first: size.columns)) }
    out.append("\u{1b}[K\r\n")
  }

  /// Names may come from anywhere.
  private static func printable(_ text: String, _ room: Int) -> [UInt8] {
    text.utf8.prefix(max(0, room)).map { 0x20..<0x7f ~= $0 ? $0 : UInt8(ascii: "?") }
  }
}
