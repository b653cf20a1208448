import BPFInstructions
import BPFObjectFile
import BPFTypes

/// All functions of an object with their CO-RE relocations carried out.
struct RelocatedFunctions {
  /// Where functions are found: by section and first instruction.
  struct Place: Hashable {
    let section: Int
    let start: Int

    init(section: Int, start: Int) {
      self.section = section
      self.start = start
    }

    init(_ function: FunctionSpec) { self.init(section: function.section, start: function.start) }
  }

  /// By the index of the section.
  let sectionNames: [String]
  /// Whether .BTF.ext tells the types of functions at all.
  let hasInformation: Bool

  private(set) var functions: [Place: FunctionSpec] = [:]
  private(set) var instructions: [Place: [Instruction]] = [:]
  /// What the CO-RE relocations came to; instructions count from the function's start.
  private(set) var relocations: [Place: [AppliedRelocation]] = [:]

  init(_ object: ObjectSpec, lookup: TypeLookup) throws(PlanError) {
    var relocator: CORERelocator?
    let functions =
      object.subprograms.map { (function: $0, section: ".text", isWanted: true) }
      + object.programs.map { (function: $0.function, section: $0.sectionName, isWanted: $0.isWanted) }
    sectionNames = object.sections.map(\.name)
    hasInformation = functions.contains { $0.function.type != nil }
    for (function, section, isWanted) in functions {
      let place = Place(function)
      self.functions[place] = function
      var code = function.instructions
      for record in isWanted ? function.relocations : [] {
        do throws(COREError.Reason) {
          if relocator == nil, let btf = object.btf {
            relocator = try CORERelocator(
              object: btf, lookup: lookup, records: functions.flatMap(\.function.relocations))
          }
          guard let result = try relocator?.resolve(record) else { continue }
          guard record.instructionOffset % Instruction.byteCount == 0 else { throw .noSuchInstruction }
          let instruction = record.instructionOffset / Instruction.byteCount
          try result.apply(to: &code, at: instruction)
          relocations[place, default: []].append(
            AppliedRelocation(instruction: instruction, record: record, result: result))
        } catch {
          throw .relocation(
            program: function.name,
            COREError(
              section: section, record: record.number,
              offset: function.start * Instruction.byteCount + record.instructionOffset,
              spelling: object.btf.map { record.spelling(in: $0) } ?? record.access, reason: error))
        }
      }
      instructions[place] = code
    }
  }

  func globalFunction(named name: String) -> FunctionSpec? {
    functions.values.first { $0.name == name && $0.isGlobal && !$0.isHidden }
  }
}
