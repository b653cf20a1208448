import BPFObjectFile
import LinuxCalls
import Testing

@testable import BPFLoader

/// Each row of the table of hints.
@Suite struct LoadHintTests {
  private static func map(_ type: MapType, entries: UInt32 = 0, values: UInt32 = 0) -> MapSpec {
    MapSpec(name: "m", type: type, keySize: 4, valueSize: values, maxEntries: entries)
  }
  private let program = LoadError.Attempt.loadProgram(name: "p", section: "xdp")

  @Test(arguments: [
    (LoadError.Attempt.createMap(map(.ringBuffer, entries: 5000)), Errno.invalidArgument, "Linux 5.8"),
    (.createMap(map(.hash, values: 8)), .invalidArgument, "--entries m=NUMBER"),
    (.createMap(map(.ringBuffer)), .invalidArgument, "room for (--entries m=NUMBER)."),
    (.createMap(map(.stackTrace)), .invalidArgument, "--entries m=NUMBER) and how many bytes its values have, 8"),
    (.createMap(map(.stackTrace, entries: 1)), .invalidArgument, "loader how many bytes its values have, 8 for each"),
    (.createMap(map(.hash, entries: 1)), .notPermitted, "ulimit -l unlimited"),
    (.loadBTF, .notPermitted, "lockdown"),
    (.createMap(map(.ringBuffer)), .outOfMemory, "too large"),
    (.loadProgram(name: "p", section: "xdp"), .invalidArgument, "did not get as far as the verifier"),
    (.loadBTF, .notImplemented, "CONFIG_BPF_SYSCALL"),
    (.pinMap("m", "/run/pins/m"), .notPermitted, "mount -t bpf bpf /run/pins"),
    (.adoptMap("m", "/sys/fs/bpf/m", differences: ["type hash, not array"]), .exists, "Remove /sys/fs/bpf/m"),
    (.findModule("nf_nat"), .noSuchFile, "modprobe nf_nat"),
    (.openMap(7), .notPermitted, "CAP_SYS_ADMIN"), (.openMap(7), .noSuchFile, "none any more"),
  ])
  func tellsWhatToDoNext(attempt: LoadError.Attempt, errno: Errno, hint: String) throws {
    let sentence = try #require(
      LoadHint.sentence(for: attempt, errno: errno, log: nil, missing: [], release: "4.19.0"))
    #expect(sentence.contains(hint))
  }

  @Test(arguments: [MapType.taskStorage, .array])
  func doesNotBlameASizeThatIsFine(type: MapType) {
    let attempt = LoadError.Attempt.createMap(Self.map(type, entries: type == .array ? 1 : 0, values: 8))
    #expect(LoadHint.sentence(for: attempt, errno: .invalidArgument, log: nil, missing: [], release: "6.1") == nil)
  }

  @Test(arguments: [
    ("unknown opcode 06", "-mcpu=v3"), ("BPF_LDX uses reserved fields", "-mcpu=v3"),
    ("BPF_MOV uses reserved fields", "-mcpu=v3"), ("BPF_ALU uses reserved fields", "-mcpu=v3"),
    ("BPF_STX uses reserved fields", "-mcpu=v2"), ("BPF_CALL uses reserved fields", nil),
    ("0: (85) call unknown#9\ninvalid func unknown#9", nil), ("0: (95) exit\nR0 !read_ok", nil),
  ])
  func namesTheInstructionSetWhereAnInstructionIsUnknown(words: String, option: String?) {
    let sentence = LoadHint.sentence(
      for: program, errno: .invalidArgument,
      log: VerifierLog(text: "\(words)\nprocessed 0 insns (limit 1000000) max_states_per_insn 0\n"), missing: [],
      release: "5.10")
    #expect(sentence?.contains(option ?? "") == (option == nil ? nil : true))
  }

  /// Kernels answer with different errors.
  @Test(arguments: [
    ("The sequence of 8193 jumps is too complex.", Errno(rawValue: 14)),
    ("The sequence of 8193 jumps is too complex.", .outOfMemory),
    ("BPF program is too large. Processed 1000001 insn", .argumentListTooLong),
  ])
  func knowsProgramsThatAreTooLargeForTheVerifier(words: String, errno: Errno) throws {
    let log = VerifierLog(text: "7: (15) if r1 == 0x0 goto pc+3\n\(words)\nprocessed 1000001 insns (limit 1000000)\n")
    let error = LoadError(program, SystemCallError(call: "bpf", errno: errno), log: log)
    #expect(error.isTooLarge)
    #expect(try #require(error.hint).contains("too large for the verifier"))
    let refused = VerifierLog(text: "0: (95) exit\nR0 !read_ok")
    #expect(!LoadError(program, SystemCallError(call: "bpf", errno: .accessDenied), log: refused).isTooLarge)
  }

  @Test func saysWhatAReachedInstructionStandsFor() throws {
    let sentence = try #require(
      LoadHint.sentence(
        for: program, errno: .invalidArgument, log: VerifierLog(text: "0: (95) exit"), missing: [],
        unreachable: "the byte offset of struct task_struct.state", release: "6.1"))
    #expect(sentence.contains("stands for the byte offset of struct task_struct.state, which this kernel, 6.1,"))
  }

  @Test func namesMissingCapabilitiesBeforeAnythingElse() throws {
    let sentence = try #require(
      LoadHint.sentence(
        for: program, errno: .notPermitted, log: nil, missing: [.bpf, .perfmon], release: "6.1"))
    #expect(sentence.contains("lacks CAP_BPF, CAP_PERFMON"))
  }

  @Test(
    arguments: [
      ([], [.bpf, .netAdmin, .perfmon]), ([.bpf, .netAdmin, .perfmon], []), ([.sysAdmin, .netAdmin], []),
      ([.sysAdmin], [.netAdmin]), ([.bpf], [.netAdmin, .perfmon]),
    ] as [(Set<Capability>, [Capability])])
  func knowsWhichCapabilitiesLoadingTakes(effective: Set<Capability>, missing: [Capability]) {
    #expect(LoadError.missingCapabilities(effective: effective) == missing)
  }
}
