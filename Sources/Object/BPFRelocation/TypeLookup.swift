import BPFTypes

/// Finds the kernel's types of some names. All names that an object will ask for are looked up together, since each pass
/// over a kernel's hundred thousand types costs as much as all the rest of a plan; the modules' types only when
/// something is asked for that the kernel does not have, and only those stay in memory that have one of the names.
final class TypeLookup {
  struct Source {
    let btf: BTF
    /// `nil` for the kernel itself.
    let module: String?
    fileprivate let found: [String: [BTF.TypeID]]
  }

  private let names: [String]
  private let modules: @Sendable () -> [KernelModule]
  private var kernel: [Source] = []
  private var ofModules: [Source]?
  /// Of the modules that could not be read.
  private(set) var warnings: [PlanWarning] = []

  init(kernel: TargetKernel, names: Set<String>) throws(BTFError) {
    self.names = names.filter { !$0.isEmpty }.sorted()
    modules = kernel.modules
    if let btf = kernel.btf { self.kernel = [try source(btf, module: nil)] }
  }

  private func source(_ btf: BTF, module: String?) throws(BTFError) -> Source {
    let found = names.isEmpty ? [] : try btf.types(named: names, flavours: true)
    return Source(btf: btf, module: module, found: Dictionary(uniqueKeysWithValues: zip(names, found)))
  }

  /// The kernel itself and, when `includingModules` is set, the modules that have one of the names; their places in the
  /// list do not change.
  func sources(includingModules: Bool) throws(BTFError) -> [Source] {
    guard includingModules else { return kernel }
    if let ofModules { return kernel + ofModules }
    var sources: [Source] = []
    for module in modules() {
      do {
        let source = try source(module.types(), module: module.name)
        if source.found.contains(where: { !$0.value.isEmpty }) { sources.append(source) }
      } catch { warnings.append(.unreadableModule(name: module.name, reason: "\(error)")) }
    }
    ofModules = sources
    return kernel + sources
  }

  /// The first type of exactly this name and kind, in the kernel or else in a module.
  /// - Parameter isWanted: whether a module counts.
  func first(
    _ name: String, kind: BTF.Kind, where isWanted: (String?) -> Bool = { _ in true }
  ) throws(BTFError) -> (type: BTF.TypeID, source: Source)? {
    for includingModules in [false, true] {
      for source in try sources(includingModules: includingModules) where isWanted(source.module) {
        for id in source.found[name] ?? [] {
          let record = try source.btf.record(id)
          if record.kind == kind, try source.btf.name(of: record) == name { return (id, source) }
        }
      }
    }
    return nil
  }
}

extension TypeLookup.Source {
  /// All types of the name, with any flavour.
  func types(_ name: String) -> [BTF.TypeID] { found[name] ?? [] }
}
