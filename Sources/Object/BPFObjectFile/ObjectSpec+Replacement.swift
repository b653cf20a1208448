public import BPFInstructions

// Code that was made here, in the place of code from the file.
extension ObjectSpec {
  /// Gives a function that others call another body. Name, type and callers stay as they are; of its source lines only the
  /// first does, without which the kernel takes no function.
  /// - Parameters:
  ///   - instructions: which refer to no maps and to no functions but those that they call, and end with `exit`.
  ///   - callees: the functions that they call, by the index of the call.
  public mutating func replaceFunction(
    _ name: String, with instructions: [Instruction], calling callees: [Int: String] = [:]
  ) throws(ObjectFileError) {
    let index = try subprogramIndex(name)
    let old = subprograms[index]
    var references: [Reference] = []
    for (instruction, name) in callees.sorted(by: { $0.key < $1.key }) {
      let callee = subprograms[try subprogramIndex(name)]
      references.append(
        Reference(instruction: instruction, target: .call(section: callee.section, start: callee.start)))
    }
    subprograms[index] = FunctionSpec(
      name: old.name, section: old.section, start: old.start, instructions: instructions, references: references,
      type: old.type, lines: Array(old.lines.prefix { $0.instruction == 0 }), relocations: [],
      isHidden: old.isHidden, isGlobal: old.isGlobal)
  }

  private func subprogramIndex(_ name: String) throws(ObjectFileError) -> Int {
    guard let index = subprograms.firstIndex(where: { $0.name == name }) else {
      throw ObjectFileError(.noSuchFunction(name: name, known: subprograms.map(\.name)))
    }
    return index
  }
}
