import BPFInstructions
import BPFInterpreter
import SeededRandom
import Testing

@Suite struct InterpreterErrorTests {
  private func cause(
    _ program: [Instruction], at index: Int, packet: [UInt8] = [], context: PacketContext = .xdp(XDPContext()),
    stepLimit: Int = 1000
  ) throws -> InterpreterError.Cause {
    let error = #expect(throws: InterpreterError.self) {
      try run(program, packet: packet, context: context, stepLimit: stepLimit)
    }
    let found = try #require(error)
    #expect(found.instruction == index)
    #expect(!"\(found)".isEmpty)
    return found.cause
  }

  @Test func whatNobodyKnowsIsNamedWhenItIsReached() throws {
    for unknown in [
      instruction(0xff), instruction(0x8d, 1), instruction(0x85, 0, 2, immediate: 7), instruction(0xe5),
      instruction(0x0d, 1),
      instruction(0x07, 11, 0, immediate: 1), instruction(0x07, 10, 0, immediate: 8),
      instruction(0x0f, 1, 2, immediate: 5), instruction(0x07, 1, offset: 3),
      instruction(0xd4, 1, immediate: 24), instruction(0x38, 0, immediate: 0),
      instruction(0xdb, 10, 1, offset: -8, immediate: 0x99),
      instruction(0x18, 1, 4, immediate: 0), instruction(0),
    ] {
      #expect(try cause([instruction(0xb7, 0), unknown, exit], at: 1) == .unknownInstruction(unknown))
      #expect(try run([instruction(0xb7, 0), exit, unknown]) == 0)
    }
    // The second half of a wide instruction is none of its own.
    let half = instruction(0, immediate: 1)
    #expect(
      try cause([instruction(0x05, offset: 1)] + set(0, 1 << 32) + [exit], at: 2) == .unknownInstruction(half))
    #expect(try cause([instruction(0x18)], at: 0) == .unknownInstruction(instruction(0x18)))
  }

  @Test func jumpsAndCallsStayInside() throws {
    #expect(try cause([instruction(0x05, offset: 5), exit], at: 0) == .jumpOutside(to: 6))
    #expect(try cause([instruction(0x05, offset: -2), exit], at: 0) == .jumpOutside(to: -1))
    #expect(try cause([instruction(0x06, 0, immediate: .max), exit], at: 0) == .jumpOutside(to: Int(Int32.max)))
    #expect(try cause([instruction(0x85, 0, 1, immediate: .min), exit], at: 0) == .jumpOutside(to: 1 + Int(Int32.min)))
    #expect(try cause([instruction(0x15, 0, offset: 1), exit], at: 0) == .jumpOutside(to: 2))
    #expect(try run([instruction(0x55, 0, offset: 9), exit]) == 0)
    #expect(try cause([instruction(0xb7)], at: 1) == .noExit)
    #expect(try cause([], at: 0) == .noExit)
  }

  @Test func nothingGoesOnForEver() throws {
    #expect(try cause([instruction(0x05, offset: -1)], at: 0, stepLimit: 100) == .tooLong(limit: 100))
    #expect(try cause([instruction(0x85, 0, 1, immediate: -1)], at: 0) == .callsTooDeep)
    #expect(try run([instruction(0xb7, 0, immediate: 1), exit], stepLimit: 2) == 1)
    #expect(try cause([instruction(0xb7, 0, immediate: 1), exit], at: 1, stepLimit: 1) == .tooLong(limit: 1))
  }

  @Test func eightFunctionsMayCallEachOther() throws {
    // r1 counts down; each level adds one to r0.
    func program(_ depth: Int32) -> [Instruction] {
      [
        instruction(0xb7, 1, immediate: depth), instruction(0x85, 0, 1, immediate: 1), exit,
        instruction(0x15, 1, offset: 2),
        instruction(0x07, 1, immediate: -1), instruction(0x85, 0, 1, immediate: -3), instruction(0x07, 0, immediate: 1),
        exit,
      ]
    }
    #expect(try run(program(6)) == 7)
    #expect(try cause(program(7), at: 5) == .callsTooDeep)
  }

  @Test func accessesStayInTheirRegion() throws {
    func refused(
      _ program: [Instruction], at index: Int, packet: [UInt8] = [], context: PacketContext = .xdp(XDPContext())
    ) throws -> BadAccess {
      guard case .badAccess(let access) = try cause(program + [exit], at: index, packet: packet, context: context)
      else {
        throw OtherError()
      }
      return access
    }
    // The stack: above, below, across its end.
    for (offset, opcode, size) in [(0, 0x72, 1), (-513, 0x72, 1), (-4, 0x7a, 8), (-513, 0x7a, 8)]
      as [(Int16, UInt8, Int)]
    {
      let access = try refused([instruction(opcode, 10, offset: offset)], at: 0)
      #expect(access.kind == .store && access.size == size)
      #expect(access.reason == .outside(of: .stackFrame(0), byteCount: 512))
    }
    let atomic = try refused([instruction(0xdb, 10, 1, offset: -4)], at: 0)
    #expect(atomic.reason == .outside(of: .stackFrame(0), byteCount: 512))
    // The packet: its end, before it, and writing it.
    let packet = [UInt8](repeating: 1, count: 20)
    let data = instruction(0x61, 2, 1)
    let end = try refused([data, instruction(0x61, 0, 2, offset: 17)], at: 1, packet: packet)
    #expect(end.reason == .outside(of: .packet, byteCount: 20))
    #expect("\(end)" == "a load of 4 bytes at 17 of the packet, which has 20 bytes")
    #expect(try refused([data, instruction(0x71, 0, 2, offset: -1)], at: 1, packet: packet).kind == .load)
    #expect(
      try refused([data, instruction(0x72, 2, offset: 1)], at: 1, packet: packet).reason == .readOnly(.packet))
    #expect(try refused([data, instruction(0x71, 0, 2)], at: 1).reason == .outside(of: .packet, byteCount: 0))
    // Numbers that are no pointers.
    for number in [0, 8, 0x7fff_ffff, .max, 1 << 63, 0x7fff_ffff_ffff_ffff] as [UInt64] {
      #expect(try refused(set(2, number) + [instruction(0x79, 0, 2)], at: 2).reason == .noRegion)
    }
    // A pointer that lost its upper half.
    #expect(
      try refused([data, instruction(0xbc, 2, 2), instruction(0x71, 0, 2)], at: 2, packet: packet).reason == .noRegion)
    // Members that the context does not have.
    for offset in [2, 24, -4, 512] as [Int16] {
      #expect(try refused([instruction(0x61, 0, 1, offset: offset)], at: 0).reason == .noMember)
    }
    #expect(try refused([instruction(0x63, 1, 0, offset: 12)], at: 0).reason == .noMember)
    #expect(try refused([instruction(0x61, 0, 1)], at: 0, context: .none).reason == .noMember)
  }

  @Test func whatIsMissingIsNamed() throws {
    for source in [PseudoSource.map, PseudoSource.mapValue] {
      #expect(try cause([instruction(0x18, 1, source), instruction(0), exit], at: 0) == .unknownMap)
    }
    #expect(try cause([instruction(0x30), exit], at: 0) == .noSocketBuffer)
    #expect(try cause([instruction(0x85, 0, 0, immediate: 6), exit], at: 0) == .helper(6, .unknown))
    #expect(try cause([instruction(0x85, 0, 0, immediate: 1), exit], at: 0) == .helper(1, .badArgument(1)))
    #expect(try cause([instruction(0x85, 0, 0, immediate: 132), exit], at: 0) == .helper(132, .badArgument(1)))
  }

  /// Any bits at all: a result or an error, and the same again.
  @Test func everythingComesToAnEnd() {
    var random = SeededGenerator(seed: 5)
    var memory = ProgramMemory()
    var helpers = PacketHelpers()
    for round in 0..<20_000 {
      let opcodes: [UInt8] = [0x05, 0x07, 0x0f, 0x18, 0x61, 0x63, 0x72, 0x79, 0x7b, 0x85, 0x95, 0xbf, 0xdb, 0x40]
      let program = (0..<Int.random(in: 0...30, using: &random)).map { _ in
        Instruction(
          opcode: round % 2 == 0 ? .random(in: 0...255, using: &random) : opcodes.randomElement(using: &random)!,
          destination: .random(in: 0...(round % 2 == 0 ? 15 : 10), using: &random),
          source: .random(in: 0...(round % 2 == 0 ? 15 : 10), using: &random),
          offset: .random(in: -20...20, using: &random),
          immediate: .random(in: -200...200, using: &random))
      }
      let packet = [UInt8](repeating: 1, count: Int.random(in: 0...40, using: &random))
      let interpreted = InterpretedProgram(program)
      let context: PacketContext =
        Bool.random(using: &random) ? .xdp(XDPContext()) : .socketBuffer(SocketBufferContext())
      let results = (0..<2).map { _ in
        Result { () throws(InterpreterError) in
          unsafe try interpreted.run(
            on: packet.span.bytes, context: context, stepLimit: 500, memory: &memory, helpers: &helpers)
        }
      }
      #expect(results[0] == results[1])
    }
  }
}

/// Another cause than the expected one.
private struct OtherError: Error {}
