/// Cuts an expression into its words, each as long as it can be: `80-90` is one, `80 - 90` are three.
struct FilterLexer {
  private let expression: String
  private let bytes: [UInt8]
  private var position = 0

  static func tokens(of expression: String) throws(FilterError) -> [FilterToken] {
    var lexer = FilterLexer(expression)
    var tokens: [FilterToken] = []
    while let token = try lexer.next() { tokens.append(token) }
    return tokens
  }

  private init(_ expression: String) {
    self.expression = expression
    bytes = Array(expression.utf8)
  }

  private mutating func next() throws(FilterError) -> FilterToken? {
    while position < bytes.count, isSpace(bytes[position]) { position += 1 }
    guard position < bytes.count else { return nil }
    let start = position
    let kind = try word() ?? symbol()
    guard let kind else {
      let character = String(decoding: bytes[start...].prefix(4), as: UTF8.self).prefix(1)
      throw FilterError(expression, at: start..<start + character.utf8.count, .unknownCharacter(String(character)))
    }
    return FilterToken(kind: kind, range: start..<position)
  }

  private mutating func symbol() -> FilterToken.Kind? {
    let second = position + 1 < bytes.count ? bytes[position + 1] : nil
    guard let (symbol, length) = FilterSymbol.beginning(bytes[position], second) else { return nil }
    position += length
    return .symbol(symbol)
  }

  private mutating func word() throws(FilterError) -> FilterToken.Kind? {
    let start = position
    if bytes[start] == UInt8(ascii: "\\") {
      let end = bytes[(start + 1)...].firstIndex { [0x20, 0x09, 0x0a, 0x21, 0x28, 0x29].contains($0) } ?? bytes.count
      guard end > start + 1 else { return nil }
      position = end
      return .name(String(decoding: bytes[start + 1..<end], as: UTF8.self))
    }
    let end = nameEnd
    // What has colons: nothing else may be as long.
    if let (kind, end) = address(noShorterThan: end) {
      position = end
      return kind
    }
    guard end > start else { return nil }
    position = end
    if isDigit(bytes[start]), let number = try number(start..<end) { return number }
    let text = String(decoding: bytes[start..<end], as: UTF8.self)
    if let keyword = FilterKeyword(word: text) { return .keyword(keyword) }
    if let constant = FilterKeyword.constants[text] { return .number(constant) }
    return .name(text)
  }

  /// Where a name that begins here ends: it has letters, digits and `-_.`, and ends with none of `-_`.
  private var nameEnd: Int {
    guard isAlphanumeric(bytes[position]) else { return position }
    var end = position
    while end < bytes.count, isAlphanumeric(bytes[end]) || isDash(bytes[end]) || bytes[end] == UInt8(ascii: ".") {
      end += 1
    }
    while isDash(bytes[end - 1]) { end -= 1 }
    return end
  }

  /// `80`, `0x50`, `0120`; `10.1`, `10.1.2.3`
  private func number(_ range: Range<Int>) throws(FilterError) -> FilterToken.Kind? {
    if let decimal = decimal(range) { return decimal }
    let parts = bytes[range].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count <= 4, parts.allSatisfy(Self.looksLikeNumber) else { return nil }
    guard parts.count > 1 else { return .number(try value(parts[0], at: range)) }
    // Digits here are decimal, whatever they begin with.
    let numbers = parts.map { UInt32(String(decoding: $0, as: UTF8.self)) ?? .max }
    guard numbers.allSatisfy({ $0 <= 255 }) else {
      let text = String(decoding: bytes[range], as: UTF8.self)
      throw FilterError(expression, at: range, .invalid("'\(text)' is no IPv4 address: each part is 255 at most"))
    }
    return .ipv4(DottedNumber(numbers))
  }

  /// The same for what needs no second look: decimal digits, and parts that fit.
  private func decimal(_ range: Range<Int>) -> FilterToken.Kind? {
    var (value, part, partCount, digitCount): (UInt32, UInt32, Int, Int) = (0, 0, 1, 0)
    for index in range {
      if bytes[index] == UInt8(ascii: ".") {
        guard digitCount > 0, part <= 255, partCount < 4 else { return nil }
        value = value << 8 | part
        (part, partCount, digitCount) = (0, partCount + 1, 0)
      } else {
        guard isDigit(bytes[index]), digitCount < 9 else { return nil }
        part = part * 10 + UInt32(bytes[index] - 0x30)
        digitCount += 1
      }
    }
    guard digitCount > 0 else { return nil }
    guard partCount > 1 else {
      // One alone that begins with 0 is octal.
      return digitCount > 1 && bytes[range.lowerBound] == UInt8(ascii: "0") ? nil : .number(part)
    }
    guard part <= 255 else { return nil }
    return .ipv4(DottedNumber(value: value << 8 | part, partCount: partCount))
  }

  private static func hasHexadecimalPrefix(_ text: ArraySlice<UInt8>) -> Bool {
    text.starts(with: "0x".utf8) || text.starts(with: "0X".utf8)
  }

  private static func looksLikeNumber(_ text: ArraySlice<UInt8>) -> Bool {
    if hasHexadecimalPrefix(text) { return text.count > 2 && text.dropFirst(2).allSatisfy(isHexadecimal) }
    return !text.isEmpty && text.allSatisfy(isDigit)
  }

  private func value(_ text: ArraySlice<UInt8>, at range: Range<Int>) throws(FilterError) -> UInt32 {
    let isHexadecimal = Self.hasHexadecimalPrefix(text)
    let isOctal = !isHexadecimal && text.first == UInt8(ascii: "0") && text.count > 1
    if isOctal, text.contains(where: { $0 > UInt8(ascii: "7") }) {
      throw FilterError(expression, at: range, .invalid("a number that begins with 0 is octal, which has no 8 and 9"))
    }
    let digits = String(decoding: isHexadecimal ? text.dropFirst(2) : text, as: UTF8.self)
    guard let value = UInt32(digits, radix: isHexadecimal ? 16 : isOctal ? 8 : 10) else {
      let text = String(decoding: text, as: UTF8.self)
      throw FilterError(expression, at: range, .invalid("\(text) does not fit into 32 bits"))
    }
    return value
  }

  /// An Ethernet or IPv6 address, and where it ends.
  /// - Parameter least: where it has to end, or further.
  private func address(noShorterThan least: Int) -> (FilterToken.Kind, end: Int)? {
    guard isHexadecimal(bytes[position]) || bytes[position...].starts(with: "::".utf8) else { return nil }
    let run = addressRun
    if run.endIndex < bytes.count, bytes[run.endIndex] == UInt8(ascii: "-") {
      let dashed = bytes[position...].prefix(64).prefix { isHexadecimal($0) || $0 == UInt8(ascii: "-") }
      if let ethernet = Self.ethernet(dashed, separator: "-"), dashed.endIndex >= least {
        return (.ethernet(ethernet), dashed.endIndex)
      }
    }
    // An access may follow directly: `ether[0:1]` has a colon of its own, which no address ends with.
    for end in stride(from: run.endIndex, to: max(run.startIndex, least - 1), by: -1) {
      let text = bytes[run.startIndex..<end]
      let found =
        Self.ethernet(text, separator: ":") ?? Self.ethernet(text, separator: ".") ?? Self.ethernet(quads: text)
        ?? Self.ethernet(digits: text)
      if let found { return (.ethernet(found), end) }
      if text.contains(UInt8(ascii: ":")), let ipv6 = IPv6Text.bytes(of: text) { return (.ipv6(ipv6), end) }
    }
    return nil
  }

  /// As far as an address may go: three colons in a row, or more than eight of them, are in none. What follows is looked at
  /// once, and not with each word again.
  private var addressRun: ArraySlice<UInt8> {
    let (colonLimit, longest) = (8, 64)
    var (end, colons, row) = (position, 0, 0)
    while end < bytes.count, end - position < longest {
      if bytes[end] == UInt8(ascii: ":") {
        (colons, row) = (colons + 1, row + 1)
        guard colons <= colonLimit, row <= 2 else { break }
      } else {
        guard isHexadecimal(bytes[end]) || bytes[end] == UInt8(ascii: ".") else { break }
        row = 0
      }
      end += 1
    }
    return bytes[position..<end]
  }

  /// `0:1b:21:5:66:f7`
  private static func ethernet(_ text: ArraySlice<UInt8>, separator: Unicode.Scalar) -> [UInt8]? {
    guard text.count(where: { $0 == UInt8(ascii: separator) }) == 5 else { return nil }
    let parts = text.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
    guard parts.count == 6, parts.allSatisfy({ (1...2).contains($0.count) && $0.allSatisfy(isHexadecimal) }) else {
      return nil
    }
    return parts.compactMap { UInt8(String(decoding: $0, as: UTF8.self), radix: 16) }
  }

  /// `001b.2105.66f7`
  private static func ethernet(quads text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count == 14 else { return nil }
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ $0.count == 4 && $0.allSatisfy(isHexadecimal) }) else { return nil }
    return ethernet(digits: Array(parts.joined())[...])
  }

  /// `001b210566f7`
  private static func ethernet(digits text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count == 12, text.allSatisfy(isHexadecimal) else { return nil }
    return stride(from: text.startIndex, to: text.endIndex, by: 2).compactMap {
      UInt8(String(decoding: text[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
  }
}

private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

private func isDash(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") }

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isAlphanumeric(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
}

private func isHexadecimal(_ byte: UInt8) -> Bool { hexadecimalDigit(byte) != nil }

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}

/// IPv6 addresses in text (RFC 4291, 2.2).
enum IPv6Text {
  static func bytes(of text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count <= 45 else { return nil }
    let colon = UInt8(ascii: ":")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    // How many bytes stand before `::`.
    var gap: Int?
    var index = text.startIndex
    if text.starts(with: "::".utf8) { (gap, index) = (0, index + 2) }
    while index < text.endIndex {
      let start = index
      var group: UInt16 = 0
      while index < text.endIndex, index < start + 4, let digit = hexadecimalDigit(text[index]) {
        (group, index) = (group << 4 | UInt16(digit), index + 1)
      }
      if text[start...].prefix(while: isDigit).endIndex == text[start...].firstIndex(of: UInt8(ascii: ".")) {
        guard let octets = octets(text[start...]) else { return nil }
        bytes += octets
        break
      }
      guard index > start else { return nil }
      bytes += [UInt8(group >> 8), UInt8(truncatingIfNeeded: group)]
      guard index < text.endIndex else { break }
      guard text[index] == colon, index + 1 < text.endIndex else { return nil }
      index += 1
      if text[index] == colon {
        guard gap == nil else { return nil }
        (gap, index) = (bytes.count, index + 1)
      }
    }
    guard let gap else { return bytes.count == 16 ? bytes : nil }
    // `::` stands for at least one group.
    guard bytes.count <= 14 else { return nil }
    bytes.insert(contentsOf: repeatElement(0, count: 16 - bytes.count), at: gap)
    return bytes
  }

  /// The IPv4 address that the last four bytes may be written as.
  private static func octets(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let octets = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
      .compactMap { UInt8(String(decoding: $0, as: UTF8.self)) }
    return octets.count == 4 && text.count(where: { $0 == UInt8(ascii: ".") }) == 3 ? octets : nil
  }
}
