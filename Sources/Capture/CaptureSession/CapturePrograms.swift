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

  /// Loads the first of them, and makes the maps.
  init(_ spec: ObjectSpec, first: String) throws {
    self.spec = spec
    do {
      loaded = Mutex(Loaded(objects: [try Self.load(first, of: spec, hasFragments: true)], hasFragments: true))
    } catch let error as LoadError {
      // Before Linux 5.18 the kernel does not know the flag and says so before the verifier begins.
      guard case .loadProgram = error.attempt, error.cause.errno == .invalidArgument, error.log?.text.isEmpty ?? true
      else { throw error }
      loaded = Mutex(Loaded(objects: [try Self.load(first, of: spec, hasFragments: false)], hasFragments: false))
    }
  }

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
    guard let variable = spec.variables.first(where: { $0.name == name }) else {
      preconditionFailure("there is no variable \(name)")
    }
    let section = map(variable.map)
    return try SharedVariable(
      in: section.descriptor, offset: variable.offset, byteCount: Int(section.spec.valueSize))
  }

  private static func load(
    _ name: String, of spec: ObjectSpec, hasFragments: Bool, maps: [Map] = []
  ) throws -> LoadedObject {
    var spec = spec
    if spec.variables.contains(where: { $0.name == CaptureProgram.hasFragments }) {
      try spec.set(CaptureProgram.hasFragments, to: hasFragments)
    }
    for index in spec.programs.indices {
      spec.programs[index].isWanted = spec.programs[index].name == name
      if hasFragments, spec.programs[index].name == CaptureProgram.xdp {
        spec.programs[index].flags.insert(.xdpHasFragments)
      }
    }
    return try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)), sharing: maps)
  }
}

extension ObjectSpec {
  /// The capture programs, as they run here and in the kernel.
  /// - Parameter snapLength: how many bytes of each packet to take; `nil` for its headers.
  static func capture(filter: PacketFilter?, snapLength: Int?, ringByteCount: Int) throws -> ObjectSpec {
    var spec = try ObjectSpec(name: "capture.bpf.o", bytes: captureObject())
    if let filter { try spec.replaceFunction(CaptureProgram.filter, with: filter.instructions) }
    try spec.configure(
      filter: filter, snapLength: snapLength, ringByteCount: ringByteCount,
      // Where whole packets are wanted, all of an everyday one.
      frameRoom: max(CaptureProgram.defaultFrameRoom, min(snapLength ?? 0, CaptureProgram.wholeFrameRoom)))
    return spec
  }

  /// The programs that take segments as TCP receives them.
  /// - Parameter namespace: the network namespace's inode number.
  static func tcpReceive(
    filter: PacketFilter?, snapLength: Int?, ringByteCount: Int, namespace: UInt32
  ) throws -> ObjectSpec {
    var spec = try ObjectSpec(name: "tcp_receive.bpf.o", bytes: tcp_receiveObject())
    try spec.configure(
      filter: filter, snapLength: snapLength, ringByteCount: ringByteCount,
      // Nothing else holds what is taken here.
      frameRoom: min(max(CaptureProgram.defaultFrameRoom, (snapLength ?? 0) + 64), 32_000))
    try spec.set(CaptureProgram.namespaceInode, to: namespace)
    return spec
  }

  private mutating func configure(
    filter: PacketFilter?, snapLength: Int?, ringByteCount: Int, frameRoom: Int = CaptureProgram.defaultFrameRoom
  ) throws {
    // A quarter of the ring leaves the reader three quarters of the time to wake up in.
    try set(CaptureProgram.wakeBytes, to: UInt32(clamping: ringByteCount / 4))
    try set(CaptureProgram.snapLength, to: UInt32(clamping: snapLength ?? 0))
    guard let ring = mapIndex(CaptureProgram.ring), let frames = mapIndex(CaptureProgram.frames) else {
      preconditionFailure("the ring or the buffers are missing")
    }
    maps[ring].maxEntries = UInt32(clamping: ringByteCount)
    var room = frameRoom
    if let filter {
      try set(CaptureProgram.hasFilter, to: true)
      let buffered = try filter.bufferedInstructions(room: frameRoom)
      room = buffered.room
      try replaceFunction(CaptureProgram.bufferedFilter, with: buffered.instructions)
    }
    try set(CaptureProgram.frameRoom, to: UInt32(room))
    maps[frames].valueSize = UInt32(CaptureProgram.recordHeadByteCount + room)
  }
}
