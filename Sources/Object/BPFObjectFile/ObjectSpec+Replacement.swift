public import BPFInstructions

// Code that was made here, in the place of code from the file.
extension ObjectSpec {
  /// Gives a function that others call another body. Name, type and callers stay as they are; of its source lines only the
  /// first does, without which the kernel takes no function.
  /// - Parameter instructions: which refer to no maps and functions, and end with `exit`.
  public mutating func replaceFunction(_ name: String, with instructions: [Instruction]) throws(ObjectFileError) {
    guard let index = subprograms.firstIndex(where: { $0.name == name }) else {
      throw ObjectFileError(.noSuchFunction(name: name, known: subprograms.map(\.name)))
    }
    let old = subprograms[index]
    subprograms[index] = FunctionSpec(
      name: old.name, section: old.section, start: old.start, instructions: instructions, references: [],
      type: old.type, lines: Array(old.lines.prefix { $0.instruction == 0 }), relocations: [],
      isHidden: old.isHidden, isGlobal: old.isGlobal)
  }
}
