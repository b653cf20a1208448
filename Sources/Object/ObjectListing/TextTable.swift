/// Rows of text in columns as wide as their widest cell.
package struct TextTable {
  private var rows: [[String]] = []
  /// The columns whose text ends where the column does, as numbers want it.
  private let rightAligned: Set<Int>

  package init(_ header: [String], rightAligned: Set<Int> = []) {
    rows = [header]
    self.rightAligned = rightAligned
  }

  package mutating func append(_ row: [String]) { rows.append(row) }
  var isEmpty: Bool { rows.count == 1 }

  /// Each row on a line of its own, two blanks before it.
  package var text: String {
    let widths = (0..<(rows.map(\.count).max() ?? 0)).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = row.enumerated().map { (column, cell) in
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        return rightAligned.contains(column) ? blanks + cell : cell + blanks
      }
      let line = "  " + cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }
}

/// `0x1f`
func hexadecimal(_ number: some BinaryInteger) -> String { "0x" + String(number, radix: 16) }
