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
  /// `LINUX_VERSION_CODE` of the kernel, which old kernels insist on for kprobes; 0 where it is not known.
  public let kernelVersion: UInt32
  /// What the program attaches to, in the kernel's BTF.
  public let attachTarget: AttachTarget?
  public let instructions: [Instruction]
  /// The two-slot instructions whose first immediate becomes a map's descriptor, ascending.
  public let mapReferences: [MapReference]
  /// The instructions that need the descriptor of a module's BTF, ascending.
  public let moduleReferences: [ModuleReference]
  /// The modules whose functions are called, in the order of the descriptors that BPF_PROG_LOAD gets, from 1 on.
  public let functionModules: [String]
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

/// An instruction that refers to a type of a module's BTF.
public struct ModuleReference: Hashable, Sendable {
  public let instruction: Int
  public let module: String
}

/// A function or type of the kernel that a program attaches to.
public struct AttachTarget: Hashable, Sendable {
  public let type: BTF.TypeID
  public let name: String
  /// `nil` for the kernel itself.
  public let module: String?
}

/// `struct bpf_func_info`: where a function begins in the linked program, and its type.
public struct FunctionInformation: Hashable, Sendable {
  public let instruction: Int
  public let type: BTF.TypeID
}

/// An object that cannot be planned.
public enum PlanError: Error, Hashable, Sendable {
  /// No function begins where an instruction refers to; `instruction` counts from the start of `function`.
  case noSuchFunction(program: String, function: String, instruction: Int, section: Int, start: Int)
  case tooLarge(program: String, instructionCount: Int)
  case unknownSection(program: String, section: String)
  case noTarget(program: String, section: String)
  case noSuchTarget(program: String, name: String)
  case notYet(String)
  case extern(ExternError)
  case relocation(program: String, COREError)
  case types(BTFError)
}

extension PlanError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchFunction(let program, let function, let instruction, let section, let start):
      "program \(program): instruction \(instruction) of \(function) refers to a function at instruction \(start) "
        + "of ELF section \(section), but none begins there"
    case .tooLarge(let program, let count):
      "program \(program) has \(count) instructions with its subprograms, over a million"
    case .unknownSection(let program, let section):
      "program \(program): the section name \(section) tells no program type; give it one, or leave the program out"
    case .noTarget(let program, let section):
      "program \(program): the section name \(section) does not say what to attach to; name it behind a slash"
    case .noSuchTarget(let program, let name): "program \(program): the kernel's BTF has no \(name) to attach to"
    case .notYet(let what): "the object needs \(what), which merops does not do"
    case .extern(let error): "\(error)"
    case .relocation(let program, let error): "program \(program): \(error)"
    case .types(let error): "the object's BTF \(error)"
    }
  }
}

extension LoadPlan {
  /// - Parameter kernel: what the object is for; an object without relocations and externs needs to know nothing of it.
  public init(_ object: ObjectSpec, kernel: TargetKernel = TargetKernel()) throws(PlanError) {
    let externs: ExternResolution
    do { externs = try ExternResolution(object, kernel: kernel) } catch { throw .extern(error) }
    let relocated = try RelocatedFunctions(object, kernel: kernel)
    let settingsMap = externs.settings.map(of: object)
    var linked: [ProgramPlan] = []
    for program in object.programs where program.isWanted {
      guard program.type != .unspecified else {
        throw .unknownSection(program: program.name, section: program.sectionName)
      }
      let target = try program.attachTarget(in: kernel)
      linked.append(
        try Linker(
          program: program, functions: relocated, externs: externs, settingsMap: settingsMap, target: target,
          kernel: kernel
        ).link())
    }
    license = object.license
    do throws(BTFError) { btf = try object.btf?.completed(for: object, settings: externs.settings) } catch {
      throw .types(error)
    }
    maps =
      try object.maps.map { (map) throws(PlanError) in try map.completed(kernel: kernel) }
      + (settingsMap.map { [$0] } ?? [])
    programs = linked
  }
}

extension ProgramSpec {
  /// Looks up what the program attaches to in the kernel's types, where it is loaded with its number there.
  fileprivate func attachTarget(in kernel: TargetKernel) throws(PlanError) -> AttachTarget? {
    guard section.attachesByType else { return nil }
    guard let target, !target.isEmpty else { throw .noTarget(program: name, section: sectionName) }
    let (prefix, isTypedef) = section.targetType
    // "module:function" names the module, too.
    let parts = target.split(separator: ":", maxSplits: 1)
    let wantedModule = parts.count == 2 ? String(parts[0]) : nil
    let wanted = prefix + (parts.last.map(String.init) ?? target)
    var sources: [(module: String?, btf: BTF)] = kernel.btf.map { [(nil, $0)] } ?? []
    sources += kernel.modules.map { ($0.name, $0.btf) }
    for (module, btf) in sources where wantedModule == nil || wantedModule == module ?? "vmlinux" {
      guard let id = try? btf.types(named: wanted, kinds: [isTypedef ? .typedef : .function]).first else { continue }
      return AttachTarget(type: id, name: wanted, module: module)
    }
    throw .noSuchTarget(program: name, name: wanted)
  }
}

extension MapSpec {
  /// Kinds of maps that the kernel takes no types for.
  private static let withoutTypes: Set<MapType> = [
    .perfEventArray, .cgroupArray, .stackTrace, .arrayOfMaps, .hashOfMaps, .deviceMap, .deviceHash, .cpuMap, .xskMap,
    .socketMap, .socketHash, .queue, .stack, .arena,
  ]
  private static let pageSize: UInt32 = 4096

  /// With what depends on the machine: numbers of CPUs, whole pages.
  fileprivate func completed(kernel: TargetKernel) throws(PlanError) -> MapSpec {
    guard type != .structOps else { throw .notYet("struct_ops (map \(name))") }
    guard type != .arena else { throw .notYet("an arena (map \(name))") }
    var map = self
    if type == .ringBuffer || type == .userRingBuffer { map.maxEntries = Self.ringSize(maxEntries) }
    if type == .perfEventArray, maxEntries == 0 { map.maxEntries = UInt32(clamping: kernel.cpuCount) }
    if Self.withoutTypes.contains(type) { (map.keyType, map.valueType) = (.void, .void) }
    map.inner = []
    for inner in inner { map.inner.append(try inner.completed(kernel: kernel)) }
    return map
  }

  /// Whether the object's BTF is named when the map is created.
  public var hasTypes: Bool { !Self.withoutTypes.contains(type) }

  /// The kernel wants a power of two of pages; what is none is rounded up.
  private static func ringSize(_ size: UInt32) -> UInt32 {
    guard size > 0 else { return 0 }
    var pages: UInt32 = 1
    while pages * pageSize < size, pages < 1 << 19 { pages *= 2 }
    return pages * pageSize
  }
}

extension KernelSettings {
  /// The map that the settings' variables lie in; `nil` where there are none.
  fileprivate func map(of object: ObjectSpec) -> MapSpec? {
    guard !contents.isEmpty else { return nil }
    let type = try? object.btf?.types(named: ".kconfig", kinds: [.dataSection]).first
    return MapSpec(
      settingsOf: object.name, contents: contents, valueType: type ?? .void)
  }
}

/// All functions of an object with their CO-RE relocations carried out.
struct RelocatedFunctions {
  /// Where functions are found: by section and first instruction.
  struct Place: Hashable {
    let section: Int
    let start: Int
  }

  private(set) var functions: [Place: FunctionSpec] = [:]
  private(set) var instructions: [Place: [Instruction]] = [:]

  init(_ object: ObjectSpec, kernel: TargetKernel) throws(PlanError) {
    var relocator: CORERelocator?
    let functions =
      object.subprograms.map { (function: $0, section: ".text", isWanted: true) }
      + object.programs.map { (function: $0.function, section: $0.sectionName, isWanted: $0.isWanted) }
    for (function, section, isWanted) in functions {
      let place = Place(section: function.section, start: function.start)
      self.functions[place] = function
      var code = function.instructions
      for record in isWanted ? function.relocations : [] {
        do throws(COREError.Reason) {
          if relocator == nil, let btf = object.btf {
            relocator = try CORERelocator(
              object: btf, kernel: kernel, records: functions.flatMap(\.function.relocations))
          }
          guard let result = try relocator?.resolve(record) else { continue }
          guard record.instructionOffset % Instruction.byteCount == 0 else { throw .noSuchInstruction }
          try result.apply(to: &code, at: record.instructionOffset / Instruction.byteCount)
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
}

/// Appends to an entry function the functions that it calls, each once, and lets the calls point at them.
private struct Linker {
  private typealias Place = RelocatedFunctions.Place

  private let program: ProgramSpec
  private let available: RelocatedFunctions
  private let externs: ExternResolution
  private let settingsMap: MapSpec?
  private let target: AttachTarget?
  private let kernelVersion: UInt32
  private var instructions: [Instruction] = []
  private var mapReferences: [MapReference] = []
  private var moduleReferences: [ModuleReference] = []
  private var functions: [FunctionInformation] = []
  private var lines: [SourceLine] = []
  /// Where the functions appended so far begin.
  private var starts: [Place: Int] = [:]

  /// The verifier's own limit on what it follows, BPF_COMPLEXITY_LIMIT_INSNS.
  private static let instructionLimit = 1_000_000

  init(
    program: ProgramSpec, functions: RelocatedFunctions, externs: ExternResolution, settingsMap: MapSpec?,
    target: AttachTarget?, kernel: TargetKernel
  ) {
    self.program = program
    available = functions
    self.externs = externs
    self.settingsMap = settingsMap
    self.target = target
    kernelVersion = kernel.versionCode
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
      case .externCall(let index): complete(callOf: index, at: place)
      case .externAddress(let index): complete(addressOf: index, at: place)
      }
    }
    // The kernel takes functions and lines for all of the program or for none.
    let hasEveryType = functions.count == starts.count
    return ProgramPlan(
      name: program.name, sectionName: program.sectionName, type: program.type,
      expectedAttachType: program.expectedAttachType, flags: program.flags, kernelVersion: kernelVersion,
      attachTarget: target, instructions: instructions,
      mapReferences: mapReferences.sorted { $0.instruction < $1.instruction },
      moduleReferences: moduleReferences.sorted { $0.instruction < $1.instruction },
      functionModules: externs.functionModules, functions: hasEveryType ? functions : [],
      lines: hasEveryType ? lines : [])
  }

  /// What stands for a function of the kernel that is not there: libbpf's number, to which the extern's index is added.
  private static let missingFunction: Int32 = 2_002_000_000

  private mutating func complete(callOf index: Int, at place: Int) {
    guard case .type(let type, let module) = externs.found[index] else {
      instructions[place] = Instruction(
        opcode: Opcode.call, immediate: Self.missingFunction &+ Int32(truncatingIfNeeded: index))
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
      instructions[place].source = PseudoSource.mapValue
      instructions[place].immediate = 0
      instructions[place + 1].immediate = Int32(truncatingIfNeeded: offset)
      mapReferences.append(MapReference(instruction: place, map: settingsMap?.name ?? ""))
    case .type(let type, let module):
      instructions[place].source = PseudoSource.btfID
      instructions[place].immediate = Int32(bitPattern: type.rawValue)
      instructions[place + 1].immediate = 0
      if let module { moduleReferences.append(ModuleReference(instruction: place, module: module)) }
    case .address(let address):
      instructions[place].immediate = Int32(truncatingIfNeeded: address)
      instructions[place + 1].immediate = Int32(truncatingIfNeeded: address >> 32)
    case .missing:
      instructions[place].immediate = 0
      instructions[place + 1].immediate = 0
    }
  }

  private mutating func resolve(
    _ section: Int, _ start: Int, from caller: FunctionSpec, at instruction: Int,
    _ pending: inout [(function: FunctionSpec, base: Int, next: Int)]
  ) throws(PlanError) -> Int {
    let place = Place(section: section, start: start)
    if let start = starts[place] { return start }
    guard let function = available.functions[place] else {
      throw .noSuchFunction(
        program: program.name, function: caller.name, instruction: instruction, section: section, start: start)
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
    let place = Place(section: function.section, start: function.start)
    starts[place] = base
    instructions += available.instructions[place] ?? function.instructions
    if let type = function.type { functions.append(FunctionInformation(instruction: base, type: type)) }
    lines += function.lines.map { $0.moved(by: base) }
    return base
  }
}
