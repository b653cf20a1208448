import BPFLinks
import BPFLoader
import BPFObjectFile
import FixturePrograms
import Glibc
import LinuxCalls
import Testing

/// A control group of a test's own, with this process in it. It goes with the value.
struct TestCgroup: ~Copyable {
  let path: String
  private let former: String

  init() throws {
    if geteuid() != 0 { try Test.cancel("needs root: makes control groups") }
    guard let root = CgroupHierarchy.mountPoint else { try Test.cancel("no cgroup2 is mounted") }
    let own = String(decoding: try contents(ofFile: "/proc/self/cgroup"), as: UTF8.self)
    let line = try #require(own.split(separator: "\n").first { $0.hasPrefix("0::") })
    let path = "\(root)/merops-test-\(getpid())"
    let made = unsafe mkdir(path, 0o755)
    #expect(made == 0 || errno == EEXIST)
    try Self.move(getpid(), to: path)
    former = root + line.dropFirst(3)
    self.path = path
  }

  private static func move(_ process: Int32, to path: String) throws {
    let file = try FileDescriptor(opening: "\(path)/cgroup.procs", flags: O_WRONLY)
    try unsafe writeAll(Array("\(process)".utf8).span.bytes, to: file.number)
  }

  deinit {
    // Tests of other suites start processes meanwhile, which are then here, too.
    for _ in 0..<500 {
      let here = (try? contents(ofFile: "\(path)/cgroup.procs")) ?? []
      for process in String(decoding: here, as: UTF8.self).split(separator: "\n").compactMap({ Int32($0) }) {
        try? Self.move(process, to: former)
      }
      if unsafe rmdir(path) == 0 { return }
      usleep(20_000)
    }
  }
}

/// A kind of program at a cgroup, and what makes it run.
struct CgroupCase: Sendable, CustomTestStringConvertible {
  let program: String
  let type: AttachType
  let event: @Sendable () throws -> Void
  /// What the kernel has to have beyond 5.10.
  var symbol: String?
  var testDescription: String { program }

  init(_ program: String, _ type: AttachType, _ symbol: String? = nil, _ event: @escaping @Sendable () throws -> Void) {
    (self.program, self.type, self.symbol, self.event) = (program, type, symbol, event)
  }

  static let unix = "bpf_sock_addr_set_sun_path"
  static let all: [CgroupCase] = [
    CgroupCase("on_skb_ingress", .cgroupInetIngress) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_skb_egress", .cgroupInetEgress) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_skb", .cgroupInetEgress) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_sock_create", .cgroupInetSocketCreate) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_sock_release", .cgroupInetSocketRelease) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_post_bind4", .cgroupInet4PostBind) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_post_bind6", .cgroupInet6PostBind) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_bind4", .cgroupInet4Bind) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_bind6", .cgroupInet6Bind) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_connect4", .cgroupInet4Connect) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_connect6", .cgroupInet6Connect) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_connect_unix", .cgroupUnixConnect, unix) { try Traffic.datagram(.unix) },
    CgroupCase("on_sendmsg4", .cgroupUDP4SendMessage) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_sendmsg6", .cgroupUDP6SendMessage) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_sendmsg_unix", .cgroupUnixSendMessage, unix) { try Traffic.datagram(.unix) },
    CgroupCase("on_recvmsg4", .cgroupUDP4ReceiveMessage) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_recvmsg6", .cgroupUDP6ReceiveMessage) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_recvmsg_unix", .cgroupUnixReceiveMessage, unix) { try Traffic.datagram(.unix) },
    CgroupCase("on_getpeername4", .cgroupInet4GetPeerName) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_getpeername6", .cgroupInet6GetPeerName) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_getpeername_unix", .cgroupUnixGetPeerName, unix) { try Traffic.datagram(.unix) },
    CgroupCase("on_getsockname4", .cgroupInet4GetSocketName) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_getsockname6", .cgroupInet6GetSocketName) { try Traffic.datagram(.ipv6) },
    CgroupCase("on_getsockname_unix", .cgroupUnixGetSocketName, unix) { try Traffic.datagram(.unix) },
    CgroupCase("on_getsockopt", .cgroupGetSocketOption) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_setsockopt", .cgroupSetSocketOption) { try Traffic.datagram(.ipv4) },
    CgroupCase("on_sysctl", .cgroupSysctl) { _ = try contents(ofFile: "/proc/sys/kernel/ostype") },
    CgroupCase("on_device", .cgroupDevice) { _ = try FileDescriptor(opening: "/dev/null", flags: O_RDONLY) },
    CgroupCase("on_sockops", .cgroupSocketOperations) { try Traffic.connection() },
    CgroupCase("on_lsm", .lsmCgroup, "bpf_trampoline_link_cgroup_shim") { try Traffic.datagram(.ipv4) },
  ]
}

extension HookTests {
  private static func fixture(_ name: String) throws -> HookFixture {
    do { return try HookFixture(name, in: cgroupObject(), ownProcess: false) } catch let error as LoadError {
      // With all capabilities, the refusal is the kernel's setting.
      guard name == "on_lsm", error.cause.errno == .notPermitted, error.missing.isEmpty else { throw error }
      try Test.cancel("this kernel does not let anybody load LSM programs")
    }
  }

  @Test(arguments: Rung.cgroup, CgroupCase.all)
  func cgroupRunsTheProgram(rung: Rung, place: CgroupCase) throws {
    if let symbol = place.symbol { try KernelSymbol.require(symbol, for: place.program) }
    if place.type == .lsmCgroup, rung.way != .link { return }
    let cgroup = try TestCgroup()
    let fixture = try Self.fixture(place.program)
    do {
      let link = try fixture.program.attachCgroup(at: cgroup.path, as: place.type, rungs: [rung])
      #expect(link.rung == rung)
      try place.event()
      #expect(try eventually { try fixture.count > 0 })
      if place.type != .lsmCgroup {
        let there = try CgroupPrograms.attached(at: cgroup.path, place.type)
        #expect(try there.map(\.id) == [fixture.program.id()])
      }
    }
    // Of LSM programs the kernel only tells by the function that each is at.
    if place.type != .lsmCgroup { #expect(try CgroupPrograms.attached(at: cgroup.path, place.type).isEmpty) }
  }

  @Test(arguments: Rung.cgroup)
  func aCgroupsProgramIsReplaced(rung: Rung) throws {
    let cgroup = try TestCgroup()
    let (one, other) = (try Self.fixture("on_sock_create"), try Self.fixture("on_sock_create_too"))
    let link = try one.program.attachCgroup(at: cgroup.path, rungs: [rung])
    #expect(throws: LinkError.self) { try link.update(to: other.program, replacing: other.program) }
    try link.update(to: other.program, replacing: one.program)
    try Traffic.datagram(.ipv4)
    #expect(try other.count > 0)
    #expect(try CgroupPrograms.attached(at: cgroup.path, .cgroupInetSocketCreate).map(\.id) == [other.program.id()])
  }

  @Test func programsOfACgroupStandInTheOrderThatIsAskedFor() throws {
    let cgroup = try TestCgroup()
    let directory = try FileDescriptor(opening: cgroup.path, flags: O_RDONLY)
    let revision = try BPF.query(target: UInt32(directory.number), attachType: 2).revision
    let (one, other) = (try Self.fixture("on_sock_create"), try Self.fixture("on_sock_create_too"))
    let first = try one.program.attachCgroup(at: cgroup.path)
    if revision == 0 {
      let error = try #require(throws: AttachError.self) {
        _ = try other.program.attachCgroup(at: cgroup.path, position: .before(first))
      }
      #expect(error.report.contains("too old"))
      try Test.cancel("this kernel keeps no order in cgroups: it counts no revisions")
    }
    let second = try other.program.attachCgroup(at: cgroup.path, position: .before(first))
    let there = try CgroupPrograms.attached(at: cgroup.path, .cgroupInetSocketCreate)
    #expect(try there.map(\.id) == [other.program.id(), one.program.id()])
    #expect(try second.isAttached())
  }

  @Test func aLinkOutlivesItsCgroup() throws {
    let fixture = try Self.fixture("on_sock_create")
    var cgroup: TestCgroup? = try TestCgroup()
    guard let path = cgroup?.path else { return }
    let link = try fixture.program.attachCgroup(at: path, rungs: [Rung(.link)])
    #expect(try link.isAttached())
    cgroup = nil
    #expect(try eventually { try !link.isAttached() })
    let error = try #require(throws: AttachError.self) { _ = try fixture.program.attachCgroup(at: path) }
    #expect(error.report.contains("no such cgroup") && error.report.contains("directories below"))
    let other = try #require(throws: AttachError.self) { _ = try fixture.program.attachCgroup(at: "/tmp") }
    #expect(other.report.contains("no cgroup of version 2"))
  }

  /// A program that will have no company keeps others out with EPERM, which is not a missing capability.
  @Test func aProgramWithoutCompanyIsNamed() throws {
    let cgroup = try TestCgroup()
    let (one, other) = (try Self.fixture("on_sock_create"), try Self.fixture("on_sock_create_too"))
    let directory = try FileDescriptor(opening: cgroup.path, flags: O_RDONLY)
    try BPF.attach(one.program.descriptor, to: directory.number, attachType: 2)
    let error = try #require(throws: AttachError.self) { _ = try other.program.attachCgroup(at: cgroup.path) }
    #expect(error.report.contains("BPF_F_ALLOW_MULTI"))
    try BPF.detach(one.program.descriptor, from: directory.number, attachType: 2)
  }

  @Test(
    arguments: Rung.cgroup,
    ["on_sock_create", "on_skb_ingress", "on_bind4", "on_sysctl", "on_device", "on_sockops", "on_lsm"])
  func cgroupAttachmentsLeaveNothing(rung: Rung, name: String) throws {
    let place = try #require(CgroupCase.all.first { $0.program == name })
    if let symbol = place.symbol { try KernelSymbol.require(symbol, for: name) }
    if place.type == .lsmCgroup, rung.way != .link { return }
    let cgroup = try TestCgroup()
    let path = cgroup.path
    try AttachmentRounds.leaveNothing("cgroup \(name), \(rung)") {
      try Self.fixture(name)
    } _: {
      try $0.program.attachCgroup(at: path, as: place.type, rungs: [rung]).detach()
    }
    if place.type != .lsmCgroup { #expect(try CgroupPrograms.attached(at: path, place.type).isEmpty) }
  }
}
