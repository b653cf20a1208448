// Types in the words of C.
extension BTF {
  /// Declares something of a type: `const char *name`, `int (*name)(struct sock *sk)`; with an empty name, the type alone.
  public func cDeclaration(of id: TypeID, named name: String) throws(BTFError) -> String {
    try cDeclaration(of: id, named: name) { (record) throws(BTFError) in
      let name = try self.name(of: record)
      return record.cKeyword + (name.isEmpty ? "{ … }" : name)
    }
  }

  /// - Parameter spelling: of a type that has a name of its own, or of a structure without.
  func cDeclaration(
    of id: TypeID, named name: String, depth: Int = 0, spelling: (Record) throws(BTFError) -> String
  ) throws(BTFError) -> String {
    guard depth < Self.depthLimit else { throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue)) }
    // Declarators are written from the inside out: what binds to the right of the name comes before what binds to its left.
    var (id, declarator, qualifiers, isPointer) = (id, name, "", false)
    for _ in 0..<Self.depthLimit * 4 {
      guard id != .void else { return Self.join(qualifiers + "void", declarator) }
      let record = try record(id)
      switch record.kind {
      case .pointer:
        (declarator, qualifiers, isPointer) = ("*" + qualifiers + declarator, "", true)
      case .const: qualifiers += "const "
      case .volatile: qualifiers += "volatile "
      // Said of the pointer; the types that a program sees do not need it.
      case .restrict, .typeTag: break
      case .array:
        let array = try array(record)
        if isPointer { declarator = "(" + declarator + ")" }
        (declarator, isPointer) = (declarator + "[\(array.count)]", false)
        id = array.element
        continue
      case .functionPrototype:
        if isPointer { declarator = "(" + declarator + ")" }
        var parameters: [String] = []
        for parameter in try self.parameters(of: record) {
          parameters.append(
            parameter.type == .void
              ? "..."
              : try cDeclaration(of: parameter.type, named: parameter.name, depth: depth + 1, spelling: spelling))
        }
        // Functions that take functions can double with every level.
        let byteCount = parameters.reduce(declarator.utf8.count) { $0 + $1.utf8.count }
        guard byteCount < Self.declarationLimit else { throw BTFError(.tooComplex, at: record.offset) }
        declarator += "(" + (parameters.isEmpty ? "void" : parameters.joined(separator: ", ")) + ")"
        (qualifiers, isPointer) = ("", false)
      default:
        return Self.join(qualifiers + (try spelling(record)), declarator)
      }
      id = record.referent
    }
    throw BTFError(.tooDeep, at: 0, type: Int(id.rawValue))
  }

  /// In bytes. The longest in a kernel has about 2,000.
  private static let declarationLimit = 1 << 16

  private static func join(_ type: String, _ declarator: String) -> String {
    declarator.isEmpty ? type : type + " " + declarator
  }
}

extension BTF.Record {
  /// `struct `, `union ` or `enum `, which C wants before the name.
  package var cKeyword: String {
    switch kind {
    case .structure: "struct "
    case .union: "union "
    case .enumeration, .enumeration64: "enum "
    case .forward: kindFlag ? "union " : "struct "
    default: ""
    }
  }
}
