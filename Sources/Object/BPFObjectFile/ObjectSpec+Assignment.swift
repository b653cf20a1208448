import BPFTypes
import ByteReading

// Variables set by what somebody wrote: `targ_pid`, `config.ports[2]`.
extension ObjectSpec {
  /// Sets a variable, or a part of one, to a value that is written as C would have it: a number (also hexadecimal or
  /// negative), `true` or `false`, an enumerator's name, for an array of characters a text.
  /// - Parameter path: a variable's name, then members and indices.
  /// - Throws: `ObjectFileError` naming the variable, its type and what does not fit.
  public mutating func set(_ path: String, toText text: String) throws(ObjectFileError) {
    let name = String(path.prefix { $0 != "." && $0 != "[" })
    guard let variable = variables.first(where: { $0.name == name }), let map = mapIndex(variable.map) else {
      throw ObjectFileError(.noSuchVariable(name: name, known: variables.map(\.name)))
    }
    guard let btf else { throw ObjectFileError(.missingBTF(neededFor: "setting the variable \(name)")) }
    let reader = AssignmentReader(path: path, text: text, btf: btf)
    let (type, offset) = try reader.part(of: variable.type, path.dropFirst(name.count))
    let bytes = try reader.bytes(of: type)
    let place = variable.offset + offset
    guard bytes.count <= variable.size - offset, offset >= 0, place + bytes.count <= Int(maps[map].valueSize) else {
      throw reader.fail("lies outside of the variable")
    }
    maps[map].replaceContents(at: place, with: bytes)
  }
}

private struct AssignmentReader {
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
