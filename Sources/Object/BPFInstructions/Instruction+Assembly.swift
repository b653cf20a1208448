/// A register of a BPF program: `r0` has results, `r1` to `r5` arguments, `r6` to `r9` survive calls, `r10` points behind
/// the stack frame.
package enum Register: UInt8, Sendable {
  case r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10
}

// Instructions by what they do, for code that is made here and not by a compiler.
extension Instruction {
  /// The upper four bits of an opcode of arithmetic: `BPF_ADD` and so on.
  package enum Arithmetic: UInt8, Sendable {
    case add = 0x00
    case subtract = 0x10
    case multiply = 0x20
    case divide = 0x30
    case or = 0x40
    case and = 0x50
    case shiftLeft = 0x60
    case shiftRight = 0x70
    case negate = 0x80
    case remainder = 0x90
    case xor = 0xa0
    case move = 0xb0
  }

  /// The upper four bits of an opcode of a jump: `BPF_JEQ` and so on. Comparisons are without a sign.
  package enum Condition: UInt8, Sendable {
    case equal = 0x10
    case greater = 0x20
    case atLeast = 0x30
    case anyBit = 0x40
    case notEqual = 0x50
    case less = 0xa0
    case atMost = 0xb0
  }

  /// The width of an access to memory, in bytes.
  package enum Width: Int, Sendable {
    case byte = 1
    case half = 2
    case word = 4
    case double = 8

    fileprivate var bits: UInt8 {
      switch self {
      case .word: 0x00
      case .half: 0x08
      case .byte: 0x10
      case .double: 0x18
      }
    }
  }

  private static let registerForm: UInt8 = 0x08
  private static let memoryMode: UInt8 = 0x60

  /// `dst = dst OP source` in 64 bits; in 32 bits the upper half becomes 0.
  package static func arithmetic(
    _ operation: Arithmetic, _ destination: Register, _ source: Register, isWide: Bool = true
  ) -> Instruction {
    let kind: InstructionClass = isWide ? .alu64 : .alu32
    return Instruction(
      opcode: operation.rawValue | registerForm | kind.rawValue, destination: destination.rawValue,
      source: source.rawValue)
  }

  /// The same with a constant, which is extended with its sign for 64 bits.
  package static func arithmetic(
    _ operation: Arithmetic, _ destination: Register, constant: Int32, isWide: Bool = true
  ) -> Instruction {
    let kind: InstructionClass = isWide ? .alu64 : .alu32
    return Instruction(
      opcode: operation.rawValue | kind.rawValue, destination: destination.rawValue, immediate: constant)
  }

  package static func move(_ destination: Register, _ source: Register) -> Instruction {
    .arithmetic(.move, destination, source)
  }

  /// 32 bits, the upper half becomes 0.
  package static func move(_ destination: Register, constant: UInt32) -> Instruction {
    .arithmetic(.move, destination, constant: Int32(bitPattern: constant), isWide: false)
  }

  /// `dst = -dst` in 32 bits.
  package static func negate(_ destination: Register) -> Instruction {
    Instruction(opcode: Arithmetic.negate.rawValue | InstructionClass.alu32.rawValue, destination: destination.rawValue)
  }

  /// Between the machine's order of bytes and the network's: `bits` is 16, 32 or 64.
  package static func bigEndian(_ register: Register, bits: Int32) -> Instruction {
    Instruction(
      opcode: 0xd0 | registerForm | InstructionClass.alu32.rawValue, destination: register.rawValue, immediate: bits)
  }

  /// `dst = *(width *)(base + offset)`
  package static func load(_ width: Width, _ destination: Register, _ base: Register, _ offset: Int16) -> Instruction {
    Instruction(
      opcode: memoryMode | width.bits | InstructionClass.loadFromMemory.rawValue, destination: destination.rawValue,
      source: base.rawValue, offset: offset)
  }

  /// `*(width *)(base + offset) = source`
  package static func store(_ width: Width, _ base: Register, _ offset: Int16, _ source: Register) -> Instruction {
    Instruction(
      opcode: memoryMode | width.bits | InstructionClass.store.rawValue, destination: base.rawValue,
      source: source.rawValue, offset: offset)
  }

  /// Goes on `offset` instructions behind the next one.
  package static func jump(_ offset: Int16) -> Instruction {
    Instruction(opcode: InstructionClass.jump.rawValue, offset: offset)
  }

  /// - Parameter isWide: compares 64 bits; the lower 32 otherwise (5.1).
  package static func jump(
    if left: Register, _ condition: Condition, _ right: Register, isWide: Bool = true, _ offset: Int16 = 0
  ) -> Instruction {
    let kind: InstructionClass = isWide ? .jump : .jump32
    return Instruction(
      opcode: condition.rawValue | registerForm | kind.rawValue, destination: left.rawValue, source: right.rawValue,
      offset: offset)
  }

  package static func jump(
    if left: Register, _ condition: Condition, constant: UInt32, isWide: Bool = true, _ offset: Int16 = 0
  ) -> Instruction {
    let kind: InstructionClass = isWide ? .jump : .jump32
    return Instruction(
      opcode: condition.rawValue | kind.rawValue, destination: left.rawValue, offset: offset,
      immediate: Int32(bitPattern: constant))
  }

  package static var exit: Instruction { Instruction(opcode: Opcode.exit) }

  /// Where a jump at an index goes; `nil` for what is none.
  package func jumpTarget(from index: Int) -> Int? {
    guard instructionClass == .jump || instructionClass == .jump32, opcode != Opcode.call, opcode != Opcode.exit else {
      return nil
    }
    return index + 1 + Int(offset)
  }
}
