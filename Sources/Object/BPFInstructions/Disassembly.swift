extension Instruction {
  /// The instruction as the verifier's log and bpftool write it (kernel/bpf/disasm.c): its opcode in hexadecimal, then
  /// what it does. `(07) r1 += -4`
  /// - Parameters:
  ///   - second: the second half of a `loadImmediate64`.
  ///   - symbol: what stands for the number in a `loadImmediate64` or for the callee in a call, where somebody knows it.
  public func disassembly(second: Instruction? = nil, symbol: String? = nil) -> String {
    let digits = String(opcode, radix: 16)
    return "(\(digits.count < 2 ? "0" : "")\(digits)) " + operation(second: second, symbol: symbol)
  }

  /// The instruction's parts, in the kernel's terms: include/uapi/linux/bpf_common.h and bpf.h.
  private var isWide: Bool { instructionClass == .alu64 || instructionClass == .jump }
  private var letter: String { isWide ? "r" : "w" }
  private var operationIndex: Int { Int(opcode >> 4) }
  private var memory: String { "\(Self.sizes[Int(opcode >> 3 & 3)])" }
  private var place: String { signed(Int(offset)) }

  private static let sizes = ["u32", "u16", "u8", "u64"]
  private static let arithmetic = [
    "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian",
  ]
  private static let relations = [
    "jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=",
  ]
  private static let atomics = [0x0: "add", 0x4: "or", 0x5: "and", 0xa: "xor"]

  private func signed(_ number: Int) -> String { number < 0 ? "\(number)" : "+\(number)" }

  private func operation(second: Instruction?, symbol: String?) -> String {
    switch instructionClass {
    case .alu32, .alu64: arithmetic
    case .store: store
    case .storeImmediate: storeImmediate
    case .loadFromMemory: loadFromMemory
    case .load: load(second: second, symbol: symbol)
    case .jump, .jump32: jump(symbol: symbol)
    }
  }

  private var unknown: String { "unknown opcode" }

  private var arithmetic: String {
    guard operationIndex < Self.arithmetic.count else { return unknown }
    switch operationIndex {
    case 0xd where isWide: return "r\(destination) = bswap\(immediate) r\(destination)"
    case 0xd: return "r\(destination) = \(isImmediateForm ? "le" : "be")\(immediate) r\(destination)"
    case 8: return "\(letter)\(destination) = -\(letter)\(destination)"
    default: break
    }
    var sign = Self.arithmetic[operationIndex]
    // Division and remainder with a sign (6.6).
    if offset == 1, operationIndex == 3 || operationIndex == 9 { sign = "s" + sign }
    guard !isImmediateForm else { return "\(letter)\(destination) \(sign) \(immediate)" }
    if operationIndex == 0xb {
      switch offset {
      // Moves that extend the sign (6.6).
      case 8, 16, 32: sign += " (s\(offset))"
      case 1 where isWide:
        return
          "r\(destination) = addr_space_cast(r\(source), \(UInt32(bitPattern: immediate) >> 16), "
          + "\(immediate & 0xffff))"
      case -1 where isWide: return "r\(destination) = &(void __percpu *)(r\(source))"
      default: sign += " "
      }
      return "\(letter)\(destination) \(sign)\(letter)\(source)"
    }
    return "\(letter)\(destination) \(sign) \(letter)\(source)"
  }

  private var store: String {
    let target = "*(\(memory) *)(r\(destination) \(place))"
    let (width, operand) = (opcode >> 3 & 3 == 3 ? "64" : "", "(\(memory) *)(r\(destination) \(place))")
    switch opcode >> 5 {
    case 3: return "\(target) = r\(source)"
    case 6: break
    default: return unknown
    }
    // Atomic operations; the immediate tells which.
    switch immediate {
    case 0x00, 0x40, 0x50, 0xa0: return "lock \(target) \(Self.arithmetic[Int(immediate >> 4)]) r\(source)"
    case 0x01, 0x41, 0x51, 0xa1:
      return "r\(source) = atomic\(width)_fetch_\(Self.atomics[Int(immediate >> 4)] ?? "")(\(operand), r\(source))"
    case 0xf1: return "r0 = atomic\(width)_cmpxchg(\(operand), r0, r\(source))"
    case 0xe1: return "r\(source) = atomic\(width)_xchg(\(operand), r\(source))"
    case 0x100: return "r\(destination) = load_acquire((\(memory) *)(r\(source) \(place)))"
    case 0x110: return "store_release(\(operand), r\(source))"
    default: return unknown
    }
  }

  private var storeImmediate: String {
    switch opcode >> 5 {
    case 3: "*(\(memory) *)(r\(destination) \(place)) = \(immediate)"
    case 6: "nospec"
    default: unknown
    }
  }

  private var loadFromMemory: String {
    switch opcode >> 5 {
    case 3: "r\(destination) = *(\(memory) *)(r\(source) \(place))"
    // With the sign extended (6.6).
    case 4: "r\(destination) = *(s\(memory.dropFirst()) *)(r\(source) \(place))"
    default: unknown
    }
  }

  private func load(second: Instruction?, symbol: String?) -> String {
    switch opcode >> 5 {
    case 0 where opcode == Opcode.loadImmediate64:
      let low = UInt64(UInt32(bitPattern: immediate))
      let high = UInt64(UInt32(bitPattern: second?.immediate ?? 0))
      return "r\(destination) = \(symbol ?? "0x" + String(high << 32 | low, radix: 16))"
    // The packet of a socket filter, as classic BPF read it.
    case 1: return "r0 = *(\(memory) *)skb[\(immediate)]"
    case 2: return "r0 = *(\(memory) *)skb[r\(source) + \(immediate)]"
    default: return unknown
    }
  }

  private func jump(symbol: String?) -> String {
    guard operationIndex < Self.relations.count + 1 else { return unknown }
    switch operationIndex {
    case 0 where !isImmediateForm && isWide: return "gotox r\(destination)"
    case 0: return isWide ? "goto pc\(place)" : "gotol pc\(signed(Int(immediate)))"
    case 8: return call(symbol: symbol)
    case 9: return "exit"
    case 0xe: return "may_goto pc\(place)"
    default: break
    }
    let right =
      isImmediateForm ? "0x" + String(UInt32(bitPattern: immediate), radix: 16) : "\(letter)\(source)"
    return "if \(letter)\(destination) \(Self.relations[operationIndex]) \(right) goto pc\(place)"
  }

  private func call(symbol: String?) -> String {
    switch source {
    case PseudoSource.call: "call pc\(signed(Int(immediate)))" + (symbol.map { " <\($0)>" } ?? "")
    case PseudoSource.kernelFunction: "call \(symbol ?? "kernel-function")#\(immediate)"
    default: "call \(symbol ?? HelperFunction.name(immediate) ?? "unknown")#\(immediate)"
    }
  }
}
