package import ByteReading

/// BPF Type Format: the types of an object file or a kernel (Documentation/bpf/btf.rst).
///
/// The bytes stay as they are; an index of where each type record begins is all that decoding makes. Records are read
/// on demand.
public struct BTF: Sendable {
  /// A type's number. 0 is `void`, types count from 1.
  public struct TypeID: Hashable, Sendable, RawRepresentable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let void = TypeID(rawValue: 0)
  }

  /// `BTF_KIND_*`
  public enum Kind: UInt8, Sendable {
    case integer = 1
    case pointer, array, structure, union, enumeration, forward, typedef, volatile, const, restrict
    case function, functionPrototype, variable, dataSection, float, declarationTag, typeTag, enumeration64
  }

  /// How chains of modifiers and nested types are bounded: the kernel's own limit on resolving (MAX_RESOLVE_DEPTH).
  package static let depthLimit = 32

  package private(set) var storage: SharedBytes
  let typesStart: Int
  let typesEnd: Int
  let stringsStart: Int
  let stringsEnd: Int
  /// Where the record of every fourth type begins that is not the base's, in bytes from the start: the others are a few
  /// steps away, and the index of a kernel's types stays small.
  let landmarks: [UInt32]
  static let typesPerLandmark = 4
  let ownTypeCount: Int
  /// What the BTF continues, for a module's: its types and strings come first in the counting.
  let base: [BTF]
  let baseTypeCount: Int
  let baseStringByteCount: Int

  static let magic: UInt16 = 0xeb9f

  /// Checks the header and finds every record.
  /// - Parameter base: for a module's BTF, the kernel's.
  public init(bytes: [UInt8], base: BTF? = nil) throws(BTFError) { try self.init(SharedBytes(bytes), base: base) }

  /// Checks the header and finds every record.
  /// - Parameter base: for a module's BTF, the kernel's.
  package init(_ bytes: SharedBytes, base: BTF? = nil) throws(BTFError) {
    func word(at offset: Int) throws(BTFError) -> UInt32 { try Self.read(UInt32.self, in: bytes, at: offset) }
    guard try Self.read(UInt16.self, in: bytes, at: 0) == Self.magic else { throw BTFError(.badMagic, at: 0) }
    guard try Self.read(UInt8.self, in: bytes, at: 2) == 1 else { throw BTFError(.unknownVersion, at: 2) }
    let headerLength = Int(try word(at: 4))
    guard headerLength >= 24, headerLength <= bytes.count else { throw BTFError(.badHeader, at: 4) }
    // All are below 2^32, so the sums cannot overflow.
    typesStart = headerLength + Int(try word(at: 8))
    typesEnd = typesStart + Int(try word(at: 12))
    stringsStart = headerLength + Int(try word(at: 16))
    stringsEnd = stringsStart + Int(try word(at: 20))
    guard typesEnd <= bytes.count, stringsEnd <= bytes.count else { throw BTFError(.badHeader, at: 8) }
    // A module's strings continue the kernel's, may be none, and need not begin with the empty one.
    let isEmpty = stringsEnd == stringsStart
    let first = isEmpty ? 0 : try Self.read(UInt8.self, in: bytes, at: stringsStart)
    let last = isEmpty ? 0 : try Self.read(UInt8.self, in: bytes, at: stringsEnd - 1)
    guard last == 0, base != nil || !isEmpty && first == 0 else { throw BTFError(.badStrings, at: stringsStart) }

    var landmarks: [UInt32] = []
    landmarks.reserveCapacity((typesEnd - typesStart) / (16 * Self.typesPerLandmark))
    let firstType = (base?.typeCount ?? 0) + 1
    let lengths = RecordLengths.all
    var (offset, count) = (typesStart, 0)
    while offset < typesEnd {
      guard let info = bytes.word(at: offset + 4) else {
        throw BTFError(.truncated, at: offset, type: firstType + count)
      }
      let byteCount = lengths[info]
      guard byteCount > 0 else {
        throw BTFError(.unknownKind(UInt8(info >> 24 & 31)), at: offset, type: firstType + count)
      }
      if count % Self.typesPerLandmark == 0 { landmarks.append(UInt32(offset)) }
      count += 1
      offset += byteCount
      guard offset <= typesEnd else { throw BTFError(.truncated, at: offset, type: firstType + count - 1) }
    }
    self.landmarks = landmarks
    ownTypeCount = count
    storage = bytes
    self.base = base.map { [$0] } ?? []
    baseTypeCount = base?.typeCount ?? 0
    baseStringByteCount = base.map { $0.baseStringByteCount + $0.stringsEnd - $0.stringsStart } ?? 0
  }

  /// The same types with some words replaced, which completing an object's BTF needs.
  package init(_ other: BTF, replacing words: [(offset: Int, value: UInt32)]) {
    self = other
    guard !words.isEmpty else { return }
    var bytes = other.storage.array
    for (offset, value) in words { bytes.store(UInt64(value), count: 4, at: offset) }
    storage = SharedBytes(bytes)
  }

  package var stringByteCount: Int { baseStringByteCount + stringsEnd - stringsStart }

  /// Where a string begins that reads as `text`.
  package func stringOffset(of text: String) throws(BTFError) -> UInt32? {
    let bytes = Array(text.utf8) + [0]
    var place = stringsStart
    while place < stringsEnd, let length = storage.cStringLength(at: place) {
      if length + 1 == bytes.count, storage.matches(bytes, at: place) {
        return UInt32(clamping: place - stringsStart + baseStringByteCount)
      }
      place += length + 1
    }
    return nil
  }

  /// The same types and one more.
  package func appending(_ addition: BTFAddition) throws(BTFError) -> BTF {
    let types = storage.array(typesStart..<typesEnd) + [UInt8](littleEndian: addition.words)
    let strings = storage.array(stringsStart..<stringsEnd) + (addition.string.map { Array($0.utf8) + [0] } ?? [])
    let flags = try Self.read(UInt8.self, in: storage, at: 3)
    return try BTF(bytes: Self.header(flags: flags, types: types, strings: strings) + types + strings)
  }

  /// `struct btf_header`: the strings follow the types, and these the header.
  static func header(flags: UInt8 = 0, types: [UInt8], strings: [UInt8]) -> [UInt8] {
    let typeByteCount = UInt32(truncatingIfNeeded: types.count)
    return [UInt8](littleEndian: [
      UInt32(magic) | 1 << 16 | UInt32(flags) << 24, 24, 0, typeByteCount, typeByteCount,
      UInt32(truncatingIfNeeded: strings.count),
    ])
  }

  /// A copy, as BPF_BTF_LOAD takes it.
  public var bytes: [UInt8] { storage.array }
  /// How many types there are, `void` not counted and a base's included.
  public var typeCount: Int { baseTypeCount + ownTypeCount }
  /// The types that are not a base's.
  public var ownTypes: Range<UInt32> { UInt32(baseTypeCount) + 1..<UInt32(typeCount) + 1 }
}
extension BTF {
  package func word(at offset: Int) throws(BTFError) -> UInt32 {
    try Self.read(UInt32.self, in: storage, at: offset)
  }

  static func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, in bytes: SharedBytes, at offset: Int
  ) throws(BTFError) -> T {
    do { return try bytes.read(type, at: offset) } catch { throw BTFError(.truncated, at: offset) }
  }
}

/// A type to add to BTF: the words of its record, and the string that it brings.
package struct BTFAddition {
  let words: [UInt32]
  let string: String?

  package init(words: [UInt32], string: String?) {
    self.words = words
    self.string = string
  }
}
