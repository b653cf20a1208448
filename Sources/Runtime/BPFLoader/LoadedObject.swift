import BPFInstructions
public import BPFObjectFile
public import BPFRelocation
import BPFTypes
import LinuxCalls

/// An object's maps and programs, in the kernel. They go when the last reference to them does, unless something that
/// is attached keeps them.
public struct LoadedObject: Sendable {
  public let maps: [Map]
  public let programs: [Program]
  /// Why the kernel refused the object's types, where it did: the object then goes without them, or with those only
  /// that its maps and programs need.
  public let typesError: LoadError?

  /// Carries out a plan: BTF, then the maps in their order, then the programs.
  /// - Parameters:
  ///   - pinDirectory: where maps are pinned, or found, whose definition asks for it; in a BPF file system.
  ///   - replaced: for each `freplace` program, by its name, the function whose place it takes.
  ///   - shared: maps that exist and stand for those of the same names, which are not made.
  /// - Throws: `LoadError`; what was made until then is gone again.
  public init(
    loading plan: LoadPlan, pinDirectory: String = "/sys/fs/bpf", replacing replaced: [String: ProgramFunction] = [:],
    sharing shared: [Map] = []
  ) throws(LoadError) {
    let types = try Self.loadTypes(of: plan)
    let plan = types.plan
    let modules = try ModuleDescriptors(for: plan.programs)
    var maps: [Map] = []
    let pins = PinnedMap(directory: pinDirectory)
    for spec in plan.maps where spec.isWanted {
      if let map = shared.first(where: { $0.name == spec.name }) {
        maps.append(map)
      } else {
        maps.append(try Self.make(spec, btf: types.descriptor, pins: pins))
      }
    }
    var programs: [Program] = []
    for program in plan.programs {
      programs.append(
        try Self.load(
          program, license: plan.license, maps: maps, modules: modules, btf: types.descriptor,
          replaced: try program.function(in: replaced)))
    }
    for map in maps where !shared.contains(where: { $0 === map }) {
      try Self.fillSlots(of: map, maps: maps, programs: programs)
    }
    self.maps = maps
    self.programs = programs
    typesError = types.error
  }

  private struct LoadedTypes: ~Copyable {
    let plan: LoadPlan
    let descriptor: FileDescriptor?
    var error: LoadError?
  }

  /// Few programs depend on their types, so that an object is not given up for what the kernel does not like in them.
  private static func loadTypes(of plan: LoadPlan) throws(LoadError) -> LoadedTypes {
    do { return LoadedTypes(plan: plan, descriptor: try load(plan.btf)) } catch {
      guard error.cause.errno == .invalidArgument || error.cause.errno == .argumentListTooLong else { throw error }
      if let smaller = try? plan.minimized(), let descriptor = try? load(smaller.btf) {
        return LoadedTypes(plan: smaller, descriptor: descriptor, error: error)
      }
      return LoadedTypes(plan: plan.withoutTypes(), descriptor: nil, error: error)
    }
  }

  /// Puts the descriptors of maps or programs where the definition of a map of maps or of programs names them.
  private static func fillSlots(of map: Map, maps: [Map], programs: [Program]) throws(LoadError) {
    for slot in map.spec.initialSlots {
      let number: CInt?
      switch slot.target {
      case .map(let name): number = maps.first { $0.name == name }?.descriptor.number
      case .program(let name): number = programs.first { $0.plan.name == name }?.descriptor.number
      }
      // A program that is left out leaves its slot empty.
      guard let number else { continue }
      do {
        try unsafe BPF.update(map.descriptor, key: [slot.key].span.bytes, value: [number].span.bytes)
      } catch { throw LoadError(.fillMap(map.name), error) }
    }
  }

  /// The map of a name, `nil` where the object has none.
  public func map(_ name: String) -> Map? { maps.first { $0.name == name } }
  /// The map of a data section, such as `.bss`.
  public func map(ofSection section: String) -> Map? { maps.first { $0.spec.section == section } }
  public func program(_ name: String) -> Program? { programs.first { $0.name == name } }

  /// How much log to ask for, and what to go on to when it was too short. The kernel takes up to 1 GB since 5.2.
  private static let logByteCounts = [1 << 20, 16 << 20]

  private static func load(_ btf: BTF?) throws(LoadError) -> FileDescriptor? {
    guard let btf else { return nil }
    let bytes = btf.bytes
    do {
      return try withMemoryLockRetry { () throws(BPF.LoadFailure) in try unsafe BPF.loadBTF(bytes.span.bytes) }
    } catch {
      var failure = error
      do {
        return try unsafe BPF.loadBTF(bytes.span.bytes, logByteCount: logByteCounts[0])
      } catch { failure = error }
      throw LoadError(.loadBTF, failure.error, log: VerifierLog(text: failure.log))
    }
  }

  /// Creates a map, or takes the one that is pinned under its name.
  private static func make(
    _ spec: MapSpec, btf: borrowing FileDescriptor?, pins: PinnedMap
  ) throws(LoadError) -> Map {
    guard spec.pinning == .byName else { return try create(spec, btf: btf) }
    if let pinned = try pins.open(spec) { return Map(spec: spec, descriptor: pinned) }
    let map = try create(spec, btf: btf)
    try pins.pin(map.descriptor, spec)
    return map
  }

  private static func create(_ spec: MapSpec, btf: borrowing FileDescriptor?) throws(LoadError) -> Map {
    Map(spec: spec, descriptor: try createDescriptor(spec, btf: btf))
  }

  /// A map with what it begins with.
  static func createDescriptor(
    _ spec: MapSpec, btf: borrowing FileDescriptor?
  ) throws(LoadError) -> FileDescriptor {
    var attributes = BPF.MapAttributes()
    attributes.type = spec.type.rawValue
    attributes.keySize = spec.keySize
    attributes.valueSize = spec.valueSize
    attributes.maxEntries = spec.maxEntries
    attributes.flags = spec.flags.rawValue
    attributes.keyType = spec.keyType.rawValue
    attributes.valueType = spec.valueType.rawValue
    attributes.extra = spec.extra
    attributes.numaNode = spec.numaNode
    // The kernel copies what it needs of it.
    let inner: Map? = try spec.inner.first.map { (inner) throws(LoadError) in try create(inner, btf: btf) }
    attributes.innerMap = inner?.descriptor.number ?? 0
    defer { withExtendedLifetime(inner) {} }
    let descriptor: FileDescriptor
    do {
      descriptor = try createMap(attributes, name: spec.name, btf: btf)
    } catch {
      throw LoadError(.createMap(spec), error)
    }
    do throws(SystemCallError) {
      if !spec.contents.isEmpty {
        // The kernel reads as many bytes as the map's value has, whatever there are.
        guard spec.contents.count <= Int(spec.valueSize) else {
          throw SystemCallError(call: "bpf(BPF_MAP_UPDATE_ELEM)", errno: .argumentListTooLong)
        }
        let value = spec.paddedContents
        let key = [UInt8](repeating: 0, count: 4)
        try unsafe BPF.update(descriptor, key: key.span.bytes, value: value.span.bytes)
      }
      if spec.isConstant { try BPF.freeze(descriptor) }
    } catch { throw LoadError(.fillMap(spec.name), error) }
    return descriptor
  }

  /// Some map types refuse to know their types; those are made once more without.
  private static func createMap(
    _ attributes: BPF.MapAttributes, name: String, btf: borrowing FileDescriptor?
  ) throws(SystemCallError) -> FileDescriptor {
    do { return try BPF.createMap(attributes, name: name, btf: btf) } catch {
      if error.errno == .notPermitted, (try? raiseMemoryLockLimit()) != nil,
        let descriptor = try? BPF.createMap(attributes, name: name, btf: btf)
      {
        return descriptor
      }
      // Without types, the error is the map's own.
      return try BPF.createMap(attributes, name: name, btf: nil)
    }
  }

  private static func load(
    _ plan: ProgramPlan, license: String, maps: [Map], modules: ModuleDescriptors, btf: borrowing FileDescriptor?,
    replaced: LoadedFunction?
  ) throws(LoadError) -> Program {
    var instructions = plan.instructions
    for reference in plan.mapReferences {
      guard let map = maps.first(where: { $0.name == reference.map }) else {
        preconditionFailure("the plan refers to map \(reference.map), which it does not have")
      }
      instructions[reference.instruction].immediate = map.descriptor.number
    }
    // Functions are called by their place among descriptors; variables name the descriptor itself.
    for reference in plan.moduleReferences
    where instructions[reference.instruction].opcode == Opcode.loadImmediate64 {
      instructions[reference.instruction + 1].immediate = modules[reference.module]
    }
    let names = Set(plan.mapReferences.map(\.map))
    let used = maps.filter { names.contains($0.name) }
    var attributes = BPF.ProgramAttributes()
    if !plan.functionModules.isEmpty { attributes.descriptors = [0] + plan.functionModules.map { modules[$0] } }
    attributes.attachTypes = plan.attachTarget?.module.map { modules[$0] } ?? replaced?.program.descriptor.number ?? 0
    attributes.type = plan.type.rawValue
    attributes.expectedAttachType = plan.expectedAttachType.rawValue
    attributes.flags = plan.flags.rawValue
    attributes.license = license
    attributes.kernelVersion = plan.kernelVersion
    attributes.attachType = replaced?.type.rawValue ?? plan.attachTarget?.type.rawValue ?? 0
    let functions = plan.functions.flatMap { [UInt32($0.instruction), $0.type.rawValue] }
    let lines = plan.lines.flatMap { [UInt32($0.instruction), $0.fileName, $0.text, $0.lineAndColumn] }
    // The first attempt goes without a log, which costs the verifier most of its time.
    func attempt(logByteCount: Int) throws(BPF.LoadFailure) -> FileDescriptor {
      try unsafe BPF.loadProgram(
        attributes, name: plan.name, instructions: instructions.span.bytes, btf: btf, functions: functions.span.bytes,
        lines: lines.span.bytes, logByteCount: logByteCount)
    }
    do {
      return Program(
        plan: plan, maps: used, replaced: replaced,
        descriptor: try withMemoryLockRetry { () throws(BPF.LoadFailure) in try attempt(logByteCount: 0) })
    } catch {
      var failure = error
      for byteCount in logByteCounts {
        do {
          return Program(plan: plan, maps: used, replaced: replaced, descriptor: try attempt(logByteCount: byteCount))
        } catch { failure = error }
        guard failure.error.errno == .noSpace else { break }
      }
      let log = VerifierLog(text: failure.log)
      let last = log.lastInstruction
      // That the log had no room is not why the program was refused.
      throw LoadError(
        .loadProgram(name: plan.name, section: plan.sectionName),
        failure.error.errno == .noSpace ? error.error : failure.error, log: log,
        unreachable: plan.unreachable.first { $0.instruction == last })
    }
  }

  /// Before Linux 5.11, locked memory is limited and the answer to too much of it is EPERM: lift the limit and try
  /// once more.
  private static func withMemoryLockRetry(
    _ body: () throws(BPF.LoadFailure) -> FileDescriptor
  ) throws(BPF.LoadFailure) -> FileDescriptor {
    do { return try body() } catch {
      guard error.error.errno == .notPermitted, (try? raiseMemoryLockLimit()) != nil else { throw error }
      return try body()
    }
  }
}

extension ObjectSpec {
  /// Reads an object file from disk.
  public init(contentsOf path: String) throws {
    let bytes: [UInt8]
    do { bytes = try contents(ofFile: path) } catch { throw LoadError(.readFile(path), error) }
    try self.init(name: String(path.split(separator: "/").last ?? ""), bytes: bytes)
  }
}
