package import BPFInstructions

/// Why a program did not come to its end. The verifier lets no program do any of this.
package struct InterpreterError: Error, Hashable, Sendable {
  package enum Cause: Hashable, Sendable {
    /// No kernel has it, or this interpreter does not: calls of kernel functions, `may_goto`, `gotox`, callbacks.
    case unknownInstruction(Instruction)
    /// The instruction refers to a map, and nobody said where it is.
    case unknownMap
    case jumpOutside(to: Int)
    /// Behind the last instruction.
    case noExit
    /// The program went on for as many instructions as it may.
    case tooLong(limit: Int)
    case callsTooDeep
    case badAccess(BadAccess)
    /// `skb[...]` in a program whose context is none of a socket buffer.
    case noSocketBuffer
    case helper(Int32, HelperError)
  }

  /// The index of the instruction; a two-slot one counts twice.
  package let instruction: Int
  package let cause: Cause
}

/// Why a helper did not answer.
package enum HelperError: Error, Hashable, Sendable {
  /// Nobody offers it.
  case unknown
  case badAccess(BadAccess)
  /// An argument is not what the helper takes, such as a map; counted from 1.
  case badArgument(Int)
}

extension InterpreterError: CustomStringConvertible {
  package var description: String { "instruction \(instruction): \(cause)" }
}

extension InterpreterError.Cause: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownInstruction(let instruction): "cannot be interpreted: \(instruction.disassembly())"
    case .unknownMap: "refers to a map that the interpreter was not told of"
    case .jumpOutside(let target): "goes to instruction \(target), outside of the program"
    case .noExit: "the program ends without exit"
    case .tooLong(let limit): "the program goes on after \(limit) instructions"
    case .callsTooDeep: "more than \(ProgramMemory.frameCount) functions have called each other"
    case .badAccess(let access): "\(access)"
    case .noSocketBuffer: "loads from a socket buffer, and the program was given none"
    case .helper(let number, let error): "\(HelperFunction.name(number) ?? "helper")#\(number): \(error)"
    }
  }
}

extension HelperError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown: "there is no such helper here"
    case .badAccess(let access): "\(access)"
    case .badArgument(let number): "argument \(number) is not what it takes"
    }
  }
}
