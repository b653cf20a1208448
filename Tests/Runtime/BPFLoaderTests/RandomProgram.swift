import BPFInstructions

/// Makes programs that the verifier takes and whose result depends on all that they do: arithmetic of every kind with
/// numbers, accesses to the stack and to the first 64 bytes of the packet, atomic operations on the stack, jumps
/// forward, calls of two functions.
///
/// r6 is the context, r7 the packet, in all of them; the other registers are numbers.
struct RandomProgram {
  enum Kind: CaseIterable {
    case xdp, classifier

    /// `BPF_PROG_TYPE_*`
    var programType: UInt32 { self == .xdp ? 6 : 3 }
  }

  /// What the kernel takes, beside what Linux 5.10 does.
  struct InstructionSet: OptionSet {
    let rawValue: Int
    /// Atomic operations other than addition (5.12).
    static let atomics = InstructionSet(rawValue: 1)
    /// Division with a sign, moves and loads that extend the sign, byte swaps, long jumps (6.6).
    static let v4 = InstructionSet(rawValue: 2)
  }

  static let packetByteCount = 64
  private(set) var instructions: [Instruction] = []
  private let kind: Kind
  private let set: InstructionSet
  private var stackByteCount: Int16 = 64
  /// Those that are numbers.
  private var numbers: [UInt8] = [0, 1, 2, 3, 4, 5, 8, 9]
  private var hasPacket = true

  init(_ kind: Kind, set: InstructionSet, using random: inout some RandomNumberGenerator) {
    (self.kind, self.set) = (kind, set)
    begin(using: &random)
    let length = Int.random(in: 5...50, using: &random)
    var calls: [Int] = []
    addBody(length: length, calls: &calls, using: &random)
    addResult()
    // The functions: of five numbers each, without the packet.
    for function in 0..<2 where !calls.isEmpty {
      let mine = calls.enumerated().filter { $0.offset % 2 == function }.map(\.element)
      for call in mine {
        instructions[call] = Instruction(
          opcode: 0x85, source: 1, immediate: Int32(instructions.count - call - 1))
      }
      guard !mine.isEmpty else { continue }
      addFunction(using: &random)
    }
  }

  private mutating func add(
    _ opcode: UInt8, _ destination: UInt8 = 0, _ source: UInt8 = 0, offset: Int16 = 0, immediate: Int32 = 0
  ) {
    instructions.append(
      Instruction(opcode: opcode, destination: destination, source: source, offset: offset, immediate: immediate))
  }

  private mutating func begin(using random: inout some RandomNumberGenerator) {
    add(0xbf, 6, 1)
    let (data, end): (Int16, Int16) = kind == .xdp ? (0, 4) : (76, 80)
    add(0x61, 7, 6, offset: data)
    add(0x61, 3, 6, offset: end)
    add(0xbf, 2, 7)
    add(0x07, 2, immediate: Int32(Self.packetByteCount))
    add(0x3d, 3, 2, offset: 2)
    add(0xb7, 0, immediate: 0x5ca1)
    add(0x95)
    fillRegisters(numbers, using: &random)
    fillStack(using: &random)
  }

  private mutating func fillRegisters(_ numbers: [UInt8], using random: inout some RandomNumberGenerator) {
    for number in numbers {
      switch Int.random(in: 0..<3, using: &random) {
      case 0:
        add(0x18, number, immediate: Self.immediate(using: &random))
        add(0, immediate: Self.immediate(using: &random))
      case 1 where hasPacket: add(0x79, number, 7, offset: .random(in: 0...56, using: &random))
      default: add(0xb7, number, immediate: Self.immediate(using: &random))
      }
    }
  }

  private mutating func fillStack(using random: inout some RandomNumberGenerator) {
    for offset in stride(from: Int16(8), through: stackByteCount, by: 8) {
      add(0x7b, 10, number(using: &random), offset: -offset)
    }
  }

  private mutating func addFunction(using random: inout some RandomNumberGenerator) {
    (numbers, hasPacket, stackByteCount) = ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], false, 32)
    fillRegisters([0, 6, 7, 8, 9], using: &random)
    fillStack(using: &random)
    var none: [Int] = []
    addBody(length: .random(in: 3...20, using: &random), calls: &none, using: &random)
    addResult()
  }

  private mutating func addBody(length: Int, calls: inout [Int], using random: inout some RandomNumberGenerator) {
    /// How many more instructions until a jump has to have come to its target; each is an offset to complete.
    var jumps: [(index: Int, left: Int)] = []
    var jumpCount = 0
    for _ in 0..<length {
      let index = instructions.count
      switch Int.random(in: 0..<20, using: &random) {
      case 0..<9: addArithmetic(using: &random)
      case 9..<12: addStackAccess(using: &random)
      case 12..<14 where hasPacket: addPacketAccess(using: &random)
      case 14: addAtomic(using: &random)
      case 15..<18 where jumpCount < 10:
        addJump(using: &random)
        jumps.append((instructions.count - 1, .random(in: 1...8, using: &random)))
        jumpCount += 1
      case 18 where hasPacket && calls.count < 4:
        // Which of the functions: known when they are there. Its arguments are gone afterwards.
        calls.append(index)
        add(0x85, 0, 1)
        fillRegisters([1, 2, 3, 4, 5], using: &random)
      case 19 where kind == .classifier && hasPacket: addClassicLoad(using: &random)
      default: addArithmetic(using: &random)
      }
      for jump in jumps.indices { jumps[jump].left -= 1 }
      while let done = jumps.firstIndex(where: { $0.left < 0 }) { complete(jumps.remove(at: done).index) }
    }
    for jump in jumps { complete(jump.index) }
  }

  private mutating func complete(_ jump: Int) {
    let distance = instructions.count - jump - 1
    if instructions[jump].opcode == 0x06 {
      instructions[jump].immediate = Int32(distance)
    } else {
      instructions[jump].offset = Int16(distance)
    }
  }

  /// All that the program knows, in r0.
  private mutating func addResult() {
    for number in numbers.dropFirst() {
      add(0x27, 0, immediate: 31)
      add(0xaf, 0, number)
    }
    for offset in stride(from: Int16(8), through: stackByteCount, by: 8) {
      add(0x79, 1, 10, offset: -offset)
      add(0x27, 0, immediate: 31)
      add(0xaf, 0, 1)
    }
    add(0xbf, 1)
    add(0x77, 1, immediate: 32)
    add(0xaf, 0, 1)
    add(0x95)
  }

  private mutating func addArithmetic(using random: inout some RandomNumberGenerator) {
    let destination = number(using: &random)
    let isWide = Bool.random(using: &random)
    let (width, group): (Int32, UInt8) = isWide ? (64, 7) : (32, 4)
    let operation = Int.random(in: 0...13, using: &random)
    let opcode = UInt8(operation) << 4 | group
    let isImmediate = Bool.random(using: &random)
    switch operation {
    case 8: add(opcode, destination)
    case 13:
      let size = [16, 32, 64].randomElement(using: &random)!
      guard !isWide || set.contains(.v4) else { return add(0x87, destination) }
      add(opcode | (isWide || isImmediate ? 0 : 8), destination, immediate: Int32(size))
    case 6 where isImmediate, 7 where isImmediate, 12 where isImmediate:
      add(opcode, destination, immediate: .random(in: 0..<width, using: &random))
    case 3, 9:
      let sign: Int16 = set.contains(.v4) && Bool.random(using: &random) ? 1 : 0
      if isImmediate {
        let divisor = Self.immediate(using: &random)
        add(opcode, destination, offset: sign, immediate: divisor == 0 ? 3 : divisor)
      } else {
        add(opcode | 8, destination, number(using: &random), offset: sign)
      }
    case 11 where !isImmediate && set.contains(.v4):
      let sizes: [Int16] = isWide ? [0, 8, 16, 32] : [0, 8, 16]
      add(opcode | 8, destination, number(using: &random), offset: sizes.randomElement(using: &random)!)
    case _ where isImmediate: add(opcode, destination, immediate: Self.immediate(using: &random))
    default: add(opcode | 8, destination, number(using: &random))
    }
  }

  /// BPF_W, BPF_H, BPF_B, BPF_DW: the bits in the opcode and the bytes.
  private static let sizes: [(bits: UInt8, byteCount: Int16)] = [(0, 4), (8, 2), (0x10, 1), (0x18, 8)]

  private mutating func addStackAccess(using random: inout some RandomNumberGenerator) {
    let (bits, byteCount) = Self.sizes.randomElement(using: &random)!
    let offset = -byteCount * .random(in: 1...stackByteCount / byteCount, using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: add(0x62 | bits, 10, offset: offset, immediate: Self.immediate(using: &random))
    case 1: add(0x63 | bits, 10, number(using: &random), offset: offset)
    case 2 where set.contains(.v4) && byteCount < 8: add(0x81 | bits, number(using: &random), 10, offset: offset)
    default: add(0x61 | bits, number(using: &random), 10, offset: offset)
    }
  }

  private mutating func addPacketAccess(using random: inout some RandomNumberGenerator) {
    let (bits, byteCount) = Self.sizes.randomElement(using: &random)!
    let offset = Int16.random(in: 0...Int16(Self.packetByteCount) - byteCount, using: &random)
    switch Int.random(in: 0..<5, using: &random) {
    case 0 where kind == .xdp: add(0x63 | bits, 7, number(using: &random), offset: offset)
    case 1 where set.contains(.v4) && byteCount < 8: add(0x81 | bits, number(using: &random), 7, offset: offset)
    case 2 where kind == .xdp: add(0x61, number(using: &random), 6, offset: 16)
    // Length, mark, protocol.
    case 2: add(0x61, number(using: &random), 6, offset: [0, 8, 16].randomElement(using: &random)!)
    default: add(0x61 | bits, number(using: &random), 7, offset: offset)
    }
  }

  private mutating func addAtomic(using random: inout some RandomNumberGenerator) {
    let (bits, byteCount): (UInt8, Int16) = Bool.random(using: &random) ? (0, 4) : (0x18, 8)
    let offset = -byteCount * .random(in: 1...stackByteCount / byteCount, using: &random)
    let kinds: [Int32] =
      !set.contains(.atomics)
      ? [0] : [0, 0x40, 0x50, 0xa0] + (hasPacket ? [1, 0x41, 0x51, 0xa1, 0xe1, 0xf1] : [])
    let (kind, source) = (kinds.randomElement(using: &random)!, number(using: &random))
    add(0xc3 | bits, 10, source, offset: offset, immediate: kind)
    guard kind & 1 != 0 else { return }
    // Verifiers, that of Linux 6.18 among them, do not see that these operations write a register: they remove jumps
    // as dead that depend on it, and forget at times to clear the upper half of r0. By way of the packet, the number is
    // one that they know nothing of.
    let old = kind == 0xf1 ? 0 : source
    if byteCount == 4 { add(0xbc, old, old) }
    add(0x7b, 7, old)
    add(0x79, old, 7)
  }

  private mutating func addJump(using random: inout some RandomNumberGenerator) {
    let relation = UInt8.random(in: 0...13, using: &random)
    let group: UInt8 = Bool.random(using: &random) ? 5 : 6
    switch relation {
    case 0, 8, 9:
      // The verifier wants every instruction to be reached by some way: this one is gone around at times.
      add(0x55, number(using: &random), offset: 1, immediate: Self.immediate(using: &random))
      add(set.contains(.v4) && group == 6 ? 0x06 : 0x05)
    case _ where Bool.random(using: &random):
      add(relation << 4 | group, number(using: &random), immediate: Self.immediate(using: &random))
    default: add(relation << 4 | group | 8, number(using: &random), number(using: &random))
    }
  }

  /// What follows goes on only where the packet has the bytes.
  private mutating func addClassicLoad(using random: inout some RandomNumberGenerator) {
    let bits = Self.sizes[Int.random(in: 0..<3, using: &random)].bits
    let bases: [Int32] = [0, 0, 0, -0x10_0000, -0x20_0000, -1]
    let immediate = bases.randomElement(using: &random)! &+ .random(in: 0...70, using: &random)
    if Bool.random(using: &random) {
      add(0x20 | bits, immediate: immediate)
    } else {
      let index = [8, 9].randomElement(using: &random)! as UInt8
      add(0x57, index, immediate: 7)
      add(0x40 | bits, 0, index, immediate: immediate)
    }
    fillRegisters([1, 2, 3, 4, 5], using: &random)
  }

  private func number(using random: inout some RandomNumberGenerator) -> UInt8 {
    numbers.randomElement(using: &random)!
  }

  /// Often one of those at which something changes.
  private static func immediate(using random: inout some RandomNumberGenerator) -> Int32 {
    let edges: [Int32] = [0, 1, -1, 2, 7, 31, 32, 63, 64, 0xff, 0x8000, 0xffff, .min, .max, .min + 1]
    return Bool.random(using: &random)
      ? edges.randomElement(using: &random)! : .random(in: .min ... .max, using: &random)
  }
}
