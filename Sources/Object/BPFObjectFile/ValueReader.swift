package import BPFTypes
import ByteReading

/// Values that somebody wrote as C would have them, in the form of a type: a number (also hexadecimal or negative), `true` or
/// `false`, an enumerator's name, for an array of characters a text.
package struct ValueReader {
  let path: String
  let text: String
  let btf: BTF

  func fail(_ why: String) -> ObjectFileError { ObjectFileError(.badAssignment(path: path, value: text, why)) }

  /// Follows `.member` and `[index]`. The offset is in bytes from where `type` begins.
  func part(of type: BTF.TypeID, _ path: Substring) throws(ObjectFileError) -> (BTF.TypeID, offset: Int) {
    var (type, rest, offset) = (type, path, 0)
    while let first = rest.first {
      let record = try inBTF { () throws(BTFError) in try btf.resolve(type) }
      if first == "." {
        let name = String(rest.dropFirst().prefix { $0 != "." && $0 != "[" })
        rest = rest.dropFirst(1 + name.count)
        guard record.isComposite, let member = try member(name, of: record) else { throw fail("has no member \(name)") }
        guard member.bitFieldSize == 0 else { throw fail("is a bit field, which cannot be set by itself") }
        offset += member.bitOffset / 8
        type = member.type
      } else {
        let digits = rest.dropFirst().prefix { $0 != "]" }
        guard first == "[", let index = Int(digits), record.kind == .array,
          rest.dropFirst(1 + digits.count).first == "]"
        else { throw fail("has an index that is none") }
        let array = try inBTF { () throws(BTFError) in try btf.array(record) }
        guard (0..<array.count).contains(index) else { throw fail("has \(array.count) elements only") }
        let size = try inBTF { () throws(BTFError) in try btf.size(of: array.element) }
        let (distance, overflow) = size.multipliedReportingOverflow(by: index)
        guard !overflow, distance < 1 << 32 else { throw fail("lies outside of the variable") }
        (type, offset) = (array.element, offset + distance)
        rest = rest.dropFirst(2 + digits.count)
      }
    }
    return (type, offset)
  }

  /// A member by its name, also one of an unnamed member.
  private func member(_ name: String, of record: BTF.Record, depth: Int = 0) throws(ObjectFileError) -> BTF.Member? {
    guard depth < BTF.depthLimit else { return nil }
    for member in try inBTF({ () throws(BTFError) in try btf.members(of: record) }) {
      if member.name == name { return member }
      guard member.name.isEmpty else { continue }
      let inner = try inBTF { () throws(BTFError) in try btf.resolve(member.type) }
      guard inner.isComposite, let found = try self.member(name, of: inner, depth: depth + 1) else { continue }
      return found.moved(by: member.bitOffset)
    }
    return nil
  }

  /// The value in the type's form.
  func bytes(of type: BTF.TypeID) throws(ObjectFileError) -> [UInt8] {
    let record = try inBTF { () throws(BTFError) in try btf.resolve(type) }
    switch record.kind {
    case .integer:
      let encoding = try inBTF { () throws(BTFError) in try btf.encoding(of: record) }
      if encoding.isBool { return try integer(boolean() ? 1 : 0, record.size, isSigned: false) }
      return try integer(number(), record.size, isSigned: encoding.isSigned)
    case .enumeration, .enumeration64:
      let enumerators = try inBTF { () throws(BTFError) in try btf.enumerators(of: record) }
      if let named = enumerators.first(where: { $0.name == text }) {
        return [UInt8](littleEndian: named.value, count: min(record.size, 8))
      }
      guard text.first.map({ $0.isNumber || $0 == "-" }) ?? false else {
        throw fail("is none of \(enumerators.map(\.name).joined(separator: ", "))")
      }
      return try integer(number(), record.size, isSigned: record.kindFlag)
    case .array:
      let (array, element) = try inBTF { () throws(BTFError) in
        let array = try btf.array(record)
        return (array, try btf.resolve(array.element))
      }
      guard element.kind == .integer, element.size == 1 else { throw fail("is an array; set its elements") }
      let bytes = Array(text.utf8)
      guard bytes.count < array.count, array.count < 1 << 24 else {
        throw fail("has room for \(max(array.count - 1, 0)) bytes")
      }
      return bytes + [UInt8](repeating: 0, count: array.count - bytes.count)
    case .structure, .union: throw fail("is a structure; set its members")
    default: throw fail("is no number, text or enumeration")
    }
  }

  private func boolean() throws(ObjectFileError) -> Bool {
    switch text {
    case "true", "1", "y", "yes", "on": return true
    case "false", "0", "n", "no", "off": return false
    default: throw fail("is neither true nor false")
    }
  }

  /// Sign and magnitude.
  private func number() throws(ObjectFileError) -> (magnitude: UInt64, isNegative: Bool) {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let value =
      digits.hasPrefix("0x") || digits.hasPrefix("0X") ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits)
    guard let value, digits.first?.isNumber ?? false else { throw fail("is no number") }
    return (value, isNegative)
  }

  private func integer(_ value: UInt64, _ size: Int, isSigned: Bool) throws(ObjectFileError) -> [UInt8] {
    try integer((value, false), size, isSigned: isSigned)
  }

  private func integer(
    _ value: (magnitude: UInt64, isNegative: Bool), _ size: Int, isSigned: Bool
  ) throws(ObjectFileError) -> [UInt8] {
    guard [1, 2, 4, 8].contains(size) else { throw fail("is a number of \(size) bytes") }
    let bits = UInt64(8 * size)
    let largest = isSigned ? (1 << (bits - 1)) - 1 : UInt64.max >> (64 - bits)
    let limit = value.isNegative ? (isSigned ? largest + 1 : 0) : largest
    guard value.magnitude <= limit else {
      throw fail("goes from \(isSigned ? "-\(largest + 1)" : "0") to \(largest)")
    }
    let number = value.isNegative ? 0 &- value.magnitude : value.magnitude
    return [UInt8](littleEndian: number, count: size)
  }
}

extension ValueReader {
  /// A whole value: as above, `MEMBER=VALUE,MEMBER=VALUE` for a structure, or `hex:0a1b` for any type and none.
  /// - Parameters:
  ///   - type: and the BTF that has it; `nil` for a value without a type, which is a number of 1, 2, 4 or 8 bytes or `hex:`.
  ///   - count: of bytes that the value has.
  package static func bytes(
    of text: String, as type: (btf: BTF, id: BTF.TypeID)?, count: Int
  ) throws(ObjectFileError) -> [UInt8] {
    func fail(_ why: String) -> ObjectFileError { ObjectFileError(.badAssignment(path: "the value", value: text, why)) }
    var bytes = [UInt8](repeating: 0, count: count)
    if text.hasPrefix("hex:") {
      let digits = text.dropFirst(4).compactMap(\.hexDigitValue)
      guard digits.count == 2 * count, digits.count == text.utf8.count(where: { $0 != 32 && $0 != 58 }) - 3 else {
        throw fail("takes \(count) bytes, two hexadecimal digits each")
      }
      for index in bytes.indices { bytes[index] = UInt8(digits[2 * index] << 4 | digits[2 * index + 1]) }
      return bytes
    }
    guard let (btf, id) = type else {
      let digits = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
      guard [1, 2, 4, 8].contains(count), let number = digits, count == 8 || number >> (8 * UInt64(count)) == 0 else {
        throw fail("has no type: write hex: and \(count) bytes")
      }
      return [UInt8](littleEndian: number, count: count)
    }
    let record: BTF.Record
    do { record = try btf.resolve(id) } catch { throw fail("\(error)") }
    let assignments =
      record.isComposite && text.contains("=")
      ? text.split(separator: ",").map { $0.split(separator: "=", maxSplits: 1).map(String.init) } : [["", text]]
    for assignment in assignments {
      guard assignment.count == 2 else { throw fail("is written MEMBER=VALUE,MEMBER=VALUE") }
      let path = assignment[0].isEmpty || assignment[0].hasPrefix("[") ? assignment[0] : "." + assignment[0]
      let reader = ValueReader(path: assignment[0], text: assignment[1], btf: btf)
      let (part, offset) = try reader.part(of: id, path[...])
      let value = try reader.bytes(of: part)
      guard offset >= 0, value.count <= count - offset else { throw fail("lies outside of the \(count) bytes") }
      bytes.replaceSubrange(offset..<offset + value.count, with: value)
    }
    return bytes
  }
}
