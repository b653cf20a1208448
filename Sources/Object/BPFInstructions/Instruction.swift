public import ByteReading

/// One BPF instruction: `struct bpf_insn`, 8 bytes, include/uapi/linux/bpf.h.
///
///     byte  0        1                  2..3     4..7
///          +--------+--------+--------+--------+----------+
///          | opcode | source | destin.| offset | immediate|
///          +--------+--------+--------+--------+----------+
///                    4 bits   4 bits
///
/// The members lie as the kernel wants them on a little-endian machine, so an array of instructions is handed to it
/// as it is.
public struct Instruction: Hashable, Sendable, BitwiseCopyable {
  public var opcode: UInt8
  private var registers: UInt8
  public var offset: Int16
  public var immediate: Int32

  public static let byteCount = 8

  public init(opcode: UInt8, destination: UInt8 = 0, source: UInt8 = 0, offset: Int16 = 0, immediate: Int32 = 0) {
    self.opcode = opcode
    registers = destination & 15 | source << 4
    self.offset = offset
    self.immediate = immediate
  }

  /// Reads the instruction that begins `offset` bytes into little-endian code.
  public init(in code: [UInt8], at offset: Int) throws(TruncatedError) {
    opcode = try code.read(UInt8.self, at: offset)
    registers = try code.read(UInt8.self, at: offset + 1)
    self.offset = try code.read(Int16.self, at: offset + 2)
    immediate = try code.read(Int32.self, at: offset + 4)
  }

  /// `dst_reg`
  public var destination: UInt8 { registers & 15 }

  /// `src_reg`; for `loadImmediate64` and calls it tells what the immediate means (``PseudoSource``).
  public var source: UInt8 {
    get { registers >> 4 }
    set { registers = registers & 15 | newValue << 4 }
  }

  /// Three bits, so that there is a case for each.
  package var instructionClass: InstructionClass { InstructionClass(rawValue: opcode & 7)! }

  /// `BPF_K`: the operand is the immediate, not the source register.
  package var isImmediateForm: Bool { opcode & 8 == 0 }
}

/// The lower three bits of an opcode: `BPF_CLASS`, include/uapi/linux/bpf_common.h and bpf.h.
package enum InstructionClass: UInt8 {
  case load = 0
  case loadFromMemory, storeImmediate, store, alu32, jump, jump32, alu64
}

/// The opcodes that linking and loading have to know.
public enum Opcode {
  /// `BPF_LD | BPF_IMM | BPF_DW`: the only instruction of two slots; the second one carries the upper 32 bits.
  public static let loadImmediate64: UInt8 = 0x18
  /// `BPF_JMP | BPF_CALL`
  public static let call: UInt8 = 0x85
  /// `BPF_JMP | BPF_EXIT`
  public static let exit: UInt8 = 0x95
  /// `BPF_ALU64 | BPF_MOV | BPF_K`
  public static let moveImmediate: UInt8 = 0xb7
}

/// What the source register of `loadImmediate64` and `call` says of the immediate: `BPF_PSEUDO_*`.
public enum PseudoSource {
  /// `BPF_PSEUDO_MAP_FD`: a descriptor of a map; the program gets the map.
  public static let map: UInt8 = 1
  /// `BPF_PSEUDO_MAP_VALUE`: the same, with an offset in the second slot; the program gets an address in the map's value.
  public static let mapValue: UInt8 = 2
  /// `BPF_PSEUDO_BTF_ID`: a variable or function by its number in the kernel's BTF; the program gets its address (5.10).
  public static let btfID: UInt8 = 3
  /// `BPF_PSEUDO_FUNC`: an instruction to count from here; the program gets a callback (5.13).
  public static let function: UInt8 = 4
  /// `BPF_PSEUDO_CALL`: in a call, the target counts in instructions from the next one.
  public static let call: UInt8 = 1
  /// `BPF_PSEUDO_KFUNC_CALL`: in a call, the number of a function in the kernel's BTF (5.13).
  public static let kernelFunction: UInt8 = 2
}
