import BPFLinks
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

extension HookTests {
  @Test(arguments: Rung.perfEvent)
  func aPerfEventRunsTheProgram(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_sample", in: perf_eventsObject())
    do {
      let link = try fixture.program.attachPerfEvent(.software(.cpuClock), .frequency(1000), rungs: [rung])
      #expect(link.rung == rung)
      try busy(until: { try fixture.count > 3 })
    }
    let count = try fixture.count
    try? busy(milliseconds: 50)
    #expect(try fixture.count == count)
  }

  @Test func aPerfEventOfOneThread() throws {
    let fixture = try HookFixture("on_sample", in: perf_eventsObject(), ownProcess: false)
    // Every 1 ms of it.
    let link = try fixture.program.attachPerfEvent(
      .software(.taskClock), .period(1_000_000), in: .thread(0), cookie: 0)
    try busy(until: { try fixture.count > 3 })
    _ = link.place
  }

  @Test func aPerfEventOfSomeCPUs() throws {
    let fixture = try HookFixture("on_sample", in: perf_eventsObject(), ownProcess: false)
    let cpu = try #require(onlineCPUs().last)
    let everything = try fixture.program.attachPerfEvent(
      .software(.cpuClock), .period(1_000_000), in: .threadOnCPUs(0, onlineCPUs()))
    try busy(until: { try fixture.count > 3 })
    try everything.detach()
    let link = try fixture.program.attachPerfEvent(.software(.contextSwitches), .period(1), in: .cpus([cpu]))
    let count = try fixture.count
    try busy(until: {
      usleep(1000)
      return try fixture.count > count
    })
    _ = link.place
  }

  @Test func pageFaultsAreSampled() throws {
    let fixture = try HookFixture("on_sample", in: perf_eventsObject())
    let link = try fixture.program.attachPerfEvent(.software(.pageFaults), .period(1), in: .thread(0))
    let pages = 64
    let memory = unsafe mmap(nil, pages << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if let memory = unsafe memory {
      unsafe memset(memory, 1, pages << 12)
      unsafe munmap(memory, pages << 12)
    }
    #expect(try fixture.count > 0)
    _ = link.place
  }

  @Test func aPerfEventsCookieComes() throws {
    try ProbeFixture.needPerfLinks()
    let fixture = try HookFixture("on_sample", in: perf_eventsObject())
    let link = try fixture.program.attachPerfEvent(.software(.cpuClock), .frequency(1000), cookie: 0x1234)
    try busy(until: { try fixture.count > 0 })
    #expect(try fixture.cookie == 0x1234)
    #expect(link.rung.way == .link)
  }

  @Test(arguments: [
    SampledEvent.hardware(.cpuCycles), .cache(.level1Data, .read, missesOnly: true), .raw(config: 0xc0, unit: nil),
  ])
  func whatTheProcessorCountsIsSampledOrTheMissingUnitIsNamed(event: SampledEvent) throws {
    let fixture = try HookFixture("on_sample", in: perf_eventsObject())
    let units = entries(ofDirectory: "/sys/bus/event_source/devices")
    do {
      let link = try fixture.program.attachPerfEvent(event, .period(1000))
      try busy(until: { try fixture.count > 0 })
      _ = link.place
    } catch let error as AttachError {
      guard case .noTarget(let reason, let hint) = error.reason else { throw error }
      // A virtual machine often has no such unit, whatever its kernel.
      guard !units.contains(where: { $0.hasPrefix("cpu") }) else { try Test.cancel("\(error.place.target): \(reason)") }
      #expect(reason.contains("no performance monitoring unit cpu"))
      #expect(hint?.contains("cpuClock") == true)
    }
  }

  @Test func namesAMissingUnit() throws {
    let fixture = try HookFixture("on_sample", in: perf_eventsObject())
    let missing = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachPerfEvent(.raw(config: 1, unit: "abacus"), .period(1))
    }
    #expect(missing.report.contains("no performance monitoring unit abacus"))
    #expect(missing.report.contains("software"))
    let tracepoint = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachPerfEvent(.tracepoint(category: "sched", name: "sched_switch"), .period(1))
    }
    guard case .wrongProgram = tracepoint.reason else { throw tracepoint }
    let nothing = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachPerfEvent(.software(.cpuClock), .period(0))
    }
    guard case .noTarget = nothing.reason else { throw nothing }
  }

  @Test(arguments: Rung.perfEvent)
  func perfEventsLeaveNothing(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    try AttachmentRounds.leaveNothing("perf_event, \(rung)", atOnce: 32) {
      try HookFixture("on_sample", in: perf_eventsObject())
    } _: {
      try $0.program.attachPerfEvent(.software(.cpuClock), .frequency(100), rungs: [rung]).detach()
    }
  }

  private func busy(milliseconds: Int = 10_000, until isDone: () throws -> Bool = { false }) throws {
    let end = Clock.monotonic + UInt64(milliseconds) * 1_000_000
    while Clock.monotonic < end { if try isDone() { return } }
    if milliseconds == 10_000 { Issue.record("nothing happened for ten seconds") }
  }
}
