import BPFInstructions

// Numbers from packets, in `r0`.
extension FilterCompiler {
  /// Puts a number into `r0`.
  mutating func evaluate(_ operand: Operand, _ facts: inout FilterFacts, depth: Int) throws(FilterError) {
    guard depth < Self.slotCount else {
      throw FilterError(
        expression, at: 0..<expression.utf8.count,
        .invalid("a computation needs more than \(Self.slotCount) intermediate results"))
    }
    if let value = facts.value(of: operand) { return code.append(.move(.r0, constant: value)) }
    switch operand {
    case .constant(let value): code.append(.move(.r0, constant: value))
    case .length: code.append(.load(.word, .r0, .r10, Self.length))
    case .found(.etherType): code.append(.load(.word, .r0, .r10, etherType))
    case .found(.protocol): code.append(.load(.word, .r0, .r10, `protocol`))
    case .found(.hasTransport): code.append(.load(.word, .r0, .r10, hasTransport))
    case .chain(let chain): follow(chain, &facts)
    case .load(let load):
      try self.load(load, &facts, depth: depth, into: .r0)
      if load.count > 1 { code.append(.bigEndian(.r0, bits: Int32(8 * load.count))) }
    case .negated(let inner):
      try evaluate(inner, &facts, depth: depth)
      code.append(.negate(.r0))
    case .operation(let operation, let left, let right):
      try evaluate(left, &facts, depth: depth)
      if let value = facts.value(of: right) {
        apply(operation, constant: value)
      } else {
        code.append(.store(.double, .r10, Self.slot(depth), .r0))
        try evaluate(right, &facts, depth: depth + 1)
        code += [.move(.r1, .r0), .load(.double, .r0, .r10, Self.slot(depth))]
        apply(operation)
      }
    }
  }

  static let operations: [FilterArithmetic.Operation: Instruction.Arithmetic] = [
    .add: .add, .subtract: .subtract, .multiply: .multiply, .divide: .divide, .remainder: .remainder, .and: .and,
    .or: .or, .xor: .xor, .shiftLeft: .shiftLeft, .shiftRight: .shiftRight,
  ]

  /// `r0 = r0 OP value`
  mutating func apply(_ operation: FilterArithmetic.Operation, constant value: UInt32) {
    switch operation {
    case .divide where value == 0, .remainder where value == 0:
      // What the packet computed is compared all the same by those who do not know that it is in vain.
      code.append(.move(.r1, constant: 0))
      rejecting(.jump(if: .r1, .equal, constant: 0, isWide: false))
    case .shiftLeft where value > 31, .shiftRight where value > 31: code.append(.move(.r0, constant: 0))
    default:
      code.append(
        .arithmetic(Self.operations[operation] ?? .add, .r0, constant: Int32(bitPattern: value), isWide: false))
    }
  }

  /// `r0 = r0 OP r1`
  mutating func apply(_ operation: FilterArithmetic.Operation) {
    switch operation {
    case .divide, .remainder: rejecting(.jump(if: .r1, .equal, constant: 0, isWide: false))
    case .shiftLeft, .shiftRight:
      // The processor takes the lower five bits only.
      code += [.jump(if: .r1, .less, constant: 32, isWide: false, 1), .move(.r0, constant: 0)]
    default: break
    }
    code.append(.arithmetic(Self.operations[operation] ?? .add, .r0, .r1, isWide: false))
  }

  // MARK: The packet's bytes

  /// The register that has bytes of the packet as they lie there.
  mutating func bytes(of load: Load, _ facts: inout FilterFacts) throws(FilterError) -> Register {
    if let register = facts.register(of: load) { return register }
    let register = facts.keep(load)
    try self.load(load, &facts, depth: 0, into: register)
    return register
  }

  /// Puts bytes of the packet into a register, as they lie there.
  mutating func load(
    _ load: Load, _ facts: inout FilterFacts, depth: Int, into target: Register
  ) throws(FilterError) {
    let width = Instruction.Width(rawValue: Int(load.count)) ?? .byte
    if let index = load.index {
      try evaluate(index, &facts, depth: depth)
      addIndex(load, &facts)
      code += [.move(.r2, .r1), .arithmetic(.add, .r2, constant: Int32(load.count))]
      rejecting(.jump(if: .r2, .greater, .r7))
      if case .buffer = frame {
        code.append(.move(.r2, .r1))
        if let jump = bound(.r2, before: load.count) { rejects.append(jump) }
        code.append(.move(.r1, .r2))
      }
      code.append(.load(width, target, .r1, 0))
    } else {
      let (pointer, start) = approach(load, &facts)
      code.append(.load(width, target, pointer, Int16(truncatingIfNeeded: start)))
    }
  }

  /// `r1 = ` where the bytes lie, of which `r0` is the variable part. Sums are of 32 bits, as pcap's are.
  mutating func addIndex(_ load: Load, _ facts: inout FilterFacts) {
    var constant = load.offset
    switch load.base {
    case .frame: break
    case .network, .transport:
      // As far from the frame's start as it is: a negative index leads back from there.
      code.append(.move(.r1, load.base == .network ? .r8 : .r9))
      if !keepsDistances { code.append(.arithmetic(.subtract, .r1, .r6)) }
      code.append(.arithmetic(.add, .r0, .r1, isWide: false))
    case .behindIPv4(let at):
      reach(.frame, .r6, at + 1, &facts)
      code += [
        .load(.byte, .r1, .r6, Int16(truncatingIfNeeded: at)), .arithmetic(.and, .r1, constant: 15),
        .arithmetic(.shiftLeft, .r1, constant: 2), .arithmetic(.add, .r0, .r1, isWide: false),
      ]
      constant = constant &+ at
    }
    if constant != 0 { code.append(.arithmetic(.add, .r0, constant: Int32(bitPattern: constant), isWide: false)) }
    rejecting(.jump(if: .r0, .greater, constant: Self.farthest))
    code += [.move(.r1, .r6), .arithmetic(.add, .r1, .r0)]
  }

  /// Rejects packets that do not have the bytes of a load. Changes `r1` and `r2`.
  /// - Returns: the register that points to its base, and how far behind it the load begins.
  mutating func approach(_ load: Load, _ facts: inout FilterFacts) -> (Register, UInt32) {
    guard keepsDistances, load.base == .network || load.base == .transport else {
      let (pointer, start) = pointer(of: load, &facts)
      reach(load.base, pointer, start + load.count, &facts)
      return (pointer, start)
    }
    // Of a pointer that is made anew, nothing of what the verifier learns here stays with one of the ways.
    code += [
      .move(.r1, .r6), .arithmetic(.add, .r1, load.base == .network ? .r8 : .r9), .move(.r2, .r1),
      .arithmetic(.add, .r2, constant: Int32(load.offset + load.count)),
    ]
    rejecting(.jump(if: .r2, .greater, .r7))
    return (.r1, load.offset)
  }

  /// The register that points to a base, and how far behind it a load begins.
  mutating func pointer(of load: Load, _ facts: inout FilterFacts) -> (Register, UInt32) {
    switch load.base {
    case .frame: return (.r6, load.offset)
    case .network: return (.r8, load.offset)
    case .transport: return (.r9, load.offset)
    case .behindIPv4(let at):
      if facts.transportOf != at {
        reach(.frame, .r6, at + 1, &facts)
        code += [
          .load(.byte, .r1, .r6, Int16(truncatingIfNeeded: at)), .arithmetic(.and, .r1, constant: 15),
          .arithmetic(.shiftLeft, .r1, constant: 2), .move(.r9, .r6), .arithmetic(.add, .r9, .r1),
        ]
        if let old = facts.transportOf { facts.reach[.behindIPv4(at: old)] = nil }
        facts.transportOf = at
        facts.reach[load.base] = nil
      }
      return (.r9, load.offset + at)
    }
  }

  /// Rejects packets that have fewer bytes behind a pointer.
  mutating func reach(_ base: Load.Base, _ pointer: Register, _ length: UInt32, _ facts: inout FilterFacts) {
    guard facts.reach[base] ?? 0 < length else { return }
    if base == .transport, let jump = bound(pointer, before: length) { rejects.append(jump) }
    code += [.move(.r1, pointer), .arithmetic(.add, .r1, constant: Int32(length))]
    rejecting(.jump(if: .r1, .greater, .r7))
    facts.reach[base] = length
  }
}
