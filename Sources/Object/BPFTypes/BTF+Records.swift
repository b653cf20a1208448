import ByteReading

extension BTF.Kind {
  /// The second word of a record. For a function, its linkage stands where others have the number of their items.
  package func info(itemCount: Int = 0, flag: Bool = false) -> UInt32 {
    (flag ? 1 << 31 : 0) | UInt32(rawValue) << 24 | UInt32(itemCount)
  }

  /// The bytes that follow the three words every record begins with.
  func bodyByteCount(itemCount: Int) -> Int {
    switch self {
    case .integer, .variable, .declarationTag: 4
    case .array: 12
    case .structure, .union, .dataSection, .enumeration64: itemCount * 12
    case .enumeration, .functionPrototype: itemCount * 8
    case .pointer, .forward, .typedef, .volatile, .const, .restrict, .function, .float, .typeTag: 0
    }
  }
}

/// How long records are, by their second word. Walks over all types have one of these at hand.
struct RecordLengths {
  /// By the number of the kind: the record's length without items, and an item's; 0 for a kind that is not known.
  private let lengths = (0...31).map { (number: UInt8) -> (base: Int, item: Int) in
    guard let kind = BTF.Kind(rawValue: number) else { return (0, 0) }
    let base = BTF.Record.headerByteCount + kind.bodyByteCount(itemCount: 0)
    return (base, BTF.Record.headerByteCount + kind.bodyByteCount(itemCount: 1) - base)
  }

  static let all = RecordLengths()

  /// In bytes; 0 for a kind that is not known.
  @inline(__always)
  subscript(info: UInt32) -> Int {
    let (base, item) = lengths[Int(info >> 24 & 31)]
    return base + item &* Int(info & 0xffff)
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
    let sizeOrType: UInt32
    /// Where the record begins, in bytes from the start of the BTF.
    package let offset: Int

    /// For kinds that have a size: integer, float, structure, union, enumerations, data section.
    public var size: Int { Int(sizeOrType) }
    /// For kinds that refer to one other type: pointer, typedef, modifiers, function, variable, tags.
    public var referent: TypeID { TypeID(rawValue: sizeOrType) }
    package var isEnumeration: Bool { kind == .enumeration || kind == .enumeration64 }
    package var isComposite: Bool { kind == .structure || kind == .union }
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

    /// The same member seen from a structure that the present one is part of.
    package func moved(by bits: Int) -> Member {
      Member(
        nameOffset: nameOffset, name: name, type: type, bitOffset: bitOffset + bits, bitFieldSize: bitFieldSize)
    }
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
    if id.rawValue <= baseTypeCount, baseTypeCount > 0 { return try baseRecord(id) }
    let index = Int(id.rawValue) - 1 - baseTypeCount
    guard (0..<ownTypeCount).contains(index) else { throw BTFError(.noSuchType, at: 0, type: Int(id.rawValue)) }
    var offset = Int(landmarks[index / Self.typesPerLandmark])
    let lengths = RecordLengths.all
    for _ in 0..<index % Self.typesPerLandmark { offset += lengths[try word(at: offset + 4)] }
    let info = try word(at: offset + 4)
    // The kind was checked when the index was made.
    let kind = Kind(rawValue: UInt8(info >> 24 & 31)) ?? .integer
    return Record(
      id: id, kind: kind, nameOffset: try word(at: offset), kindFlag: info >> 31 != 0, itemCount: Int(info & 0xffff),
      sizeOrType: try word(at: offset + 8), offset: offset)
  }

  @inline(never)
  private func baseRecord(_ id: TypeID) throws(BTFError) -> Record {
    guard let base = base.first else { throw BTFError(.noSuchType, at: 0, type: Int(id.rawValue)) }
    return try base.record(id)
  }

  public func name(of record: Record) throws(BTFError) -> String { try string(at: record.nameOffset) }

  /// A string by its offset in the string section.
  public func string(at offset: UInt32) throws(BTFError) -> String {
    if offset < baseStringByteCount, let base = base.first { return try base.string(at: offset) }
    let start = stringsStart + Int(offset) - baseStringByteCount
    guard start < stringsEnd else { throw BTFError(.badStringOffset(offset), at: start) }
    return (try? storage.cString(at: start)) ?? ""
  }

  /// The members of a structure or union.
  public func members(of record: Record) throws(BTFError) -> [Member] {
    var members: [Member] = []
    members.reserveCapacity(record.itemCount)
    for index in 0..<record.itemCount { members.append(try member(index, of: record)) }
    return members
  }

  /// One member, by its place.
  package func member(_ index: Int, of record: Record) throws(BTFError) -> Member {
    let place = try word(index * 3 + 2, of: record)
    let name = try word(index * 3, of: record)
    return Member(
      nameOffset: name, name: try string(at: name), type: TypeID(rawValue: try word(index * 3 + 1, of: record)),
      bitOffset: Int(record.kindFlag ? place & 0xff_ffff : place),
      bitFieldSize: record.kindFlag ? Int(place >> 24) : 0)
  }

  /// The place of the first member for which `isWanted` says so of the offset of its name, which is 0 where it has none.
  package func firstMember(
    of record: Record, from start: Int = 0, where isWanted: (UInt32) -> Bool
  ) throws(BTFError) -> Int? {
    for index in start..<max(start, record.itemCount) where isWanted(try word(index * 3, of: record)) { return index }
    return nil
  }

  /// The variables of a data section.
  public func variables(of record: Record) throws(BTFError) -> [SectionVariable] {
    var recordOffset = record.bodyOffset - 12
    return try items(of: record, wordCount: 3) { words in
      recordOffset += 12
      return SectionVariable(
        type: TypeID(rawValue: words[0]), offset: Int(words[1]), size: Int(words[2]), recordOffset: recordOffset)
    }
  }

  /// The words by which a section's variables get other places. They come to stand in the order of these, on which the
  /// kernel insists.
  package func words(
    of section: Record, moving variables: [(variable: SectionVariable, offset: Int)]
  ) -> [(offset: Int, value: UInt32)] {
    var words: [(offset: Int, value: UInt32)] = []
    for (index, (variable, offset)) in variables.sorted(by: { $0.offset < $1.offset }).enumerated() {
      let record = section.bodyOffset + index * 12
      words.append((record, variable.type.rawValue))
      words.append((record + 4, UInt32(clamping: offset)))
      words.append((record + 8, UInt32(clamping: variable.size)))
    }
    return words
  }

  /// The element type and count of an array.
  public func array(_ record: Record) throws(BTFError) -> (element: TypeID, count: Int) {
    (TypeID(rawValue: try word(0, of: record)), Int(try word(2, of: record)))
  }

  /// `BTF_VAR_*` and `BTF_FUNC_*`
  package enum Linkage {
    package static let `static`: UInt32 = 0
    package static let global: UInt32 = 1
    package static let extern: UInt32 = 2
  }

  /// The linkage of a variable (``Linkage``).
  public func linkage(of variable: Record) throws(BTFError) -> UInt32 { try word(0, of: variable) }

  /// The values of an enumeration of either width.
  public func enumerators(of record: Record) throws(BTFError) -> [Enumerator] {
    let isWide = record.kind == .enumeration64
    return try items(of: record, wordCount: isWide ? 3 : 2) { (words) throws(BTFError) in
      let value: UInt64
      if isWide {
        value = UInt64(words[2]) << 32 | UInt64(words[1])
      } else {
        value = record.kindFlag ? UInt64(bitPattern: Int64(Int32(bitPattern: words[1]))) : UInt64(words[1])
      }
      return Enumerator(name: try string(at: words[0]), value: value)
    }
  }

  /// The parameters of a function prototype.
  public func parameters(of record: Record) throws(BTFError) -> [Parameter] {
    try items(of: record, wordCount: 2) { (words) throws(BTFError) in
      Parameter(name: try string(at: words[0]), type: TypeID(rawValue: words[1]))
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
    let word = try word(0, of: integer)
    return IntegerEncoding(
      isSigned: word >> 24 & 1 != 0, isBool: word >> 24 & 4 != 0, bitOffset: Int(word >> 16 & 0xff),
      bitCount: Int(word & 0xff))
  }

  /// All data sections with their names, in the order of their ids. Takes a pass over all types.
  public func dataSections() throws(BTFError) -> [(name: String, record: Record)] {
    var sections: [(name: String, record: Record)] = []
    for id in ownTypes {
      let record = try record(TypeID(rawValue: id))
      if record.kind == .dataSection { sections.append((try name(of: record), record)) }
    }
    return sections
  }

  /// A word of what follows a record, in the BTF that the record is from: its own or the base.
  func word(_ index: Int, of record: Record) throws(BTFError) -> UInt32 {
    if record.id.rawValue <= baseTypeCount { return try baseWord(index, of: record) }
    return try word(at: record.bodyOffset + index * 4)
  }

  // Apart, since even to look at the base takes and gives back what it holds.
  @inline(never)
  private func baseWord(_ index: Int, of record: Record) throws(BTFError) -> UInt32 {
    guard let base = base.first else { throw BTFError(.noSuchType, at: 0, type: Int(record.id.rawValue)) }
    return try base.word(index, of: record)
  }

  private func items<Item>(
    of record: Record, wordCount: Int, _ read: (InlineArray<3, UInt32>) throws(BTFError) -> Item
  ) throws(BTFError) -> [Item] {
    var items: [Item] = []
    items.reserveCapacity(record.itemCount)
    var words: InlineArray<3, UInt32> = [0, 0, 0]
    for index in 0..<record.itemCount {
      for place in 0..<wordCount { words[place] = try word(index * wordCount + place, of: record) }
      items.append(try read(words))
    }
    return items
  }
}
