public import BPFTypes

/// Resolves the CO-RE relocations of one object against one kernel.
public struct CORERelocator {
  /// What a record comes to.
  public struct Result: Hashable, Sendable {
    /// What the compiler put into the instruction; checked where it is certain.
    public let compiled: UInt64
    public let isCompiledValueCertain: Bool
    public let value: UInt64
    /// The kernel has nothing of the kind: the instruction must not be reached.
    public let isPoison: Bool
    /// In words, where it is poison: `the byte offset of struct task_struct.state`.
    public internal(set) var missing: String?
    /// The sizes of the field here and there, in bytes, for loads and stores; 0 where that is no matter.
    let compiledSize: Int
    let size: Int
    /// Whether a load or store of one size can become one of the other.
    let canResize: Bool
    /// The kernel's types that the answer comes from.
    public internal(set) var candidates: [Candidate]
  }

  /// A type of the kernel, or of a module.
  public struct Candidate: Hashable, Sendable {
    public let type: BTF.TypeID
    public let module: String?
    fileprivate let source: Int
  }

  let object: BTF
  private let lookup: TypeLookup
  /// The kernel's own types, and the modules' as soon as they are needed.
  private var sources: [TypeLookup.Source]
  /// By the object's type. What one record rules out is not looked at for the next, as libbpf has it.
  private var candidates: [BTF.TypeID: [Candidate]] = [:]

  /// What was asked for before. Programs look at the same few members again and again.
  private var results: [Question: Result] = [:]

  private struct Question: Hashable {
    let type: BTF.TypeID
    let access: String
    let kind: CORERecord.Kind
  }

  /// For all records together: an object of a few kilobytes could have thousands look through thousands of members.
  var limit = BTFStepLimit(20_000_000)

  /// The types that records begin at.
  private let roots: Set<BTF.TypeID>

  /// - Parameter records: all that will be resolved.
  public init(object: BTF, kernel: TargetKernel, records: [CORERecord]) throws(COREError.Reason) {
    guard kernel.btf != nil else { throw .noKernelTypes }
    let names = Self.names(records, in: object)
    let lookup = try inKernel { () throws(BTFError) in try TypeLookup(kernel: kernel, names: names) }
    try self.init(object: object, lookup: lookup, records: records)
  }

  /// - Parameter lookup: for all of ``names(_:in:)``.
  init(object: BTF, lookup: TypeLookup, records: [CORERecord]) throws(COREError.Reason) {
    self.object = object
    self.lookup = lookup
    roots = Self.roots(records)
    sources = try inKernel { () throws(BTFError) in try lookup.sources(includingModules: false) }
    guard !sources.isEmpty else { throw .noKernelTypes }
  }

  private static func roots(_ records: [CORERecord]) -> Set<BTF.TypeID> {
    Set(records.filter { $0.kind != .localTypeID }.map(\.type))
  }

  /// The names, without flavours, of the types that records begin at.
  static func names(_ records: [CORERecord], in object: BTF) -> Set<String> {
    var names: Set<String> = []
    for type in roots(records) {
      guard let record = try? object.record(type), let name = try? object.name(of: record) else { continue }
      names.insert(name.withoutFlavour)
    }
    return names
  }

  public mutating func resolve(_ record: CORERecord) throws(COREError.Reason) -> Result {
    let question = Question(type: record.type, access: record.access, kind: record.kind)
    if let known = results[question] { return known }
    var result = try answer(record)
    if result.isPoison { result.missing = "the \(record.kind.phrase) \(record.spelling(in: object))" }
    results[question] = result
    return result
  }

  private mutating func answer(_ record: CORERecord) throws(COREError.Reason) -> Result {
    let local = try COREAccess(record, in: object)
    if record.kind == .localTypeID {
      let id = UInt64(record.type.rawValue)
      return Result(
        compiled: id, isCompiledValueCertain: false, value: id, isPoison: false, compiledSize: 0, size: 0,
        canResize: true, candidates: [])
    }
    let (ours, isCertain) = try value(of: record.kind, local)
    guard let ours else { throw .badAccess }

    var chosen: (access: COREAccess, result: Result)?
    var matching: [Candidate] = []
    for candidate in try candidates(for: record.type) {
      let btf = sources[candidate.source].btf
      guard let target = try inKernel({ () throws(BTFError) in try match(local, record.kind, btf, candidate.type) })
      else {
        continue
      }
      let (theirs, _) = try value(of: record.kind, target)
      let result = result(ours, isCertain, theirs, in: btf)
      if let chosen {
        guard chosen.access.bitOffset == target.bitOffset, chosen.result.isPoison == result.isPoison,
          chosen.result.value == result.value
        else { throw .ambiguous(matching + [candidate], chosen.result.value, result.value) }
      } else {
        chosen = (target, result)
      }
      matching.append(candidate)
    }
    guard var result = chosen?.result else {
      return self.result(ours, isCertain, absent(record.kind), in: sources[0].btf)
    }
    candidates[record.type] = matching
    result.candidates = matching
    return result
  }

  private func result(_ ours: Value, _ isCertain: Bool, _ theirs: Value?, in btf: BTF) -> Result {
    var canResize = true
    if let theirs, ours.size != theirs.size {
      canResize = Self.canResize(ours.type, in: object, theirs.type, in: btf)
    }
    return Result(
      compiled: ours.number, isCompiledValueCertain: isCertain, value: theirs?.number ?? 0, isPoison: theirs == nil,
      compiledSize: ours.size, size: theirs?.size ?? 0, canResize: canResize, candidates: [])
  }

  /// Pointers are 8 bytes in BPF whatever they are in the kernel, and unsigned integers can be widened without a change.
  private static func canResize(_ ours: BTF.TypeID?, in object: BTF, _ theirs: BTF.TypeID?, in kernel: BTF) -> Bool {
    guard let ours, let theirs, let our = try? object.record(ours), let their = try? kernel.record(theirs)
    else { return false }
    if our.kind == .pointer && their.kind == .pointer { return true }
    guard our.kind == .integer, their.kind == .integer, let one = try? object.encoding(of: our),
      let other = try? kernel.encoding(of: their)
    else { return false }
    return !one.isSigned && !other.isSigned
  }
}

/// Names the kernel's BTF in what goes wrong.
func inKernel<Value>(_ body: () throws(BTFError) -> Value) throws(COREError.Reason) -> Value {
  do { return try body() } catch { throw .kernelTypes(error) }
}

// MARK: Candidates

extension CORERelocator {
  /// The kernel's types of the same name but for flavours, and of a like kind; only where it has none, the modules'.
  ///
  /// Those of all the object's relocations are looked up together, when the first one is asked for.
  private mutating func candidates(for type: BTF.TypeID) throws(COREError.Reason) -> [Candidate] {
    if candidates.isEmpty { try lookUp() }
    guard let found = candidates[type] else { throw .anonymous }
    return found
  }

  private mutating func lookUp() throws(COREError.Reason) {
    var wanted: [(type: BTF.TypeID, record: BTF.Record)] = []
    var names: [String] = []
    do throws(BTFError) {
      for type in roots {
        let record = try object.record(type)
        let name = try object.name(of: record).withoutFlavour
        guard !name.isEmpty else { continue }
        wanted.append((type, record))
        names.append(name)
      }
    } catch { throw .objectTypes(error) }
    try inKernel { () throws(BTFError) in
      var missing = Array(wanted.indices)
      var source = 0
      while source < sources.count {
        let (btf, module) = (sources[source].btf, sources[source].module)
        for index in missing {
          let (type, local) = wanted[index]
          for id in sources[source].types(names[index]) {
            let record = try btf.record(id)
            guard CORETypes.haveLikeKinds(record, local),
              try btf.name(of: record).withoutFlavour == names[index]
            else { continue }
            candidates[type, default: []].append(Candidate(type: id, module: module, source: source))
          }
          // Known to be none, which is something else than not to be asked for.
          if candidates[type] == nil { candidates[type] = [] }
        }
        source += 1
        guard source == 1 else { continue }
        missing.removeAll { !(candidates[wanted[$0].type] ?? []).isEmpty }
        if missing.isEmpty { break }
        sources = try lookup.sources(includingModules: true)
      }
    }
  }
}
