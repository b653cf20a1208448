import BPFInstructions
import BPFObjectFile
import BPFRelocation
import BPFTypes

/// Puts the parts of an object into the words of a listing. What its BTF does not tell is left out.
struct Describer {
  private struct Place: Hashable {
    let section, start: Int
  }

  let object: ObjectSpec
  private let functionNames: [Place: String]
  /// By the map that they lie in.
  private let variables: [String: [VariableSpec]]
  private let contents: [String: [UInt8]]

  init(object: ObjectSpec) {
    self.object = object
    functionNames = Dictionary(
      (object.subprograms + object.programs.map(\.function)).map {
        (Place(section: $0.section, start: $0.start), $0.name)
      }, uniquingKeysWith: { first, _ in first })
    variables = Dictionary(grouping: object.variables, by: \.map)
    contents = Dictionary(object.maps.map { ($0.name, $0.contents) }, uniquingKeysWith: { first, _ in first })
  }

  func section(_ index: Int, _ section: SectionSpec) -> ObjectListing.Section {
    let types: [UInt32: String] = [
      0: "null", 1: "progbits", 2: "symtab", 3: "strtab", 4: "rela", 7: "note", 8: "nobits", 9: "rel",
      0x6fff_4c03: "llvm_addrsig",
    ]
    // As readelf(1) has them.
    let letters: [(UInt64, String)] = [
      (1, "W"), (2, "A"), (4, "X"), (0x10, "M"), (0x20, "S"), (0x40, "I"), (0x8000_0000, "E"),
    ]
    return ObjectListing.Section(
      index: index, name: section.name, type: types[section.type] ?? hexadecimal(section.type),
      flags: letters.filter { section.flags & $0.0 != 0 }.map(\.1).joined(), offset: section.offset,
      size: section.byteCount)
  }

  func map(_ map: MapSpec) -> ObjectListing.Map {
    ObjectListing.Map(
      name: map.name, type: "\(map.type)", typeNumber: map.type.rawValue, keySize: map.keySize,
      valueSize: map.valueSize, maxEntries: map.maxEntries, flags: map.flags.rawValue, key: type(map.keyType),
      value: map.section == nil ? type(map.valueType) : nil, section: map.section,
      inner: map.inner.first.map { "\($0.type), \($0.maxEntries) entries" }, isPinned: map.pinning == .byName,
      isFrozen: map.isConstant,
      initialSlots: map.initialSlots.map { slot in
        switch slot.target {
        case .map(let name), .program(let name): "[\(slot.key)] = \(name)"
        }
      })
  }

  func program(_ program: ProgramSpec) -> ObjectListing.Program {
    ObjectListing.Program(
      name: program.name, section: program.sectionName, type: "\(program.type)",
      attachType: program.expectedAttachType == .none ? nil : "\(program.expectedAttachType)", target: program.target,
      prototype: prototype(program.function), isSleepable: program.flags.contains(.sleepable),
      isOptional: program.section.isOptional, insnCount: program.function.instructions.count)
  }

  func variable(_ variable: VariableSpec) -> ObjectListing.Variable {
    let contents = contents[variable.map] ?? []
    let bytes =
      contents.count >= variable.offset + variable.size
      ? contents[variable.offset..<variable.offset + variable.size] : []
    return ObjectListing.Variable(
      name: variable.name, declaration: declaration(variable.type, variable.name), map: variable.map,
      offset: variable.offset, size: variable.size, value: value(bytes, variable.type))
  }

  func extern(_ extern: ExternSpec) -> ObjectListing.Extern {
    let kind =
      switch extern.kind {
      case .setting: "kernel setting"
      case .address: "address of a symbol"
      case .variable: "kernel variable"
      case .function: "kernel function"
      }
    let referent = (try? object.btf?.record(extern.declaration))?.referent
    return ObjectListing.Extern(
      name: extern.name, kind: kind, declaration: declaration(referent ?? .void, extern.name), isWeak: extern.isWeak)
  }

  func target(_ target: Reference.Target) -> String {
    switch target {
    case .map(let name): "map \(name)"
    case .data(let map, let offset): "map \(map), byte \(offset)" + (variableName(map, offset).map { " (\($0))" } ?? "")
    case .call(let section, let start): "call of \(functionName(section, start))"
    case .callback(let section, let start): "address of \(functionName(section, start))"
    case .externCall(let index): "call of the kernel's \(object.externs[index].name)"
    case .externAddress(let index): "address of \(object.externs[index].name)"
    }
  }

  func relocation(_ record: CORERecord, _ function: FunctionSpec, _ section: String) -> ObjectListing.CORERelocation {
    ObjectListing.CORERelocation(
      section: section, function: function.name,
      offset: function.start * Instruction.byteCount + record.instructionOffset,
      insn: record.instructionOffset / Instruction.byteCount, kind: record.kind.kernelName, spelling: spelling(record),
      access: record.access)
  }

  func function(_ function: FunctionSpec, _ section: String) -> ObjectListing.Function {
    var code = CodeListing(instructions: function.instructions)
    let locator = SourceLocator(btf: object.btf)
    for line in function.lines { code.lines[line.instruction] = locator.comment(line) }
    for reference in function.references { code.symbols[reference.instruction] = symbol(reference.target) }
    for record in function.relocations {
      code.remarks[record.instructionOffset / Instruction.byteCount, default: []]
        .append("CO-RE: \(record.kind.phrase) \(spelling(record))")
    }
    return ObjectListing.Function(
      name: function.name, section: section, prototype: prototype(function), code: code.rows)
  }
}

// MARK: Words

extension Describer {
  func spelling(_ record: CORERecord) -> String { object.btf.map { record.spelling(in: $0) } ?? record.access }

  /// What stands for a number in an instruction.
  func symbol(_ target: Reference.Target) -> String {
    switch target {
    case .map(let name): "map[\(name)]"
    case .data(let map, let offset):
      "map[\(map)][0]+\(offset)" + (variableName(map, offset).map { " <\($0)>" } ?? "")
    case .call(let section, let start): functionName(section, start)
    case .callback(let section, let start): "subprog <\(functionName(section, start))>"
    case .externCall(let index): object.externs[index].name
    case .externAddress(let index): "&\(object.externs[index].name)"
    }
  }

  private func variableName(_ map: String, _ offset: Int) -> String? {
    variables[map]?.first { ($0.offset..<$0.offset + max($0.size, 1)).contains(offset) }.map {
      offset == $0.offset ? $0.name : "\($0.name)+\(offset - $0.offset)"
    }
  }

  private func functionName(_ section: Int, _ start: Int) -> String {
    functionNames[Place(section: section, start: start)]
      ?? "\(object.sections.indices.contains(section) ? object.sections[section].name : "?")+\(start)"
  }

  private func type(_ id: BTF.TypeID) -> String? {
    guard id != .void, let btf = object.btf else { return nil }
    return try? btf.cDeclaration(of: id, named: "")
  }

  private func declaration(_ id: BTF.TypeID, _ name: String) -> String {
    (try? object.btf?.cDeclaration(of: id, named: name)) ?? name
  }

  func prototype(_ function: FunctionSpec) -> String? {
    guard let btf = object.btf, let id = function.type, let record = try? btf.record(id), record.kind == .function
    else { return nil }
    return try? btf.cDeclaration(of: record.referent, named: function.name)
  }

  /// Numbers and texts as C writes them, anything else byte by byte.
  private func value(_ bytes: ArraySlice<UInt8>, _ type: BTF.TypeID) -> String {
    guard bytes.contains(where: { $0 != 0 }) else { return "0" }
    if let btf = object.btf, let record = try? btf.resolve(type), !object.isBigEndian, bytes.count <= 8,
      record.kind == .integer || record.isEnumeration, let size = try? btf.size(of: type), size == bytes.count
    {
      let number = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let isSigned = record.kind == .integer ? (try? btf.encoding(of: record).isSigned) ?? false : record.kindFlag
      let shift = UInt64(64 - 8 * size)
      return isSigned ? "\(Int64(bitPattern: number << shift) >> Int64(shift))" : "\(number)"
    }
    if let btf = object.btf, let record = try? btf.resolve(type), record.kind == .array,
      let element = try? btf.resolve(btf.array(record).element), element.kind == .integer, element.size == 1,
      bytes.last == 0, case let text = bytes.prefix(while: { $0 != 0 }),
      text.allSatisfy({ (0x20..<0x7f).contains($0) }), bytes.dropFirst(text.count).allSatisfy({ $0 == 0 })
    {
      return "\"\(String(decoding: text, as: UTF8.self))\""
    }
    let shown = bytes.prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return shown + (bytes.count > 16 ? " …" : "")
  }
}
