/// Something about a plan that does not keep it from being carried out, but that somebody should know of.
public enum PlanWarning: Hashable, Sendable {
  /// A program without a type, which is left out.
  case unknownSection(program: String, section: String)
  /// A program goes without the types of its functions, so that the verifier cannot name them.
  case noFunctionTypes(program: String)
  /// A program goes without source lines.
  case noSourceLines(program: String)
  /// A module's types could not be had; what is only there counts as missing.
  case unreadableModule(name: String, reason: String)
  /// A setting was longer than the object's variable.
  case settingCut(name: String, value: String, byteCount: Int)
}

extension PlanWarning: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownSection(let program, let section):
      "program \(program) is left out: the section name \(section) tells no program type; give it one"
    case .noFunctionTypes(let program): "program \(program): .BTF.ext does not have its type; it goes without"
    case .noSourceLines(let program): "program \(program): .BTF.ext does not have its source lines; it goes without"
    case .unreadableModule(let name, let reason): "the types of module \(name) cannot be read: \(reason)"
    case .settingCut(let name, let value, let byteCount):
      "extern \(name): the kernel's \(value) is cut to the \(byteCount) bytes of the object's variable"
    }
  }
}
