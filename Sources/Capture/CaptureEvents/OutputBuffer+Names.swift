extension OutputBuffer {
  /// A name, or where there is none the number that stands for it, between two pieces of text: `unknown icmp6 type (200)`.
  mutating func append(
    _ name: StaticString?, or before: StaticString, _ number: some BinaryInteger, _ after: StaticString = ""
  ) {
    if let name { return append(name) }
    append(before)
    appendDecimal(Int(number))
    append(after)
  }
}

/// Names one behind the other, with commas between.
struct NameList {
  private var separator: StaticString = ""

  mutating func append(_ name: StaticString, if isThere: Bool, to out: inout OutputBuffer) {
    guard isThere else { return }
    out.append(separator)
    out.append(name)
    separator = ", "
  }
}
