import BPFInstructions
import BPFInterpreter
import Testing

/// What single instructions do, by Documentation/bpf/standardization/instruction-set.rst in Linux.
@Suite struct InstructionTests {
  private static let least: UInt64 = 1 << 63
  private static let minusOne = UInt64.max

  /// The operation's bits of an opcode, its variant; r0, the operand, and what r0 becomes.
  @Test(
    arguments: [
      (0x00, 0, 5, minusOne, 4), (0x10, 0, 5, 7, minusOne - 1), (0x20, 0, 1 << 63, 3, least),
      (0x30, 0, minusOne, 2, minusOne >> 1), (0x30, 0, 7, 0, 0), (0x30, 1, minusOne - 6, 2, minusOne - 2),
      (0x30, 1, least, minusOne, least), (0x30, 1, 7, 0, 0), (0x40, 0, 0xf0, 0x0f, 0xff), (0x50, 0, 0xff, 0x18, 0x18),
      (0x60, 0, 1, 63, least), (0x60, 0, 1, 65, 2), (0x70, 0, least, 63, 1), (0x70, 0, 4, 66, 1),
      (0x90, 0, 10, 3, 1), (0x90, 0, 10, 0, 10), (0x90, 1, minusOne - 6, 3, minusOne), (0x90, 1, least, minusOne, 0),
      (0x90, 1, 10, 0, 10), (0xa0, 0, 0xff, 0x0f, 0xf0), (0xb0, 0, 1, 2, 2), (0xb0, 8, 0, 0x180, minusOne - 0x7f),
      (0xb0, 16, 0, 0x1_7fff, 0x7fff), (0xb0, 32, 0, 0x8000_0000, 0xffff_ffff_8000_0000),
      (0xc0, 0, least, 63, minusOne),
      (0xc0, 0, least, 64, least),
    ] as [(UInt8, Int16, UInt64, UInt64, UInt64)])
  func arithmetic64(operation: UInt8, variant: Int16, left: UInt64, right: UInt64, result: UInt64) throws {
    let program = set(0, left) + set(1, right)
    #expect(try run(program + [instruction(operation | 0x0f, 0, 1, offset: variant), exit]) == result)
    guard variant <= 1, let immediate = Int64(bitPattern: right).asInt32 else { return }
    #expect(
      try run(program + [instruction(operation | 0x07, 0, offset: variant, immediate: immediate), exit]) == result)
  }

  /// The upper halves of both count for nothing, and that of the result is 0.
  @Test(
    arguments: [
      (0x00, 0, 0xffff_ffff, 1, 0), (0x10, 0, 0, 1, 0xffff_ffff), (0x20, 0, 0x8000_0001, 2, 2),
      (0x30, 0, 0xffff_ffff, 2, 0x7fff_ffff), (0x30, 0, 9, 0, 0), (0x30, 1, 0xffff_fff9, 2, 0xffff_fffd),
      (0x30, 1, 0x8000_0000, 0xffff_ffff, 0x8000_0000), (0x40, 0, 1, 2, 3), (0x50, 0, 6, 3, 2),
      (0x60, 0, 1, 31, 0x8000_0000),
      (0x60, 0, 1, 33, 2), (0x70, 0, 0x8000_0000, 31, 1), (0x90, 0, 10, 4, 2), (0x90, 0, 10, 0, 10),
      (0x90, 1, 0xffff_fff9, 3, 0xffff_ffff), (0x90, 1, 0x8000_0000, 0xffff_ffff, 0), (0xa0, 0, 3, 1, 2),
      (0xb0, 0, 1, 7, 7),
      (0xb0, 8, 0, 0x80, 0xffff_ff80), (0xb0, 16, 0, 0x8000, 0xffff_8000), (0xc0, 0, 0x8000_0000, 31, 0xffff_ffff),
      (0xc0, 0, 0x8000_0000, 32, 0x8000_0000),
    ] as [(UInt8, Int16, UInt64, UInt64, UInt64)])
  func arithmetic32(operation: UInt8, variant: Int16, left: UInt64, right: UInt64, result: UInt64) throws {
    let program = set(0, 0xdead_beef << 32 | left) + set(1, 0x1234_5678 << 32 | right)
    #expect(try run(program + [instruction(operation | 0x0c, 0, 1, offset: variant), exit]) == result)
    guard variant <= 1 else { return }
    let immediate = Int32(truncatingIfNeeded: right)
    #expect(
      try run(program + [instruction(operation | 0x04, 0, offset: variant, immediate: immediate), exit]) == result)
  }

  @Test(
    arguments: [
      (instruction(0x87), 0 &- 0x0102_0304_0506_0708), (instruction(0x84), 0xfaf9_f8f8),
      (instruction(0xd4, 0, immediate: 16), 0x0708), (instruction(0xd4, 0, immediate: 32), 0x0506_0708),
      (instruction(0xd4, 0, immediate: 64), 0x0102_0304_0506_0708), (instruction(0xdc, 0, immediate: 16), 0x0807),
      (instruction(0xdc, 0, immediate: 32), 0x0807_0605), (instruction(0xdc, 0, immediate: 64), 0x0807_0605_0403_0201),
      (instruction(0xd7, 0, immediate: 16), 0x0807), (instruction(0xd7, 0, immediate: 32), 0x0807_0605),
      (instruction(0xd7, 0, immediate: 64), 0x0807_0605_0403_0201),
    ] as [(Instruction, UInt64)])
  func ofOneRegister(operation: Instruction, result: UInt64) throws {
    #expect(try run(set(0, 0x0102_0304_0506_0708) + [operation, exit]) == result)
  }

  /// Whether left OP right, as 64 bits and as the lower 32.
  @Test(
    arguments: [
      (0x10, 5, 5, true, true), (0x10, 1 << 32 | 5, 5, false, true), (0x20, minusOne, 1, true, true),
      (0x20, 1 << 32, 1, true, false), (0x30, 5, 5, true, true), (0x40, 1 << 32 | 6, 1 << 32, true, false),
      (0x40, 6, 2, true, true), (0x50, 1 << 32, 0, true, false), (0x60, minusOne, 1, false, false),
      (0x60, 1, minusOne, true, true),
      (0x70, 0x8000_0000, 0, true, false), (0xa0, 1, minusOne, true, true), (0xb0, 5, 5, true, true),
      (0xc0, minusOne, 1, true, true), (0xc0, 0x8000_0000, 0, false, true), (0xd0, 5, 5, true, true),
      (0xd0, least, 0, true, true),
    ] as [(UInt8, UInt64, UInt64, Bool, Bool)])
  func conditions(relation: UInt8, left: UInt64, right: UInt64, isTrue: Bool, isTrueFor32: Bool) throws {
    for (isWide, expected) in [(true, isTrue), (false, isTrueFor32)] {
      let opcode = relation | (isWide ? 5 : 6)
      let tail = [instruction(0xb7, 0, immediate: 0), exit, instruction(0xb7, 0, immediate: 1), exit]
      let program = set(2, left) + set(3, right)
      #expect(try run(program + [instruction(opcode | 8, 2, 3, offset: 2)] + tail) == (expected ? 1 : 0))
      guard let immediate = Int64(bitPattern: right).asInt32 else { continue }
      #expect(try run(program + [instruction(opcode, 2, offset: 2, immediate: immediate)] + tail) == (expected ? 1 : 0))
    }
  }

  @Test func jumpsWithoutCondition() throws {
    let tail = [instruction(0xb7, 0, immediate: 0), exit, instruction(0xb7, 0, immediate: 1), exit]
    #expect(try run([instruction(0x05, offset: 2)] + tail) == 1)
    #expect(try run([instruction(0x06, 0, immediate: 2)] + tail) == 1)
  }

  @Test(
    arguments: [
      (0x71, 0x88), (0x69, 0x7788), (0x61, 0x5566_7788), (0x79, 0x1122_3344_5566_7788), (0x91, minusOne - 0x77),
      (0x89, 0x7788), (0x81, 0x5566_7788),
    ] as [(UInt8, UInt64)])
  func loads(opcode: UInt8, result: UInt64) throws {
    let store = set(1, 0x1122_3344_5566_7788) + [instruction(0x7b, 10, 1, offset: -8)]
    #expect(try run(store + [instruction(opcode, 0, 10, offset: -8), exit]) == result)
  }

  @Test func stores() throws {
    for (opcode, result) in [
      (0x72, 0xffff_ffff_ffff_ff81), (0x6a, 0xffff_ffff_ffff_ff81), (0x62, 0xffff_ffff_ffff_ff81),
      (0x7a, 0xffff_ffff_ffff_ff81),
    ] as [(UInt8, UInt64)] {
      let start = [instruction(0x7a, 10, offset: -16, immediate: -1)]
      let load = [instruction(0x79, 0, 10, offset: -16), exit]
      #expect(try run(start + [instruction(opcode, 10, offset: -16, immediate: -0x7f)] + load) == result)
      #expect(try run(start + set(1, result) + [instruction(opcode | 1, 10, 1, offset: -16)] + load) == result)
    }
    let byte = [instruction(0x72, 10, offset: -15, immediate: 0x7f), instruction(0x79, 0, 10, offset: -16), exit]
    #expect(try run(byte) == 0x7f00)
  }

  /// What is left in memory, and what of it the program gets back.
  @Test(
    arguments: [
      (0x00, 15, 5), (0x01, 15, 10), (0x40, 15, 5), (0x41, 15, 10), (0x50, 0, 5), (0x51, 0, 10), (0xa0, 15, 5),
      (0xa1, 15, 10), (0xe1, 5, 10),
    ] as [(Int32, UInt64, UInt64)])
  func atomics(kind: Int32, left: UInt64, back: UInt64) throws {
    for (opcode, mask) in [(0xdb, .max), (0xc3, 0xffff_ffff)] as [(UInt8, UInt64)] {
      let program =
        set(2, 5) + [
          instruction(0x7a, 10, offset: -8, immediate: 10), instruction(opcode, 10, 2, offset: -8, immediate: kind),
        ]
      #expect(try run(program + [instruction(0x79, 0, 10, offset: -8), exit]) == left)
      #expect(try run(program + [instruction(0xbf, 0, 2), exit]) == back & mask)
    }
  }

  @Test func exchangeIfAsExpected() throws {
    for expected in [10, 11] as [UInt64] {
      let program =
        set(0, expected) + set(2, 5)
        + [instruction(0x7a, 10, offset: -8, immediate: 10), instruction(0xdb, 10, 2, offset: -8, immediate: 0xf1)]
      #expect(try run(program + [exit]) == 10)
      #expect(try run(program + [instruction(0x79, 0, 10, offset: -8), exit]) == (expected == 10 ? 5 : 10))
    }
    // The smaller one looks at the lower half of r0 and clears the upper one.
    let small =
      set(0, 0xffff_0000_000a) + set(2, 5)
      + [instruction(0x7a, 10, offset: -8, immediate: 10), instruction(0xc3, 10, 2, offset: -8, immediate: 0xf1), exit]
    #expect(try run(small) == 10)
  }

  @Test func loadAcquireAndStoreRelease() throws {
    let program =
      set(2, 0x1234) + [
        instruction(0xdb, 10, 2, offset: -8, immediate: 0x110), instruction(0xcb, 0, 10, offset: -8, immediate: 0x100),
        exit,
      ]
    #expect(try run(program) == 0x1234)
  }

  @Test func functionsHaveTheirOwnFrameAndKeepTheRegistersOfOthers() throws {
    let program =
      set(6, 1000) + [
        instruction(0x7a, 10, offset: -8, immediate: 7), instruction(0xb7, 1, immediate: 30),
        instruction(0x85, 0, 1, immediate: 4),
        // 30 + 0 (an empty stack), and what the callee may not have touched.
        instruction(0x0f, 0, 6), instruction(0x79, 1, 10, offset: -8), instruction(0x0f, 0, 1), exit,
        instruction(0xb7, 6, immediate: 1), instruction(0x79, 0, 10, offset: -8), instruction(0x0f, 0, 1),
        instruction(0x7a, 10, offset: -8, immediate: 99), exit,
      ]
    #expect(try run(program) == 1037)
  }

  /// A function may use its caller's stack by a pointer.
  @Test func framesCanBeShared() throws {
    let program = [
      instruction(0xbf, 1, 10), instruction(0x85, 0, 1, immediate: 2), instruction(0x79, 0, 10, offset: -8), exit,
      instruction(0x7a, 1, offset: -8, immediate: 42), exit,
    ]
    #expect(try run(program) == 42)
  }
}

extension Int64 {
  fileprivate var asInt32: Int32? { Int32(exactly: self) }
}
