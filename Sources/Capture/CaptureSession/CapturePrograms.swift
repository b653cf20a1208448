internal import BPFLoader
internal import BPFObjectFile
internal import BPFRelocation
internal import BPFRings
internal import CaptureProgram
internal import LinuxCalls
internal import PacketFilter
internal import Synchronization

/// The capture programs in the kernel: each loaded when it is first needed, all with the same maps.
final class CapturePrograms: Sendable {
  private struct Loaded {
    var objects: [LoadedObject]
    let hasFragments: Bool
  }

  private let loaded: Mutex<Loaded>
  private let spec: CaptureSpec

  /// Loads the first of them, and makes the maps.
  init(_ spec: CaptureSpec, first: String) throws {
    self.spec = spec
    func load(hasFragments: Bool) throws -> Loaded {
      Loaded(objects: [try Self.load(first, of: spec, hasFragments: hasFragments)], hasFragments: hasFragments)
    }
    do {
      loaded = Mutex(try load(hasFragments: true))
    } catch let error as LoadError {
      // Before Linux 5.18 the kernel does not know the flag and says so before the verifier begins.
      guard case .loadProgram = error.attempt, error.cause.errno == .invalidArgument, error.log?.text.isEmpty ?? true
      else { throw error }
      loaded = Mutex(try load(hasFragments: false))
    }
  }

  /// For interfaces: loads what packets of the direction need first.
  convenience init(_ spec: CaptureSpec, _ direction: CaptureDirection, usesXDP: Bool) throws {
    let isOutgoing = direction == .out
    try self.init(
      spec,
      first: usesXDP && !isOutgoing ? spec.names.xdp : spec.names.classifier(isOutgoing: isOutgoing, isEthernet: true))
  }

  /// What those are called that are attached to interfaces.
  var names: CaptureProgram.Names { spec.names }

  /// Whether frames may be in fragments (5.18).
  var hasFragments: Bool { loaded.withLock(\.hasFragments) }

  func program(_ name: String) throws -> Program {
    try loaded.withLock { loaded in
      for object in loaded.objects { if let program = object.program(name) { return program } }
      let object = try Self.load(
        name, of: spec, hasFragments: loaded.hasFragments, maps: loaded.objects.flatMap(\.maps))
      guard let program = object.program(name) else { preconditionFailure("there is no program \(name)") }
      loaded.objects.append(object)
      return program
    }
  }

  func map(_ name: String) -> Map {
    guard let map = loaded.withLock({ $0.objects.first?.map(name) }) else {
      preconditionFailure("there is no map \(name)")
    }
    return map
  }

  /// A variable that the programs share with user space.
  func variable(_ name: String) throws(SystemCallError) -> SharedVariable {
    guard let variable = spec.object.variables.first(where: { $0.name == name }) else {
      preconditionFailure("there is no variable \(name)")
    }
    let section = map(variable.map)
    return try SharedVariable(
      in: section.descriptor, offset: variable.offset, byteCount: Int(section.spec.valueSize))
  }

  private static func load(
    _ name: String, of spec: CaptureSpec, hasFragments: Bool, maps: [Map] = []
  ) throws -> LoadedObject {
    var object = try spec.object(for: name)
    if object.variables.contains(where: { $0.name == CaptureProgram.hasFragments }) {
      try object.set(CaptureProgram.hasFragments, to: hasFragments)
    }
    for index in object.programs.indices {
      object.programs[index].isWanted = object.programs[index].name == name
      if hasFragments, object.programs[index].name == spec.names.xdp {
        object.programs[index].flags.insert(.xdpHasFragments)
      }
    }
    do {
      let kernel = spec.dependsOnKernelTypes ? try TargetKernel.running(for: object) : TargetKernel()
      return try LoadedObject(loading: LoadPlan(object, kernel: kernel), sharing: maps)
    } catch let error as LoadError {
      guard let filter = spec.filter, error.isTooLarge else { throw error }
      throw FilterLoadError(instructionCount: filter.instructions.count, cause: error)
    }
  }
}
