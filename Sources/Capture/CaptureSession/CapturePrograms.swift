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
  private let spec: ObjectSpec
  private let filter: PacketFilter?

  /// Loads the first of them, and makes the maps.
  /// - Parameter filter: what `spec` has been given.
  init(_ spec: ObjectSpec, filter: PacketFilter?, first: String) throws {
    (self.spec, self.filter) = (spec, filter)
    func load(hasFragments: Bool) throws -> Loaded {
      let object = try Self.load(first, of: spec, filter, hasFragments: hasFragments)
      return Loaded(objects: [object], hasFragments: hasFragments)
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

  /// Whether frames may be in fragments (5.18).
  var hasFragments: Bool { loaded.withLock(\.hasFragments) }

  func program(_ name: String) throws -> Program {
    try loaded.withLock { loaded in
      for object in loaded.objects { if let program = object.program(name) { return program } }
      let object = try Self.load(
        name, of: spec, filter, hasFragments: loaded.hasFragments, maps: loaded.objects.flatMap(\.maps))
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
    guard let variable = spec.variables.first(where: { $0.name == name }) else {
      preconditionFailure("there is no variable \(name)")
    }
    let section = map(variable.map)
    return try SharedVariable(
      in: section.descriptor, offset: variable.offset, byteCount: Int(section.spec.valueSize))
  }

  private static func load(
    _ name: String, of spec: ObjectSpec, _ filter: PacketFilter?, hasFragments: Bool, maps: [Map] = []
  ) throws -> LoadedObject {
    var spec = spec
    try spec.set(CaptureProgram.hasFragments, to: hasFragments)
    for index in spec.programs.indices {
      spec.programs[index].isWanted = spec.programs[index].name == name
      if hasFragments, spec.programs[index].name == CaptureProgram.xdp {
        spec.programs[index].flags.insert(.xdpHasFragments)
      }
    }
    do { return try LoadedObject(loading: LoadPlan(spec), sharing: maps) } catch let error as LoadError {
      guard let filter, error.isTooLarge else { throw error }
      throw FilterLoadError(instructionCount: filter.instructions.count, cause: error)
    }
  }
}

extension ObjectSpec {
  /// The capture programs, as they run here and in the kernel.
  /// - Parameter snapLength: how many bytes of each packet to take; `nil` for its headers.
  static func capture(filter: PacketFilter?, snapLength: Int?, ringByteCount: Int) throws -> ObjectSpec {
    var spec = try ObjectSpec(name: "capture.bpf.o", bytes: captureObject())
    // A quarter of the ring leaves the reader three quarters of the time to wake up in.
    try spec.set(CaptureProgram.wakeBytes, to: UInt32(clamping: ringByteCount / 4))
    try spec.set(CaptureProgram.snapLength, to: UInt32(clamping: snapLength ?? 0))
    if let ring = spec.mapIndex(CaptureProgram.ring) { spec.maps[ring].maxEntries = UInt32(clamping: ringByteCount) }
    guard let filter else { return spec }
    try spec.set(CaptureProgram.hasFilter, to: true)
    try spec.replaceFunction(CaptureProgram.filter, with: filter.instructions)
    let (room, instructions) = try filter.bufferedInstructions()
    try spec.replaceFunction(CaptureProgram.bufferedFilter, with: instructions)
    guard let frames = spec.mapIndex(CaptureProgram.frames) else { preconditionFailure("there are no buffers") }
    try spec.set(CaptureProgram.frameRoom, to: UInt32(room))
    spec.maps[frames].valueSize = UInt32(CaptureProgram.recordHeadByteCount + room)
    return spec
  }
}
