/// What a key means to the table of flows.
package enum FlowKeyPress: Hashable, Sendable {
  case sort(FlowTable.Sort)
  case reverse
  case up, down, pageUp, pageDown, first
  case redraw, quit
}

/// From a terminal's bytes to keys. A key of several bytes may come in pieces.
package struct FlowKeyReader: Sendable {
  /// The beginning of a key of several bytes.
  private var begun: [UInt8] = []

  package init() {}

  package mutating func read(_ bytes: some Sequence<UInt8>) -> [FlowKeyPress] { bytes.compactMap { read($0) } }

  /// A control sequence begins with ESC and `[` or `O`, and ends with its first byte from `@` on (ECMA-48).
  private mutating func read(_ byte: UInt8) -> FlowKeyPress? {
    let escape: UInt8 = 0x1b
    if byte == escape {
      begun = [byte]
      return nil
    }
    switch begun.count {
    case 0: return Self.keys[byte]
    case 1:
      begun = byte == UInt8(ascii: "[") || byte == UInt8(ascii: "O") ? begun + [byte] : []
      return nil
    default:
      // Longer ones are no keys that mean anything here.
      guard byte >= 0x40 || begun.count > 8 else {
        begun.append(byte)
        return nil
      }
      let parameters = begun.dropFirst(2)
      begun = []
      switch (byte, parameters.first) {
      case (UInt8(ascii: "A"), _): return .up
      case (UInt8(ascii: "B"), _): return .down
      case (UInt8(ascii: "H"), _): return .first
      case (UInt8(ascii: "~"), UInt8(ascii: "5")): return .pageUp
      case (UInt8(ascii: "~"), UInt8(ascii: "6")): return .pageDown
      case (UInt8(ascii: "~"), UInt8(ascii: "1")): return .first
      default: return nil
      }
    }
  }

  private static let keys: [UInt8: FlowKeyPress] = {
    let letters: [(Character, FlowKeyPress)] = [
      ("r", .sort(.rate)), ("b", .sort(.bytes)), ("p", .sort(.packets)), ("t", .sort(.last)), ("a", .sort(.age)),
      ("o", .reverse), ("k", .up), ("j", .down), ("g", .first), (" ", .pageDown), ("q", .quit), ("Q", .quit),
      // ^L; and ^C, ^D where the terminal makes no signal of them.
      ("\u{0c}", .redraw), ("\u{03}", .quit), ("\u{04}", .quit),
    ]
    return Dictionary(uniqueKeysWithValues: letters.map { ($0.0.asciiValue ?? 0, $0.1) })
  }()
}
