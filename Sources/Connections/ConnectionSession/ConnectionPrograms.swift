internal import BPFLinks
internal import BPFLoader
internal import BPFObjectFile
internal import BPFRelocation
internal import BPFTypes
internal import ConnectionProgram
internal import LinuxCalls

/// The connection programs in the kernel, all with the same maps, and what they are attached to.
struct ConnectionPrograms {
  private let spec: ConnectionSpec
  /// Read once for all that is loaded.
  private let kernel: TargetKernel
  private(set) var maps: [Map]
  private(set) var links: [HeldLink] = []
  private var attached: [Program] = []
  /// The kinds of hooks, in the order in which they were attached to: `tp_btf`, `fexit`.
  private var hooks: [String] = []
  /// What could not be attached, each way with its reason, in words.
  private(set) var refusals: [String] = []

  /// Loads and attaches what every kernel has.
  init(_ spec: ConnectionSpec) throws {
    let names = ConnectionProgram.always
    let kernel = try TargetKernel.running(for: spec.object)
    func load(hasCookie: Bool) throws -> (ConnectionSpec, LoadedObject) {
      let spec = try spec.asking(forCookie: hasCookie)
      let object = spec.object(of: names)
      return (spec, try LoadedObject(loading: LoadPlan(object, kernel: kernel)))
    }
    let object: LoadedObject
    do {
      (self.spec, object) = try load(hasCookie: true)
    } catch let error as LoadError {
      // Before Linux 5.12 the verifier does not know the helper for programs of this kind.
      guard case .loadProgram = error.attempt, error.cause.errno == .invalidArgument else { throw error }
      (self.spec, object) = try load(hasCookie: false)
    }
    self.kernel = kernel
    maps = object.maps
    try attach(object)
  }

  /// Such as `tp_btf+fexit`.
  var via: String { hooks.joined(separator: "+") }

  /// Whether the kernel tells of resets that no socket sends (6.10), as it does since it tells the reason.
  func tellsOfResetsWithoutSocket() throws -> Bool {
    try kernel.btf?.types(named: "sk_rst_reason", kinds: [.enumeration]).isEmpty == false
  }

  /// How often the kernel left a program out: `Program.missCount()`.
  func missCount() throws -> UInt64 { try attached.reduce(0) { $0 + (try $1.missCount()) } }

  func map(_ name: String) -> Map {
    guard let map = maps.first(where: { $0.name == name }) else { preconditionFailure("there is no map \(name)") }
    return map
  }

  /// Attaches the first group of programs that the kernel takes.
  /// - Returns: whether there was one.
  mutating func climb(_ ladder: ConnectionProgram.Ladder) throws -> Bool {
    for group in ladder {
      do {
        try attach(try load(group))
        return true
      } catch let error as LoadError {
        refusals.append("\(group[0]): \(error)")
      } catch let error as PlanError {
        refusals.append("\(group[0]): \(error)")
      } catch let error as AttachError {
        refusals.append("\(group[0]): \(error)")
      }
    }
    return false
  }

  /// Has what is there already put into the tables. Does nothing where the kernel has no such iterator (5.8).
  /// - Returns: their records, where steps are told.
  mutating func find() throws -> [UInt8] {
    do {
      let object = try load([ConnectionProgram.found])
      guard let program = object.program(ConnectionProgram.found) else { return [] }
      return try program.attachIterator().makeReader().readAll()
    } catch let error as LoadError {
      refusals.append("\(ConnectionProgram.found): \(error)")
    } catch let error as AttachError {
      refusals.append("\(ConnectionProgram.found): \(error)")
    }
    return []
  }

  mutating func detach() { links.removeAll() }

  private func load(_ programs: [String]) throws -> LoadedObject {
    let object = spec.object(of: programs)
    return try LoadedObject(loading: LoadPlan(object, kernel: kernel), sharing: maps)
  }

  private mutating func attach(_ object: LoadedObject) throws(AttachError) {
    var new: [HeldLink] = []
    for program in object.programs { new += try program.attach(to: AttachTargets()).links }
    links += new
    attached += object.programs
    for program in object.programs {
      let hook = String(program.plan.sectionName.prefix { $0 != "/" })
      if !hooks.contains(hook) { hooks.append(hook) }
    }
  }
}
