import BPFTypes

// What a record asks of an access, on either side.
extension CORERelocator {
  struct Value {
    var number: UInt64
    /// Of a field that is loaded or stored, in bytes.
    var size = 0
    var type: BTF.TypeID?
  }

  /// What a record comes to where the kernel has nothing; `nil` for an instruction to poison.
  func absent(_ kind: CORERecord.Kind) -> Value? {
    switch kind {
    case .fieldExists, .enumeratorExists, .targetTypeID, .typeExists, .typeSize, .typeMatches: Value(number: 0)
    default: nil
    }
  }

  /// - Returns: the value, and whether the compiler must have had the same.
  func value(
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
      let element = try btf.element(of: type.id)
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
      let shift = 64 &- (access.bitOffset &+ bitSize &- byteOffset &* 8)
      return (Value(number: UInt64(bitPattern: Int64(shift))), !isBitField)
    case .fieldRightShift: return (Value(number: UInt64(bitPattern: Int64(64 &- bitSize))), true)
    default: return (nil, true)
    }
  }
}
