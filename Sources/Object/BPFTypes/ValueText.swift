/// Writes values as text (`pid=7 name="sh" address=[10, 0, 0, 1]`) or JSON, into bytes that are kept between calls.
public struct ValueText: Sendable {
  public enum Format: Sendable {
    case text, json
  }

  public let layout: ValueLayout
  public let format: Format

  private let isPart: Bool

  /// - Parameter isPart: of something else on the same line, so that a structure takes braces.
  public init(_ layout: ValueLayout, _ format: Format, isPart: Bool = false) {
    self.layout = layout
    self.format = format
    self.isPart = isPart
  }

  /// Appends what the bytes say.
  /// - Parameter bytes: a value of the type; what is missing at its end is `?`, or `null`.
  public func append(_ bytes: RawSpan, to text: inout [UInt8]) {
    var writer = Writer(isJSON: format == .json, text: text)
    if format == .text, !isPart, case .members(let members) = layout.shape {
      // The outermost structure needs no braces where a line is one value.
      var isFirst = true
      writer.write(members, bytes, at: 0, &isFirst)
    } else {
      writer.write(layout, bytes, at: 0)
    }
    text = writer.text
  }

  /// `0a 1b 2c`, for bytes without a type; in JSON a string.
  public static func append(hexadecimal bytes: RawSpan, _ format: Format, to text: inout [UInt8]) {
    if format == .json { text.append(UInt8(ascii: "\"")) }
    for index in 0..<bytes.byteCount {
      if index > 0, format == .text { text.append(UInt8(ascii: " ")) }
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      text.append(Writer.digit(byte >> 4))
      text.append(Writer.digit(byte & 15))
    }
    if format == .json { text.append(UInt8(ascii: "\"")) }
  }
}

private struct Writer {
  let isJSON: Bool
  var text: [UInt8]

  static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }

  mutating func write(_ layout: ValueLayout, _ bytes: RawSpan, at offset: Int) {
    switch layout.shape {
    case .members(let members):
      append("{")
      var isFirst = true
      write(members, bytes, at: offset, &isFirst)
      append("}")
    case .array(let element, let count):
      append("[")
      for index in 0..<count {
        // What is missing is said once.
        guard offset + index * element.byteCount < bytes.byteCount else {
          missing()
          break
        }
        if index > 0 { append(isJSON ? "," : ", ") }
        write(element, bytes, at: offset + index * element.byteCount)
      }
      append("]")
    case .text: write(characters: bytes, at: offset, count: layout.byteCount)
    case .opaque: append(isJSON ? "null" : "?")
    case .bits(let first, let count, let isSigned, let isBoolean):
      guard let raw = word(bytes, at: offset, count: layout.byteCount) else { return missing() }
      guard count > 0, count <= 64, first < 64, first + count <= 128 else { return missing() }
      let value = (raw >> UInt128(first)) & (UInt128(1) << UInt128(count) - 1)
      if isBoolean { return append(value != 0 ? "true" : "false") }
      write(value, bitCount: count, isSigned: isSigned)
    case .integer(let isSigned):
      guard let value = word(bytes, at: offset, count: layout.byteCount) else { return missing() }
      write(value, bitCount: layout.byteCount * 8, isSigned: isSigned)
    case .boolean:
      guard let value = word(bytes, at: offset, count: layout.byteCount) else { return missing() }
      append(value != 0 ? "true" : "false")
    case .pointer:
      guard let value = word(bytes, at: offset, count: 8) else { return missing() }
      let number = "0x" + String(UInt64(truncatingIfNeeded: value), radix: 16)
      append(isJSON ? "\"\(number)\"" : number)
    case .float: write(float: bytes, at: offset, count: layout.byteCount)
    case .enumeration(let names, let isSigned):
      guard let value = word(bytes, at: offset, count: layout.byteCount) else { return missing() }
      let wide = UInt64(truncatingIfNeeded: extended(value, bitCount: layout.byteCount * 8, isSigned: isSigned))
      guard let name = names[wide] else {
        return write(value, bitCount: layout.byteCount * 8, isSigned: isSigned)
      }
      append(isJSON ? "\"\(name)\"" : name)
    }
  }

  mutating func write(_ members: [ValueLayout.Member], _ bytes: RawSpan, at offset: Int, _ isFirst: inout Bool) {
    for member in members {
      if member.name.isEmpty, case .members(let inner) = member.layout.shape {
        write(inner, bytes, at: offset + member.offset, &isFirst)
        continue
      }
      if !isFirst { append(isJSON ? "," : " ") }
      isFirst = false
      append(isJSON ? "\"\(member.name)\":" : "\(member.name)=")
      write(member.layout, bytes, at: offset + member.offset)
    }
  }

  /// Up to 16 bytes, little-endian as in every BPF program here.
  private func word(_ bytes: RawSpan, at offset: Int, count: Int) -> UInt128? {
    guard offset >= 0, count > 0, count <= 16, offset <= bytes.byteCount - count else { return nil }
    var value: UInt128 = 0
    for index in (0..<count).reversed() {
      value = value << 8 | UInt128(unsafe bytes.unsafeLoad(fromByteOffset: offset + index, as: UInt8.self))
    }
    return value
  }

  private func extended(_ value: UInt128, bitCount: Int, isSigned: Bool) -> Int128 {
    let value = Int128(truncatingIfNeeded: value)
    guard isSigned, bitCount > 0, bitCount < 128 else { return value }
    return (value << Int128(128 - bitCount)) >> Int128(128 - bitCount)
  }

  private mutating func write(_ value: UInt128, bitCount: Int, isSigned: Bool) {
    append(isSigned ? String(extended(value, bitCount: bitCount, isSigned: true)) : String(value))
  }

  private mutating func write(float bytes: RawSpan, at offset: Int, count: Int) {
    guard let value = word(bytes, at: offset, count: count), count == 4 || count == 8 else { return missing() }
    let number =
      count == 4
      ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: value)))
      : Double(bitPattern: UInt64(truncatingIfNeeded: value))
    // JSON has no other numbers.
    append(isJSON && !number.isFinite ? "null" : "\(number)")
  }

  private mutating func write(characters bytes: RawSpan, at offset: Int, count: Int) {
    guard offset >= 0, offset <= bytes.byteCount else { return missing() }
    text.append(UInt8(ascii: "\""))
    let end = min(offset + count, bytes.byteCount)
    let isUnicode = isUnicode(bytes, offset..<end)
    for index in offset..<end {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      guard byte != 0 else { break }
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        text.append(UInt8(ascii: "\\"))
        text.append(byte)
      case 0x20..<0x7f: text.append(byte)
      case 0x80... where isUnicode: text.append(byte)
      default:
        // Neither a terminal nor a JSON parser is handed what may be no character.
        append(isJSON ? "\\u00" : "\\x")
        text.append(Self.digit(byte >> 4))
        text.append(Self.digit(byte & 15))
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// Whether the characters up to the NUL are UTF-8 with something beyond ASCII in it.
  private func isUnicode(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
    var characters: [UInt8] = []
    for index in range {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      guard byte != 0 else { break }
      // Nearly all are ASCII, and cost no memory here.
      if byte >= 0x80 || !characters.isEmpty { characters.append(byte) }
    }
    return !characters.isEmpty && String(validating: characters, as: UTF8.self) != nil
  }

  private mutating func missing() { append(isJSON ? "null" : "?") }
  private mutating func append(_ string: String) { text.append(contentsOf: string.utf8) }
}
