import BPFInstructions
import LinuxCalls
import Testing

@Suite struct DisassemblyTests {
  /// By the kernel's own printer, kernel/bpf/disasm.c, of Linux 7.2.
  @Test(arguments: [
    (Instruction(opcode: 0x07, destination: 1, immediate: -4), "(07) r1 += -4"),
    (Instruction(opcode: 0xbc, destination: 2, source: 3), "(bc) w2 = w3"),
    (Instruction(opcode: 0xbf, destination: 2, source: 3, offset: 16), "(bf) r2 = (s16)r3"),
    (
      Instruction(opcode: 0xbf, destination: 2, source: 3, offset: 1, immediate: 1),
      "(bf) r2 = addr_space_cast(r3, 0, 1)"
    ),
    (Instruction(opcode: 0xbf, destination: 2, source: 3, offset: -1), "(bf) r2 = &(void __percpu *)(r3)"),
    (Instruction(opcode: 0x37, destination: 2, offset: 1, immediate: 7), "(37) r2 s/= 7"),
    (Instruction(opcode: 0x9c, destination: 2, source: 4, offset: 1), "(9c) w2 s%= w4"),
    (Instruction(opcode: 0x87, destination: 5), "(87) r5 = -r5"),
    (Instruction(opcode: 0xc7, destination: 5, immediate: 3), "(c7) r5 s>>= 3"),
    (Instruction(opcode: 0xd4, destination: 1, immediate: 16), "(d4) r1 = le16 r1"),
    (Instruction(opcode: 0xdc, destination: 1, immediate: 32), "(dc) r1 = be32 r1"),
    (Instruction(opcode: 0xd7, destination: 1, immediate: 64), "(d7) r1 = bswap64 r1"),
    (Instruction(opcode: 0x71, destination: 1, source: 2, offset: 3), "(71) r1 = *(u8 *)(r2 +3)"),
    (Instruction(opcode: 0x89, destination: 1, source: 2, offset: -8), "(89) r1 = *(s16 *)(r2 -8)"),
    (Instruction(opcode: 0x7a, destination: 10, offset: -8, immediate: -1), "(7a) *(u64 *)(r10 -8) = -1"),
    (Instruction(opcode: 0x63, destination: 10, source: 1, offset: -4), "(63) *(u32 *)(r10 -4) = r1"),
    (Instruction(opcode: 0xdb, destination: 1, source: 2, immediate: 0), "(db) lock *(u64 *)(r1 +0) += r2"),
    (Instruction(opcode: 0xc3, destination: 1, source: 2, immediate: 0x40), "(c3) lock *(u32 *)(r1 +0) |= r2"),
    (
      Instruction(opcode: 0xdb, destination: 1, source: 2, immediate: 1),
      "(db) r2 = atomic64_fetch_add((u64 *)(r1 +0), r2)"
    ),
    (
      Instruction(opcode: 0xc3, destination: 1, source: 2, immediate: 0xa1),
      "(c3) r2 = atomic_fetch_xor((u32 *)(r1 +0), r2)"
    ),
    (
      Instruction(opcode: 0xdb, destination: 1, source: 2, immediate: 0xe1),
      "(db) r2 = atomic64_xchg((u64 *)(r1 +0), r2)"
    ),
    (
      Instruction(opcode: 0xdb, destination: 1, source: 2, immediate: 0xf1),
      "(db) r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)"
    ),
    (Instruction(opcode: 0xcb, destination: 1, source: 2, immediate: 0x100), "(cb) r1 = load_acquire((u16 *)(r2 +0))"),
    (Instruction(opcode: 0xd3, destination: 1, source: 2, immediate: 0x110), "(d3) store_release((u8 *)(r1 +0), r2)"),
    (Instruction(opcode: 0x05, offset: 3), "(05) goto pc+3"),
    (Instruction(opcode: 0x06, immediate: -2), "(06) gotol pc-2"),
    (Instruction(opcode: 0x0d, destination: 3), "(0d) gotox r3"),
    (Instruction(opcode: 0xe5, offset: 2), "(e5) may_goto pc+2"),
    (Instruction(opcode: 0x56, destination: 1, offset: 5, immediate: -1), "(56) if w1 != 0xffffffff goto pc+5"),
    (Instruction(opcode: 0xcd, destination: 1, source: 2, offset: -1), "(cd) if r1 s< r2 goto pc-1"),
    (Instruction(opcode: 0x85, immediate: 14), "(85) call bpf_get_current_pid_tgid#14"),
    (Instruction(opcode: 0x85, immediate: 4711), "(85) call unknown#4711"),
    (Instruction(opcode: 0x85, source: 1, immediate: 9), "(85) call pc+9"), (Instruction(opcode: 0x95), "(95) exit"),
    (Instruction(opcode: 0x30, immediate: 12), "(30) r0 = *(u8 *)skb[12]"),
    (Instruction(opcode: 0x48, source: 1, immediate: 2), "(48) r0 = *(u16 *)skb[r1 + 2]"),
  ])
  func instructionsReadAsInTheKernel(instruction: Instruction, text: String) {
    #expect(instruction.disassembly() == text)
  }

  @Test func bothHalvesOfAWideOneAreShown() {
    let first = Instruction(opcode: 0x18, destination: 1, immediate: -1)
    #expect(first.disassembly(second: Instruction(opcode: 0, immediate: 0x12)) == "(18) r1 = 0x12ffffffff")
    #expect(first.disassembly(symbol: "map[events]") == "(18) r1 = map[events]")
  }

  @Test func everyPatternOfBitsHasAText() {
    for opcode in UInt8.min...UInt8.max {
      for immediate in [0, 1, 0x51, -1, 0x7fff_ffff] as [Int32] {
        for offset in [0, 1, -1, 32] as [Int16] {
          let text = Instruction(opcode: opcode, destination: 15, source: 15, offset: offset, immediate: immediate)
            .disassembly()
          #expect(text.hasPrefix("("))
        }
      }
    }
  }

  /// The verifier prints what it walks through; a register that nobody wrote ends the walk.
  @Test(.enabled(if: isRoot, "needs root: loads a BPF program"))
  func theRunningKernelWritesTheSame() throws {
    var program: [Instruction] = []
    func add(
      _ opcode: UInt8, _ destination: UInt8 = 0, _ source: UInt8 = 0, _ offset: Int16 = 0, _ immediate: Int32 = 0
    ) {
      program.append(
        Instruction(opcode: opcode, destination: destination, source: source, offset: offset, immediate: immediate))
    }
    add(0xb7, 1, 0, 0, 5)
    add(0xb7, 2, 0, 0, -7)
    add(0x18, 3, 0, 0, 0x1234)
    add(0, 0, 0, 0, 0x5678)
    for operation in [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x90, 0xa0, 0xb0] as [UInt8] {
      add(operation | 0x07, 2, 0, 0, 3)
      add(operation | 0x0f, 2, 1)
      add(operation | 0x04, 3, 0, 0, 9)
      add(operation | 0x0c, 3, 1)
    }
    add(0x67, 2, 0, 0, 4)
    add(0x77, 2, 0, 0, 1)
    add(0xc7, 2, 0, 0, 1)
    add(0x87, 2)
    add(0xd4, 2, 0, 0, 16)
    add(0xdc, 2, 0, 0, 32)
    add(0x7b, 10, 2, -8)
    add(0x62, 10, 0, -16, 77)
    add(0x62, 10, 0, -12, 78)
    add(0x79, 4, 10, -8)
    add(0x61, 4, 10, -16)
    add(0xdb, 10, 1, -8, 0)
    add(0xdb, 10, 1, -8, 1)
    add(0xdb, 10, 1, -8, 0xe1)
    add(0xb7, 0, 0, 0, 0)
    add(0xdb, 10, 1, -8, 0xf1)
    add(0x05)
    add(0x15, 1, 0, 0, 5)
    add(0x5e, 1, 3, 0)
    add(0x85, 0, 0, 0, 5)
    // What is wrong, and the end.
    add(0xbf, 0, 9)
    add(0x95)
    var log = verifierLog(of: program)
    if log.contains("BPF_STX uses reserved fields") {
      // Before Linux 5.12, addition is the only atomic operation, and it returns nothing.
      program.removeAll { $0.opcode == 0xdb && $0.immediate != 0 }
      log = verifierLog(of: program)
    }
    #expect(log.contains("R9 !read_ok"))
    var compared = 0
    for line in log.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":"), let index = Int(line[..<colon]),
        line[colon...].hasPrefix(": ("), program.indices.contains(index)
      else { continue }
      // Newer kernels add the state of the registers behind a semicolon.
      let words = line[line.index(colon, offsetBy: 2)...].prefix { $0 != ";" }
      let text = program[index].disassembly(second: index + 1 < program.count ? program[index + 1] : nil)
      #expect(words.trimmingSuffix(while: { $0 == " " }) == text)
      compared += 1
    }
    // The wide one takes two places, and the last one is not reached.
    #expect(compared >= program.count - 2)
  }

  private func verifierLog(of program: [Instruction]) -> String {
    var attributes = BPF.ProgramAttributes()
    attributes.type = 1
    attributes.license = "GPL"
    do {
      _ = try unsafe BPF.loadProgram(
        attributes, name: "walk", instructions: program.span.bytes, btf: nil, functions: [UInt32]().span.bytes,
        lines: [UInt32]().span.bytes, logByteCount: 1 << 20)
      return ""
    } catch { return error.log }
  }
}

extension Substring {
  fileprivate func trimmingSuffix(while isUnwanted: (Character) -> Bool) -> Substring {
    var rest = self
    while let last = rest.last, isUnwanted(last) { rest.removeLast() }
    return rest
  }
}

private let isRoot = Capability.effective().contains(.sysAdmin)
