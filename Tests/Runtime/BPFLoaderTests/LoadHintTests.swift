import LinuxCalls
import Testing

@testable import BPFLoader

/// Each row of the table of hints.
@Suite struct LoadHintTests {
  private let program = LoadError.Attempt.loadProgram(name: "p", section: "xdp")

  @Test(arguments: [
    (LoadError.Attempt.createMap(name: "m", isRingBuffer: true), Errno.invalidArgument, false, "Linux 5.8"),
    (.createMap(name: "m", isRingBuffer: false), .notPermitted, false, "ulimit -l unlimited"),
    (.loadBTF, .notPermitted, false, "lockdown"),
    (.createMap(name: "m", isRingBuffer: true), .outOfMemory, false, "too large"),
    (.loadProgram(name: "p", section: "xdp"), .invalidArgument, false, "did not get as far as the verifier"),
    (.loadBTF, .notImplemented, false, "CONFIG_BPF_SYSCALL"),
    (.pinMap("m", "/run/pins/m"), .notPermitted, false, "mount -t bpf bpf /run/pins"),
    (.adoptMap("m", "/sys/fs/bpf/m", differences: ["type hash, not array"]), .exists, false, "Remove /sys/fs/bpf/m"),
    (.findModule("nf_nat"), .noSuchFile, false, "modprobe nf_nat"),
    (.openMap(7), .notPermitted, false, "CAP_SYS_ADMIN"), (.openMap(7), .noSuchFile, false, "none any more"),
  ])
  func tellsWhatToDoNext(attempt: LoadError.Attempt, errno: Errno, verifierSpoke: Bool, hint: String) throws {
    let sentence = try #require(
      LoadHint.sentence(for: attempt, errno: errno, verifierSpoke: verifierSpoke, missing: [], release: "4.19.0"))
    #expect(sentence.contains(hint))
  }

  @Test func saysNothingWhereTheVerifierHasSpoken() {
    #expect(
      LoadHint.sentence(for: program, errno: .invalidArgument, verifierSpoke: true, missing: [], release: "6.1") == nil)
  }

  @Test func saysWhatAReachedInstructionStandsFor() throws {
    let sentence = try #require(
      LoadHint.sentence(
        for: program, errno: .invalidArgument, verifierSpoke: true, missing: [],
        unreachable: "the byte offset of struct task_struct.state", release: "6.1"))
    #expect(sentence.contains("stands for the byte offset of struct task_struct.state, which this kernel, 6.1,"))
  }

  @Test func namesMissingCapabilitiesBeforeAnythingElse() throws {
    let sentence = try #require(
      LoadHint.sentence(
        for: program, errno: .notPermitted, verifierSpoke: false, missing: [.bpf, .perfmon], release: "6.1"))
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
