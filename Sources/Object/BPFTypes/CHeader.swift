import ByteReading

/// All types of a BTF as a C header: what each needs stands before it, and every member lies where it lay when the BTF
/// was made.
///
/// A name that several types have is told apart by a flavour (`___2`), which CO-RE looks past.
public struct CHeader {
  private enum State { case begun, declared, defined }

  private let btf: BTF
  private var states: [State?]
  /// How often each name has been given out: C keeps tags apart from typedefs and enumerators, but not these from
  /// each other.
  private var tags: [String: Int] = [:]
  private var identifiers: [String: Int] = [:]
  private var names: [UInt32: String] = [:]
  private var text = ""
  /// Whether a type is part of another one: without a name it is then written in its place there.
  private var isUsed: [Bool]

  /// In bytes, by the structure or union; 0 while it is being computed.
  private var alignments: [BTF.TypeID: Int] = [:]
  /// How many more members may be written: structures without names are written wherever they are used, which in a BTF
  /// that somebody made up could be without end.
  private var membersLeft: Int

  /// How deep types may be nested in each other. The kernel's own are below 40.
  private static let depthLimit = 128

  /// The header's text.
  public static func text(of btf: BTF) throws(BTFError) -> String {
    var header = try CHeader(btf)
    header.text = """
      /* The types of a BTF, with CO-RE: every access is recorded and made to fit the kernel that it meets. */
      #pragma once
      #ifndef BPF_NO_PRESERVE_ACCESS_INDEX
      #pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
      #endif


      """
    for id in btf.ownTypes {
      let record = try btf.record(BTF.TypeID(rawValue: id))
      switch record.kind {
      case .structure, .union, .enumeration, .enumeration64, .typedef:
        if record.nameOffset != 0 || record.isEnumeration { try header.need(record.id, whole: true, depth: 0) }
      default: break
      }
    }
    header.text += """
      #ifndef BPF_NO_PRESERVE_ACCESS_INDEX
      #pragma clang attribute pop
      #endif

      """
    return header.text
  }

  private init(_ btf: BTF) throws(BTFError) {
    self.btf = btf
    states = [State?](repeating: nil, count: btf.typeCount + 1)
    isUsed = [Bool](repeating: false, count: btf.typeCount + 1)
    membersLeft = 10_000 + btf.storage.count
    for id in btf.ownTypes {
      let record = try btf.record(BTF.TypeID(rawValue: id))
      switch record.kind {
      case .structure, .union:
        for member in try btf.members(of: record) { use(member.type) }
      case .array: use(try btf.array(record).element)
      case .pointer, .const, .volatile, .restrict, .typeTag, .typedef, .functionPrototype, .variable:
        use(record.referent)
      default: break
      }
    }
  }

  private mutating func use(_ id: BTF.TypeID) {
    if Int(id.rawValue) < isUsed.count { isUsed[Int(id.rawValue)] = true }
  }
}

// MARK: Order

extension CHeader {
  /// Writes what has to stand before a use of the type.
  /// - Parameter whole: whether its size matters; a pointer's target need only be declared.
  private mutating func need(_ id: BTF.TypeID, whole: Bool, depth: Int) throws(BTFError) {
    guard depth < Self.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue)) }
    guard id != .void else { return }
    let record = try btf.record(id)
    switch record.kind {
    case .pointer:
      guard isFirstVisit(id) else { return }
      try need(record.referent, whole: false, depth: depth + 1)
    case .const, .volatile, .restrict, .typeTag: try need(record.referent, whole: whole, depth: depth + 1)
    // The elements of an array have to be whole even behind a pointer.
    case .array: try need(btf.array(record).element, whole: true, depth: depth + 1)
    case .functionPrototype:
      guard isFirstVisit(id) else { return }
      for parameter in try btf.parameters(of: record) { try need(parameter.type, whole: false, depth: depth + 1) }
      try need(record.referent, whole: false, depth: depth + 1)
    case .typedef:
      switch states[Int(id.rawValue)] {
      case .begun: return
      case .defined, .declared:
        // It may have been enough so far that there is such a structure.
        if whole { try need(record.referent, whole: true, depth: depth + 1) }
        return
      case nil: states[Int(id.rawValue)] = .begun
      }
      // A structure may have pointers to its own typedef in it, so that the typedef comes first.
      try need(record.referent, whole: false, depth: depth + 1)
      let name = try spelling(of: record)
      // The compiler has this one.
      if name != "__builtin_va_list" {
        text += "typedef \(try declaration(of: record.referent, named: name, indent: ""));\n\n"
      }
      states[Int(id.rawValue)] = .defined
      if whole { try need(record.referent, whole: true, depth: depth + 1) }
    case .structure, .union: try need(composite: record, whole: whole, depth: depth)
    case .enumeration, .enumeration64:
      guard states[Int(id.rawValue)] == nil, record.nameOffset != 0 || !isUsed[Int(id.rawValue)] else { return }
      states[Int(id.rawValue)] = .defined
      text += try body(of: record, indent: "") + ";\n\n"
    case .forward:
      guard states[Int(id.rawValue)] == nil else { return }
      states[Int(id.rawValue)] = .defined
      let name = try btf.name(of: record)
      names[id.rawValue] = record.cKeyword + name
      if tags[name] == nil { text += "\(record.cKeyword)\(name);\n\n" }
    default: break
    }
  }

  private mutating func isFirstVisit(_ id: BTF.TypeID) -> Bool {
    defer { states[Int(id.rawValue)] = .defined }
    return states[Int(id.rawValue)] == nil
  }

  private mutating func need(composite record: BTF.Record, whole: Bool, depth: Int) throws(BTFError) {
    let index = Int(record.id.rawValue)
    // One without a name is written where it is used.
    let isNamed = record.nameOffset != 0
    switch states[index] {
    case .begun, .defined: return
    case .declared where !whole: return
    case nil where !whole && isNamed:
      states[index] = .declared
      text += "\(try spelling(of: record));\n\n"
      return
    default: states[index] = .begun
    }
    for member in try btf.members(of: record) { try need(member.type, whole: true, depth: depth + 1) }
    states[index] = .defined
    guard isNamed else { return }
    let definition = try body(of: record, indent: "")
    text += definition + ";\n\n"
  }

  /// The type's name in the header, with its keyword.
  private mutating func spelling(of record: BTF.Record) throws(BTFError) -> String {
    if let name = names[record.id.rawValue] { return name }
    let plain = try btf.name(of: record)
    let name: String
    switch record.kind {
    case .structure, .union, .enumeration, .enumeration64: name = Self.unique(plain, &tags)
    case .typedef: name = Self.unique(plain, &identifiers)
    default: name = plain
    }
    names[record.id.rawValue] = record.cKeyword + name
    return record.cKeyword + name
  }

  private static func unique(_ name: String, _ taken: inout [String: Int]) -> String {
    let count = taken[name, default: 0] + 1
    taken[name] = count
    return count == 1 ? name : "\(name)___\(count)"
  }
}

// MARK: Bodies

extension CHeader {
  private mutating func declaration(
    of id: BTF.TypeID, named name: String, indent: String
  ) throws(BTFError) -> String {
    if name.isEmpty, case let record = try btf.resolve(id), record.isComposite {
      // An unnamed member of a type with a name, which C takes with -fms-extensions only, is written out.
      return try body(of: record, indent: indent, isUnnamed: true)
    }
    // A closure cannot change the header, so what it will spell is prepared.
    let innermost = try btf.innermost(id)
    var inner = ""
    if let innermost {
      if innermost.nameOffset == 0, innermost.isComposite || innermost.isEnumeration {
        inner = try body(of: innermost, indent: indent)
      } else {
        inner = try spelling(of: innermost)
      }
    }
    let names = self.names
    return try btf.cDeclaration(of: id, named: name) { (record) throws(BTFError) in
      if record.id == innermost?.id { return inner }
      if let name = names[record.id.rawValue] { return name }
      return try record.cKeyword + btf.name(of: record)
    }
  }

  private mutating func body(
    of record: BTF.Record, indent: String, isUnnamed: Bool = false
  ) throws(BTFError) -> String {
    guard indent.utf8.count < Self.depthLimit else { throw BTFError(.tooDeep, at: record.offset) }
    membersLeft -= record.itemCount
    guard membersLeft >= 0 else { throw BTFError(.tooComplex, at: record.offset, type: Int(record.id.rawValue)) }
    if record.isEnumeration { return try body(ofEnumeration: record, indent: indent) }
    let keyword = isUnnamed || record.nameOffset == 0 ? String(record.cKeyword.dropLast()) : try spelling(of: record)
    let members = try btf.members(of: record)
    let isPacked = try self.isPacked(record, alignment: largestAlignment(of: record))
    var lines = "\(keyword) {\n"
    let inside = indent + "\t"
    /// Where C would put the next member, in bits.
    var cursor = 0
    for member in members {
      let size = try bitCount(of: member.type)
      if record.kind == .structure {
        var natural = cursor
        if member.bitFieldSize > 0 {
          // A bit field does not cross the border of a unit of its type.
          if !isPacked, size > 0, cursor / size != (cursor + member.bitFieldSize - 1) / size {
            natural = (cursor + size - 1) / size * size
          }
        } else {
          let alignment = isPacked ? 8 : try alignment(of: member.type) * 8
          natural = (cursor + alignment - 1) / alignment * alignment
        }
        if natural < member.bitOffset { lines += Self.padding(from: cursor, to: member.bitOffset, inside) }
      }
      let width = member.bitFieldSize > 0 ? " : \(member.bitFieldSize)" : ""
      lines += "\(inside)\(try declaration(of: member.type, named: member.name, indent: inside))\(width);\n"
      cursor = max(cursor, member.bitOffset + (member.bitFieldSize > 0 ? member.bitFieldSize : size))
    }
    let alignment = isPacked ? 8 : try alignment(of: record.id) * 8
    let end = (cursor + alignment - 1) / alignment * alignment
    if end < record.size * 8 {
      lines +=
        record.kind == .structure
        ? Self.padding(from: cursor, to: record.size * 8, inside) : "\(inside)char __size[\(record.size)];\n"
    }
    return lines + indent + "}" + (isPacked ? " __attribute__((packed))" : "")
  }

  /// Bit fields without names fill gaps without being members.
  private static func padding(from start: Int, to end: Int, _ indent: String) -> String {
    guard end - start <= 1024 else {
      let byte = (start + 7) / 8
      return "\(indent)char __gap_\(byte)[\(end / 8 - byte)];\n"
    }
    var (cursor, lines) = (start, "")
    while cursor < end {
      let (type, width): (String, Int)
      if cursor % 8 != 0 || end - cursor < 8 {
        (type, width) = ("int", min(8 - cursor % 8, end - cursor))
      } else {
        (type, width) =
          [("long", 64), ("int", 32), ("short", 16)].first { cursor % $0.1 == 0 && end - cursor >= $0.1 } ?? ("char", 8)
      }
      lines += "\(indent)\(type) : \(width);\n"
      cursor += width
    }
    return lines
  }

  private mutating func body(ofEnumeration record: BTF.Record, indent: String) throws(BTFError) -> String {
    let keyword = record.nameOffset == 0 ? "enum" : try spelling(of: record)
    // Declared, but nowhere in the kernel defined.
    guard record.itemCount > 0 else { return keyword }
    var lines = "\(keyword) {\n"
    for enumerator in try btf.enumerators(of: record) {
      let name = Self.unique(enumerator.name, &identifiers)
      let value: String
      if record.kindFlag {
        value = "\(Int64(bitPattern: enumerator.value))"
      } else {
        value =
          "\(enumerator.value)" + (enumerator.value > UInt64(Int32.max) ? "U" : "")
          + (enumerator.value > UInt64(UInt32.max) ? "LL" : "")
      }
      lines += "\(indent)\t\(name) = \(value),\n"
    }
    let mode = [1: "QI", 2: "HI", 8: "DI"][record.size]
    return lines + indent + "}" + (mode.map { " __attribute__((mode(\($0))))" } ?? "")
  }
}

extension BTF {
  /// The type that a declaration of `id` ends with, below pointers, arrays, qualifiers and what functions return.
  fileprivate func innermost(_ id: TypeID) throws(BTFError) -> Record? {
    var id = id
    for _ in 0..<Self.depthLimit * 4 {
      guard id != .void else { return nil }
      let record = try record(id)
      switch record.kind {
      case .pointer, .const, .volatile, .restrict, .typeTag, .functionPrototype: id = record.referent
      case .array: id = try array(record).element
      default: return record
      }
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }
}

// MARK: Alignment

extension CHeader {
  private mutating func alignment(of id: BTF.TypeID) throws(BTFError) -> Int {
    let record = try btf.element(of: id)
    guard record.isComposite else { return try btf.alignment(of: id) }
    if let known = alignments[record.id] {
      guard known > 0 else { throw BTFError(.tooDeep, at: record.offset, type: Int(record.id.rawValue)) }
      return known
    }
    alignments[record.id] = 0
    let largest = try largestAlignment(of: record)
    let alignment = try isPacked(record, alignment: largest) ? 1 : largest
    alignments[record.id] = alignment
    return alignment
  }

  /// A type's size in bits; those of whole machines' memory are no one's.
  private func bitCount(of id: BTF.TypeID) throws(BTFError) -> Int {
    let size = try btf.size(of: id)
    guard size < 1 << 48 else { throw BTFError(.tooLarge, at: 0, type: Int(id.rawValue)) }
    return size * 8
  }

  /// Of the members of a structure or union.
  private mutating func largestAlignment(of record: BTF.Record) throws(BTFError) -> Int {
    var largest = 1
    for member in try btf.members(of: record) { largest = max(largest, try alignment(of: member.type)) }
    return largest
  }

  /// Whether members lie closer together than their types would have it.
  private mutating func isPacked(_ record: BTF.Record, alignment largest: Int) throws(BTFError) -> Bool {
    guard record.size > 0 else { return false }
    for member in try btf.members(of: record) {
      if member.bitFieldSize == 0 {
        if member.bitOffset % (try alignment(of: member.type) * 8) != 0 { return true }
      } else {
        let unit = try bitCount(of: member.type)
        if unit > 0, member.bitOffset / unit != (member.bitOffset + member.bitFieldSize - 1) / unit { return true }
      }
    }
    return record.size % largest != 0
  }
}
