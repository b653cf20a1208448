import BPFInstructions
import BPFInterpreter
import Glibc
import LinuxCalls
import SeededRandom
import Testing

/// The interpreter beside the kernel: as root, one after the other.
@Suite(.serialized, .enabled(if: isRoot, "needs root: loads BPF programs")) struct InterpreterTests {
  /// Random programs, each on random packets: r0 is the same. MEROPS_SEED and MEROPS_PROGRAM_COUNT set other numbers.
  @Test(arguments: RandomProgram.Kind.allCases)
  func programsReturnWhatTheyReturnInTheKernel(kind: RandomProgram.Kind) throws {
    let seed = Self.setting("MEROPS_SEED") ?? .random(in: 1...0xffff_ffff)
    let programCount = Int(Self.setting("MEROPS_PROGRAM_COUNT") ?? 500)
    print("seed \(seed), \(programCount) programs of kind \(kind)")
    var random = SeededGenerator(seed: seed)
    let set = Self.instructionSet()
    var memory = ProgramMemory()
    var helpers = NoHelpers()
    for index in 0..<programCount {
      let program = RandomProgram(kind, set: set, using: &random).instructions
      let loaded: FileDescriptor
      do { loaded = try Self.load(program, type: kind.programType) } catch {
        Issue.record("program \(index) of seed \(seed) is refused: \(error.error): \(error.log.suffix(300))")
        return
      }
      let interpreted = InterpretedProgram(program)
      for _ in 0..<8 {
        let packet = Self.packet(using: &random)
        let expected = try unsafe BPF.testRun(loaded, packet: packet.span.bytes)
        // The program may write it.
        var copy = packet
        let result = try interpreted.run(
          on: &copy, context: kind.context(of: packet), memory: &memory, helpers: &helpers)
        guard UInt32(truncatingIfNeeded: result) != expected else { continue }
        Issue.record(
          """
          program \(index) of seed \(seed), packet \(packet): \(UInt32(truncatingIfNeeded: result)), \
          in the kernel \(expected)
          \(Self.text(program))
          """)
        return
      }
    }
  }

  private static func setting(_ name: String) -> UInt64? {
    unsafe getenv(name).flatMap { UInt64(unsafe String(cString: $0)) }
  }

  private static func text(_ program: [Instruction]) -> String {
    program.indices.map { index in
      "\(index): \(program[index].disassembly(second: index + 1 < program.count ? program[index + 1] : nil))"
    }.joined(separator: "\n")
  }

  /// Of a protocol for experiments, since the kernel looks into others; too short for the programs now and then.
  private static func packet(using random: inout some RandomNumberGenerator) -> [UInt8] {
    let count =
      Int.random(in: 0...9, using: &random) == 0
      ? Int.random(in: 14...63, using: &random) : 64 + Int.random(in: 0...64, using: &random)
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    return [UInt8](repeating: 0, count: 12) + [0x88, 0xb5] + bytes.dropFirst(14)
  }

  private static func load(_ program: [Instruction], type: UInt32) throws(BPF.LoadFailure) -> FileDescriptor {
    var attributes = BPF.ProgramAttributes()
    attributes.type = type
    attributes.license = "GPL"
    let none: [UInt32] = []
    do throws(BPF.LoadFailure) {
      return try unsafe BPF.loadProgram(
        attributes, name: "random", instructions: program.span.bytes, btf: nil, functions: none.span.bytes,
        lines: none.span.bytes)
    } catch {
      return try unsafe BPF.loadProgram(
        attributes, name: "random", instructions: program.span.bytes, btf: nil, functions: none.span.bytes,
        lines: none.span.bytes, logByteCount: 1 << 20)
    }
  }

  private static func instructionSet() -> RandomProgram.InstructionSet {
    var set: RandomProgram.InstructionSet = []
    let zero = Instruction(opcode: 0xb7)
    let exit = Instruction(opcode: 0x95)
    let store = Instruction(opcode: 0x7a, destination: 10, offset: -8)
    let exchange = Instruction(opcode: 0xdb, destination: 10, source: 0, offset: -8, immediate: 0xe1)
    if (try? load([zero, store, exchange, exit], type: 1)) != nil { set.insert(.atomics) }
    if (try? load([zero, Instruction(opcode: 0xbf, offset: 8), exit], type: 1)) != nil { set.insert(.v4) }
    return set
  }
}

extension RandomProgram.Kind {
  /// What BPF_PROG_TEST_RUN makes of a packet.
  fileprivate func context(of packet: [UInt8]) -> PacketContext {
    guard self == .classifier else { return .xdp(XDPContext()) }
    var context = SocketBufferContext()
    context.networkOrderProtocol = 0xb588
    return .socketBuffer(context)
  }
}

private let isRoot = Capability.effective().contains(.sysAdmin)
