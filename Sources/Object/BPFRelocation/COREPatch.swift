import BPFInstructions
public import BPFTypes

/// A CO-RE relocation that cannot be carried out.
public struct COREError: Error, Hashable, Sendable {
  public enum Reason: Error, Hashable, Sendable {
    case noKernelTypes
    case badAccess
    case anonymous
    case notForArrayElements
    case bitFieldTooWide
    case ambiguous([CORERelocator.Candidate], UInt64, UInt64)
    case objectTypes(BTFError)
    case kernelTypes(BTFError)
    case noSuchInstruction
    /// The instruction is none that has such a value, or has another one than the compiler must have put there.
    case badInstruction(opcode: UInt8)
    case otherValue(expected: UInt64, found: Int64)
    case offsetTooLarge(UInt64)
    case sizeMismatch(instruction: Int, field: Int)
  }

  /// The ELF section of the program, the record's place among those of the section, and the byte of its instruction there.
  public let section: String
  public let record: Int
  public let offset: Int
  /// The access in C's spelling.
  public let spelling: String
  public let reason: Reason
}

extension COREError: CustomStringConvertible {
  public var description: String {
    "CO-RE relocation \(record) of section \(section), at byte \(offset), of \(spelling): \(reason)"
  }
}

extension COREError.Reason: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noKernelTypes: "the kernel has no BTF (CONFIG_DEBUG_INFO_BTF); name a file with its types"
    case .badAccess: "its access string does not fit the type"
    case .anonymous: "its type has no name to look for in the kernel"
    case .notForArrayElements: "an array's element has only an offset and a size"
    case .bitFieldTooWide: "no integer of 8 bytes holds the whole bit field"
    case .ambiguous(let candidates, let one, let other):
      "the kernel's types \(candidates.map { "\($0.type.rawValue)" }.joined(separator: ", ")) of that name give "
        + "different values, \(one) and \(other)"
    case .objectTypes(let error): "the BTF \(error)"
    case .kernelTypes(let error): "the kernel's BTF \(error)"
    case .noSuchInstruction: "there is no whole instruction"
    case .badInstruction(let opcode): "its instruction, opcode \(opcode), has no place for such a value"
    case .otherValue(let expected, let found):
      "the instruction has \(found), where the compiler must have put \(expected)"
    case .offsetTooLarge(let value): "the kernel has it at \(value), further than an instruction reaches (32767)"
    case .sizeMismatch(let instruction, let field): "the instruction takes \(instruction) bytes, the field \(field)"
    }
  }
}

extension CORERelocator.Result {
  /// What the verifier shows where a poisoned instruction is reached: a call of a function that no kernel has
  /// (libbpf's number, which reads as "bad relo" in hexadecimal, 0xbad2310).
  static let poison = Instruction(opcode: Opcode.call, immediate: 195_896_080)

  private static let sizeMask: UInt8 = 0x18
  /// By `BPF_SIZE` in the opcode's bits 3 and 4.
  private static let byteCounts = [4, 2, 1, 8]

  /// Puts the value into the instruction at `index`.
  func apply(to instructions: inout [Instruction], at index: Int) throws(COREError.Reason) {
    guard instructions.indices.contains(index) else { throw .noSuchInstruction }
    let instruction = instructions[index]
    let isWide = instruction.opcode == Opcode.loadImmediate64
    guard !isWide || index + 1 < instructions.count else { throw .noSuchInstruction }
    func poisonAll() {
      instructions[index] = Self.poison
      // The second half alone would be an unknown opcode.
      if isWide { instructions[index + 1] = Self.poison }
    }
    if isPoison { return poisonAll() }

    switch instruction.instructionClass {
    case .alu32, .alu64:
      guard instruction.isImmediateForm else { throw .badInstruction(opcode: instruction.opcode) }
      try check(Int64(instruction.immediate))
      instructions[index].immediate = Int32(truncatingIfNeeded: value)
    case .loadFromMemory, .storeImmediate, .store:
      try check(Int64(instruction.offset))
      guard value <= UInt64(Int16.max) else { throw .offsetTooLarge(value) }
      guard canResize else { return poisonAll() }
      instructions[index].offset = Int16(value)
      if size != compiledSize {
        let byteCount = Self.byteCounts[Int(instruction.opcode & Self.sizeMask) >> 3]
        guard byteCount == compiledSize, let code = Self.byteCounts.firstIndex(of: size) else {
          throw .sizeMismatch(instruction: byteCount, field: byteCount == compiledSize ? size : compiledSize)
        }
        instructions[index].opcode = instruction.opcode & ~Self.sizeMask | UInt8(code) << 3
      }
    case .load:
      let second = isWide ? instructions[index + 1] : instruction
      guard isWide, instruction.source == 0, instruction.offset == 0, second.opcode == 0, second.source == 0,
        second.destination == 0, second.offset == 0
      else { throw .badInstruction(opcode: instruction.opcode) }
      try check(Int64(second.immediate) << 32 | Int64(UInt32(bitPattern: instruction.immediate)))
      instructions[index].immediate = Int32(truncatingIfNeeded: value)
      instructions[index + 1].immediate = Int32(truncatingIfNeeded: value >> 32)
    case .jump, .jump32: throw .badInstruction(opcode: instruction.opcode)
    }
  }

  private func check(_ found: Int64) throws(COREError.Reason) {
    guard isCompiledValueCertain, UInt64(bitPattern: found) != compiled else { return }
    throw .otherValue(expected: compiled, found: found)
  }
}
