import ByteReading

/// Writes BTF: types one after the other, strings each once.
package struct BTFEncoder {
  private var types: [UInt32] = []
  private var strings: [UInt8] = [0]
  private var stringOffsets: [String: UInt32] = ["": 0]
  package private(set) var typeCount = 0

  package init() {}

  /// The offset of a string, which is added if it is new.
  package mutating func string(_ text: String) -> UInt32 {
    if let offset = stringOffsets[text] { return offset }
    let offset = UInt32(strings.count)
    strings += Array(text.utf8) + [0]
    stringOffsets[text] = offset
    return offset
  }

  /// Adds a `struct btf_type` with what follows it.
  /// - Parameters:
  ///   - itemCount: how many members, values, parameters or variables follow; for a function its linkage.
  ///   - rest: size or referent, then the kind's own words.
  @discardableResult
  package mutating func add(
    name: String = "", kind: BTF.Kind, itemCount: Int = 0, flag: Bool = false, _ rest: [UInt32]
  ) -> BTF.TypeID {
    types += [string(name), kind.info(itemCount: itemCount, flag: flag)] + rest
    typeCount += 1
    return BTF.TypeID(rawValue: UInt32(typeCount))
  }

  /// A header, the types, the strings.
  package var bytes: [UInt8] {
    let types = [UInt8](littleEndian: types)
    return BTF.header(types: types, strings: strings) + types + strings
  }
}
