import BPFLinks
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

extension HookTests {
  @Test(arguments: Rung.tracepoint)
  func tracepointRunsTheProgram(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_tracepoint", in: tracepointsObject())
    do {
      let link = try fixture.program.attachTracepoint("sys_enter_getppid", category: "syscalls", rungs: [rung])
      #expect(link.rung == rung)
      for _ in 0..<3 { _ = getppid() }
      #expect(try fixture.count == 3)
    }
    // The attachment ends with its value.
    _ = getppid()
    #expect(try fixture.count == 3)
  }

  @Test func aTracepointsCookieComes() throws {
    try ProbeFixture.needPerfLinks()
    let fixture = try HookFixture("on_tracepoint", in: tracepointsObject())
    let link = try fixture.program.attachTracepoint("sys_enter_getppid", category: "syscalls", cookie: 0x1234_5678_9abc)
    _ = getppid()
    #expect(try fixture.cookie == 0x1234_5678_9abc)
    #expect(link.rung.way == .link)
  }

  @Test func namesNearTracepoints() throws {
    let fixture = try HookFixture("on_tracepoint", in: tracepointsObject())
    let error = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachTracepoint("sys_enter_getpid_", category: "syscalls")
    }
    #expect(error.report.contains("sys_enter_getpid"))
  }

  @Test func rawTracepointRunsTheProgram() throws {
    let fixture = try HookFixture("on_raw_tracepoint", in: tracepointsObject())
    let link = try fixture.program.attachRawTracepoint("sys_enter")
    _ = getppid()
    #expect(try fixture.count > 0)
    _ = link.place
  }

  /// On a tracepoint that nothing comes by: emulated processors may run into the instruction while it is exchanged.
  @Test func linksAreListedWhileOthersAreMade() throws {
    let fixture = try HookFixture("on_raw_tracepoint", in: tracepointsObject())
    let program = fixture.program
    let name = "oom_score_adj_update"
    try program.attachRawTracepoint(name).detach()
    let end = ContinuousClock.now + .seconds(1)
    let maker = try JoinableThread {
      while ContinuousClock.now < end { _ = try? program.attachRawTracepoint(name).detach() }
    }
    defer { maker.join() }
    while ContinuousClock.now < end {
      try BPF.forEach(.link) { (link) throws(SystemCallError) in
        _ = try BPF.information(ofLink: link)
        return true
      }
    }
  }

  @Test(arguments: Rung.tracing)
  func typedTracepointRunsTheProgram(rung: Rung) throws {
    let fixture = try HookFixture("on_typed_tracepoint", in: tracepointsObject())
    do {
      let link = try fixture.program.attachTracing(rungs: [rung])
      _ = getppid()
      #expect(try fixture.count > 0)
      #expect(link.rung == rung)
    } catch let error as AttachError {
      try TracingFixture.cancelIfMissing(error, rung)
      throw error
    }
  }

  @Test(arguments: Rung.tracepoint)
  func tracepointsLeaveNothing(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    // A tracepoint runs a program once, so that it takes no second attachment of it.
    try AttachmentRounds.leaveNothing("tracepoint, \(rung)") {
      try HookFixture("on_tracepoint", in: tracepointsObject())
    } _: {
      try $0.program.attachTracepoint("sys_enter_getppid", category: "syscalls", rungs: [rung]).detach()
    }
  }

  @Test func rawTracepointsLeaveNothing() throws {
    // Older kernels take a program only once here, too.
    try AttachmentRounds.leaveNothing("raw_tp") {
      try HookFixture("on_raw_tracepoint", in: tracepointsObject())
    } _: {
      try $0.program.attachRawTracepoint("sys_enter").detach()
    }
  }
}
