import BPFTypes

/// When two types count as the same for CO-RE. Names are compared without their flavours (`___x`).
struct CORETypes {
  let localTypes: BTF
  let targetTypes: BTF

  /// The type, `nil` for `void`.
  private static func resolved(_ id: BTF.TypeID, in btf: BTF) throws(BTFError) -> BTF.Record? {
    let id = try btf.resolvedID(id)
    return id == .void ? nil : try btf.record(id)
  }

  /// Both enumerations of whatever width, or of the same kind.
  static func haveLikeKinds(_ one: BTF.Record?, _ other: BTF.Record?) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return one.kind == other.kind || one.isEnumeration && other.isEnumeration
  }

  private func areWhole(_ one: BTF.Record, _ other: BTF.Record) throws(BTFError) -> Bool {
    let (ours, theirs) = (try localTypes.encoding(of: one), try targetTypes.encoding(of: other))
    return ours.bitOffset == 0 && theirs.bitOffset == 0
  }

  private static let tooDeep = BTFError(.tooDeep, at: 0)

  /// Whether the kernel's type can stand for the object's where only its kind and the shape of pointers, arrays and
  /// functions count.
  func areCompatible(
    _ local: BTF.TypeID, _ target: BTF.TypeID, _ limit: inout BTFStepLimit, depth: Int = 0
  ) throws(BTFError) -> Bool {
    guard depth < BTF.depthLimit else { throw Self.tooDeep }
    try limit.take()
    let one = try Self.resolved(local, in: localTypes)
    let other = try Self.resolved(target, in: targetTypes)
    guard Self.haveLikeKinds(one, other) else { return false }
    guard let one, let other else { return true }
    switch one.kind {
    case .structure, .union, .enumeration, .enumeration64, .forward: return true
    case .integer:
      return try areWhole(one, other)
    case .pointer:
      return try areCompatible(one.referent, other.referent, &limit, depth: depth + 1)
    case .array:
      return try areCompatible(
        localTypes.array(one).element, targetTypes.array(other).element, &limit, depth: depth + 1)
    case .functionPrototype:
      let (ours, theirs) = (try localTypes.parameters(of: one), try targetTypes.parameters(of: other))
      guard ours.count == theirs.count else { return false }
      for (our, their) in zip(ours, theirs) {
        guard try areCompatible(our.type, their.type, &limit, depth: depth + 1) else {
          return false
        }
      }
      return try areCompatible(one.referent, other.referent, &limit, depth: depth + 1)
    default: return false
    }
  }

  /// Whether a member of the kernel's can stand for one of the object's of the same name.
  func areFieldsCompatible(_ local: BTF.TypeID, _ target: BTF.TypeID) throws(BTFError) -> Bool {
    var (local, target) = (local, target)
    for _ in 0..<BTF.depthLimit {
      guard let one = try Self.resolved(local, in: localTypes), let other = try Self.resolved(target, in: targetTypes)
      else {
        return false
      }
      if one.isComposite && other.isComposite { return true }
      guard Self.haveLikeKinds(one, other) else { return false }
      switch one.kind {
      case .pointer, .float: return true
      case .forward, .enumeration, .enumeration64:
        let ours = try localTypes.name(of: one).withoutFlavour
        let theirs = try targetTypes.name(of: other).withoutFlavour
        return ours.isEmpty || theirs.isEmpty || ours == theirs
      case .integer:
        // Only the old integers that were bit fields themselves are refused.
        return try areWhole(one, other)
      case .array:
        (local, target) = (try localTypes.array(one).element, try targetTypes.array(other).element)
      default: return false
      }
    }
    throw Self.tooDeep
  }

  /// Whether the kernel's type has all that the object's has, with the same types (`bpf_core_type_matches`).
  func doMatch(
    _ local: BTF.TypeID, _ target: BTF.TypeID, _ limit: inout BTFStepLimit, isBehindPointer: Bool = false,
    depth: Int = 0
  ) throws(BTFError) -> Bool {
    guard depth < BTF.depthLimit else { throw Self.tooDeep }
    try limit.take()
    let one = try Self.resolved(local, in: localTypes)
    let other = try Self.resolved(target, in: targetTypes)
    let ourName = try one.map { (record) throws(BTFError) in try localTypes.name(of: record) } ?? ""
    let theirName = try other.map { (record) throws(BTFError) in try targetTypes.name(of: record) } ?? ""
    guard ourName.withoutFlavour == theirName.withoutFlavour else { return false }
    guard let one, let other else { return one == nil && other == nil }
    switch one.kind {
    case .forward:
      if one.kind == other.kind { return one.kindFlag == other.kindFlag }
      return isBehindPointer && other.kind == (one.kindFlag ? .union : .structure)
    case .enumeration, .enumeration64:
      guard other.isEnumeration else { return false }
      let theirs = Set(try targetTypes.enumerators(of: other).map { $0.name.withoutFlavour })
      return try localTypes.enumerators(of: one).allSatisfy { theirs.contains($0.name.withoutFlavour) }
        && one.itemCount <= other.itemCount
    case .structure, .union:
      if isBehindPointer {
        return one.kind == other.kind || other.kind == .forward && (one.kind == .union) == other.kindFlag
      }
      guard one.kind == other.kind, one.itemCount <= other.itemCount else { return false }
      let theirs = try targetTypes.members(of: other)
      for our in try localTypes.members(of: one) {
        var isMatched = false
        try limit.take(theirs.count)
        for their in theirs where !isMatched && our.name.withoutFlavour == their.name.withoutFlavour {
          isMatched = try doMatch(our.type, their.type, &limit, isBehindPointer: isBehindPointer, depth: depth + 1)
        }
        guard isMatched else { return false }
      }
      return true
    case .integer:
      guard one.kind == other.kind, one.size == other.size else { return false }
      return try localTypes.encoding(of: one).isSigned == targetTypes.encoding(of: other).isSigned
    case .pointer:
      guard one.kind == other.kind else { return false }
      return try doMatch(one.referent, other.referent, &limit, isBehindPointer: true, depth: depth + 1)
    case .array:
      guard one.kind == other.kind else { return false }
      let (ours, theirs) = (try localTypes.array(one), try targetTypes.array(other))
      guard ours.count == theirs.count else { return false }
      return try doMatch(ours.element, theirs.element, &limit, isBehindPointer: isBehindPointer, depth: depth + 1)
    case .functionPrototype:
      guard one.kind == other.kind, one.itemCount == other.itemCount else { return false }
      for (our, their) in zip(try localTypes.parameters(of: one), try targetTypes.parameters(of: other)) {
        guard try doMatch(our.type, their.type, &limit, isBehindPointer: isBehindPointer, depth: depth + 1) else {
          return false
        }
      }
      return try doMatch(one.referent, other.referent, &limit, isBehindPointer: isBehindPointer, depth: depth + 1)
    default: return false
    }
  }
}

extension String {
  /// The part before the last `___` that stands between two other characters: it sets versions of one type apart.
  var withoutFlavour: String {
    let bytes = Array(utf8)
    guard bytes.count >= 5 else { return self }
    let underscore = UInt8(ascii: "_")
    for index in stride(from: bytes.count - 5, through: 0, by: -1)
    where bytes[index] != underscore && bytes[index + 4] != underscore
      && bytes[index + 1] == underscore && bytes[index + 2] == underscore && bytes[index + 3] == underscore
    {
      return String(decoding: bytes[...index], as: UTF8.self)
    }
    return self
  }
}
