import BPFInstructions
public import BPFObjectFile
import BPFRelocation
import BPFTypes

/// Everything that an object file holds, in words: for people as text, for programs as JSON (it is `Encodable`).
public struct ObjectListing: Encodable {
  /// What can be asked for by itself.
  public enum Part: String, CaseIterable, Sendable {
    case sections, maps, programs, variables, externs, relocations, code
  }

  struct Section: Encodable {
    let index: Int
    let name, type, flags: String
    /// In bytes, from the start of the file.
    let offset, size: Int
  }

  struct Map: Encodable {
    let name, type: String
    let typeNumber, keySize, valueSize, maxEntries, flags: UInt32
    let key, value, section, inner: String?
    let isPinned, isFrozen: Bool
    let initialSlots: [String]

    enum CodingKeys: String, CodingKey {
      case name, type, typeNumber, keySize, valueSize, maxEntries, flags, key, value, section, inner, initialSlots
      case isPinned = "pinned"
      case isFrozen = "frozen"
    }
  }

  struct Program: Encodable {
    let name, section, type: String
    let attachType, target, prototype: String?
    let isSleepable, isOptional: Bool
    let insnCount: Int

    enum CodingKeys: String, CodingKey {
      case name, section, type, attachType, target, prototype, insnCount
      case isSleepable = "sleepable"
      case isOptional = "optional"
    }
  }

  struct Variable: Encodable {
    let name, declaration, map: String
    let offset, size: Int
    let value: String
  }

  struct Extern: Encodable {
    let name, kind, declaration: String
    let isWeak: Bool

    enum CodingKeys: String, CodingKey {
      case name, kind, declaration
      case isWeak = "weak"
    }
  }

  struct Relocation: Encodable {
    let function: String
    let insn: Int
    let target: String
  }

  struct CORERelocation: Encodable {
    let section, function: String
    /// In bytes, in the section.
    let offset: Int
    let insn: Int
    let kind, spelling, access: String
  }

  struct Function: Encodable {
    let name, section: String
    let prototype: String?
    let code: [CodeListing.Row]
  }

  let file, byteOrder, license: String
  let version: UInt32?
  let btfTypes: Int?
  let warnings: [String]
  let sections: [Section]
  let maps: [Map]
  let programs: [Program]
  let variables: [Variable]
  let externs: [Extern]
  let relocations: [Relocation]
  let coreRelocations: [CORERelocation]
  let functions: [Function]

  /// - Parameter file: the file's name, for the heading.
  public init(_ object: ObjectSpec, file: String) {
    let describe = Describer(object: object)
    self.file = file
    byteOrder = object.isBigEndian ? "big-endian" : "little-endian"
    license = object.license
    version = object.version
    btfTypes = object.btf?.typeCount
    warnings = object.warnings.map(\.description)
    sections = object.sections.enumerated().dropFirst().map { describe.section($0.offset, $0.element) }
    maps = object.maps.map(describe.map)
    programs = object.programs.map(describe.program)
    variables = object.variables.map(describe.variable)
    externs = object.externs.map(describe.extern)
    let functions =
      object.programs.map { ($0.function, $0.sectionName) } + object.subprograms.map { ($0, ".text") }
    relocations = functions.flatMap { (function, _) in
      function.references.map { reference in
        Relocation(
          function: function.name, insn: reference.instruction, target: describe.target(reference.target))
      }
    }
    coreRelocations = functions.flatMap { (function, section) in
      function.relocations.map { describe.relocation($0, function, section) }
    }
    self.functions = functions.map(describe.function)
  }
}

// MARK: Text

extension ObjectListing {
  /// - Parameters:
  ///   - parts: what is wanted, in a fixed order.
  ///   - only: the names of the functions that code is wanted of; all when empty.
  public func text(_ parts: Set<Part>, only: Set<String> = []) -> String {
    var blocks: [String] = []
    if parts.count > 1 { blocks.append(heading) }
    for part in Part.allCases where parts.contains(part) {
      switch part {
      case .sections: append("Sections", sectionTable, to: &blocks)
      case .maps: append("Maps", mapTable, to: &blocks)
      case .programs: append("Programs", programTable, to: &blocks)
      case .variables: append("Variables", variableTable, to: &blocks)
      case .externs: append("Externs", externTable, to: &blocks)
      case .relocations:
        append("Relocations", relocationTable, to: &blocks)
        append("CO-RE relocations", coreTable, to: &blocks)
      case .code:
        for function in functions where only.isEmpty || only.contains(function.name) {
          blocks.append(function.text)
        }
      }
    }
    return blocks.joined(separator: "\n")
  }

  private func append(_ title: String, _ table: TextTable, to blocks: inout [String]) {
    if !table.isEmpty { blocks.append("\(title)\n\(table.text)") }
  }

  private var heading: String {
    let types = btfTypes.map { "BTF with \($0) types" } ?? "no BTF"
    return "\(file): \(byteOrder) BPF object, license \(license.isEmpty ? "none" : license), \(types)\n"
  }

  private var sectionTable: TextTable {
    var table = TextTable(["#", "name", "type", "flags", "offset", "bytes"], rightAligned: [0, 4, 5])
    for section in sections {
      table.append([
        "\(section.index)", section.name, section.type, section.flags, hexadecimal(section.offset), "\(section.size)",
      ])
    }
    return table
  }

  private var mapTable: TextTable {
    var table = TextTable(["name", "type", "entries", "key", "value", "more"], rightAligned: [2])
    for map in maps {
      func type(_ name: String?, _ size: UInt32) -> String {
        size == 0 ? "-" : name.map { "\($0) (\(size))" } ?? "\(size) bytes"
      }
      var more = map.section.map { [$0] } ?? []
      if map.isFrozen { more.append("frozen") }
      if map.isPinned { more.append("pinned by name") }
      if map.flags != 0 { more.append("flags \(hexadecimal(map.flags))") }
      if let inner = map.inner { more.append("of \(inner)") }
      more += map.initialSlots
      table.append([
        map.name, map.type, "\(map.maxEntries)", type(map.key, map.keySize), type(map.value, map.valueSize),
        more.joined(separator: ", "),
      ])
    }
    return table
  }

  private var programTable: TextTable {
    var table = TextTable(["name", "section", "type", "instructions", "more"], rightAligned: [3])
    for program in programs {
      var more: [String] = []
      if let attachType = program.attachType { more.append("attach type \(attachType)") }
      if program.isSleepable { more.append("sleepable") }
      if program.isOptional { more.append("only when asked for") }
      table.append([
        program.name, program.section, program.type, "\(program.insnCount)", more.joined(separator: ", "),
      ])
    }
    return table
  }

  private var variableTable: TextTable {
    var table = TextTable(["map", "byte", "size", "declaration", ""], rightAligned: [1, 2])
    for variable in variables {
      table.append([
        variable.map, "\(variable.offset)", "\(variable.size)", variable.declaration, "= \(variable.value)",
      ])
    }
    return table
  }

  private var externTable: TextTable {
    var table = TextTable(["kind", "declaration", ""])
    for extern in externs { table.append([extern.kind, extern.declaration, extern.isWeak ? "weak" : ""]) }
    return table
  }

  private var relocationTable: TextTable {
    var table = TextTable(["function", "instruction", "refers to"], rightAligned: [1])
    for relocation in relocations { table.append([relocation.function, "\(relocation.insn)", relocation.target]) }
    return table
  }

  private var coreTable: TextTable {
    var table = TextTable(["section", "byte", "wanted", "access"], rightAligned: [1])
    for relocation in coreRelocations {
      let phrase = CORERecord.Kind.allCases.first { $0.kernelName == relocation.kind }?.phrase ?? relocation.kind
      table.append([
        relocation.section, "\(relocation.offset)", "\(phrase) \(relocation.spelling)", relocation.access,
      ])
    }
    return table
  }
}

extension ObjectListing.Function {
  fileprivate var text: String {
    "\(name) in section \(section)" + (prototype.map { ": \($0)" } ?? "") + "\n" + CodeListing.text(code)
  }
}
