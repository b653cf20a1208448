import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRelocation
import BPFTypes
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

extension HookTests {
  @Test(arguments: ["on_entry", "on_exit", "on_return", "on_session", "on_security"], Rung.tracing)
  func tracingRunsTheProgram(name: String, rung: Rung) throws {
    let fixture = try TracingFixture.load(name)
    // An lsm or fmod_ret program whose answer is negative forbids what it is asked about.
    let modifies = ["on_return", "on_security"].contains(name)
    do {
      let link = try fixture.program.attachTracing(rungs: [rung])
      #expect(link.rung == rung)
      for _ in 0..<3 { #expect(getpgid(getpid()) >= 0) }
      // A session runs on the way in and on the way out.
      #expect(try fixture.count == (name == "on_session" ? 6 : 3))
      if modifies {
        try fixture.set("answer", to: UInt64(bitPattern: Int64(-EACCES)))
        #expect(getpgid(getpid()) == -1)
        #expect(errno == EACCES)
      }
    } catch let error as AttachError {
      try TracingFixture.cancelIfMissing(error, rung)
      throw error
    }
    let count = try fixture.count
    #expect(getpgid(getpid()) >= 0)
    #expect(try fixture.count == count)
  }

  @Test(arguments: ["on_entry", "on_exit", "on_return", "on_session", "on_security"])
  func aTracingCookieComes(name: String) throws {
    let fixture = try TracingFixture.load(name)
    do {
      let link = try fixture.program.attachTracing(cookie: 0x1234_5678_9abc)
      #expect(link.rung.way == .link)
      _ = getpgid(getpid())
      #expect(try fixture.cookie == 0x1234_5678_9abc)
    } catch let error as AttachError {
      guard case .refused(let refusals) = error.reason else {
        try TracingFixture.cancelIfMissing(error)
        throw error
      }
      // The older command has no room for one, and says so itself.
      #expect(refusals.last?.errno == .notSupported)
      try Test.cancel("this kernel's tracing links carry no cookie: \(refusals.first?.reason ?? "")")
    }
  }

  @Test(arguments: ["on_entries", "on_exits"])
  func tracingOfManyFunctions(name: String) throws {
    let fixture = try TracingFixture.load(name)
    do {
      let link = try fixture.program.attachTracing(
        toFunctions: ["security_task_getpgid", "security_task_getsid"], cookies: [7, 8])
      _ = getpgid(getpid())
      #expect(try fixture.cookie == 7)
      _ = getsid(getpid())
      #expect(try fixture.cookie == 8)
      #expect(try fixture.count == 2)
      _ = link.place
    }
    let error = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachTracing(toFunctions: ["security_task_getpgid", "no_such_function"])
    }
    #expect(error.description.contains("no_such_function"))
  }

  @Test(arguments: ["on_entry", "on_exit", "on_return", "on_session", "on_security"])
  func tracingLinksLeaveNothing(name: String) throws {
    do {
      try AttachmentRounds.leaveNothing("\(name) (tracing)") {
        try TracingFixture.load(name)
      } _: {
        try $0.program.attachTracing().detach()
      }
    } catch let error as AttachError {
      try TracingFixture.cancelIfMissing(error)
      guard case .refused(let refusals) = error.reason, refusals.last?.errno == .noSuchFile else { throw error }
      try Test.cancel("this kernel attaches a program of this kind once: \(error.report)")
    }
  }

  @Test(arguments: Rung.tracing)
  func typedTracepointLinksLeaveNothing(rung: Rung) throws {
    do {
      try AttachmentRounds.leaveNothing("tp_btf, \(rung)") {
        try HookFixture("on_typed_tracepoint", in: tracepointsObject())
      } _: {
        try $0.program.attachTracing(rungs: [rung]).detach()
      }
    } catch let error as AttachError {
      try TracingFixture.cancelIfMissing(error, rung)
      throw error
    }
  }

  @Test(arguments: Rung.freplace)
  func freplaceTakesAFunctionsPlace(rung: Rung) throws {
    let fixture = try ReplacementFixture()
    #expect(try fixture.run() == 1)
    do {
      let link = try fixture.replacement.attachReplacement(rungs: [rung])
      #expect(link.rung == rung)
      #expect(try fixture.run() == 3)
    }
    #expect(try fixture.run() == 1)
  }

  @Test func freplaceTakesAnotherFunctionsPlace() throws {
    let fixture = try ReplacementFixture()
    let link = try fixture.replacement.attachReplacement(of: ProgramFunction("other_verdict", of: fixture.target))
    #expect(try fixture.run() == 3)
    try link.detach()
    #expect(try fixture.run() == 1)
    // It can come back, also to where it was loaded for.
    let again = try fixture.replacement.attachReplacement()
    #expect(try fixture.run() == 3)
    let error = try #require(throws: AttachError.self) { _ = try fixture.replacement.attachReplacement() }
    guard case .occupied = error.reason else { throw error }
    _ = again.place
  }

  @Test func namesWhatCannotBeReplaced() throws {
    let fixture = try ReplacementFixture()
    let missing = try #require(throws: LoadError.self) { try fixture.load(replacing: "no_such_function") }
    #expect(missing.description.contains("no_such_function"))
    let nothing = try #require(throws: LoadError.self) { try fixture.load(replacing: nil) }
    #expect(nothing.attempt == .replaceNothing(program: "replacement"))
  }

  /// By the older command a program is attached once: the link takes the place along that loading has made ready.
  @Test func freplaceLinksLeaveNothing() throws {
    try AttachmentRounds.leaveNothing("freplace") {
      try ReplacementFixture()
    } _: {
      try $0.replacement.attachReplacement(rungs: [Rung(.link)]).detach()
    }
  }
}

/// Programs that some kernels refuse to load.
enum TracingFixture {
  static func load(_ name: String) throws -> HookFixture {
    do { return try HookFixture(name, in: tracingObject()) } catch let error as LoadError {
      guard case .loadProgram = error.attempt else { throw error }
      let types = try TargetKernel.types()
      // Not for want of capabilities: a kernel may forbid all programs that change its code.
      if error.cause.errno == .notPermitted, error.missing.isEmpty {
        try Test.cancel("this kernel lets nobody load programs of this type: \(error)")
      }
      if name == "on_session", try types?.hasEnumerator("BPF_TRACE_FSESSION") == false {
        try Test.cancel("the kernel has no BPF_TRACE_FSESSION (7.0): \(error)")
      }
      if name == "on_entries" || name == "on_exits", try types?.hasEnumerator("BPF_TRACE_FENTRY_MULTI") == false {
        try Test.cancel("the kernel has no BPF_TRACE_FENTRY_MULTI (7.2): \(error)")
      }
      throw error
    }
  }

  static func cancelIfMissing(_ error: AttachError, _ rung: Rung = Rung(.link)) throws {
    if case .noTarget(let reason, _) = error.reason, reason.contains("security module bpf is not active") {
      try Test.cancel("\(error)")
    }
    if rung.way == .link, case .refused(let refusals) = error.reason, refusals.last?.errno == .invalidArgument,
      try TargetKernel.types()?.tracingLinksAreCreated == false
    {
      try Test.cancel("this kernel's BPF_LINK_CREATE takes no tracing programs (5.19): \(error)")
    }
  }
}

extension BTF {
  fileprivate func hasEnumerator(_ name: String) throws -> Bool {
    for id in try types(named: "bpf_attach_type", kinds: [.enumeration]) {
      for enumerator in try enumerators(of: record(id)) where enumerator.name == name { return true }
    }
    return false
  }

  /// Whether BPF_LINK_CREATE takes all kinds of tracing programs, which came together with cookies: the function behind
  /// it has one parameter more since.
  fileprivate var tracingLinksAreCreated: Bool {
    get throws {
      for id in try types(named: "bpf_tracing_prog_attach", kinds: [.function]) {
        let prototype = try record(record(id).referent)
        return try parameters(of: prototype).count >= 4
      }
      return false
    }
  }
}

/// A program that can be run on a packet, and one that replaces a function of it.
private struct ReplacementFixture: RoundObjects {
  let objects: [LoadedObject]
  let target: Program
  let replacement: Program

  init() throws {
    if geteuid() != 0 { try Test.cancel("needs root: loads BPF programs") }
    let fixture = try HookFixture("target", in: tracingObject(), ownProcess: false)
    target = fixture.program
    let object: LoadedObject
    do { object = try Self.load(replacing: ProgramFunction(of: fixture.program)) } catch let error as LoadError {
      guard error.cause.errno == .notPermitted else { throw error }
      try Test.cancel("this kernel loads no freplace programs: \(error)")
    }
    replacement = try #require(object.program("replacement"))
    objects = fixture.objects + [object]
  }

  func load(replacing name: String?) throws {
    _ = try Self.load(replacing: name.map { ProgramFunction($0, of: target) })
  }

  private static func load(replacing function: ProgramFunction?) throws -> LoadedObject {
    var spec = try ObjectSpec(name: "hooks.bpf.o", bytes: tracingObject())
    for index in spec.programs.indices { spec.programs[index].isWanted = spec.programs[index].name == "replacement" }
    let plan = try LoadPlan(spec, kernel: .running(for: spec))
    return try LoadedObject(loading: plan, replacing: function.map { ["replacement": $0] } ?? [:])
  }

  func run() throws -> UInt32 { try target.run(onPacket: [UInt8](repeating: 0, count: 64)) }
}
