import BPFTypes
import ELFReading
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

@testable import BPFLinks

/// Counted by the kernel while a probe that names it is attached.
nonisolated(unsafe) private var referenceCounter: UInt16 = 7

@inline(never) private func probedFunction(_ number: Int) -> Int { number * 3 }

/// A second zlib, loaded from a path with spaces.
@safe private final class SpacedLibrary {
  let path: String
  private let folder: String
  private let handle: UnsafeMutableRawPointer

  init() throws {
    folder = "/tmp/merops probes \(getpid())"
    path = folder + "/lib z.so"
    unsafe mkdir(folder, 0o700)
    let bytes = try contents(ofFile: #require(UserFile(named: "libz")).path)
    let number = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o700)
    try unsafe writeAll(bytes.span.bytes, to: number)
    close(number)
    unsafe handle = try unsafe #require(dlopen(path, RTLD_NOW | RTLD_LOCAL))
  }

  func run() {
    typealias Version = @convention(c) () -> UnsafePointer<CChar>
    _ = unsafe dlsym(handle, "zlibVersion").map { unsafe unsafeBitCast($0, to: Version.self)() }
  }

  deinit {
    unsafe dlclose(handle)
    unsafe unlink(path)
    unsafe rmdir(folder)
  }
}

extension HookTests {
  @Test(arguments: Rung.uprobe, [false, true])
  func uprobeRunsTheProgram(rung: Rung, isReturn: Bool) throws {
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    do {
      let link = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", isReturn: isReturn, rungs: [rung])
      #expect(link.rung == rung)
      #expect(ProbeFixture.definitions(.uprobes).count == (rung.way == .tracefs ? 1 : 0))
      for _ in 0..<3 { _ = getppid() }
      #expect(try fixture.count == 3)
      _ = link.place
    }
    _ = getppid()
    #expect(try fixture.count == 3)
    #expect(ProbeFixture.definitions(.uprobes).isEmpty)
  }

  @Test(arguments: [Rung(.link), Rung(.tracefs)])
  func aUprobesCookieComes(rung: Rung) throws {
    try ProbeFixture.needPerfLinks()
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    let link = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", cookie: 0x1234_5678_9abc, rungs: [rung])
    _ = getppid()
    #expect(try fixture.cookie == 0x1234_5678_9abc)
    _ = link.place
  }

  @Test func anEventByIoctlCarriesNoCookie() throws {
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    let error = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", cookie: 1, rungs: [Rung(.perfEvent)])
    }
    #expect(error.description.contains("EOPNOTSUPP"))
  }

  @Test(arguments: Rung.uprobe)
  func aUprobeStandsAtAnOffset(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    let (path, own) = try ownFunction()
    let code = try contents(ofFile: path)[Int(own.fileOffset)...]
    #if arch(x86_64)
      // push %rbp
      guard code.first == 0x55 else { try Test.cancel("the compiler begins functions otherwise than is known") }
      let second: UInt64 = 1
    #else
      let second: UInt64 = 4
    #endif
    for location in [UserLocation.symbol(own.name, offset: second), .fileOffset(own.fileOffset + second)] {
      let fixture = try HookFixture("on_uprobe", in: probesObject())
      let link = try fixture.program.attachUprobe(location, in: path, rungs: [rung])
      #expect(probedFunction(2) == 6)
      #expect(try fixture.count == 1)
      _ = link.place
    }
  }

  /// A function of this process' own executable, which lies at the path.
  private func ownFunction() throws -> (path: String, UserFunction) {
    let path = unsafe String(cString: realpath("/proc/self/exe", nil))
    let functions = try #require(UserFile(named: path)).symbols(AttachPlace(program: "", hook: .uprobe, target: ""))
      .functions { $0.contains("probedFunction") }
    return (path, try #require(functions.first))
  }

  @Test(arguments: Rung.uprobe)
  func aUprobeIsForOneProcess(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    do {
      let link = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", pid: 1, rungs: [rung])
      _ = getppid()
      #expect(try fixture.count == 0)
      _ = link.place
    }
    let link = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", pid: getpid(), rungs: [rung])
    _ = getppid()
    #expect(try fixture.count == 1)
    _ = link.place
  }

  /// Where a variable of this process lies in the executable.
  private func offsetOfReferenceCounter() throws -> UInt64 {
    let address = unsafe withUnsafePointer(to: &referenceCounter) { UInt64(UInt(bitPattern: $0)) }
    let maps = String(decoding: try contents(ofFile: "/proc/self/maps"), as: UTF8.self)
    for line in maps.split(separator: "\n") {
      let fields = line.split(separator: " ")
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, bounds[0] <= address, address < bounds[1], fields.count > 5 else { continue }
      return try #require(UInt64(fields[2], radix: 16)) + address - bounds[0]
    }
    throw SystemCallError(call: "look for a variable in /proc/self/maps", errno: .noSuchFile)
  }

  @Test(arguments: Rung.uprobe)
  func theKernelCountsReferences(rung: Rung) throws {
    try ProbeFixture.needPerfLinks(rung)
    unsafe referenceCounter = 7
    let offset = try offsetOfReferenceCounter()
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    let (path, own) = try ownFunction()
    do {
      let link = try fixture.program.attachUprobe(
        .fileOffset(own.fileOffset), in: path, referenceCounter: offset, rungs: [rung])
      unsafe #expect(referenceCounter == 8)
      _ = link.place
    }
    unsafe #expect(referenceCounter == 7)
  }

  @Test(arguments: [Rung(.perfEvent), Rung(.tracefs)])
  func aPathMayHaveSpaces(rung: Rung) throws {
    let library = try SpacedLibrary()
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    let link = try fixture.program.attachUprobe(.symbol("zlibVersion"), in: library.path, rungs: [rung])
    library.run()
    #expect(try fixture.count == 1)
    _ = link.place
  }

  @Test func saysWhatIsWrongWithAUprobe() throws {
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    func report(_ location: UserLocation, _ file: String, isReturn: Bool = false) throws -> String {
      try #require(throws: AttachError.self) {
        _ = try fixture.program.attachUprobe(location, in: file, isReturn: isReturn)
      }.report
    }
    #expect(try report(.symbol("getppidd"), "libc").contains("Did you mean getppid"))
    #expect(try report(.symbol("getppid@NO"), "libc").contains("It has GLIBC_"))
    #expect(try report(.symbol("strlen"), "libc").contains("indirect function"))
    #expect(try report(.symbol("getppid", offset: 4096), "libc").contains("the function has only"))
    #expect(try report(.symbol("getppid", offset: 1), "libc", isReturn: true).contains("start of a function"))
    #expect(try report(.symbol("x"), "libnosuch").contains("there is no library or executable libnosuch"))
    let gone = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", pid: .max)
    }
    #expect(gone.report.contains("There is no such process"))
    #expect(try report(.symbol("x"), "/nowhere/x").contains("No such file"))
    #expect(try report(.symbol("x"), "/etc/passwd").contains("does not begin with an ELF header"))
  }

  @Test(arguments: Rung.uprobe, [false, true])
  func uprobesLeaveNothing(rung: Rung, isReturn: Bool) throws {
    try ProbeFixture.needPerfLinks(rung)
    let (path, own) = try ownFunction()
    try AttachmentRounds.leaveNothing("\(isReturn ? "uretprobe" : "uprobe"), \(rung)", atOnce: 32) {
      try HookFixture("on_uprobe", in: probesObject())
    } _: {
      try $0.program.attachUprobe(.fileOffset(own.fileOffset), in: path, isReturn: isReturn, rungs: [rung]).detach()
    }
  }

  @Test func leftOverUprobesAreRemoved() throws {
    let fixture = try HookFixture("on_uprobe", in: probesObject())
    let tracefs = try #require(Tracefs.found)
    let libc = try #require(UserFile(named: "libc"))
    let this = ProcessIdentity.current
    let owners = [
      // A process of this number has started at another time.
      ProcessIdentity(pid: 1, start: .max, namespace: this.namespace),
      ProcessIdentity(pid: .max, start: 1, namespace: this.namespace),
      // Alive, or not to be seen from here.
      this, ProcessIdentity(pid: 1, start: .max, namespace: 1),
    ]
    let groups = owners.map { ProbeGroup(of: $0).name } + ["merops_like"]
    for group in groups { try tracefs.define("p:\(group)/left \(libc.path):0x1000", in: .uprobes) }
    defer { for group in groups { try? tracefs.define("-:\(group)/left", in: .uprobes) } }
    let link = try fixture.program.attachUprobe(.symbol("getppid"), in: "libc", rungs: [Rung(.perfEvent)])
    #expect(link.leftOversRemoved.count == 2)
    #expect(link.leftOversRemoved.allSatisfy { $0.hasPrefix("p:merops_") })
    let left = tracefs.definitions(in: .uprobes).joined()
    #expect(groups.map { left.contains(":\($0)/left") } == [false, false, true, true, true])
  }
}

extension HookTests {
  @Test(arguments: [false, true])
  func manyUprobesRunTheProgram(isReturn: Bool) throws {
    try ProbeFixture.need("bpf_uprobe_multi_link_attach", .function, for: "uprobe.multi")
    let fixture = try HookFixture("on_uprobes", in: probesObject())
    do {
      let link = try ProbeFixture.attaching { () throws(AttachError) in
        try fixture.program.attachUprobeMulti(
          .named(["getppid", "getegid"]), in: "libc", isReturn: isReturn, cookies: [11, 22])
      }
      _ = getppid()
      #expect(try fixture.cookie == 11)
      _ = getegid()
      #expect(try fixture.cookie == 22)
      #expect(try fixture.count == 2)
      _ = link.place
    }
    _ = getppid()
    #expect(try fixture.count == 2)
  }

  @Test func uprobesOfAPatternRunTheProgram() throws {
    try ProbeFixture.need("bpf_uprobe_multi_link_attach", .function, for: "uprobe.multi")
    let fixture = try HookFixture("on_uprobes", in: probesObject())
    let link = try ProbeFixture.attaching { () throws(AttachError) in
      try fixture.program.attachUprobeMulti(.matching("getp?id"), in: "libc", pid: getpid(), cookies: [5])
    }
    _ = getppid()
    _ = getpgid(0)
    _ = getegid()
    #expect(try fixture.count == 2)
    #expect(try fixture.cookie == 5)
    _ = link.place
  }

  @Test func manyUprobesCountReferences() throws {
    try ProbeFixture.need("bpf_uprobe_multi_link_attach", .function, for: "uprobe.multi")
    unsafe referenceCounter = 7
    let fixture = try HookFixture("on_uprobes", in: probesObject())
    let (path, own) = try ownFunction()
    do {
      let link = try fixture.program.attachUprobeMulti(
        .fileOffsets([own.fileOffset]), in: path, referenceCounters: [offsetOfReferenceCounter()])
      unsafe #expect(referenceCounter == 8)
      _ = link.place
    }
    unsafe #expect(referenceCounter == 7)
  }

  @Test func aUprobeSessionRunsTheProgramTwice() throws {
    try ProbeFixture.need("bpf_uprobe_multi_link_attach", .function, for: "uprobe.multi")
    let fixture = try HookFixture("in_uprobe_session", in: probesObject())
    do {
      let link = try fixture.program.attachUprobeMulti(.named(["getppid"]), in: "libc")
      _ = getppid()
      #expect(try fixture.count == 2)
      _ = link.place
    } catch let error as AttachError {
      guard case .refused(let refusals) = error.reason, refusals.last?.errno == .invalidArgument else { throw error }
      try Test.cancel("this kernel has no uprobe.session (6.13): \(error)")
    }
  }

  @Test func manyUprobesLeaveNothing() throws {
    try ProbeFixture.need("bpf_uprobe_multi_link_attach", .function, for: "uprobe.multi")
    let (path, own) = try ownFunction()
    try AttachmentRounds.leaveNothing("uprobe.multi", atOnce: 32) {
      try HookFixture("on_uprobes", in: probesObject())
    } _: {
      try $0.program.attachUprobeMulti(.fileOffsets([own.fileOffset]), in: path).detach()
    }
  }
}

@Suite struct UserFileTests {
  @Test func theNewestLibraryComesFirst() {
    let files = [
      "libssl.so", "libssl.so.1.1", "libssl.so.3", "libssl3.so.9", "libssl.so.3.bak", "libssl.a", "libssl.so.10",
    ]
    #expect(
      UserFile.libraries(called: "libssl", among: files) == [
        "libssl.so.10", "libssl.so.3", "libssl.so.1.1", "libssl.so",
      ])
  }

  @Test func filesAreFoundByName() throws {
    #expect(UserFile(named: "libc")?.path.hasSuffix("/libc.so.6") == true)
    #expect(UserFile(named: "libc.so.6")?.path == UserFile(named: "libc")?.path)
    #expect(UserFile(named: "bash")?.path.hasSuffix("/bash") == true)
    #expect(UserFile(named: "libnosuch") == nil)
    #expect(UserFile(named: "a/b")?.path.hasSuffix("/a/b") == true)
    let elsewhere = UserFile(named: "libc") { $0 == "LD_LIBRARY_PATH" ? "/nowhere:relative" : nil }
    #expect(elsewhere?.path == UserFile(named: "libc")?.path)
  }

  @Test func patternsFit() {
    for (pattern, name, fits) in [
      ("*", "", true), ("*", "x", true), ("", "", true), ("", "x", false), ("tcp_*", "tcp_connect", true),
      ("tcp_*", "xtcp_", false), ("*_connect", "tcp_v4_connect", true), ("a*b*c", "a_b_b_c", true),
      ("a*b*c", "a_b_b_d", false), ("get?id", "getpid", true), ("get?id", "getid", false), ("**x", "x", true),
      ("a?*", "a", false),
    ] { #expect(Glob(pattern).matches(name) == fits, "\(pattern) \(name)") }
  }
}
