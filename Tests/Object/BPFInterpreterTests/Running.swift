import BPFInstructions
import BPFInterpreter

func run(
  _ instructions: [Instruction], packet: [UInt8] = [], context: PacketContext = .xdp(XDPContext()),
  maps: [Int: InterpretedMap] = [:], stepLimit: Int = InterpretedProgram.usualStepLimit
) throws(InterpreterError) -> UInt64 {
  var memory = ProgramMemory()
  var helpers = PacketHelpers()
  return unsafe try InterpretedProgram(instructions, maps: maps).run(
    on: packet.span.bytes, context: context, stepLimit: stepLimit, memory: &memory, helpers: &helpers)
}

func instruction(
  _ opcode: UInt8, _ destination: UInt8 = 0, _ source: UInt8 = 0, offset: Int16 = 0, immediate: Int32 = 0
) -> Instruction {
  Instruction(opcode: opcode, destination: destination, source: source, offset: offset, immediate: immediate)
}

/// `rDESTINATION = number`
func set(_ destination: UInt8, _ number: UInt64) -> [Instruction] {
  [
    instruction(0x18, destination, immediate: Int32(truncatingIfNeeded: number)),
    instruction(0, immediate: Int32(truncatingIfNeeded: number >> 32)),
  ]
}

let exit = instruction(0x95)
