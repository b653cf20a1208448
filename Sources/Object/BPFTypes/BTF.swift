import ByteReading

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

  /// As they would be handed to BPF_BTF_LOAD.
  public private(set) var bytes: [UInt8]
  private let typesStart: Int
  private let stringsStart: Int
  private let stringsEnd: Int
  /// Where the record of type `index + 1` begins, in bytes from the start.
  private let recordOffsets: [UInt32]

  static let magic: UInt16 = 0xeb9f

  /// Checks the header and finds every record.
  public init(bytes: [UInt8]) throws(BTFError) {
    func word(at offset: Int) throws(BTFError) -> UInt32 { try Self.read(UInt32.self, in: bytes, at: offset) }
    guard try Self.read(UInt16.self, in: bytes, at: 0) == Self.magic else { throw BTFError(.badMagic, at: 0) }
    guard try Self.read(UInt8.self, in: bytes, at: 2) == 1 else { throw BTFError(.unknownVersion, at: 2) }
    let headerLength = Int(try word(at: 4))
    guard headerLength >= 24, headerLength <= bytes.count else { throw BTFError(.badHeader, at: 4) }
    // All are below 2^32, so the sums cannot overflow.
    typesStart = headerLength + Int(try word(at: 8))
    let typesEnd = typesStart + Int(try word(at: 12))
    stringsStart = headerLength + Int(try word(at: 16))
    stringsEnd = stringsStart + Int(try word(at: 20))
    guard typesEnd <= bytes.count, stringsEnd <= bytes.count else { throw BTFError(.badHeader, at: 8) }
    guard stringsEnd > stringsStart, bytes[stringsStart] == 0, bytes[stringsEnd - 1] == 0 else {
      throw BTFError(.badStrings, at: stringsStart)
    }

    var offsets: [UInt32] = []
    var offset = typesStart
    while offset < typesEnd {
      let info = try word(at: offset + 4)
      guard let kind = Kind(rawValue: UInt8(info >> 24 & 31)) else {
        throw BTFError(.unknownKind(UInt8(info >> 24 & 31)), at: offset, type: offsets.count + 1)
      }
      offsets.append(UInt32(offset))
      offset += Record.headerByteCount + kind.bodyByteCount(itemCount: Int(info & 0xffff))
      guard offset <= typesEnd else { throw BTFError(.truncated, at: offset, type: offsets.count) }
    }
    recordOffsets = offsets
    self.bytes = bytes
  }

  /// How many types there are, `void` not counted.
  public var typeCount: Int { recordOffsets.count }
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
    fileprivate let nameOffset: UInt32
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
    let index = Int(id.rawValue) - 1
    guard recordOffsets.indices.contains(index) else { throw BTFError(.noSuchType, at: 0, type: Int(id.rawValue)) }
    let offset = Int(recordOffsets[index])
    let info = try word(at: offset + 4)
    // The kind was checked when the index was made.
    let kind = Kind(rawValue: UInt8(info >> 24 & 31)) ?? .integer
    return Record(
      id: id, kind: kind, nameOffset: try word(at: offset), itemCount: Int(info & 0xffff),
      sizeOrType: try word(at: offset + 8), offset: offset)
  }

  public func name(of record: Record) throws(BTFError) -> String { try string(at: record.nameOffset) }

  /// A string by its offset in the string section.
  public func string(at offset: UInt32) throws(BTFError) -> String {
    let start = stringsStart + Int(offset)
    guard start < stringsEnd else { throw BTFError(.badStringOffset(offset), at: start) }
    return (try? bytes.cString(at: start)) ?? ""
  }

  /// The members of a structure or union.
  public func members(of record: Record) throws(BTFError) -> [Member] {
    try items(of: record, byteCount: 12) { (offset) throws(BTFError) in
      Member(name: try string(at: word(at: offset)), type: TypeID(rawValue: try word(at: offset + 4)))
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

  /// Puts the variables of a data section into the order of their places, which the kernel insists on.
  package mutating func sortVariables(of section: Record) throws(BTFError) {
    let variables = try variables(of: section).sorted { $0.offset < $1.offset }
    for (index, variable) in variables.enumerated() {
      let offset = section.bodyOffset + index * 12
      setWord(variable.type.rawValue, at: offset)
      setWord(UInt32(clamping: variable.offset), at: offset + 4)
      setWord(UInt32(clamping: variable.size), at: offset + 8)
    }
  }

  /// All data sections, in the order of their ids.
  public func dataSections() throws(BTFError) -> [Record] {
    var sections: [Record] = []
    for index in recordOffsets.indices {
      let record = try record(TypeID(rawValue: UInt32(index) + 1))
      if record.kind == .dataSection { sections.append(record) }
    }
    return sections
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
    try Self.read(UInt32.self, in: bytes, at: offset)
  }

  static func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, in bytes: [UInt8], at offset: Int
  ) throws(BTFError) -> T {
    do { return try bytes.read(type, at: offset) } catch { throw BTFError(.truncated, at: offset) }
  }

  /// Overwrites one word, which completing an object's BTF needs.
  package mutating func setWord(_ value: UInt32, at offset: Int) {
    for byte in 0..<4 { bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
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

/// BTF or .BTF.ext that cannot be read.
public struct BTFError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    case badMagic, unknownVersion, badHeader, badStrings, truncated, tooDeep, tooLarge, noSize, noSuchType
    case unknownKind(UInt8)
    case badStringOffset(UInt32)
    case badRecordSize(UInt32)
  }

  public let reason: Reason
  /// In bytes from the start of the section.
  public let offset: Int
  /// The number of the type that was read, where it was one.
  public let type: Int?

  init(_ reason: Reason, at offset: Int, type: Int? = nil) {
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
      case .badRecordSize(let size): "has records of \(size) bytes, too small or not a multiple of 4"
      }
    return what + (type.map { " (type \($0)" } ?? " (") + "\(type == nil ? "" : ", ")byte \(offset))"
  }
}
