import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRelocation
import Glibc
import GoldenObjects
import LinuxCalls
import Testing
import USDTFixture

/// A usdt program compiled with one of libbpf's <bpf/usdt.bpf.h>.
private struct ProbeProgram: Sendable, CustomTestStringConvertible {
  /// Of all places by one link, where the kernel has that.
  let isForMany: Bool
  let rung: Rung
  /// Whether the program is told that the kernel has cookies.
  let knowsCookies: Bool
  var object = "usdt.bpf.o"

  static let all = [
    ProbeProgram(isForMany: true, rung: Rung(.link), knowsCookies: true),
    ProbeProgram(isForMany: true, rung: Rung(.link), knowsCookies: true, object: "usdt-1.7.bpf.o"),
    ProbeProgram(isForMany: false, rung: Rung(.link), knowsCookies: true),
    ProbeProgram(isForMany: false, rung: Rung(.perfEvent), knowsCookies: false),
    ProbeProgram(isForMany: false, rung: Rung(.tracefs), knowsCookies: false),
  ]

  var testDescription: String {
    "\(object) \(isForMany ? "for many places" : "for one place") by \(rung), \(knowsCookies ? "" : "no ")cookies"
  }

  func load() throws -> HookFixture {
    let kernel = try TargetKernel.running.withFeatures
    if isForMany, !kernel.uprobeMulti { try Test.cancel("this kernel has no links of many uprobes (6.6)") }
    if knowsCookies, !kernel.attachCookie { try Test.cancel("this kernel has no cookies for probes (5.15)") }
    return try HookFixture(isForMany ? "on_probe" : "on_single_probe", in: Golden.bytes(object)) {
      $0.features.attachCookie = knowsCookies
    }
  }
}

extension TargetKernel {
  /// What the kernel that runs here can do for usdt programs.
  fileprivate var withFeatures: KernelFeatures {
    get throws {
      let spec = try ObjectSpec(name: "usdt.bpf.o", bytes: Golden.bytes("usdt.bpf.o"))
      return try TargetKernel.running(for: spec).features
    }
  }
}

extension HookTests {
  @Test(arguments: ProbeProgram.all)
  fileprivate func aProbeRunsTheProgram(program: ProbeProgram) throws {
    let fixture = try program.load()
    do {
      let link = try fixture.program.attachUSDT(
        provider: "merops", "call", in: "/proc/self/exe", pid: getpid(), cookie: 0xfeed, rungs: [program.rung])
      #expect(link.rung == program.rung)
      var memory = -0x1234_5678_9abc
      unsafe usdt_fixture_call(-5, &memory)
      #expect(try fixture.arguments == [-5, -0x1234_5678_9abc, 7])
      memory = 42
      unsafe usdt_fixture_call_there(6, &memory)
      #expect(try fixture.arguments == [6, 42, -9])
      #expect(try fixture.value("cookie") == 0xfeed)
      #expect(try fixture.count == 2)
    }
    var memory = 0
    unsafe usdt_fixture_call(1, &memory)
    #expect(try fixture.count == 2)
  }

  @Test(arguments: ProbeProgram.all)
  fileprivate func aProbesSemaphoreIsRaised(program: ProbeProgram) throws {
    let fixture = try program.load()
    #expect(usdt_fixture_guarded() == 0)
    do {
      let link = try fixture.program.attachUSDT(
        provider: "merops", "guarded", in: "/proc/self/exe", pid: getpid(), rungs: [program.rung])
      #expect(usdt_fixture_guarded() == 1)
      #expect(try fixture.arguments == [1])
      _ = link.place
    }
    #expect(usdt_fixture_guarded() == 0)
    #expect(try fixture.count == 1)
  }

  @Test(arguments: ProbeProgram.all)
  fileprivate func aProbeWithoutArguments(program: ProbeProgram) throws {
    let fixture = try program.load()
    // For all processes, which kernels without cookies cannot do for what is loaded anywhere.
    do {
      let link = try fixture.program.attachUSDT(
        provider: "merops", "plain", in: "/proc/self/exe", rungs: [program.rung])
      usdt_fixture_plain()
      #expect(try fixture.arguments == [])
      #expect(try fixture.count == 1)
      #expect(program.knowsCookies)
      _ = link.place
    } catch let error as AttachError {
      guard case .noTarget(let reason, _) = error.reason, !program.knowsCookies else { throw error }
      #expect(reason.contains("cookies"))
    }
  }

  @Test func aProbesIndexedArgument() throws {
    let program = try ProbeProgram.all.first { try $0.knowsCookies && TargetKernel.running.withFeatures.attachCookie }
    guard let program else { try Test.cancel("this kernel has no cookies for probes (5.15)") }
    let isForMany = try TargetKernel.running.withFeatures.uprobeMulti
    let newest = ProbeProgram(
      isForMany: isForMany, rung: program.rung, knowsCookies: true, object: "usdt-1.7.bpf.o")
    let fixture = try newest.load()
    let link = try fixture.program.attachUSDT(provider: "merops", "indexed", in: "/proc/self/exe", pid: getpid())
    var numbers = [10, 11, 12]
    unsafe usdt_fixture_indexed(&numbers, 2)
    #expect(try fixture.arguments == [12])
    _ = link.place
  }

  @Test func namesNearProbes() throws {
    let fixture = try HookFixture("on_single_probe", in: Golden.bytes("usdt.bpf.o"))
    let missing = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachUSDT(provider: "merops", "cal", in: "/proc/self/exe")
    }
    #expect(missing.report.contains("merops:call"))
    let none = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachUSDT(provider: "merops", "call", in: "/bin/true")
    }
    #expect(none.report.contains("no probes"))
  }

  @Test(arguments: ProbeProgram.all)
  fileprivate func probesLeaveNothing(program: ProbeProgram) throws {
    // Often more rounds than the program's map of specifications has room for, which is 256.
    try AttachmentRounds.leaveNothing("usdt, \(program.testDescription)", atOnce: 32) {
      try program.load()
    } _: {
      try $0.program.attachUSDT(
        provider: "merops", "call", in: "/proc/self/exe", pid: getpid(), rungs: [program.rung]
      ).detach()
    }
  }
}

extension HookFixture {
  fileprivate var arguments: [Int] {
    get throws {
      let bytes = try values("arguments")
      return (0..<Int(try value("argument_count"))).map { index in
        Int(truncatingIfNeeded: bytes[8 * index..<8 * index + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
      }
    }
  }
}
