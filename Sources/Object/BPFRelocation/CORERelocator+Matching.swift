import BPFTypes

// Finding in a candidate what an access names in the object.
extension CORERelocator {
  private func types(_ btf: BTF) -> CORETypes { CORETypes(localTypes: object, targetTypes: btf) }

  /// The kernel's counterpart of an access, `nil` where the candidate has none.
  mutating func match(
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
