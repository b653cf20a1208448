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
  private let typesStart: Int
  private let typesEnd: Int
  private let stringsStart: Int
  private let stringsEnd: Int
  /// Where the record of each type begins that is not the base's, in bytes from the start.
  private let recordOffsets: [UInt32]
  /// The name of each of these types, as an offset into the strings: what looking for a name goes through.
  private let nameOffsets: [UInt32]
  /// What the BTF continues, for a module's: its types and strings come first in the counting.
  private let base: [BTF]
  private let baseTypeCount: Int
  private let baseStringByteCount: Int

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

    var offsets: [UInt32] = []
    var names: [UInt32] = []
    // The shortest records are the most frequent ones, so that this is seldom far off.
    offsets.reserveCapacity((typesEnd - typesStart) / 24)
    names.reserveCapacity((typesEnd - typesStart) / 24)
    let firstType = (base?.typeCount ?? 0) + 1
    var offset = typesStart
    while offset < typesEnd {
      let info = try word(at: offset + 4)
      guard let kind = Kind(rawValue: UInt8(info >> 24 & 31)) else {
        throw BTFError(.unknownKind(UInt8(info >> 24 & 31)), at: offset, type: firstType + offsets.count)
      }
      offsets.append(UInt32(offset))
      names.append(try word(at: offset))
      offset += Record.headerByteCount + kind.bodyByteCount(itemCount: Int(info & 0xffff))
      guard offset <= typesEnd else { throw BTFError(.truncated, at: offset, type: firstType + offsets.count - 1) }
    }
    recordOffsets = offsets
    nameOffsets = names
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
    for (offset, value) in words {
      for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
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
    let headerByteCount = 24
    let types =
      storage.array(typesStart..<typesEnd)
      + addition.words.flatMap { word in
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
      }
    let strings = storage.array(stringsStart..<stringsEnd) + (addition.string.map { Array($0.utf8) + [0] } ?? [])
    var header = storage.array(0..<4)
    for word in [headerByteCount, 0, types.count, types.count, strings.count] {
      header += (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return try BTF(bytes: header + types + strings)
  }

  /// A copy, as BPF_BTF_LOAD takes it.
  public var bytes: [UInt8] { storage.array }
  /// How many types there are, `void` not counted and a base's included.
  public var typeCount: Int { baseTypeCount + recordOffsets.count }
  /// The types that are not a base's.
  public var ownTypes: Range<UInt32> { UInt32(baseTypeCount) + 1..<UInt32(typeCount) + 1 }
}

extension BTF.Kind {
  /// The bytes that follow the three words every record begins with.
  fileprivate func bodyByteCount(itemCount: Int) -> Int {
    switch self {
    case .integer, .variable, .declarationTag: 4
    case .array: 12
    case .structure, .union, .dataSection, .enumeration64: itemCount * 12
    case .enumeration, .functionPrototype: itemCount * 8
    case .pointer, .forward, .typedef, .volatile, .const, .restrict, .function, .float, .typeTag: 0
    }
  }
}

extension BTF {
  /// One `struct btf_type`: its three words, and where what follows them lies.
  public struct Record: Sendable {
    static let headerByteCount = 12
    public let id: TypeID
    public let kind: Kind
    package let nameOffset: UInt32
    /// `kind_flag`: members with bit field sizes, a signed enumeration, a forward declared union.
    public let kindFlag: Bool
    /// `vlen`: how many members, values, parameters or variables follow; for a function its linkage.
    public let itemCount: Int
    /// `size` in bytes or `type`, whichever the kind has.
    fileprivate let sizeOrType: UInt32
    /// Where the record begins, in bytes from the start of the BTF.
    package let offset: Int

    /// For kinds that have a size: integer, float, structure, union, enumerations, data section.
    public var size: Int { Int(sizeOrType) }
    /// For kinds that refer to one other type: pointer, typedef, modifiers, function, variable, tags.
    public var referent: TypeID { TypeID(rawValue: sizeOrType) }
    package var bodyOffset: Int { offset + Self.headerByteCount }
  }

  /// A member of a structure or union: `struct btf_member`.
  public struct Member: Sendable {
    package let nameOffset: UInt32
    public let name: String
    public let type: TypeID
    /// In bits from the start of the structure.
    public let bitOffset: Int
    /// In bits; 0 for what is no bit field.
    public let bitFieldSize: Int
  }

  /// A value of an enumeration: `struct btf_enum` or `struct btf_enum64`.
  public struct Enumerator: Sendable {
    public let name: String
    /// Sign-extended where the enumeration is signed.
    public let value: UInt64
  }

  /// A parameter of a function prototype: `struct btf_param`. The last one of a variadic function has no name and no type.
  public struct Parameter: Sendable {
    public let name: String
    public let type: TypeID
  }

  /// A variable's place in a data section: `struct btf_var_secinfo`.
  public struct SectionVariable: Sendable {
    public let type: TypeID
    public let offset: Int
    public let size: Int
    /// Where the record of the place begins, in bytes from the start of the BTF.
    package let recordOffset: Int
  }

  public func record(_ id: TypeID) throws(BTFError) -> Record {
    if id.rawValue <= baseTypeCount, let base = base.first { return try base.record(id) }
    let index = Int(id.rawValue) - 1 - baseTypeCount
    guard recordOffsets.indices.contains(index) else { throw BTFError(.noSuchType, at: 0, type: Int(id.rawValue)) }
    let offset = Int(recordOffsets[index])
    let info = try word(at: offset + 4)
    // The kind was checked when the index was made.
    let kind = Kind(rawValue: UInt8(info >> 24 & 31)) ?? .integer
    return Record(
      id: id, kind: kind, nameOffset: try word(at: offset), kindFlag: info >> 31 != 0, itemCount: Int(info & 0xffff),
      sizeOrType: try word(at: offset + 8), offset: offset)
  }

  public func name(of record: Record) throws(BTFError) -> String { try string(at: record.nameOffset) }

  /// A string by its offset in the string section.
  public func string(at offset: UInt32) throws(BTFError) -> String {
    if offset < baseStringByteCount, let base = base.first { return try base.string(at: offset) }
    let start = stringsStart + Int(offset) - baseStringByteCount
    guard start < stringsEnd else { throw BTFError(.badStringOffset(offset), at: start) }
    return (try? storage.cString(at: start)) ?? ""
  }

  /// The types of a name among those that are not a base's, ascending.
  public func types(named name: String, kinds: Set<Kind>) throws(BTFError) -> [TypeID] {
    var found: [TypeID] = []
    for id in try types(named: [name], flavours: false)[0] where kinds.contains(try record(id).kind) {
      found.append(id)
    }
    return found
  }

  /// The types of several names, in one pass over all types that are not a base's.
  /// - Parameters:
  ///   - names: in full; nothing has an empty one.
  ///   - flavours: whether types count too whose name goes on with `___`, as CO-RE has them (`task_struct___old`).
  /// - Returns: for each of `names`, ascending.
  package func types(named names: [String], flavours: Bool) throws(BTFError) -> [[TypeID]] {
    var found = [[TypeID]](repeating: [], count: names.count)
    let wanted = names.map { Array($0.utf8) }
    // By their first two bytes, the second of which is a NUL for the shortest. Few types get past this.
    var byBeginning: [UInt16: [Int]] = [:]
    var beginnings = [Bool](repeating: false, count: 1 << 16)
    for (index, name) in wanted.enumerated() where !name.isEmpty {
      let seconds: [UInt8] = name.count > 1 ? [name[1]] : flavours ? [0, UInt8(ascii: "_")] : [0]
      for second in seconds {
        let beginning = UInt16(name[0]) | UInt16(second) << 8
        byBeginning[beginning, default: []].append(index)
        beginnings[Int(beginning)] = true
      }
    }
    guard !byBeginning.isEmpty else { return found }
    // A module's types also have names that are among the kernel's strings.
    let (kernelBytes, kernelStart) = base.first.map { ($0.storage, $0.stringsStart) } ?? (storage, stringsStart)
    for (index, nameOffset) in nameOffsets.enumerated() where nameOffset != 0 {
      if nameOffset < baseStringByteCount {
        look(at: index, kernelBytes, kernelStart + Int(nameOffset))
      } else {
        look(at: index, storage, stringsStart + Int(nameOffset) - baseStringByteCount)
      }
    }
    return found

    @inline(__always) func look(at index: Int, _ bytes: borrowing SharedBytes, _ place: Int) {
      guard let beginning = try? bytes.read(UInt16.self, at: place), beginnings[Int(beginning)] else { return }
      for candidate in byBeginning[beginning] ?? [] {
        let name = wanted[candidate]
        guard bytes.matches(name, at: place), let next = try? bytes.read(UInt8.self, at: place + name.count),
          next == 0 || flavours && bytes.matches(Self.flavourMark, at: place + name.count)
        else { continue }
        found[candidate].append(TypeID(rawValue: UInt32(baseTypeCount + index + 1)))
      }
    }
  }

  private static let flavourMark = Array("___".utf8)

  /// The members of a structure or union.
  public func members(of record: Record) throws(BTFError) -> [Member] {
    try items(of: record, byteCount: 12) { (offset) throws(BTFError) in
      let place = try word(at: offset + 8)
      return Member(
        nameOffset: try word(at: offset), name: try string(at: word(at: offset)),
        type: TypeID(rawValue: try word(at: offset + 4)), bitOffset: Int(record.kindFlag ? place & 0xff_ffff : place),
        bitFieldSize: record.kindFlag ? Int(place >> 24) : 0)
    }
  }

  /// The variables of a data section.
  public func variables(of record: Record) throws(BTFError) -> [SectionVariable] {
    try items(of: record, byteCount: 12) { (offset) throws(BTFError) in
      SectionVariable(
        type: TypeID(rawValue: try word(at: offset)), offset: Int(try word(at: offset + 4)),
        size: Int(try word(at: offset + 8)), recordOffset: offset)
    }
  }

  /// The element type and count of an array.
  public func array(_ record: Record) throws(BTFError) -> (element: TypeID, count: Int) {
    (TypeID(rawValue: try word(at: record.bodyOffset)), Int(try word(at: record.bodyOffset + 8)))
  }

  /// The linkage of a variable: 0 static, 1 global, 2 extern.
  public func linkage(of variable: Record) throws(BTFError) -> UInt32 { try word(at: variable.bodyOffset) }

  /// The values of an enumeration of either width.
  public func enumerators(of record: Record) throws(BTFError) -> [Enumerator] {
    let isWide = record.kind == .enumeration64
    return try items(of: record, byteCount: isWide ? 12 : 8) { (offset) throws(BTFError) in
      let low = try word(at: offset + 4)
      let value: UInt64
      if isWide {
        value = UInt64(try word(at: offset + 8)) << 32 | UInt64(low)
      } else {
        value = record.kindFlag ? UInt64(bitPattern: Int64(Int32(bitPattern: low))) : UInt64(low)
      }
      return Enumerator(name: try string(at: word(at: offset)), value: value)
    }
  }

  /// The parameters of a function prototype.
  public func parameters(of record: Record) throws(BTFError) -> [Parameter] {
    try items(of: record, byteCount: 8) { (offset) throws(BTFError) in
      Parameter(name: try string(at: word(at: offset)), type: TypeID(rawValue: try word(at: offset + 4)))
    }
  }

  /// How an integer's value lies in its bytes.
  public struct IntegerEncoding: Sendable {
    public let isSigned: Bool
    public let isBool: Bool
    /// In bits.
    public let bitOffset: Int
    public let bitCount: Int
  }

  public func encoding(of integer: Record) throws(BTFError) -> IntegerEncoding {
    let word = try word(at: integer.bodyOffset)
    return IntegerEncoding(
      isSigned: word >> 24 & 1 != 0, isBool: word >> 24 & 4 != 0, bitOffset: Int(word >> 16 & 0xff),
      bitCount: Int(word & 0xff))
  }

  /// All data sections, in the order of their ids.
  public func dataSections() throws(BTFError) -> [Record] {
    var sections: [Record] = []
    for id in ownTypes {
      let record = try record(TypeID(rawValue: id))
      if record.kind == .dataSection { sections.append(record) }
    }
    return sections
  }

  /// The number of the type below typedefs and qualifiers, `void` where that is nothing.
  public func resolvedID(_ id: TypeID) throws(BTFError) -> TypeID {
    var id = id
    for _ in 0..<Self.depthLimit {
      guard id != .void else { return .void }
      let record = try record(id)
      switch record.kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: id = record.referent
      default: return id
      }
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }

  /// The alignment of a value of the type, in bytes, as the C compiler chose it.
  public func alignment(of id: TypeID) throws(BTFError) -> Int {
    try alignment(of: id, depth: 0)
  }

  private func alignment(of id: TypeID, depth: Int) throws(BTFError) -> Int {
    guard depth < Self.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue)) }
    let record = try resolve(id)
    switch record.kind {
    case .integer, .float, .enumeration, .enumeration64: return min(8, max(record.size, 1))
    case .pointer: return 8
    case .array: return try alignment(of: array(record).element, depth: depth + 1)
    case .structure, .union:
      var largest = 1
      for member in try members(of: record) {
        let alignment = try alignment(of: member.type, depth: depth + 1)
        largest = max(largest, alignment)
        // A member out of line with its own alignment shows that the structure is packed.
        if member.bitFieldSize == 0, member.bitOffset % (8 * alignment) != 0 { return 1 }
      }
      return record.size % largest == 0 ? largest : 1
    default: throw BTFError(.noSize, at: record.offset, type: Int(id.rawValue))
    }
  }

  /// The type below typedefs and qualifiers.
  public func resolve(_ id: TypeID) throws(BTFError) -> Record {
    var record = try record(id)
    for _ in 0..<Self.depthLimit {
      switch record.kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: record = try self.record(record.referent)
      default: return record
      }
    }
    throw BTFError(.tooDeep, at: record.offset, type: Int(id.rawValue))
  }

  /// The size of a value of the type, in bytes. Pointers take 8, as in all BPF programs.
  public func size(of id: TypeID) throws(BTFError) -> Int {
    var count = 1
    var id = id
    for _ in 0..<Self.depthLimit {
      let record = try resolve(id)
      let size: Int
      switch record.kind {
      case .pointer: size = 8
      case .array:
        let array = try array(record)
        let (product, overflow) = count.multipliedReportingOverflow(by: array.count)
        guard !overflow else { throw BTFError(.tooLarge, at: record.offset, type: Int(id.rawValue)) }
        (count, id) = (product, array.element)
        continue
      case .integer, .float, .structure, .union, .enumeration, .enumeration64, .dataSection: size = record.size
      default: throw BTFError(.noSize, at: record.offset, type: Int(id.rawValue))
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw BTFError(.tooLarge, at: record.offset, type: Int(id.rawValue)) }
      return product
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }

  package func word(at offset: Int) throws(BTFError) -> UInt32 {
    try Self.read(UInt32.self, in: storage, at: offset)
  }

  static func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, in bytes: SharedBytes, at offset: Int
  ) throws(BTFError) -> T {
    do { return try bytes.read(type, at: offset) } catch { throw BTFError(.truncated, at: offset) }
  }

  private func items<Item>(
    of record: Record, byteCount: Int, _ read: (Int) throws(BTFError) -> Item
  ) throws(BTFError) -> [Item] {
    var items: [Item] = []
    items.reserveCapacity(record.itemCount)
    for index in 0..<record.itemCount { items.append(try read(record.bodyOffset + index * byteCount)) }
    return items
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

/// BTF or .BTF.ext that cannot be read.
public struct BTFError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case badMagic, unknownVersion, badHeader, badStrings, truncated, tooDeep, tooLarge, noSize, noSuchType
    case unknownKind(UInt8)
    case badStringOffset(UInt32)
    case badRecordSize(UInt32)
    case unknownRelocation(UInt32)
  }

  public let reason: Reason
  /// In bytes from the start of the section.
  public let offset: Int
  /// The number of the type that was read, where it was one.
  public let type: Int?

  package init(_ reason: Reason, at offset: Int, type: Int? = nil) {
    self.reason = reason
    self.offset = offset
    self.type = type
  }
}

extension BTFError: CustomStringConvertible {
  public var description: String {
    let what =
      switch reason {
      case .badMagic: "does not begin with BTF's magic number 0xeb9f (a big-endian object begins with its reverse)"
      case .unknownVersion: "has another version than 1"
      case .badHeader: "has a header that points outside of it"
      case .badStrings: "has a string section that does not begin and end with a NUL"
      case .truncated: "ends in the middle of a record"
      case .tooDeep: "has types that refer to each other more than \(BTF.depthLimit) times"
      case .tooLarge: "has a type larger than memory"
      case .noSize: "has a type without a size where one is needed"
      case .noSuchType: "refers to a type that it does not have"
      case .unknownKind(let kind): "has a type of the unknown kind \(kind)"
      case .badStringOffset(let offset): "refers to a string at \(offset), outside of its strings"
      case .unknownRelocation(let kind): "has a CO-RE relocation of the unknown kind \(kind)"
      case .badRecordSize(let size): "has records of \(size) bytes, too small or not a multiple of 4"
      }
    return what + (type.map { " (type \($0)" } ?? " (") + "\(type == nil ? "" : ", ")byte \(offset))"
  }
}
