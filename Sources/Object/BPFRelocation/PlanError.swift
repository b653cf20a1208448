public import BPFTypes

/// An object that cannot be planned.
public enum PlanError: Error, Hashable, Sendable {
  /// No function begins where an instruction refers to; `instruction` counts from the start of `function`, `offset` bytes
  /// from the start of the section.
  case noSuchFunction(program: String, function: String, instruction: Int, section: String, offset: Int)
  case tooLarge(program: String, instructionCount: Int)
  case otherByteOrder
  case noTarget(program: String, section: String)
  case noSuchTarget(program: String, name: String)
  case notYet(String)
  case extern(ExternError)
  case relocation(program: String, COREError)
  /// `.BTF.ext` tells of the program, but not of a function that it calls.
  case noFunctionType(program: String, function: String)
  case noSourceLines(program: String, function: String)
  case noSuchCallback(program: String, function: String)
  case types(BTFError)
  case kernelTypes(BTFError)
}

extension PlanError {
  /// The program that cannot be planned, where it is one and the others could be.
  public var program: String? {
    switch self {
    case .noSuchFunction(let program, _, _, _, _), .tooLarge(let program, _), .noTarget(let program, _),
      .noSuchTarget(let program, _), .relocation(let program, _), .noFunctionType(let program, _),
      .noSourceLines(let program, _), .noSuchCallback(let program, _):
      program
    case .otherByteOrder, .notYet, .extern, .types, .kernelTypes: nil
    }
  }
}

extension PlanError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noSuchFunction(let program, let function, let instruction, let section, let offset):
      "program \(program): instruction \(instruction) of \(function) refers to byte \(offset) of section \(section), "
        + "where no function begins"
    case .tooLarge(let program, let count):
      "program \(program) has \(count) instructions with its subprograms, over a million"
    case .otherByteOrder:
      "the object is for big-endian machines; compile it with -target bpfel, or load it on such a one"
    case .noTarget(let program, let section):
      "program \(program): the section name \(section) does not say what to attach to; name it behind a slash"
    case .noSuchTarget(let program, let name): "program \(program): the kernel's BTF has no \(name) to attach to"
    case .notYet(let what): "the object needs \(what), which merops does not do"
    case .extern(let error): "\(error)"
    case .relocation(let program, let error): "program \(program): \(error)"
    case .noFunctionType(let program, let function):
      "program \(program): .BTF.ext has the program's type but not that of its function \(function)"
    case .noSourceLines(let program, let function):
      "program \(program): .BTF.ext has the program's lines but not those of its function \(function)"
    case .noSuchCallback(let program, let function):
      "program \(program): its exception callback \(function) is no global function of the object"
    case .kernelTypes(let error): "the kernel's BTF \(error)"
    case .types(let error): "the object's BTF \(error)"
    }
  }
}
