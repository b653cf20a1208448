/// Why an expression is no filter, and where.
public struct FilterError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// What could have stood there, and what does: `nil` for the end.
    case expected(String, found: String?)
    /// A character that begins nothing.
    case unknownCharacter(String)
    /// It may say more than ours, but not that: in words.
    case unsupported(String)
    /// What is written cannot be meant: in words.
    case invalid(String)
    /// Nothing could pass the filter.
    case matchesNothing
  }

  public let expression: String
  /// In bytes from the start of the expression: where it went wrong.
  public let range: Range<Int>
  public let reason: Reason

  init(_ expression: String, at range: Range<Int>, _ reason: Reason) {
    self.expression = expression
    self.range = range
    self.reason = reason
  }
}

extension FilterError: CustomStringConvertible {
  /// Without control characters, which an expression may have, and not longer than a terminal is wide a few times.
  public var message: String {
    let message =
      switch reason {
      case .expected(let what, let found?): "expected \(what), found '\(found)'"
      case .expected(let what, nil): "expected \(what), found the end"
      case .unknownCharacter(let character): "'\(character)' begins nothing that a filter may have"
      case .unsupported(let what), .invalid(let what): what
      case .matchesNothing: "no packet can match this filter"
      }
    let longest = 400
    var text = String.UnicodeScalarView()
    for scalar in message.unicodeScalars.prefix(longest) {
      text.append(scalar.properties.generalCategory == .control ? "." : scalar)
    }
    return String(text) + (message.unicodeScalars.count > longest ? "..." : "")
  }

  /// One line, for logs. Columns count from 1.
  public var description: String { "filter, column \(range.lowerBound + 1): \(message)" }

  /// With the part of the expression that it is about, and a mark below.
  public var report: String {
    let bytes = Array(expression.utf8)
    let (before, width) = (30, 72)
    let start = max(0, min(range.lowerBound, bytes.count) - before)
    let shown = bytes[start...].prefix(width).map { $0 < 0x20 || $0 > 0x7e ? UInt8(ascii: ".") : $0 }
    let (left, right) = (start > 0 ? "..." : "", start + width < bytes.count ? "..." : "")
    let indent = String(repeating: " ", count: left.utf8.count + range.lowerBound - start)
    let length = max(1, min(range.count, width - (range.lowerBound - start)))
    return "\(description)\n  \(left)\(String(decoding: shown, as: UTF8.self))\(right)\n  \(indent)"
      + String(repeating: "^", count: length)
  }
}
