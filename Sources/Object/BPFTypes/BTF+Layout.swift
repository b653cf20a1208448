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

  /// The alignment of a value of the type, in bytes, as C has it for all but structures and unions.
  package func alignment(of id: TypeID) throws(BTFError) -> Int {
    var id = id
    for _ in 0..<Self.depthLimit {
      let record = try resolve(id)
      switch record.kind {
      case .integer, .float, .enumeration, .enumeration64: return min(8, max(record.size, 1))
      case .pointer: return 8
      case .array: id = try array(record).element
      default: throw BTFError(.noSize, at: record.offset, type: Int(id.rawValue))
      }
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }

  /// The type of an array's elements, of one with several dimensions the innermost; else the type itself.
  package func element(of id: TypeID) throws(BTFError) -> Record {
    var record = try resolve(id)
    for _ in 0..<Self.depthLimit {
      guard record.kind == .array else { return record }
      record = try resolve(array(record).element)
    }
    throw BTFError(.tooDeep, at: record.offset, type: Int(id.rawValue))
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
