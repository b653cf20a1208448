import BPFInstructions
import BPFTypes
import ByteReading
internal import CLibelf

extension ObjectSpec {
  /// Reads an object file that clang or gcc made.
  /// - Parameters:
  ///   - name: the file's name; what stands before its first dot becomes the object's.
  ///   - bytes: the whole file.
  public init(name: String, bytes: [UInt8]) throws(ObjectFileError) {
    let elf = try ELFFile(bytes: bytes)
    let objectName = String(name.prefix { $0 != "." })
    var btf = try elf.btf()
    try btf?.completeDataSections(from: elf)
    let lineInformation = try btf.flatMap { (btf) throws(ObjectFileError) in try elf.btfExtension(btf) }

    let definedMaps = try DefinedMaps(elf: elf, btf: btf)
    let dataMaps = try DataMaps(elf: elf, btf: btf, objectName: objectName)
    let externs = try ExternSpec.all(in: elf, btf: btf)
    let functions = try FunctionReader(
      elf: elf, lineInformation: lineInformation, definedMaps: definedMaps, dataMaps: dataMaps, externs: externs
    ).readAll()

    self.name = objectName
    self.license = try elf.license()
    self.maps = definedMaps.specs + dataMaps.specs
    self.variables = dataMaps.variables
    self.externs = externs
    self.btf = btf
    self.programs = functions.filter { $0.isEntry }.map { (function, sectionName, _) in
      let section = ProgramSection(name: sectionName)
      return ProgramSpec(
        sectionName: sectionName, section: section, type: section.type,
        expectedAttachType: section.expectedAttachType, flags: section.flags, isWanted: !section.isOptional,
        target: section.target, function: function)
    }
    self.subprograms = functions.filter { !$0.isEntry }.map(\.function)
  }
}

extension ELFFile {
  fileprivate func license() throws(ObjectFileError) -> String {
    guard let (_, section) = section(named: "license") else { return "" }
    guard let license = try? section.contents.cString(at: 0) else { throw ObjectFileError(.badLicense) }
    return license
  }

  fileprivate func btf() throws(ObjectFileError) -> BTF? {
    guard let (_, section) = section(named: ".BTF") else { return nil }
    do { return try BTF(bytes: section.contents) } catch {
      throw ObjectFileError(.badBTF(section: ".BTF", error))
    }
  }

  fileprivate func btfExtension(_ btf: BTF) throws(ObjectFileError) -> BTFExtension? {
    guard let (_, section) = section(named: ".BTF.ext") else { return nil }
    do { return try BTFExtension(bytes: section.contents, btf: btf) } catch {
      throw ObjectFileError(.badBTF(section: ".BTF.ext", error))
    }
  }

  /// The symbols of variables in a section, by name.
  func variables(inSection index: Int) -> [String: Symbol] {
    let variables = symbols.lazy.filter { $0.section == index && $0.type != STT_SECTION && !$0.name.isEmpty }
    return Dictionary(variables.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }
}

/// Runs `body`, naming the section in what it throws.
func inBTF<Value>(_ body: () throws(BTFError) -> Value) throws(ObjectFileError) -> Value {
  do { return try body() } catch { throw ObjectFileError(.badBTF(section: ".BTF", error)) }
}

extension BTF {
  /// Fills in what the compiler could not know: the sizes of data sections and where their variables lie. The kernel
  /// refuses BTF without them.
  fileprivate mutating func completeDataSections(from elf: ELFFile) throws(ObjectFileError) {
    var words: [(offset: Int, value: UInt32)] = []
    let btf = self
    try inBTF { () throws(BTFError) in
      for record in try btf.dataSections() {
        let name = try btf.name(of: record)
        guard let (index, section) = elf.section(named: name) else { continue }
        words.append((record.offset + 8, UInt32(clamping: section.size)))
        let symbols = elf.variables(inSection: index)
        var places: [(offset: Int, variable: BTF.SectionVariable)] = []
        for variable in try btf.variables(of: record) {
          let name = try btf.name(of: btf.record(variable.type))
          places.append((symbols[name]?.value ?? variable.offset, variable))
        }
        // The kernel insists on the order of their places.
        places.sort { $0.offset < $1.offset }
        for (index, place) in places.enumerated() {
          let offset = record.bodyOffset + index * 12
          words.append((offset, place.variable.type.rawValue))
          words.append((offset + 4, UInt32(clamping: place.offset)))
          words.append((offset + 8, UInt32(clamping: place.variable.size)))
        }
      }
    }
    self = BTF(self, replacing: words)
  }
}

/// Cuts the executable sections into functions.
struct FunctionReader {
  let elf: ELFFile
  let lineInformation: BTFExtension?
  let definedMaps: DefinedMaps
  let dataMaps: DataMaps
  let externs: [ExternSpec]

  private enum RelocationType {
    /// An address, in a `loadImmediate64`.
    static let address: UInt32 = 1
    /// The target of a call.
    static let call: UInt32 = 10
  }

  /// `isEntry` is false for the functions in `.text`, which other functions call.
  typealias Entry = (function: FunctionSpec, sectionName: String, isEntry: Bool)

  func readAll() throws(ObjectFileError) -> [Entry] {
    var entries: [Entry] = []
    for (index, section) in elf.sections.enumerated() where section.isExecutable && section.type == SHT_PROGBITS {
      let symbols = elf.symbols.filter { $0.section == index && $0.type == STT_FUNC }.sorted { $0.value < $1.value }
      for symbol in symbols {
        guard section.name == ".text" || symbol.binding != STB_LOCAL else {
          throw ObjectFileError(.badFunction(name: symbol.name, section: section.name))
        }
        let function = try read(symbol, in: section, index: index)
        entries.append((function, section.name, section.name != ".text"))
      }
    }
    return entries
  }

  private func read(
    _ symbol: ELFFile.Symbol, in section: ELFFile.Section, index: Int
  ) throws(ObjectFileError) -> FunctionSpec {
    let size = Instruction.byteCount
    let bad = ObjectFileError(.badFunction(name: symbol.name, section: section.name))
    guard symbol.value % size == 0, symbol.size % size == 0, symbol.size > 0, symbol.value <= section.contents.count,
      symbol.size <= section.contents.count - symbol.value
    else { throw bad }
    var instructions: [Instruction] = []
    instructions.reserveCapacity(symbol.size / size)
    for offset in stride(from: symbol.value, to: symbol.value + symbol.size, by: size) {
      guard let instruction = try? Instruction(in: section.contents, at: offset) else { throw bad }
      instructions.append(instruction)
    }
    let range = symbol.value..<symbol.value + symbol.size
    let lines = (lineInformation?.lines[section.name] ?? []).filter { range.contains($0.instructionOffset) }
    let functions = lineInformation?.functions[section.name] ?? []
    return FunctionSpec(
      name: symbol.name, section: index, start: symbol.value / size, instructions: instructions,
      references: try references(of: instructions, range: range, section: section, index: index),
      type: functions.first { $0.instructionOffset == symbol.value }?.type,
      lines: lines.map {
        SourceLine(
          instruction: ($0.instructionOffset - symbol.value) / size, fileName: $0.fileName, text: $0.text,
          lineAndColumn: $0.lineAndColumn)
      },
      relocations: (lineInformation?.relocations[section.name] ?? []).filter { range.contains($0.instructionOffset) }
        .map { $0.moved(toStartAt: symbol.value) },
      isHidden: symbol.binding != STB_LOCAL && (symbol.visibility == STV_HIDDEN || symbol.visibility == STV_INTERNAL))
  }

  private func references(
    of instructions: [Instruction], range: Range<Int>, section: ELFFile.Section, index: Int
  ) throws(ObjectFileError) -> [Reference] {
    let size = Instruction.byteCount
    var references: [Reference] = []
    var relocated: Set<Int> = []
    for (record, relocation) in (elf.relocations[index] ?? []).enumerated() where range.contains(relocation.offset) {
      func fail(_ why: String) -> ObjectFileError {
        ObjectFileError(.badRelocation(section: ".rel" + section.name, record: record, why))
      }
      guard (relocation.offset - range.lowerBound) % size == 0 else { throw fail("it points between instructions") }
      let place = (relocation.offset - range.lowerBound) / size
      let symbol = elf.symbols[relocation.symbol]
      let target = try target(of: relocation, symbol: symbol, instruction: instructions[place], fail: fail)
      if instructions[place].opcode == Opcode.loadImmediate64, place + 1 >= instructions.count {
        throw fail("its instruction has no second half")
      }
      relocated.insert(place)
      references.append(Reference(instruction: place, target: target))
    }
    // Calls within a section need no relocation record: the compiler knew the distance.
    for (place, instruction) in instructions.enumerated()
    where instruction.opcode == Opcode.call && instruction.source == PseudoSource.call && !relocated.contains(place) {
      let start = range.lowerBound / size + place + 1 + Int(instruction.immediate)
      references.append(Reference(instruction: place, target: .call(section: index, start: start)))
    }
    return references.sorted { $0.instruction < $1.instruction }
  }

  private func target(
    of relocation: ELFFile.Relocation, symbol: ELFFile.Symbol, instruction: Instruction,
    fail: (String) -> ObjectFileError
  ) throws(ObjectFileError) -> Reference.Target {
    let size = Instruction.byteCount
    let name = symbol.name.isEmpty ? "without a name" : symbol.name
    if symbol.section == SHN_UNDEF, let index = externs.firstIndex(where: { $0.name == symbol.name }) {
      switch (instruction.opcode, externs[index].kind) {
      case (Opcode.call, .function): return .externCall(index)
      case (Opcode.loadImmediate64, _): return .externAddress(index)
      default: throw fail("its instruction's opcode \(instruction.opcode) does not fit the extern \(symbol.name)")
      }
    }
    guard elf.sections.indices.contains(symbol.section), symbol.section != 0 else {
      throw fail("it refers to \(name), which the object does not define")
    }
    let target = elf.sections[symbol.section]
    let (place, overflow) = symbol.value.addingReportingOverflow(Int(instruction.immediate))
    guard !overflow else { throw fail("it refers to a place beyond memory") }
    switch (relocation.type, instruction.opcode) {
    case (RelocationType.call, Opcode.call):
      guard target.isExecutable, symbol.value % size == 0 else { throw fail("it calls \(name), which is no function") }
      // A call's immediate counts instructions from the next one, -1 where the symbol is the function itself.
      return .call(section: symbol.section, start: symbol.value / size + Int(instruction.immediate) + 1)
    case (RelocationType.address, Opcode.loadImmediate64):
      if target.isExecutable {
        guard place % size == 0 else { throw fail("it points between the instructions of \(target.name)") }
        return .callback(section: symbol.section, start: place / size)
      }
      if symbol.section == definedMaps.section {
        guard let map = definedMaps.name(at: symbol.type == STT_SECTION ? place : symbol.value) else {
          throw fail("it refers to \(name) in .maps, where no map begins")
        }
        return .map(map)
      }
      if let map = dataMaps.names[symbol.section] {
        guard (0..<target.size).contains(place) else { throw fail("it refers to a place outside of \(target.name)") }
        return .data(map: map, offset: place)
      }
      throw fail("it refers to \(name) in section \(target.name), which is neither code nor a map nor data")
    default:
      throw fail("its type \(relocation.type) does not fit the instruction's opcode \(instruction.opcode)")
    }
  }
}
