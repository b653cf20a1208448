/// How values of a type lie in memory, ready to be read again and again without the type's BTF.
public struct ValueLayout: Sendable {
  indirect enum Shape: Sendable {
    /// Of 1 to 16 bytes.
    case integer(isSigned: Bool)
    case boolean
    /// `_Bool` and integers of a number of bits, from a bit on, in the bytes of the value.
    case bits(first: Int, count: Int, isSigned: Bool, isBoolean: Bool)
    case float
    /// By value, as many bytes as it has.
    case enumeration([UInt64: String], isSigned: Bool)
    case pointer
    /// An array of characters, which C ends with a NUL.
    case text
    case array(ValueLayout, count: Int)
    case members([Member])
    /// What has no meaning here, such as the code of a function.
    case opaque
  }

  struct Member: Sendable {
    /// Empty for a member without a name, whose own members count as the outer one's.
    let name: String
    /// In bytes from the start of the structure.
    let offset: Int
    let layout: ValueLayout
  }

  let shape: Shape
  /// In bytes.
  public let byteCount: Int

  /// - Throws: for a type without a size, or one that takes more than real ones to follow.
  public init(of type: BTF.TypeID, in btf: BTF) throws(BTFError) {
    var limit = BTFStepLimit(100_000)
    self = try Self.layout(of: type, in: btf, depth: 0, &limit)
  }

  private init(_ shape: Shape, _ byteCount: Int) {
    self.shape = shape
    self.byteCount = byteCount
  }

  private static func layout(
    of type: BTF.TypeID, in btf: BTF, depth: Int, _ limit: inout BTFStepLimit
  ) throws(BTFError) -> ValueLayout {
    guard depth < BTF.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(type.rawValue)) }
    try limit.take()
    let record = try btf.resolve(type)
    let size = try btf.size(of: type)
    switch record.kind {
    case .integer:
      let encoding = try btf.encoding(of: record)
      if encoding.isBool { return ValueLayout(.boolean, size) }
      guard encoding.bitCount == size * 8 || encoding.bitCount == 0 else {
        return ValueLayout(
          .bits(first: encoding.bitOffset, count: encoding.bitCount, isSigned: encoding.isSigned, isBoolean: false),
          size)
      }
      return ValueLayout(.integer(isSigned: encoding.isSigned), size)
    case .float: return ValueLayout(.float, size)
    case .pointer: return ValueLayout(.pointer, size)
    case .enumeration, .enumeration64:
      try limit.take(record.itemCount)
      let names = try btf.enumerators(of: record).map { ($0.value, $0.name) }
      return ValueLayout(
        .enumeration(Dictionary(names, uniquingKeysWith: { first, _ in first }), isSigned: record.kindFlag), size)
    case .array:
      let array = try btf.array(record)
      if try isCharacter(array.element, in: btf) { return ValueLayout(.text, size) }
      let element = try layout(of: array.element, in: btf, depth: depth + 1, &limit)
      return ValueLayout(element.byteCount == 0 ? .opaque : .array(element, count: array.count), size)
    case .structure, .union:
      var members: [Member] = []
      for member in try btf.members(of: record) {
        try limit.take()
        members.append(try layout(of: member, in: btf, depth: depth, &limit))
      }
      return ValueLayout(.members(members), size)
    default: return ValueLayout(.opaque, size)
    }
  }

  private static func layout(
    of member: BTF.Member, in btf: BTF, depth: Int, _ limit: inout BTFStepLimit
  ) throws(BTFError) -> Member {
    let inner = try layout(of: member.type, in: btf, depth: depth + 1, &limit)
    guard member.bitFieldSize > 0 else {
      return Member(name: member.name, offset: member.bitOffset / 8, layout: inner)
    }
    let (isSigned, isBoolean) =
      switch inner.shape {
      case .integer(let isSigned), .enumeration(_, let isSigned): (isSigned, false)
      case .boolean: (false, true)
      default: (false, false)
      }
    // A bit field is read from the bytes that it touches.
    let first = member.bitOffset % 8
    let shape = Shape.bits(first: first, count: member.bitFieldSize, isSigned: isSigned, isBoolean: isBoolean)
    return Member(
      name: member.name, offset: member.bitOffset / 8, layout: ValueLayout(shape, (first + member.bitFieldSize + 7) / 8)
    )
  }

  /// `char`, which compilers describe as an integer of one byte of that name.
  private static func isCharacter(_ type: BTF.TypeID, in btf: BTF) throws(BTFError) -> Bool {
    let record = try btf.resolve(type)
    guard record.kind == .integer, record.size == 1 else { return false }
    return try btf.name(of: record) == "char"
  }
}
