import BPFInstructions
import BPFTypes
import ByteReading
internal import CLibelf

/// Cuts the executable sections into functions.
struct FunctionReader {
  let elf: ELFFile
  let lineInformation: BTFExtension?
  /// The maps that variables define, by section and the variable's place in it.
  let mapPlaces: [SectionPlace: String]
  let dataMaps: DataMaps
  let externs: [ExternSpec]
  private let externIndices: [String: Int]
  private(set) var warnings: [ObjectWarning] = []

  init(
    elf: ELFFile, lineInformation: BTFExtension?, mapPlaces: [SectionPlace: String], dataMaps: DataMaps,
    externs: [ExternSpec]
  ) {
    self.elf = elf
    self.lineInformation = lineInformation
    self.mapPlaces = mapPlaces
    self.dataMaps = dataMaps
    self.externs = externs
    externIndices = Dictionary(
      externs.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
  }

  private enum RelocationType {
    /// An address, in a `loadImmediate64`.
    static let address: UInt32 = 1
    /// The target of a call.
    static let call: UInt32 = 10
  }

  /// `isEntry` is false for the functions in `.text`, which other functions call.
  typealias Entry = (function: FunctionSpec, sectionName: String, isEntry: Bool)

  mutating func readAll() throws(ObjectFileError) -> [Entry] {
    var entries: [Entry] = []
    for (index, section) in elf.sections.enumerated() where section.isExecutable && section.type == SHT_PROGBITS {
      let symbols = elf.symbols.filter { $0.section == index && $0.type == STT_FUNC }.sorted { $0.value < $1.value }
      for symbol in symbols {
        guard section.name == ".text" || symbol.binding != STB_LOCAL else {
          throw ObjectFileError(.staticProgram(name: symbol.name), at: symbol.place(in: section))
        }
        let function = try read(symbol, in: section, index: index)
        entries.append((function, section.name, section.name != ".text"))
      }
    }
    return entries
  }

  private mutating func read(
    _ symbol: ELFFile.Symbol, in section: ELFFile.Section, index: Int
  ) throws(ObjectFileError) -> FunctionSpec {
    let size = Instruction.byteCount
    let bad = ObjectFileError(.badFunction(name: symbol.name), at: symbol.place(in: section))
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
    let lines = lineInformation?.lines[section.name]?.slice(in: range) { $0.instructionOffset } ?? []
    let functions = lineInformation?.functions[section.name]?.slice(in: range) { $0.instructionOffset } ?? []
    let relocations = lineInformation?.relocations[section.name]?.slice(in: range) { $0.instructionOffset } ?? []
    return FunctionSpec(
      name: symbol.name, section: index, start: symbol.value / size, instructions: instructions,
      references: try references(of: instructions, function: symbol.name, range: range, section: section, index: index),
      type: functions.first { $0.instructionOffset == symbol.value }?.type,
      lines: lines.map {
        SourceLine(
          instruction: ($0.instructionOffset - symbol.value) / size, fileName: $0.fileName, text: $0.text,
          lineAndColumn: $0.lineAndColumn)
      },
      relocations: relocations.map { $0.moved(toStartAt: symbol.value) },
      isHidden: symbol.binding != STB_LOCAL && symbol.isHidden, isGlobal: symbol.binding != STB_LOCAL)
  }

  private mutating func references(
    of instructions: [Instruction], function: String, range: Range<Int>, section: ELFFile.Section, index: Int
  ) throws(ObjectFileError) -> [Reference] {
    let size = Instruction.byteCount
    var references: [Reference] = []
    var relocated: Set<Int> = []
    for relocation in elf.relocations[index]?.slice(in: range, by: { $0.offset }) ?? [] {
      func fail(_ why: String) -> ObjectFileError { ObjectFileError(.badRelocation(why), at: relocation.place) }
      guard (relocation.offset - range.lowerBound) % size == 0 else { throw fail("it points between instructions") }
      let place = (relocation.offset - range.lowerBound) / size
      let symbol = elf.symbols[relocation.symbol]
      let target = try target(
        of: relocation, symbol: symbol, instruction: instructions[place], in: function, fail: fail)
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

  private mutating func target(
    of relocation: ELFFile.Relocation, symbol: ELFFile.Symbol, instruction: Instruction, in function: String,
    fail: (String) -> ObjectFileError
  ) throws(ObjectFileError) -> Reference.Target {
    let size = Instruction.byteCount
    let name = symbol.name.isEmpty ? "without a name" : symbol.name
    if symbol.section == SHN_UNDEF, let index = externIndices[symbol.name] {
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
      let start = symbol.type == STT_SECTION ? place : symbol.value
      if let map = mapPlaces[SectionPlace(section: symbol.section, offset: start)] { return .map(map) }
      if let map = dataMaps.names[symbol.section] {
        if !(0..<target.size).contains(place) {
          // Which the kernel will refuse. gcc before 13 counts a variable's place twice.
          warnings.append(
            .placeOutsideOfSection(
              target.name, byteCount: target.size, offset: place, symbol: symbol.name, function: function))
        }
        return .data(map: map, offset: place)
      }
      if mapPlaces.keys.contains(where: { $0.section == symbol.section }) {
        throw fail("it refers to \(name) in \(target.name), where no map begins")
      }
      if target.name == ".jumptables" { throw fail("it refers to a jump table, which merops does not do") }
      throw fail("it refers to \(name) in section \(target.name), which is neither code nor a map nor data")
    default:
      throw fail("its type \(relocation.type) does not fit the instruction's opcode \(instruction.opcode)")
    }
  }
}
