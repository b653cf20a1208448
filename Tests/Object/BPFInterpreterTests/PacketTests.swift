import BPFInstructions
import BPFInterpreter
import Testing

/// Contexts and packets.
@Suite struct PacketTests {
  private let packet = [UInt8](0..<64)
  private func load(_ opcode: UInt8, from offset: Int16, _ context: PacketContext) throws -> UInt64 {
    try run([instruction(opcode, 0, 1, offset: offset), exit], packet: packet, context: context)
  }

  @Test func anXDPProgramFindsThePacket() throws {
    var context = XDPContext()
    (context.ingressInterface, context.receiveQueue, context.egressInterface) = (3, 4, 5)
    for (offset, value) in [(12, 3), (16, 4), (20, 5)] as [(Int16, UInt64)] {
      #expect(try load(0x61, from: offset, .xdp(context)) == value)
    }
    // data_end - data, data[13], and no metadata.
    let begin = [instruction(0x61, 2, 1, offset: 0), instruction(0x61, 3, 1, offset: 4)]
    #expect(try run(begin + [instruction(0xbf, 0, 3), instruction(0x1f, 0, 2), exit], packet: packet) == 64)
    #expect(try run(begin + [instruction(0x71, 0, 2, offset: 13), exit], packet: packet) == 13)
    #expect(
      try run(
        begin + [instruction(0x61, 0, 1, offset: 8), instruction(0x1f, 0, 2), exit], packet: packet) == 0)
    #expect(try run(begin + [instruction(0xbf, 0, 3), instruction(0x1f, 0, 2), exit]) == 0)
  }

  @Test func aFilterFindsTheSocketBuffer() throws {
    var context = SocketBufferContext()
    context.networkOrderProtocol = 0x0008
    (context.mark, context.ingressInterface, context.interface, context.hash) = (7, 8, 9, 0x1122_3344)
    (context.vlanTag, context.vlanNetworkOrderProtocol, context.time) = (0x0fff, 0x0081, 1 << 40)
    for (offset, value) in [
      (0, 64), (8, 7), (16, 8), (20, 1), (24, 0x0fff), (28, 0x81), (36, 8), (40, 9), (68, 0x1122_3344), (84, 0),
      (160, 64),
    ] as [(Int16, UInt64)] {
      #expect(try load(0x61, from: offset, .socketBuffer(context)) == value)
    }
    #expect(try load(0x79, from: 152, .socketBuffer(context)) == 1 << 40)
    // Parts of members.
    #expect(try load(0x69, from: 70, .socketBuffer(context)) == 0x1122)
    #expect(try load(0x71, from: 69, .socketBuffer(context)) == 0x33)
    context.dataOffset = 14
    #expect(try load(0x61, from: 0, .socketBuffer(context)) == 50)
    let first = [instruction(0x61, 2, 1, offset: 76), instruction(0x71, 0, 2), exit]
    #expect(try run(first, packet: packet, context: .socketBuffer(context)) == 14)
    // What belongs to the program keeps what it writes.
    let control = set(2, 77) + [instruction(0x63, 1, 2, offset: 52), instruction(0x61, 0, 1, offset: 52), exit]
    #expect(try run(control, packet: packet, context: .socketBuffer(context)) == 77)
  }

  @Test(
    arguments: [
      (instruction(0x30, 0, immediate: 5), 0, 5), (instruction(0x28, 0, immediate: 5), 0, 0x0506),
      (instruction(0x20, 0, immediate: 5), 0, 0x0506_0708),
      (instruction(0x50, 0, 2, immediate: 1), 4, 5),
      (instruction(0x48, 0, 2, immediate: 1), UInt64(bitPattern: -1), 0x0001),
      (instruction(0x40, 0, 2, immediate: 60), 0, 60 << 24 | 61 << 16 | 62 << 8 | 63),
      // The network layer's header, the link layer's.
      (instruction(0x30, 0, immediate: -0x10_0000 + 3), 0, 17), (instruction(0x30, 0, immediate: -0x20_0000 + 3), 0, 3),
      // Outside: the program ends with 0.
      (instruction(0x30, 0, immediate: 64), 0, 0), (instruction(0x20, 0, immediate: 61), 0, 0),
      (instruction(0x30, 0, immediate: -1), 0, 0),
      (instruction(0x50, 0, 2, immediate: .max), 1, 0), (instruction(0x30, 0, immediate: .min), 0, 0),
    ] as [(Instruction, UInt64, UInt64)])
  func classicLoads(load: Instruction, index: UInt64, result: UInt64) throws {
    let program = set(2, index) + [load, exit]
    #expect(try run(program, packet: packet, context: .socketBuffer(SocketBufferContext())) == result)
    guard result == 0 else { return }
    // It does not come to the end.
    let longer = set(2, index) + [load, instruction(0xb7, 0, immediate: 1), exit]
    #expect(try run(longer, packet: packet, context: .socketBuffer(SocketBufferContext())) == 0)
  }

  @Test func programsChangePacketsThatMayBeChanged() throws {
    var memory = ProgramMemory()
    var helpers = NoHelpers()
    var packet = packet
    let program = InterpretedProgram([
      instruction(0x61, 2, 1), instruction(0x72, 2, offset: 5, immediate: 99), instruction(0x71, 0, 2, offset: 5), exit,
    ])
    let result = try program.run(
      on: &packet, context: .xdp(XDPContext()), memory: &memory, helpers: &helpers)
    #expect(result == 99)
    #expect(packet[5] == 99)
  }
}
