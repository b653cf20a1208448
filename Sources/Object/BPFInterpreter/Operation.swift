import BPFInstructions

/// An instruction as the interpreter wants it: one dense code to branch by, the immediate as long as a register, jumps by
/// where they go.
struct Operation {
  enum Code: UInt8 {
    case add, subtract, multiply, divide, or, and, shiftLeft, shiftRight, negate, remainder, xor, move
    case shiftRightSigned, divideSigned, remainderSigned, extendSign
    case add32, subtract32, multiply32, divide32, or32, and32, shiftLeft32, shiftRight32, negate32, remainder32, xor32
    case move32, shiftRightSigned32, divideSigned32, remainderSigned32, extendSign32
    case swap16, swap32, swap64
    /// Two slots long.
    case moveWide
    case jump
    case ifEqual, ifAbove, ifAtLeast, ifSet, ifNotEqual, ifAboveSigned, ifAtLeastSigned
    case ifBelow, ifAtMost, ifBelowSigned, ifAtMostSigned
    case ifEqual32, ifAbove32, ifAtLeast32, ifSet32, ifNotEqual32, ifAboveSigned32, ifAtLeastSigned32
    case ifBelow32, ifAtMost32, ifBelowSigned32, ifAtMostSigned32
    case load8, load16, load32, load64, loadSigned8, loadSigned16, loadSigned32
    case store8, store16, store32, store64
    case atomic32, atomic64
    case loadPacket8, loadPacket16, loadPacket32
    case callHelper, callFunction, exit
    /// The program cannot go on here; the immediate is the number of the reason.
    case fault
  }

  /// No instruction can name this register: it stays 0.
  static let zeroRegister: UInt8 = 15

  var code: Code
  /// Of atomic operations, which; of moves that extend the sign, how far to shift.
  var variant: UInt8 = 0
  var destination: UInt8 = 0
  /// The operand is the sum of this register and the immediate: one of them is 0, but for packet loads by an index.
  var source = zeroRegister
  /// Where a jump goes, as an index; for accesses to memory what is added to the address.
  var target: Int32 = 0
  var immediate: UInt64 = 0
}

extension Operation {
  /// `nil` for what cannot be interpreted. Wide loads and calls of functions, which depend on other instructions, are not
  /// decoded here. A jump's target counts from `next` on.
  init?(_ instruction: Instruction, next: Int) {
    let (destination, source) = (instruction.destination, instruction.source)
    guard destination <= 10, source <= 10 else { return nil }
    self.init(
      code: .fault, destination: destination, source: source, target: Int32(instruction.offset),
      immediate: UInt64(bitPattern: Int64(instruction.immediate)))
    let code: Code? =
      switch instruction.instructionClass {
      case .alu64: arithmetic(instruction)
      case .alu32: arithmetic32(instruction)
      case .jump, .jump32: jump(instruction, next: next)
      case .loadFromMemory: load(instruction)
      case .load: loadPacket(instruction)
      case .store: store(instruction)
      case .storeImmediate: storeImmediate(instruction)
      }
    guard let code else { return nil }
    // The frame pointer is nobody's to write.
    guard destination < 10 || !code.writesDestination else { return nil }
    self.code = code
    switch instruction.instructionClass {
    case .alu32, .alu64, .jump, .jump32:
      if instruction.isImmediateForm { self.source = Self.zeroRegister } else { immediate = 0 }
    case .store: immediate = 0
    case .storeImmediate: self.source = Self.zeroRegister
    case .load: if instruction.opcode & Self.modeBits == Self.absoluteMode { self.source = Self.zeroRegister }
    case .loadFromMemory: break
    }
  }

  private static let arithmetic: [Code] = [
    .add, .subtract, .multiply, .divide, .or, .and, .shiftLeft, .shiftRight, .negate, .remainder, .xor, .move,
    .shiftRightSigned,
  ]
  private static let arithmetic32: [Code] = [
    .add32, .subtract32, .multiply32, .divide32, .or32, .and32, .shiftLeft32, .shiftRight32, .negate32, .remainder32,
    .xor32, .move32, .shiftRightSigned32,
  ]
  private static let relations: [Code] = [
    .ifEqual, .ifAbove, .ifAtLeast, .ifSet, .ifNotEqual, .ifAboveSigned, .ifAtLeastSigned, .exit, .exit, .ifBelow,
    .ifAtMost, .ifBelowSigned, .ifAtMostSigned,
  ]
  private static let relations32: [Code] = [
    .ifEqual32, .ifAbove32, .ifAtLeast32, .ifSet32, .ifNotEqual32, .ifAboveSigned32, .ifAtLeastSigned32, .exit, .exit,
    .ifBelow32, .ifAtMost32, .ifBelowSigned32, .ifAtMostSigned32,
  ]

  private mutating func arithmetic(_ instruction: Instruction) -> Code? {
    let index = Int(instruction.opcode >> 4)
    if index == 0xd {
      // Byte swaps whatever the machine's order (6.6).
      guard instruction.isImmediateForm, source == 0, target == 0 else { return nil }
      return swap(instruction.immediate)
    }
    guard let code = isPlain(instruction, index, count: Self.arithmetic.count) else { return nil }
    switch (index, code) {
    case (_, 0): return Self.arithmetic[index]
    case (3, 1): return .divideSigned
    case (9, 1): return .remainderSigned
    case (0xb, let width):
      variant = UInt8(64 - width)
      return .extendSign
    default: return nil
    }
  }

  private mutating func arithmetic32(_ instruction: Instruction) -> Code? {
    let index = Int(instruction.opcode >> 4)
    if index == 0xd {
      guard source == 0, target == 0 else { return nil }
      if !instruction.isImmediateForm { return swap(instruction.immediate) }
      // To little-endian: only the bits above go.
      switch instruction.immediate {
      case 16, 32: immediate = 1 << UInt64(instruction.immediate) - 1
      case 64: immediate = .max
      default: return nil
      }
      return .and
    }
    guard let code = isPlain(instruction, index, count: Self.arithmetic32.count) else { return nil }
    switch (index, code) {
    case (_, 0): return Self.arithmetic32[index]
    case (3, 1): return .divideSigned32
    case (9, 1): return .remainderSigned32
    case (0xb, 8), (0xb, 16):
      variant = UInt8(32 - code)
      return .extendSign32
    default: return nil
    }
  }

  /// Checks what an operation may say; returns its variant, which is in the offset.
  private func isPlain(_ instruction: Instruction, _ index: Int, count: Int) -> Int? {
    guard index < count else { return nil }
    let isNegation = index == 8
    guard instruction.isImmediateForm ? source == 0 : instruction.immediate == 0 && !isNegation else { return nil }
    guard !isNegation || instruction.immediate == 0 else { return nil }
    let variant = Int(instruction.offset)
    switch index {
    case 3, 9: return [0, 1].contains(variant) ? variant : nil
    // Sign-extending moves (6.6).
    case 0xb: return variant == 0 || !instruction.isImmediateForm && [8, 16, 32].contains(variant) ? variant : nil
    default: return variant == 0 ? 0 : nil
    }
  }

  private func swap(_ width: Int32) -> Code? {
    switch width {
    case 16: .swap16
    case 32: .swap32
    case 64: .swap64
    default: nil
    }
  }

  private mutating func jump(_ instruction: Instruction, next: Int) -> Code? {
    let isWide = instruction.instructionClass == .jump
    let index = Int(instruction.opcode >> 4)
    switch index {
    case 0:
      guard instruction.isImmediateForm, destination == 0, source == 0 else { return nil }
      guard (isWide ? instruction.immediate : Int32(instruction.offset)) == 0 else { return nil }
      target = Int32(clamping: next + (isWide ? Int(instruction.offset) : Int(instruction.immediate)))
      return .jump
    case 8:
      guard isWide, instruction.isImmediateForm, source == 0, destination == 0, instruction.offset == 0 else {
        return nil
      }
      return .callHelper
    case 9:
      guard isWide, instruction.isImmediateForm, source == 0, destination == 0, instruction.offset == 0,
        instruction.immediate == 0
      else { return nil }
      return .exit
    case 1...13:
      guard instruction.isImmediateForm ? source == 0 : instruction.immediate == 0 else { return nil }
      target = Int32(clamping: next + Int(instruction.offset))
      return (isWide ? Self.relations : Self.relations32)[index - 1]
    default: return nil
    }
  }

  private static let modeBits: UInt8 = 0xe0
  /// BPF_ABS
  private static let absoluteMode: UInt8 = 0x20

  private func load(_ instruction: Instruction) -> Code? {
    guard instruction.immediate == 0 else { return nil }
    switch (instruction.opcode & Self.modeBits, instruction.opcode >> 3 & 3) {
    case (0x60, let size): return Self.loads[Int(size)]
    // With the sign extended (6.6).
    case (0x80, 0): return .loadSigned32
    case (0x80, 1): return .loadSigned16
    case (0x80, 2): return .loadSigned8
    default: return nil
    }
  }

  /// In the order of BPF_W, BPF_H, BPF_B, BPF_DW.
  private static let loads: [Code] = [.load32, .load16, .load8, .load64]
  private static let stores: [Code] = [.store32, .store16, .store8, .store64]

  private mutating func store(_ instruction: Instruction) -> Code? {
    variant = UInt8(truncatingIfNeeded: instruction.immediate)
    let size = Int(instruction.opcode >> 3 & 3)
    switch (instruction.opcode & Self.modeBits, instruction.immediate) {
    case (0x60, 0): return Self.stores[size]
    // Load-acquire and store-release (6.15): nobody else is here.
    case (0xc0, 0x100): return Self.loads[size]
    case (0xc0, 0x110): return Self.stores[size]
    case (0xc0, 0x00), (0xc0, 0x40), (0xc0, 0x50), (0xc0, 0xa0), (0xc0, 0x01), (0xc0, 0x41), (0xc0, 0x51), (0xc0, 0xa1),
      (0xc0, 0xe1), (0xc0, 0xf1):
      guard instruction.immediate & 1 == 0 || instruction.immediate == 0xf1 || source < 10 else { return nil }
      return size == 0 ? .atomic32 : size == 3 ? .atomic64 : nil
    default: return nil
    }
  }

  private func storeImmediate(_ instruction: Instruction) -> Code? {
    guard instruction.opcode & Self.modeBits == 0x60, source == 0 else { return nil }
    return Self.stores[Int(instruction.opcode >> 3 & 3)]
  }

  private func loadPacket(_ instruction: Instruction) -> Code? {
    guard destination == 0, instruction.offset == 0 else { return nil }
    switch instruction.opcode & Self.modeBits {
    case Self.absoluteMode: guard source == 0 else { return nil }
    case 0x40: break
    default: return nil
    }
    switch instruction.opcode >> 3 & 3 {
    case 0: return .loadPacket32
    case 1: return .loadPacket16
    case 2: return .loadPacket8
    default: return nil
    }
  }
}

extension Operation.Code {
  fileprivate var writesDestination: Bool {
    rawValue <= Self.moveWide.rawValue || rawValue >= Self.load8.rawValue && rawValue <= Self.loadSigned32.rawValue
  }
  var isJump: Bool { rawValue >= Self.jump.rawValue && rawValue <= Self.ifAtMostSigned32.rawValue }
}
