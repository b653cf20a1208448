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
  ///   - info: as it stands in the record: flag, kind, number of items.
  ///   - rest: size or referent, then the kind's own words.
  @discardableResult
  package mutating func add(name: String = "", info: UInt32, _ rest: [UInt32]) -> BTF.TypeID {
    let offset = string(name)
    types += [offset, info] + rest
    typeCount += 1
    return BTF.TypeID(rawValue: UInt32(typeCount))
  }

  @discardableResult
  package mutating func add(
    name: String = "", kind: BTF.Kind, itemCount: Int = 0, flag: Bool = false, _ rest: [UInt32]
  ) -> BTF.TypeID {
    add(name: name, info: (flag ? 1 << 31 : 0) | UInt32(kind.rawValue) << 24 | UInt32(itemCount), rest)
  }

  /// A header of 24 bytes, the types, the strings.
  package var bytes: [UInt8] {
    func little(_ words: [UInt32]) -> [UInt8] {
      words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
    let magicVersionFlags: UInt32 = UInt32(BTF.magic) | 1 << 16
    let typeByteCount = UInt32(types.count * 4)
    return little([magicVersionFlags, 24, 0, typeByteCount, typeByteCount, UInt32(strings.count)]) + little(types)
      + strings
  }
}
