// What a value of a type takes in memory.
extension BTF {
  /// The number of the type below typedefs and qualifiers, `void` where that is nothing.
  public func resolvedID(_ id: TypeID) throws(BTFError) -> TypeID {
    var id = id
    for _ in 0..<Self.depthLimit {
      guard id != .void else { return .void }
      let record = try record(id)
      switch record.kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: id = record.referent
      default: return id
      }
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }

  /// The alignment of a value of the type, in bytes, as the C compiler chose it.
  public func alignment(of id: TypeID) throws(BTFError) -> Int {
    try alignment(of: id, depth: 0)
  }

  private func alignment(of id: TypeID, depth: Int) throws(BTFError) -> Int {
    guard depth < Self.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue)) }
    let record = try resolve(id)
    switch record.kind {
    case .integer, .float, .enumeration, .enumeration64: return min(8, max(record.size, 1))
    case .pointer: return 8
    case .array: return try alignment(of: array(record).element, depth: depth + 1)
    case .structure, .union:
      var largest = 1
      for member in try members(of: record) {
        let alignment = try alignment(of: member.type, depth: depth + 1)
        largest = max(largest, alignment)
        // A member out of line with its own alignment shows that the structure is packed.
        if member.bitFieldSize == 0, member.bitOffset % (8 * alignment) != 0 { return 1 }
      }
      return record.size % largest == 0 ? largest : 1
    default: throw BTFError(.noSize, at: record.offset, type: Int(id.rawValue))
    }
  }

  /// The type below typedefs and qualifiers.
  public func resolve(_ id: TypeID) throws(BTFError) -> Record {
    var record = try record(id)
    for _ in 0..<Self.depthLimit {
      switch record.kind {
      case .typedef, .volatile, .const, .restrict, .typeTag: record = try self.record(record.referent)
      default: return record
      }
    }
    throw BTFError(.tooDeep, at: record.offset, type: Int(id.rawValue))
  }

  /// The size of a value of the type, in bytes. Pointers take 8, as in all BPF programs.
  public func size(of id: TypeID) throws(BTFError) -> Int {
    var count = 1
    var id = id
    for _ in 0..<Self.depthLimit {
      let record = try resolve(id)
      let size: Int
      switch record.kind {
      case .pointer: size = 8
      case .array:
        let array = try array(record)
        let (product, overflow) = count.multipliedReportingOverflow(by: array.count)
        guard !overflow else { throw BTFError(.tooLarge, at: record.offset, type: Int(id.rawValue)) }
        (count, id) = (product, array.element)
        continue
      case .integer, .float, .structure, .union, .enumeration, .enumeration64, .dataSection: size = record.size
      default: throw BTFError(.noSize, at: record.offset, type: Int(id.rawValue))
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw BTFError(.tooLarge, at: record.offset, type: Int(id.rawValue)) }
      return product
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }
}
