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
    /// The sizes of the field here and there, in bytes, for loads and stores; 0 where that is no matter.
    let compiledSize: Int
    let size: Int
    /// Whether a load or store of one size can become one of the other.
    let canResize: Bool
    /// The kernel's types that the answer comes from.
    public let candidates: [Candidate]
  }

  /// A type of the kernel, or of a module.
  public struct Candidate: Hashable, Sendable {
    public let type: BTF.TypeID
    public let module: String?
    fileprivate let source: Int
  }

  private let object: BTF
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
  private var limit = BTFStepLimit(20_000_000)

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
    roots = Set(records.filter { $0.kind != .localTypeID }.map(\.type))
    sources = try inKernel { () throws(BTFError) in try lookup.sources(includingModules: false) }
    guard !sources.isEmpty else { throw .noKernelTypes }
  }

  /// The names, without flavours, of the types that records begin at.
  static func names(_ records: [CORERecord], in object: BTF) -> Set<String> {
    var names: Set<String> = []
    for type in Set(records.filter { $0.kind != .localTypeID }.map(\.type)) {
      guard let record = try? object.record(type), let name = try? object.name(of: record) else { continue }
      names.insert(name.withoutFlavour)
    }
    return names
  }

  public mutating func resolve(_ record: CORERecord) throws(COREError.Reason) -> Result {
    let question = Question(type: record.type, access: record.access, kind: record.kind)
    if let known = results[question] { return known }
    let result = try answer(record)
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
      let result = result(ours, isCertain, theirs, in: btf, from: [])
      if let chosen {
        guard chosen.access.bitOffset == target.bitOffset, chosen.result.isPoison == result.isPoison,
          chosen.result.value == result.value
        else { throw .ambiguous(matching + [candidate], chosen.result.value, result.value) }
      } else {
        chosen = (target, result)
      }
      matching.append(candidate)
    }
    if !matching.isEmpty { candidates[record.type] = matching }
    let (btf, theirs): (BTF, Value?)
    if let chosen {
      return Result(
        compiled: chosen.result.compiled, isCompiledValueCertain: isCertain, value: chosen.result.value,
        isPoison: chosen.result.isPoison, compiledSize: chosen.result.compiledSize, size: chosen.result.size,
        canResize: chosen.result.canResize, candidates: matching)
    }
    (btf, theirs) = (sources[0].btf, absent(record.kind))
    return result(ours, isCertain, theirs, in: btf, from: [])
  }

  private func result(
    _ ours: Value, _ isCertain: Bool, _ theirs: Value?, in btf: BTF, from candidates: [Candidate]
  ) -> Result {
    var canResize = true
    if let theirs, ours.size != theirs.size, let our = ours.type, let their = theirs.type {
      canResize = Self.canResize(our, in: object, their, in: btf)
    } else if let theirs, ours.size != theirs.size {
      canResize = false
    }
    return Result(
      compiled: ours.number, isCompiledValueCertain: isCertain, value: theirs?.number ?? 0, isPoison: theirs == nil,
      compiledSize: ours.size, size: theirs?.size ?? 0, canResize: canResize, candidates: candidates)
  }

  /// Pointers are 8 bytes in BPF whatever they are in the kernel, and unsigned integers can be widened without a change.
  private static func canResize(_ ours: BTF.TypeID, in object: BTF, _ theirs: BTF.TypeID, in kernel: BTF) -> Bool {
    guard let our = try? object.record(ours), let their = try? kernel.record(theirs) else { return false }
    if our.kind == .pointer && their.kind == .pointer { return true }
    guard our.kind == .integer, their.kind == .integer, let one = try? object.encoding(of: our),
      let other = try? kernel.encoding(of: their)
    else { return false }
    return !one.isSigned && !other.isSigned
  }
}

/// Names the kernel's BTF in what goes wrong.
private func inKernel<Value>(_ body: () throws(BTFError) -> Value) throws(COREError.Reason) -> Value {
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
            guard record.kind == local.kind || record.isEnumeration && local.isEnumeration,
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

// MARK: Matching

extension CORERelocator {
  private func types(_ btf: BTF) -> CORETypes { CORETypes(localTypes: object, targetTypes: btf) }

  /// The kernel's counterpart of an access, `nil` where the candidate has none.
  private mutating func match(
    _ local: COREAccess, _ kind: CORERecord.Kind, _ btf: BTF, _ type: BTF.TypeID
  ) throws(BTFError) -> COREAccess? {
    var target = COREAccess(btf: btf, root: type)
    switch kind {
    case .localTypeID: return target
    case .targetTypeID, .typeExists, .typeSize:
      return try types(btf).areCompatible(local.root, type, &limit) ? target : nil
    case .typeMatches:
      return try types(btf).doMatch(local.root, type, &limit) ? target : nil
    case .enumeratorExists, .enumeratorValue:
      let enumeration = try btf.resolve(type)
      guard enumeration.isEnumeration, let name = local.steps.first?.name?.withoutFlavour else { return nil }
      for (index, enumerator) in try btf.enumerators(of: enumeration).enumerated()
      where enumerator.name.withoutFlavour == name {
        target.steps = [COREAccess.Step(type: enumeration.id, index: index, name: enumerator.name)]
        return target
      }
      return nil
    default: break
    }

    var id = try btf.resolvedID(type)
    for (place, step) in local.steps.enumerated() {
      if let name = step.name {
        guard let (found, next) = try member(step, Array(name.utf8), of: id, in: btf, depth: 0) else { return nil }
        guard let next else { return nil }
        let (sum, overflow) = target.bitOffset.addingReportingOverflow(found.bitOffset)
        guard !overflow else { throw BTFError(.tooLarge, at: 0) }
        target.bitOffset = sum
        target.steps.append(found.step)
        id = try btf.resolvedID(next)
      } else {
        if place > 0 {
          guard id != .void, case let record = try btf.record(id), record.kind == .array else { return nil }
          let array = try btf.array(record)
          let isFlexible = try target.isFlexible(array.count)
          guard step.index < array.count || isFlexible else { return nil }
          id = try btf.resolvedID(array.element)
        }
        target.steps.append(COREAccess.Step(type: id, index: step.index, name: nil))
        try target.skip(step.index, ofSize: try btf.size(of: id))
      }
    }
    return target
  }

  /// A member of the same name, also inside of anonymous members.
  /// - Returns: `nil` where there is none; `next` is `nil` where it has an incompatible type, and then nothing else counts.
  private mutating func member(
    _ step: COREAccess.Step, _ name: [UInt8], of type: BTF.TypeID, in btf: BTF, depth: Int
  ) throws(BTFError) -> (found: (step: COREAccess.Step, bitOffset: Int), next: BTF.TypeID?)? {
    guard depth < BTF.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(type.rawValue)) }
    let id = try btf.resolvedID(type)
    guard id != .void, case let record = try btf.record(id), record.isComposite else { return nil }
    try limit.take(1 + record.itemCount)
    var next = 0
    while let index = try btf.firstMember(of: record, from: next, where: { $0 == 0 || btf.string(at: $0, is: name) }) {
      next = index + 1
      let member = try btf.member(index, of: record)
      if member.name.isEmpty {
        guard let (found, next) = try self.member(step, name, of: member.type, in: btf, depth: depth + 1) else {
          continue
        }
        return ((found.step, found.bitOffset + member.bitOffset), next)
      }
      let local = try object.member(step.index, of: object.record(step.type))
      let isCompatible = try types(btf).areFieldsCompatible(local.type, member.type)
      let found = COREAccess.Step(type: record.id, index: index, name: member.name)
      return ((found, member.bitOffset), isCompatible ? member.type : nil)
    }
    return nil
  }
}

// MARK: Values

extension CORERelocator {
  private struct Value {
    var number: UInt64
    /// Of a field that is loaded or stored, in bytes.
    var size = 0
    var type: BTF.TypeID?
  }

  /// What a record comes to where the kernel has nothing; `nil` for an instruction to poison.
  private func absent(_ kind: CORERecord.Kind) -> Value? {
    switch kind {
    case .fieldExists, .enumeratorExists, .targetTypeID, .typeExists, .typeSize, .typeMatches: Value(number: 0)
    default: nil
    }
  }

  /// - Returns: the value, and whether the compiler must have had the same.
  private func value(
    of kind: CORERecord.Kind, _ access: COREAccess
  ) throws(COREError.Reason) -> (value: Value?, isCertain: Bool) {
    do throws(BTFError) {
      switch kind {
      case .fieldExists, .enumeratorExists, .typeExists, .typeMatches: return (Value(number: 1), true)
      case .localTypeID: return (Value(number: UInt64(access.root.rawValue)), false)
      // Linking may renumber types without telling the instruction.
      case .targetTypeID: return (Value(number: UInt64(access.root.rawValue)), false)
      case .typeSize: return (Value(number: UInt64(try access.btf.size(of: access.root))), true)
      case .enumeratorValue:
        guard let step = access.steps.first else { return (nil, true) }
        let record = try access.btf.record(step.type)
        let value = try access.btf.enumerators(of: record)[step.index].value
        // The narrow ones are signed words to libbpf, whatever the enumeration says.
        return (
          Value(
            number: record.kind == .enumeration
              ? UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value))) : value), true
        )
      default: return try fieldValue(of: kind, access)
      }
    } catch {
      switch error.offset {
      case Self.notForElements: throw .notForArrayElements
      case Self.tooWideBitField: throw .bitFieldTooWide
      default: throw .objectTypes(error)
      }
    }
  }

  private static let notForElements = -2
  private static let tooWideBitField = -3

  private func fieldValue(
    of kind: CORERecord.Kind, _ access: COREAccess
  ) throws(BTFError) -> (value: Value?, isCertain: Bool) {
    let btf = access.btf
    guard let step = access.steps.last else { return (nil, true) }
    guard step.name != nil else {
      let size = try btf.size(of: step.type)
      switch kind {
      case .fieldByteOffset:
        return (Value(number: UInt64(access.bitOffset / 8), size: size, type: step.type), true)
      case .fieldByteSize: return (Value(number: UInt64(size)), true)
      default: throw BTFError(.noSize, at: Self.notForElements)
      }
    }
    let member = try btf.member(step.index, of: btf.record(step.type))
    let type = try btf.resolve(member.type)
    let isBitField = member.bitFieldSize > 0
    var (byteSize, byteOffset, bitSize) = (0, access.bitOffset / 8, member.bitFieldSize)
    if isBitField {
      byteSize = type.size
      guard byteSize > 0 else { throw BTFError(.noSize, at: type.offset, type: Int(type.id.rawValue)) }
      byteOffset = access.bitOffset / 8 / byteSize * byteSize
      // The smallest aligned integer that holds all of it.
      while access.bitOffset + bitSize - byteOffset * 8 > byteSize * 8 {
        guard byteSize < 8 else { throw BTFError(.tooLarge, at: Self.tooWideBitField) }
        byteSize *= 2
        byteOffset = access.bitOffset / 8 / byteSize * byteSize
      }
    } else {
      byteSize = try btf.size(of: type.id)
      bitSize = byteSize &* 8
    }
    // Compilers choose how to load a bit field, so that only its sign and width are certain.
    switch kind {
    case .fieldByteOffset:
      guard !isBitField else { return (Value(number: UInt64(byteOffset)), false) }
      // An array is loaded by its elements.
      var element = type
      for _ in 0..<BTF.depthLimit where element.kind == .array {
        element = try btf.resolve(btf.array(element).element)
      }
      return (
        Value(number: UInt64(byteOffset), size: try btf.size(of: element.id), type: element.id), true
      )
    case .fieldByteSize: return (Value(number: UInt64(byteSize)), !isBitField)
    case .fieldSigned:
      let isSigned =
        switch type.kind {
        case .integer: try btf.encoding(of: type).isSigned
        case .enumeration, .enumeration64: type.kindFlag
        default: false
        }
      return (Value(number: isSigned ? 1 : 0), true)
    case .fieldLeftShift:
      let shift = 64 - (access.bitOffset + bitSize - byteOffset * 8)
      return (Value(number: UInt64(bitPattern: Int64(shift))), !isBitField)
    case .fieldRightShift: return (Value(number: UInt64(bitPattern: Int64(64 &- bitSize))), true)
    default: return (nil, true)
    }
  }
}
