/// The part of a BTF that some types need, with new numbers, and in the words of a kernel that does not know all kinds of
/// types yet.
package struct BTFSubset {
  private let source: BTF
  private let features: BTFFeatures
  private var encoder = BTFEncoder()
  /// The new numbers; types that fell away have that of what they stood before.
  private var numbers: [BTF.TypeID: BTF.TypeID] = [.void: .void]

  /// - Parameters:
  ///   - roots: the types that are needed by themselves.
  ///   - features: what the kernel understands.
  package init(of source: BTF, roots: [BTF.TypeID], features: BTFFeatures) throws(BTFError) {
    self.source = source
    self.features = features
    let kept = try reachable(from: roots)
    // In their old order, so that what an object's own tools show can be recognized. First the numbers, since types
    // refer ahead.
    var count: UInt32 = 0
    for id in kept where try !isTransparent(id) {
      count += 1
      numbers[id] = BTF.TypeID(rawValue: count)
    }
    for id in kept where try isTransparent(id) {
      var target = id
      for _ in 0..<BTF.depthLimit where try isTransparent(target) { target = try source.record(target).referent }
      numbers[id] = numbers[target] ?? .void
    }
    for id in kept where try !isTransparent(id) { try add(source.record(id)) }
  }

  package var bytes: [UInt8] { encoder.bytes }

  /// A type's number here; `nil` for one that was not needed.
  package func number(_ old: BTF.TypeID) -> BTF.TypeID? { numbers[old] }

  /// The offset of one of the source's strings, which is taken over.
  package mutating func string(at old: UInt32) throws(BTFError) -> UInt32 { encoder.string(try source.string(at: old)) }

  /// A type tag is left out by going on to what it tags.
  private func isTransparent(_ id: BTF.TypeID) throws(BTFError) -> Bool {
    guard id != .void, !features.contains(.typeTags) else { return false }
    return try source.record(id).kind == .typeTag
  }

  private func reachable(from roots: [BTF.TypeID]) throws(BTFError) -> [BTF.TypeID] {
    var found: Set<BTF.TypeID> = []
    var pending = roots
    while let id = pending.popLast() {
      guard id != .void, found.insert(id).inserted else { continue }
      pending += try source.references(of: source.record(id))
    }
    if features.contains(.declarationTags) {
      // Tags point at what they belong to, not the other way round.
      for id in source.ownTypes {
        let record = try source.record(BTF.TypeID(rawValue: id))
        if record.kind == .declarationTag, found.contains(record.referent) { found.insert(record.id) }
      }
    }
    return found.sorted { $0.rawValue < $1.rawValue }
  }

  private mutating func add(_ record: BTF.Record) throws(BTFError) {
    var words = try source.words(of: record)
    let name = try source.name(of: record)
    switch record.kind {
    case .float where !features.contains(.floats):
      encoder.add(kind: .structure, [UInt32(record.size)])
      return
    case .enumeration64 where !features.contains(.wideEnumerations):
      // To the verifier, both are numbers of 8 bytes. The word holds the sign and the width in bits.
      encoder.add(name: name, kind: .integer, [8, (record.kindFlag ? 1 : 0) << 24 | 64])
      return
    default: break
    }
    let layout = record.kind.layout
    if layout.hasReferent { words[0] = numbers[BTF.TypeID(rawValue: words[0])]?.rawValue ?? 0 }
    var index = 1
    while index < words.count {
      for kind in layout.item {
        switch kind {
        case .type: words[index] = numbers[BTF.TypeID(rawValue: words[index])]?.rawValue ?? 0
        case .string: words[index] = encoder.string(try source.string(at: words[index]))
        case .number: break
        }
        index += 1
      }
    }
    let flag = record.kindFlag && (record.kind != .enumeration || features.contains(.wideEnumerations))
    encoder.add(name: name, kind: record.kind, itemCount: record.itemCount, flag: flag, words)
  }
}

extension BTF.Kind {
  fileprivate enum Word { case type, string, number }

  /// What the words of a record mean: whether the third one is a type, and what an item behind it consists of.
  fileprivate var layout: (hasReferent: Bool, item: [Word]) {
    switch self {
    case .integer, .variable, .declarationTag: (self != .integer, [.number])
    case .pointer, .typedef, .volatile, .const, .restrict, .function, .typeTag: (true, [])
    case .forward, .float: (false, [])
    case .array: (false, [.type, .type, .number])
    case .structure, .union: (false, [.string, .type, .number])
    case .enumeration: (false, [.string, .number])
    case .enumeration64: (false, [.string, .number, .number])
    case .functionPrototype: (true, [.string, .type])
    case .dataSection: (false, [.type, .number, .number])
    }
  }
}

extension BTF {
  /// Size or referent, then the words that follow the record.
  fileprivate func words(of record: Record) throws(BTFError) -> [UInt32] {
    let items = record.kind.bodyByteCount(itemCount: record.itemCount) / 4
    var words = [record.sizeOrType]
    for index in 0..<items { words.append(try word(index, of: record)) }
    return words
  }

  /// The types that a record names.
  fileprivate func references(of record: Record) throws(BTFError) -> [TypeID] {
    let words = try words(of: record)
    let layout = record.kind.layout
    var types = layout.hasReferent ? [TypeID(rawValue: words[0])] : []
    guard layout.item.contains(where: { $0 == .type }) else { return types }
    for (index, word) in words.dropFirst().enumerated() where layout.item[index % layout.item.count] == .type {
      types.append(TypeID(rawValue: word))
    }
    return types
  }
}
