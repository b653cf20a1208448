package import BPFInstructions

/// A program in the form that the interpreter runs. Any instructions may be given: what is wrong with one is told when the
/// program comes to it, so that parts for other kernels, which are never reached, do no harm.
package struct InterpretedProgram: Sendable {
  /// The operations, behind them faults, and an exit in the end.
  let operations: [Operation]
  /// By the immediate of a fault.
  let faults: [InterpreterError]

  /// - Parameters:
  ///   - instructions: linked and relocated, as for BPF_PROG_LOAD.
  ///   - maps: where the instructions find the maps that they refer to, by the indices of these instructions.
  package init(_ instructions: [Instruction], maps: [Int: InterpretedMap] = [:]) {
    var decoder = Decoder(instructions: instructions, maps: maps)
    decoder.decode()
    (operations, faults) = (decoder.operations, decoder.faults)
  }
}

/// A map as programs refer to it.
package struct InterpretedMap: Hashable, Sendable {
  /// What helpers get.
  package let handle: ProgramAddress
  /// Where the first value begins, which programs can refer to by itself (BPF_PSEUDO_MAP_VALUE).
  package let values: ProgramAddress?

  package init(handle: ProgramAddress, values: ProgramAddress?) {
    (self.handle, self.values) = (handle, values)
  }
}

private struct Decoder {
  let instructions: [Instruction]
  let maps: [Int: InterpretedMap]
  private(set) var operations: [Operation] = []
  private(set) var faults: [InterpreterError] = []

  init(instructions: [Instruction], maps: [Int: InterpretedMap]) {
    (self.instructions, self.maps) = (instructions, maps)
  }

  mutating func decode() {
    operations.reserveCapacity(instructions.count + 1)
    var index = 0
    while index < instructions.count {
      let instruction = instructions[index]
      switch (instruction.opcode, instruction.source) {
      case (Opcode.loadImmediate64, _):
        operations.append(wideLoad(at: index))
        guard index + 1 < instructions.count else { break }
        index += 1
        // Nothing may jump to the second half.
        operations.append(fault(at: index, .unknownInstruction(instructions[index])))
      case (Opcode.call, PseudoSource.call):
        operations.append(
          Operation(code: .callFunction, target: Int32(clamping: index + 1 + Int(instruction.immediate))))
      default:
        operations.append(
          Operation(instruction, next: index + 1) ?? fault(at: index, .unknownInstruction(instruction)))
      }
      index += 1
    }
    operations.append(fault(at: instructions.count, .noExit))
    for index in instructions.indices where operations[index].code.isJump || operations[index].code == .callFunction {
      let target = Int(operations[index].target)
      guard !instructions.indices.contains(target) else { continue }
      operations[index].target = Int32(clamping: operations.count)
      operations.append(fault(at: index, .jumpOutside(to: target)))
    }
    operations.append(Operation(code: .exit))
  }

  private mutating func wideLoad(at index: Int) -> Operation {
    let instruction = instructions[index]
    guard index + 1 < instructions.count, instructions[index + 1].opcode == 0, instruction.destination < 10 else {
      return fault(at: index, .unknownInstruction(instruction))
    }
    let second = UInt64(UInt32(bitPattern: instructions[index + 1].immediate))
    var operation = Operation(code: .moveWide, destination: instruction.destination)
    switch instruction.source {
    case 0: operation.immediate = second << 32 | UInt64(UInt32(bitPattern: instruction.immediate))
    case PseudoSource.map:
      guard let map = maps[index] else { return fault(at: index, .unknownMap) }
      operation.immediate = map.handle.rawValue
    case PseudoSource.mapValue:
      guard let values = maps[index]?.values else { return fault(at: index, .unknownMap) }
      operation.immediate = values.rawValue &+ second
    default: return fault(at: index, .unknownInstruction(instruction))
    }
    return operation
  }

  private mutating func fault(at index: Int, _ cause: InterpreterError.Cause) -> Operation {
    faults.append(InterpreterError(instruction: index, cause: cause))
    return Operation(code: .fault, immediate: UInt64(faults.count - 1))
  }
}
