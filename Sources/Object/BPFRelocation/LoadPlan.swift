public import BPFInstructions
public import BPFObjectFile
public import BPFTypes

/// Everything that loading an object will ask of the kernel, in order and as values: maps to create, programs to load.
/// Map references still stand by name. Making a plan needs no privilege and touches no kernel; a loader executes it.
public struct LoadPlan: Sendable {
  public let license: String
  /// What BPF_BTF_LOAD gets.
  public let btf: BTF?
  /// In the order of creation.
  public let maps: [MapSpec]
  /// In the order of loading.
  public let programs: [ProgramPlan]
}

/// A program with all its subprograms behind it, as BPF_PROG_LOAD takes it but for the maps' descriptors.
public struct ProgramPlan: Sendable {
  public let name: String
  public let sectionName: String
  public let type: ProgramType
  public let expectedAttachType: AttachType
  public let flags: ProgramFlags
  public let instructions: [Instruction]
  /// The two-slot instructions whose first immediate becomes a map's descriptor, ascending.
  public let mapReferences: [MapReference]
  /// `struct bpf_func_info`: where each function begins and its type; empty without BTF.
  public let functions: [FunctionInformation]
  /// `struct bpf_line_info`, ascending; `instruction` counts from the program's start.
  public let lines: [SourceLine]
}

/// An instruction that needs a map's descriptor.
public struct MapReference: Hashable, Sendable {
  public let instruction: Int
  public let map: String
}

/// `struct bpf_func_info`: where a function begins in the linked program, and its type.
public struct FunctionInformation: Hashable, Sendable {
  public let instruction: Int
  public let type: BTF.TypeID
}

/// An object that cannot be planned.
public struct PlanError: Error, Hashable, Sendable {
  public enum Reason: Hashable, Sendable {
    /// No function begins where an instruction calls.
    case noSuchFunction(section: Int, start: Int)
    case tooLarge(instructionCount: Int)
    /// The relocation records for CO-RE are not carried out yet.
    case relocationsAgainstKernelTypes(count: Int)
  }

  public let program: String
  /// Counts from the start of `function`.
  public let instruction: Int
  public let function: String
  public let reason: Reason
}

extension PlanError: CustomStringConvertible {
  public var description: String {
    switch reason {
    case .noSuchFunction(let section, let start):
      "program \(program): instruction \(instruction) of \(function) refers to a function at instruction \(start) "
        + "of ELF section \(section), but none begins there"
    case .tooLarge(let count): "program \(program) has \(count) instructions with its subprograms, over a million"
    case .relocationsAgainstKernelTypes(let count):
      "the object has \(count) CO-RE relocations, which are not supported yet"
    }
  }
}

extension LoadPlan {
  public init(_ object: ObjectSpec) throws(PlanError) {
    guard object.coreRelocationCount == 0 else {
      throw PlanError(
        program: object.name, instruction: 0, function: "",
        reason: .relocationsAgainstKernelTypes(count: object.coreRelocationCount))
    }
    var linked: [ProgramPlan] = []
    for program in object.programs { linked.append(try Linker(program: program, object: object).link()) }
    license = object.license
    btf = object.btf
    maps = object.maps
    programs = linked
  }
}

/// Appends to an entry function the functions that it calls, each once, and lets the calls point at them.
private struct Linker {
  /// Where functions are found: by section and first instruction.
  private struct Place: Hashable {
    let section: Int
    let start: Int
  }

  private let program: ProgramSpec
  private let available: [Place: FunctionSpec]
  private var instructions: [Instruction] = []
  private var mapReferences: [MapReference] = []
  private var functions: [FunctionInformation] = []
  private var lines: [SourceLine] = []
  /// Where the functions appended so far begin.
  private var starts: [Place: Int] = [:]

  /// The verifier's own limit on what it follows, BPF_COMPLEXITY_LIMIT_INSNS.
  private static let instructionLimit = 1_000_000

  init(program: ProgramSpec, object: ObjectSpec) {
    self.program = program
    let all = object.subprograms + object.programs.map(\.function)
    available = Dictionary(
      all.map { (Place(section: $0.section, start: $0.start), $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// A function's own callees follow it before its caller's next ones, as libbpf orders them.
  consuming func link() throws(PlanError) -> ProgramPlan {
    // A stack of its own, since a hostile object may nest calls deeper than ours can go.
    var pending: [(function: FunctionSpec, base: Int, next: Int)] = []
    pending.append((program.function, try append(program.function), 0))
    while let (function, base, next) = pending.popLast() {
      guard next < function.references.count else { continue }
      pending.append((function, base, next + 1))
      let reference = function.references[next]
      let place = base + reference.instruction
      switch reference.target {
      case .map(let map):
        instructions[place].source = PseudoSource.map
        mapReferences.append(MapReference(instruction: place, map: map))
      case .data(let map, let offset):
        instructions[place].source = PseudoSource.mapValue
        instructions[place].immediate = 0
        instructions[place + 1].immediate = Int32(truncatingIfNeeded: offset)
        mapReferences.append(MapReference(instruction: place, map: map))
      case .call(let section, let start):
        let target = try resolve(section, start, from: function, at: reference.instruction, &pending)
        instructions[place].source = PseudoSource.call
        instructions[place].immediate = Int32(truncatingIfNeeded: target - place - 1)
      case .callback(let section, let start):
        let target = try resolve(section, start, from: function, at: reference.instruction, &pending)
        instructions[place].source = PseudoSource.function
        instructions[place].immediate = Int32(truncatingIfNeeded: target - place - 1)
        instructions[place + 1].immediate = 0
      }
    }
    // The kernel takes functions and lines for all of the program or for none.
    let hasEveryType = functions.count == starts.count
    return ProgramPlan(
      name: program.name, sectionName: program.sectionName, type: program.type,
      expectedAttachType: program.expectedAttachType, flags: program.flags, instructions: instructions,
      mapReferences: mapReferences.sorted { $0.instruction < $1.instruction }, functions: hasEveryType ? functions : [],
      lines: hasEveryType ? lines : [])
  }

  private mutating func resolve(
    _ section: Int, _ start: Int, from caller: FunctionSpec, at instruction: Int,
    _ pending: inout [(function: FunctionSpec, base: Int, next: Int)]
  ) throws(PlanError) -> Int {
    let place = Place(section: section, start: start)
    if let start = starts[place] { return start }
    guard let function = available[place] else {
      throw PlanError(
        program: program.name, instruction: instruction, function: caller.name,
        reason: .noSuchFunction(section: section, start: start))
    }
    let base = try append(function)
    pending.append((function, base, 0))
    return base
  }

  /// Returns where the function begins now.
  private mutating func append(_ function: FunctionSpec) throws(PlanError) -> Int {
    let base = instructions.count
    guard function.instructions.count <= Self.instructionLimit - base else {
      throw PlanError(
        program: program.name, instruction: 0, function: function.name,
        reason: .tooLarge(instructionCount: base + function.instructions.count))
    }
    starts[Place(section: function.section, start: function.start)] = base
    instructions += function.instructions
    if let type = function.type { functions.append(FunctionInformation(instruction: base, type: type)) }
    lines += function.lines.map { $0.moved(by: base) }
    return base
  }
}
