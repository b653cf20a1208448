import BPFInstructions
import BPFObjectFile
import BPFTypes

/// Appends to an entry function the functions that it calls, each once, and lets the calls point at them.
struct Linker {
  private typealias Place = RelocatedFunctions.Place

  private let program: ProgramSpec
  private let available: RelocatedFunctions
  private let externs: ExternResolution
  private let maps: [MapSpec]
  /// The places of the maps that are not created, by their names.
  private let missingMaps: [String: Int]
  private let target: AttachTarget?
  private let kernelVersion: UInt32
  private let knowsAttachCookie: Bool
  private var instructions: [Instruction] = []
  private var mapReferences: [MapReference] = []
  private var moduleReferences: [ModuleReference] = []
  private var functionStarts: [FunctionStart] = []
  private var functions: [FunctionInformation] = []
  private var lines: [SourceLine] = []
  private var relocations: [AppliedRelocation] = []
  private var unreachable: [UnreachableInstruction] = []
  private(set) var warnings: [PlanWarning] = []
  /// Where the functions appended so far begin.
  private var starts: [Place: Int] = [:]

  /// The verifier's own limit on what it follows, BPF_COMPLEXITY_LIMIT_INSNS.
  private static let instructionLimit = 1_000_000

  init(
    program: ProgramSpec, functions: RelocatedFunctions, externs: ExternResolution, maps: [MapSpec],
    missingMaps: [String: Int], target: AttachTarget?, version: UInt32, knowsAttachCookie: Bool
  ) {
    self.program = program
    available = functions
    self.externs = externs
    self.maps = maps
    self.missingMaps = missingMaps
    self.target = target
    kernelVersion = version
    self.knowsAttachCookie = knowsAttachCookie
  }

  /// A function's own callees follow it before its caller's next ones, as libbpf orders them.
  mutating func link() throws(PlanError) -> ProgramPlan {
    try appendWithCallees(program.function)
    if let name = program.exceptionCallback {
      guard let callback = available.globalFunction(named: name) else {
        throw .noSuchCallback(program: program.name, function: name)
      }
      if starts[Place(callback)] == nil { try appendWithCallees(callback) }
    }
    return ProgramPlan(
      name: program.name, sectionName: program.sectionName, target: program.target, type: program.type,
      expectedAttachType: program.expectedAttachType, flags: program.flags, kernelVersion: kernelVersion,
      knowsAttachCookie: knowsAttachCookie, attachTarget: target, instructions: instructions,
      mapReferences: mapReferences.sorted { $0.instruction < $1.instruction },
      moduleReferences: moduleReferences.sorted { $0.instruction < $1.instruction },
      functionModules: externs.functionModules, functionStarts: functionStarts, functions: functions, lines: lines,
      unreachable: unreachable.sorted { $0.instruction < $1.instruction }, relocations: relocations)
  }

  private mutating func appendWithCallees(_ function: FunctionSpec) throws(PlanError) {
    // A stack of its own, since a hostile object may nest calls deeper than ours can go.
    var pending: [(function: FunctionSpec, base: Int, next: Int)] = []
    pending.append((function, try append(function), 0))
    while let (function, base, next) = pending.popLast() {
      guard next < function.references.count else { continue }
      pending.append((function, base, next + 1))
      let reference = function.references[next]
      let place = base + reference.instruction
      switch reference.target {
      case .map(let map): refer(to: map, source: PseudoSource.map, at: place)
      case .data(let map, let offset):
        refer(to: map, source: PseudoSource.mapValue, offset: offset, at: place)
      case .call(let section, let start):
        let target = try resolve(section, start, from: function, at: reference.instruction, &pending)
        instructions[place].source = PseudoSource.call
        instructions[place].immediate = Int32(truncatingIfNeeded: target - place - 1)
      case .callback(let section, let start):
        let target = try resolve(section, start, from: function, at: reference.instruction, &pending)
        instructions[place].source = PseudoSource.function
        instructions[place].immediate = Int32(truncatingIfNeeded: target - place - 1)
        instructions[place + 1].immediate = 0
      case .externCall(let index): complete(callOf: index, at: place)
      case .externAddress(let index): complete(addressOf: index, at: place)
      }
    }
  }

  /// What stands for the address of a map that is not created: libbpf's number, to which the map's place is added.
  private static let missingMap: Int32 = 2_001_000_000

  /// - Parameter offset: in bytes, in the map's value; `nil` for the map itself.
  private mutating func refer(to map: String, source: UInt8, offset: Int? = nil, at place: Int) {
    if let index = missingMaps[map] {
      let poison = Instruction(
        opcode: Opcode.call, immediate: Self.missingMap + (index < 100_000 ? Int32(index) : 0))
      (instructions[place], instructions[place + 1]) = (poison, poison)
      unreachable.append(UnreachableInstruction(instruction: place, missing: "map \(map), which is not created"))
      return
    }
    instructions[place].source = source
    if let offset {
      instructions[place].immediate = 0
      instructions[place + 1].immediate = Int32(truncatingIfNeeded: offset)
    }
    mapReferences.append(MapReference(instruction: place, map: map))
  }

  /// What stands for a function of the kernel that is not there: libbpf's number, to which the extern's index is added.
  private static let missingFunction: Int32 = 2_002_000_000

  private mutating func complete(callOf index: Int, at place: Int) {
    guard case .type(let type, let module) = externs.found[index] else {
      instructions[place] = Instruction(
        opcode: Opcode.call, immediate: Self.missingFunction &+ Int32(truncatingIfNeeded: index))
      unreachable.append(
        UnreachableInstruction(instruction: place, missing: "the function \(externs.names[index])"))
      return
    }
    instructions[place].source = PseudoSource.kernelFunction
    instructions[place].immediate = Int32(bitPattern: type.rawValue)
    instructions[place].offset = Int16(clamping: externs.descriptorIndex(of: module))
    if let module { moduleReferences.append(ModuleReference(instruction: place, module: module)) }
  }

  private mutating func complete(addressOf index: Int, at place: Int) {
    switch externs.found[index] {
    case .setting(let offset):
      // The settings' map is the last.
      refer(to: maps.last?.name ?? "", source: PseudoSource.mapValue, offset: offset, at: place)
    case .type(let type, let module):
      instructions[place].source = PseudoSource.btfID
      store(UInt64(type.rawValue), at: place)
      if let module { moduleReferences.append(ModuleReference(instruction: place, module: module)) }
    case .address(let address): store(address, at: place)
    case .missing: store(0, at: place)
    }
  }

  private mutating func store(_ number: UInt64, at place: Int) {
    instructions[place].immediate = Int32(truncatingIfNeeded: number)
    instructions[place + 1].immediate = Int32(truncatingIfNeeded: number >> 32)
  }

  private mutating func resolve(
    _ section: Int, _ start: Int, from caller: FunctionSpec, at instruction: Int,
    _ pending: inout [(function: FunctionSpec, base: Int, next: Int)]
  ) throws(PlanError) -> Int {
    let place = Place(section: section, start: start)
    if let start = starts[place] { return start }
    guard let function = available.functions[place] else {
      throw .noSuchFunction(
        program: program.name, function: caller.name, instruction: instruction,
        section: available.sectionNames.indices.contains(section) ? available.sectionNames[section] : "\(section)",
        offset: start * Instruction.byteCount)
    }
    let base = try append(function)
    pending.append((function, base, 0))
    return base
  }

  /// Returns where the function begins now.
  private mutating func append(_ function: FunctionSpec) throws(PlanError) -> Int {
    let base = instructions.count
    guard function.instructions.count <= Self.instructionLimit - base else {
      throw .tooLarge(program: program.name, instructionCount: base + function.instructions.count)
    }
    let place = Place(function)
    starts[place] = base
    instructions += available.instructions[place] ?? function.instructions
    functionStarts.append(FunctionStart(instruction: base, name: function.name))
    for relocation in available.relocations[place] ?? [] {
      relocations.append(relocation.moved(by: base))
      guard let missing = relocation.result.missing else { continue }
      unreachable.append(UnreachableInstruction(instruction: base + relocation.instruction, missing: missing))
    }
    try appendInformation(function, base: base)
    return base
  }

  /// The kernel takes types and lines of all functions or of none: where the program itself has none, those of others
  /// are left out, too.
  private mutating func appendInformation(_ function: FunctionSpec, base: Int) throws(PlanError) {
    let isMain = base == 0
    if let type = function.type {
      if isMain || !functions.isEmpty { functions.append(FunctionInformation(instruction: base, type: type)) }
    } else if isMain {
      if available.hasInformation { warnings.append(.noFunctionTypes(program: program.name)) }
    } else if !functions.isEmpty {
      throw .noFunctionType(program: program.name, function: function.name)
    }
    if !function.lines.isEmpty {
      if isMain || !lines.isEmpty { lines += function.lines.map { $0.moved(by: base) } }
    } else if isMain {
      if available.hasInformation { warnings.append(.noSourceLines(program: program.name)) }
    } else if !lines.isEmpty {
      throw .noSourceLines(program: program.name, function: function.name)
    }
  }
}
