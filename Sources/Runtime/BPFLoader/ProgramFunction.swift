import BPFObjectFile
import BPFRelocation
package import BPFTypes
import LinuxCalls

/// A function of a program in the kernel, whose place another program can take.
public struct ProgramFunction: Sendable {
  public let program: Program
  /// `nil` for the one that the section of the other program names (`freplace/NAME`), or else the program's own.
  public let name: String?

  public init(_ name: String? = nil, of program: Program) {
    self.program = program
    self.name = name
  }
}

/// The same by its number in the program's BTF.
package struct LoadedFunction: Sendable {
  package let program: Program
  package let name: String
  package let type: BTF.TypeID

  /// - Throws: `LoadError` where the program has no global function of the name, or no types.
  package init(_ function: ProgramFunction, orNamed other: String?) throws(LoadError) {
    let plan = function.program.plan
    let name = function.name ?? other ?? plan.functionStarts.first?.name ?? plan.name
    // What was loaded tells it, so that nobody has to be allowed to read other people's BTF.
    guard let start = plan.functionStarts.first(where: { $0.name == name })?.instruction,
      let type = plan.functions.first(where: { $0.instruction == start })?.type
    else {
      throw LoadError(
        .findFunction(name, program: plan.name), SystemCallError(call: "bpf(BPF_PROG_LOAD)", errno: .noSuchFile))
    }
    self.program = function.program
    self.name = name
    self.type = type
  }
}

extension ProgramPlan {
  /// What the program takes the place of; `nil` for a program that takes nobody's.
  func function(in replaced: [String: ProgramFunction]) throws(LoadError) -> LoadedFunction? {
    guard type == .`extension` else { return nil }
    guard let function = replaced[name] else {
      throw LoadError(
        .replaceNothing(program: name), SystemCallError(call: "bpf(BPF_PROG_LOAD)", errno: .invalidArgument))
    }
    return try LoadedFunction(function, orNamed: attachTarget?.name)
  }
}
