import BPFTypes
import FixturePrograms
import Glibc
import LinuxCalls
import RouteNetlink
import Testing

@testable import BPFLinks

#if arch(x86_64)
  private let systemCalls = "__x64_sys_"
#else
  private let systemCalls = "__arm64_sys_"
#endif

extension HookTests {
  @Test(arguments: Rung.kprobe, [false, true])
  func kprobeRunsTheProgram(rung: Rung, isReturn: Bool) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    do {
      let link = try fixture.program.attachKprobe(.function(systemCalls + "getppid"), isReturn: isReturn, rungs: [rung])
      #expect(link.rung == rung)
      #expect(ProbeFixture.definitions(.kprobes).count == (rung.way == .tracefs ? 1 : 0))
      for _ in 0..<3 { _ = getppid() }
      #expect(try fixture.count == 3)
      _ = link.place
    }
    _ = getppid()
    #expect(try fixture.count == 3)
    #expect(ProbeFixture.definitions(.kprobes).isEmpty)
  }

  @Test(arguments: Rung.kprobe, [false, true])
  func systemCallProbeRunsTheProgram(rung: Rung, isReturn: Bool) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    let link = try fixture.program.attachSystemCall("getppid", isReturn: isReturn, rungs: [rung])
    _ = getppid()
    #expect(try fixture.count == 1)
    _ = link.place
  }

  @Test(arguments: [Rung(.link), Rung(.tracefs)])
  func aKprobesCookieComes(rung: Rung) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks()
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    let link = try fixture.program.attachSystemCall("getppid", cookie: 0x1234_5678_9abc, rungs: [rung])
    _ = getppid()
    #expect(try fixture.cookie == 0x1234_5678_9abc)
    _ = link.place
  }

  @Test(arguments: Rung.kprobe)
  func aKprobeStandsAtAnOffset(rung: Rung) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    // Behind what the compiler puts at the start: an endbr64 or not, a call for the function tracer. On other machines all
    // instructions have four bytes.
    for offset: UInt64 in [4, 5, 9] {
      let fixture = try HookFixture("on_kprobe", in: probesObject())
      guard
        let link = try? fixture.program.attachKprobe(
          .function(systemCalls + "getppid", offset: offset), rungs: [rung])
      else { continue }
      _ = getppid()
      #expect(try fixture.count == 1)
      #expect(link.place.target.hasSuffix("getppid+0x\(offset)"))
      return
    }
    Issue.record("no offset is the start of an instruction")
  }

  @Test func aKprobeStandsAtAnAddress() throws {
    try ProbeFixture.needKprobes()
    let symbols = try #require(KernelFunctionList.symbols())
    let function = try #require(symbols.functions(named: systemCalls + "getppid", module: nil).first)
    guard function.address != 0 else { try Test.cancel("kptr_restrict hides the addresses") }
    for rung in [Rung(.perfEvent), Rung(.tracefs)] {
      let fixture = try HookFixture("on_kprobe", in: probesObject())
      let link = try fixture.program.attachKprobe(.address(function.address), rungs: [rung])
      _ = getppid()
      #expect(try fixture.count == 1)
      _ = link.place
    }
  }

  @Test func onlyTracefsTakesMaxActive() throws {
    try ProbeFixture.needKprobes()
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    let link = try fixture.program.attachSystemCall("getppid", isReturn: true, maxActive: 8)
    #expect(link.rung == Rung(.tracefs))
    #expect(link.refusals.map(\.rung) == [Rung(.link), Rung(.perfEvent)])
    #expect(ProbeFixture.definitions(.kprobes).first?.hasPrefix("r8:merops_") == true)
    _ = getppid()
    #expect(try fixture.count == 1)
  }

  private func makeVeth() throws {
    let here = try NetworkNamespace()
    let there = try NetworkNamespace()
    let result = here.creatingVeth(to: there)
    guard case .failure(let error) = result else { return }
    guard error.errno == .notSupported else { throw error }
    try Test.cancel("this kernel has no veth, or its module is not to be found: \(error)")
  }

  @Test(arguments: Rung.kprobe)
  func aModulesFunctionIsProbed(rung: Rung) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    // Loads the module.
    try makeVeth()
    let symbols = try #require(KernelFunctionList.symbols())
    guard !symbols.functions(named: "veth_newlink", module: "veth").isEmpty else {
      try Test.cancel("veth is no module of this kernel, or has no such function")
    }
    let fixture = try HookFixture("on_kprobe", in: probesObject(), ownProcess: false)
    let link = try fixture.program.attachKprobe(.function("veth:veth_newlink"), rungs: [rung])
    try makeVeth()
    #expect(try fixture.count == 1)
    _ = link.place
    let error = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachKprobe(.function("nosuch:veth_newlink"), rungs: [rung])
    }
    #expect(error.report.contains("It is in veth"))
  }

  @Test func saysWhatIsWrongWithAKprobe() throws {
    try ProbeFixture.needKprobes()
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    func report(_ location: KernelLocation, isReturn: Bool = false) throws -> String {
      try #require(throws: AttachError.self) { _ = try fixture.program.attachKprobe(location, isReturn: isReturn) }
        .report
    }
    #expect(try report(.function("tcp_v4_conect")).contains("tcp_v4_connect"))
    #expect(try report(.function("nosuch:tcp_v4_connect")).contains("It is in the kernel itself"))
    #expect(try report(.function("tcp_v4_connect", offset: 1), isReturn: true).contains("start of a function"))
    #expect(
      try #require(throws: AttachError.self) { _ = try fixture.program.attachSystemCall("getpppid") }.report
        .contains("getppid"))
    let middle = try report(.function(systemCalls + "getppid", offset: 1))
    #expect(middle.contains("no instruction begins"), "\(middle)")
    guard let list = try? contents(ofFile: KprobeBlacklist.path) else {
      try Test.cancel("debugfs, which tells what may not be probed, is not mounted")
    }
    let blacklisted = String(decoding: list, as: UTF8.self).split(separator: "\n").compactMap {
      $0.split(separator: "\t").last.map(String.init)
    }
    let name = try #require(blacklisted.first { $0 == "do_int3" || $0 == "exc_int3" || $0 == "brk_handler" })
    let answer = try report(.function(name))
    #expect(answer.contains("the kernel allows no kprobe there"), "\(answer)")
  }

  @Test(arguments: Rung.kprobe, [false, true])
  func kprobesLeaveNothing(rung: Rung, isReturn: Bool) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    try AttachmentRounds.leaveNothing("\(isReturn ? "kretprobe" : "kprobe"), \(rung)", atOnce: 32) {
      try HookFixture("on_kprobe", in: probesObject())
    } _: {
      try $0.program.attachKprobe(.function(systemCalls + "getppid"), isReturn: isReturn, rungs: [rung]).detach()
    }
  }

  @Test(arguments: Rung.kprobe)
  func systemCallProbesLeaveNothing(rung: Rung) throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.needPerfLinks(rung)
    try AttachmentRounds.leaveNothing("ksyscall, \(rung)", atOnce: 32) {
      try HookFixture("on_kprobe", in: probesObject())
    } _: {
      try $0.program.attachSystemCall("getppid", rungs: [rung]).detach()
    }
  }

  @Test func leftOverKprobesAreRemoved() throws {
    try ProbeFixture.needKprobes()
    let fixture = try HookFixture("on_kprobe", in: probesObject())
    let tracefs = try #require(Tracefs.found)
    let this = ProcessIdentity.current
    let owners = [ProcessIdentity(pid: 1, start: .max, namespace: this.namespace), this]
    let groups = owners.map { ProbeGroup(of: $0).name } + ["merops_like"]
    for group in groups { try tracefs.define("p:\(group)/left \(systemCalls)getppid", in: .kprobes) }
    defer { for group in groups { try? tracefs.define("-:\(group)/left", in: .kprobes) } }
    let link = try fixture.program.attachSystemCall("getppid", rungs: [Rung(.perfEvent)])
    #expect(link.leftOversRemoved.count == 1)
    let left = tracefs.definitions(in: .kprobes).joined()
    #expect(groups.map { left.contains(":\($0)/left") } == [false, true, true])
  }
}

extension HookTests {
  private func needKprobeMulti() throws {
    try ProbeFixture.needKprobes()
    try ProbeFixture.need("bpf_kprobe_multi_link_attach", .function, for: "kprobe.multi")
  }

  @Test(arguments: [false, true])
  func manyKprobesRunTheProgram(isReturn: Bool) throws {
    try needKprobeMulti()
    let fixture = try HookFixture("on_kprobes", in: probesObject())
    do {
      let link = try ProbeFixture.attaching { () throws(AttachError) in
        try fixture.program.attachKprobeMulti(
          .named([systemCalls + "getppid", systemCalls + "getegid"]), isReturn: isReturn, cookies: [11, 22])
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

  @Test func kprobesOfAPatternRunTheProgram() throws {
    try needKprobeMulti()
    let fixture = try HookFixture("on_kprobes", in: probesObject())
    let link = try ProbeFixture.attaching { () throws(AttachError) in
      try fixture.program.attachKprobeMulti(.matching(systemCalls + "getp?id"), cookies: [5])
    }
    _ = getppid()
    _ = getpgid(0)
    _ = getegid()
    #expect(try fixture.count == 2)
    #expect(try fixture.cookie == 5)
    _ = link.place
  }

  /// As many as the kernel has of a kind, and none of them unknown to it.
  @Test func aWidePatternIsTaken() throws {
    try needKprobeMulti()
    let fixture = try HookFixture("on_kprobes", in: probesObject())
    let link = try ProbeFixture.attaching { () throws(AttachError) in
      try fixture.program.attachKprobeMulti(.matching("tcp_*"))
    }
    _ = link.place
  }

  @Test func kprobesAtAddressesRunTheProgram() throws {
    try needKprobeMulti()
    let symbols = try #require(KernelFunctionList.symbols())
    let function = try #require(symbols.functions(named: systemCalls + "getppid", module: nil).first)
    guard function.address != 0 else { try Test.cancel("kptr_restrict hides the addresses") }
    let fixture = try HookFixture("on_kprobes", in: probesObject())
    let link = try ProbeFixture.attaching { () throws(AttachError) in
      try fixture.program.attachKprobeMulti(.addresses([function.address]))
    }
    _ = getppid()
    #expect(try fixture.count == 1)
    _ = link.place
  }

  @Test func aKprobeSessionRunsTheProgramTwice() throws {
    try needKprobeMulti()
    try ProbeFixture.need("bpf_session_run_ctx", .structure, for: "kprobe.session")
    let fixture = try HookFixture("in_kprobe_session", in: probesObject())
    let link = try ProbeFixture.attaching { () throws(AttachError) in
      try fixture.program.attachKprobeMulti(.named([systemCalls + "getppid"]))
    }
    _ = getppid()
    #expect(try fixture.count == 2)
    _ = link.place
  }

  @Test func namesTheFunctionThatIsMissing() throws {
    try needKprobeMulti()
    let fixture = try HookFixture("on_kprobes", in: probesObject())
    do {
      _ = try ProbeFixture.attaching { () throws(AttachError) in
        try fixture.program.attachKprobeMulti(.named(["tcp_v4_connect", "tcp_v4_conect"]))
      }
      Issue.record("a function that is not there is taken")
    } catch let error as AttachError {
      #expect(error.description.contains("there is no function tcp_v4_conect"))
      #expect(error.report.contains("tcp_v4_connect"))
    }
    #expect(throws: AttachError.self) { _ = try fixture.program.attachKprobeMulti(.matching("no_such_*")) }
  }

  @Test(arguments: ["on_kprobes", "in_kprobe_session"])
  func manyKprobesLeaveNothing(name: String) throws {
    try needKprobeMulti()
    if name == "in_kprobe_session" {
      try ProbeFixture.need("bpf_session_run_ctx", .structure, for: "kprobe.session")
    }
    try AttachmentRounds.leaveNothing(name == "on_kprobes" ? "kprobe.multi" : "kprobe.session", atOnce: 32) {
      try HookFixture(name, in: probesObject())
    } _: { fixture in
      try ProbeFixture.attaching { () throws(AttachError) in
        try fixture.program.attachKprobeMulti(.named([systemCalls + "getppid", systemCalls + "getegid"]))
      }.detach()
    }
  }
}

extension NetworkNamespace {
  fileprivate borrowing func creatingVeth(to other: borrowing NetworkNamespace) -> Result<Void, NetlinkError> {
    do throws(NetlinkError) {
      try run { () throws(NetlinkError) in
        try RouteSocket().createVethPair("probed", peer: "peer", peerNamespace: other)
      }
      return .success(())
    } catch { return .failure(error) }
  }
}

@Suite struct KernelFunctionListTests {
  @Test func readsEachForm() {
    let symbols = KernelFunctionList(
      Array("ffffffff81000000 T start\n0000000000000000 d data\nffffffffc0000010 t init\t[veth]\n\nbad\n".utf8),
      .symbols)
    #expect(
      symbols.functions() == [
        .init(name: "start", module: nil, address: 0xffff_ffff_8100_0000),
        .init(name: "init", module: "veth", address: 0xffff_ffff_c000_0010),
      ])
    let traceable = KernelFunctionList(Array("start\ninit [veth]\n".utf8), .traceable)
    #expect(traceable.functions(named: "init", module: "veth").count == 1)
    #expect(traceable.functions(named: "init", module: "other").isEmpty)
    let addresses = KernelFunctionList(Array("ffffffff81000000 start\n".utf8), .traceableWithAddresses)
    #expect(addresses.functions().first?.address == 0xffff_ffff_8100_0000)
  }

  @Test func traceableFunctionsBeginBeforeTheirCalls() {
    let known = KernelFunctionList(
      Array(
        ["000000000000a000", "000000000000b000", "000000000000c000", "0000000000000000", "000000000000a000"]
          .map { "\($0) t name\n" }.joined().utf8), .symbols)
    let traced = KernelFunctionList(
      Array("000000000000b004 name\n000000000000c111 name\n0000000000000004 zero\n000000000000a000 alias\n".utf8),
      .traceableWithAddresses)
    #expect(KernelFunctions.starts(of: known.functions(), traceableAt: traced.addresses) == [0xa000, 0xb000])
  }

  @Test func whatTheCompilerMadeComesFirst() {
    let list = KernelFunctionList(
      Array("0 t tcp_send\n0 t tcp_sent\n0 t tcp_sen.isra.0\n".utf8), .symbols)
    #expect(list.names(near: "tcp_sen") == ["tcp_sen.isra.0"])
    #expect(Set(list.names(near: "tcp_sens").prefix(2)) == ["tcp_send", "tcp_sent"])
  }

  @Test func processesOwnTheirProbes() {
    let this = ProbeGroup()
    #expect(ProbeGroup(this.name) == this)
    #expect(!this.owner.isKnownToHaveEnded)
    #expect(this.owner.namespace != 0 && this.owner.start != 0)
    for group in ["", "merops", "merops_1_2", "merops_1_2_x", "merops_1_2_3_4", "x_1_2_3", "merops_1_-_3"] {
      #expect(ProbeGroup(group) == nil)
    }
  }
}
