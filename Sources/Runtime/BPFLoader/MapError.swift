import BPFObjectFile
public import LinuxCalls

/// Something asked of a map that did not happen.
public struct MapError: Error, Hashable, Sendable {
  public enum Operation: String, Hashable, Sendable {
    case create
    case lookup = "look up a key in"
    case update
    case delete = "delete a key of"
    case take = "take a key out of"
    case iterate = "go through"
    case freeze, query
    case map = "map the values of"
  }

  public enum Reason: Hashable, Sendable {
    /// Bytes given, and what a key of the map takes.
    case keySize(Int, expected: Int)
    /// Bytes given, and what a value of the map takes.
    case valueSize(Int, expected: Int)
    /// The key was there, and was not to be.
    case exists
    /// The key was not there, and had to be; or an index behind the end.
    case noSuchKey
    /// It has as many elements as it was made for.
    case full
    /// Frozen: no system call writes to it any more.
    case frozen
    /// Made for reading only, or for writing only, by system calls.
    case accessMode
    case missing([Capability])
    /// Maps of this type cannot do this, or this kernel's cannot.
    case notSupported
    /// Others change the map so fast that going through it does not end.
    case keepsChanging
    /// What the kernel answered.
    case refused
  }

  public let operation: Operation
  /// The map's name.
  public let map: String
  public let reason: Reason
  /// The system call, where one was made.
  public let cause: SystemCallError?
  /// How many elements were done before, where there were several.
  public let doneCount: Int

  init(_ operation: Operation, _ map: String, _ reason: Reason, _ cause: SystemCallError? = nil, doneCount: Int = 0) {
    self.operation = operation
    self.map = map
    self.reason = reason
    self.cause = cause
    self.doneCount = doneCount
  }

  /// Finds out what the kernel meant.
  init(_ operation: Operation, _ map: Map, _ cause: SystemCallError, doneCount: Int = 0) {
    let reason: Reason
    switch cause.errno {
    case .exists: reason = .exists
    case .noSuchFile: reason = .noSuchKey
    case .argumentListTooLong where map.spec.isIndexed: reason = .noSuchKey
    // Tries say the second.
    case .argumentListTooLong, .noSpace: reason = .full
    case .notSupported, .notSupportedInKernel: reason = .notSupported
    case .notPermitted:
      let missing = LoadError.missingCapabilities(effective: Capability.effective())
      let isForWriting = operation != .lookup && operation != .iterate
      if isForWriting, BPF.isFrozen(map.descriptor) {
        reason = .frozen
      } else if !map.spec.flags.isDisjoint(with: [.readOnly, .writeOnly]) {
        reason = .accessMode
      } else {
        reason = missing.isEmpty ? .refused : .missing(missing)
      }
    default: reason = .refused
    }
    self.init(operation, map.name, reason, cause, doneCount: doneCount)
  }
}

extension MapError: CustomStringConvertible {
  /// One line, for logs.
  public var description: String { "\(operation.rawValue) map \(map): \(answer)" }

  private var answer: String {
    switch reason {
    case .keySize(let given, let expected): "the key has \(given) bytes, the map's keys have \(expected)"
    case .valueSize(let given, let expected): "the value has \(given) bytes, the map's values take \(expected)"
    case .exists: "the key is there already"
    case .noSuchKey: "there is no such key"
    case .full: "the map is full"
    case .frozen: "the map is frozen"
    case .accessMode: "the map was made for reading only or for writing only"
    case .missing(let capabilities): "this process lacks \(capabilities.map(\.name).joined(separator: ", "))"
    case .notSupported: "maps of this type cannot do this on this kernel"
    case .keepsChanging: "it changes faster than it can be read"
    case .refused: cause.map { "\($0.errno)" } ?? "refused"
    }
  }

  /// The same, with what to do next over a second line.
  public var report: String { hint.map { "\(description)\n\($0)" } ?? description }

  /// What to do next, as far as it can be told.
  public var hint: String? {
    switch reason {
    case .full: "Delete elements first, or set a larger max_entries before the object is loaded."
    case .frozen: "A frozen map cannot be thawed. Set its contents before it is frozen, or make another one."
    case .accessMode: "The flags BPF_F_RDONLY and BPF_F_WRONLY in its definition say so."
    case .missing: "Run it as root, or give the file the capabilities."
    case .keepsChanging: "Read it again when less is going on, or with batches where the kernel has them for this type."
    case .valueSize: "A per-CPU map takes one value for each possible CPU, each rounded up to 8 bytes."
    case .refused:
      switch cause?.errno {
      case .invalidArgument:
        "Maps of this type may not have this operation or take this flag, or the value has no bpf_spin_lock."
      case .badDescriptor:
        "The descriptor is of something else than this type of map belongs to. For inodes, bpf has to be among the active"
          + " security modules (/sys/kernel/security/lsm; lsm= on the kernel's command line)."
      case .outOfMemory: "The kernel had no memory for it."
      default: nil
      }
    case .keySize, .exists, .noSuchKey, .notSupported: nil
    }
  }
}
