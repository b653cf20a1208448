import BPFInstructions
import BPFInterpreter
import PacketFilter

extension PacketFilter {
  /// The whole program of a packet: `filter(context, data_end - data)`.
  var program: [Instruction] {
    let call = Instruction(opcode: Opcode.call, source: PseudoSource.call, immediate: 1)
    return [.load(.word, .r3, .r1, 0), .load(.word, .r2, .r1, 4), .arithmetic(.subtract, .r2, .r3), call, .exit]
      + instructions
  }

  /// Which of the frames it takes, by our own interpreter.
  func taken(of frames: [[UInt8]]) throws(InterpreterError) -> Set<Int> {
    let program = InterpretedProgram(program)
    var memory = ProgramMemory()
    var helpers = NoHelpers()
    var numbers: Set<Int> = []
    for (number, frame) in frames.enumerated() {
      let result = try unsafe program.run(
        on: frame.span.bytes, context: .xdp(XDPContext()), memory: &memory, helpers: &helpers)
      if result == 1 { numbers.insert(number) }
    }
    return numbers
  }
}
