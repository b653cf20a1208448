public import BPFObjectFile
public import BPFRelocation
public import LinuxCalls

/// A step of loading that the kernel refused.
public struct LoadError: Error, Hashable, Sendable {
  /// What was attempted, and on what.
  public enum Attempt: Hashable, Sendable {
    case loadBTF
    case createMap(MapSpec)
    case fillMap(String)
    case loadProgram(name: String, section: String)
    case query(String)
    case run(String)
    case readFile(String)
    /// The map's name and the path.
    case pinMap(String, String)
    /// A map that is pinned already and is something else than the object asks for.
    case adoptMap(String, String, differences: [String])
    case findModule(String)
    /// Load a `freplace` program without being told whose function it takes the place of.
    case replaceNothing(program: String)
    case findFunction(String, program: String)
    /// By the kernel's number for it.
    case openMap(UInt32)
  }

  public let attempt: Attempt
  /// The system call and the kernel's answer.
  public let cause: SystemCallError
  /// The verifier's words, where it spoke.
  public let log: VerifierLog?
  /// The capabilities that the process had not, of those that the attempt takes.
  public let missing: [Capability]
  /// What the kernel does not have and the program reaches, where that is why the verifier refused.
  public let unreachable: UnreachableInstruction?

  package init(
    _ attempt: Attempt, _ cause: SystemCallError, log: VerifierLog? = nil, unreachable: UnreachableInstruction? = nil
  ) {
    self.attempt = attempt
    self.cause = cause
    self.log = log
    self.unreachable = unreachable
    let isRefusal = cause.errno == .notPermitted || cause.errno == .accessDenied && log == nil
    missing = isRefusal ? Self.missingCapabilities(effective: Capability.effective()) : []
  }

  /// Whether the verifier gave the program up, against which it had nothing so far: it would have taken too long.
  package var isTooLarge: Bool {
    guard case .loadProgram = attempt else { return false }
    return cause.errno == .argumentListTooLong || log?.limitLine != nil
  }

  /// What loading takes: CAP_BPF for maps and BTF, with CAP_NET_ADMIN for network programs and CAP_PERFMON for what
  /// they do with pointers (since 5.8). CAP_SYS_ADMIN stands for all.
  static func missingCapabilities(effective: Set<Capability>) -> [Capability] {
    if effective.contains(.sysAdmin) { return effective.contains(.netAdmin) ? [] : [.netAdmin] }
    return [.bpf, .netAdmin, .perfmon].filter { !effective.contains($0) }
  }
}

extension LoadError: CustomStringConvertible {
  /// One line, for logs.
  public var description: String { "\(attempt): \(cause.errno)" }

  /// What happened, what the verifier said of it, and what to do next, over several lines.
  public var report: String {
    var text = description
    if let log, !log.decisiveLines.isEmpty {
      text += "\n" + log.decisiveLines.map { "  " + $0 }.joined(separator: "\n")
    }
    if let hint { text += "\n" + hint }
    return text
  }

  /// What to do next, as far as it can be told.
  public var hint: String? {
    LoadHint.sentence(
      for: attempt, errno: cause.errno, log: log, missing: missing, unreachable: unreachable?.missing,
      release: kernelRelease())
  }
}

extension LoadError.Attempt: CustomStringConvertible {
  public var description: String {
    switch self {
    case .loadBTF: "load the object's BTF"
    case .createMap(let map): "create map \(map.name)"
    case .fillMap(let name): "fill map \(name)"
    case .loadProgram(let name, let section): "load program \(name) (section \(section))"
    case .query(let name): "query program \(name)"
    case .run(let name): "run program \(name)"
    case .readFile(let path): "read \(path)"
    case .pinMap(let name, let path): "pin map \(name) at \(path)"
    case .adoptMap(let name, let path, let differences):
      "use \(path) as map \(name): it has \(differences.joined(separator: ", "))"
    case .replaceNothing(let program): "load program \(program), which takes the place of a function, without one"
    case .findFunction(let name, let program): "find function \(name) of program \(program)"
    case .openMap(let id): "open map \(id)"
    case .findModule(let name): "find the types of module \(name)"
    }
  }
}
