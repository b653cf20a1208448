public import BPFTypes
import Synchronization

/// The types of a kernel's modules. There can be a hundred, so that they are read when something is looked for that the
/// kernel itself does not have.
public struct ModuleTypes: Sendable {
  public struct Module: Sendable {
    public let name: String
    /// Continues the kernel's.
    public let btf: BTF

    public init(name: String, btf: BTF) {
      self.name = name
      self.btf = btf
    }
  }

  /// A module whose types cannot be read.
  public struct Failure: Hashable, Sendable {
    public let name: String
    public let reason: String

    public init(name: String, reason: String) {
      self.name = name
      self.reason = reason
    }
  }

  private final class Source: Sendable {
    let loaded: Mutex<(modules: [Module], failures: [Failure])?>
    let load: @Sendable () -> (modules: [Module], failures: [Failure])

    init(
      loaded: (modules: [Module], failures: [Failure])?,
      load: @escaping @Sendable () -> (modules: [Module], failures: [Failure])
    ) {
      self.loaded = Mutex(loaded)
      self.load = load
    }
  }

  private let source: Source

  /// Modules that have been read already, in the order in which they are searched.
  public init(_ modules: [Module]) { source = Source(loaded: (modules, []), load: { ([], []) }) }

  /// Modules that `load` reads, once, when they are needed.
  public init(load: @escaping @Sendable () -> (modules: [Module], failures: [Failure])) {
    source = Source(loaded: nil, load: load)
  }

  /// All that can be read.
  var all: [Module] {
    source.loaded.withLock { loaded in
      if let loaded { return loaded.modules }
      let result = source.load()
      loaded = result
      return result.modules
    }
  }

  /// Those that could not be read, as far as anybody tried.
  var failures: [Failure] { source.loaded.withLock { $0?.failures ?? [] } }
}
