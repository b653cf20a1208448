import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRelocation
import FixturePrograms
import Glibc
import LinuxCalls
import RouteNetlink
import Testing

extension HookTests {
  private static func fixture(_ name: String) throws -> HookFixture {
    try HookFixture(name, in: networkObject(), ownProcess: false)
  }

  @Test func skLookupRunsTheProgram() throws {
    let fixture = try Self.fixture("on_sk_lookup")
    var network: TestNetwork? = try TestNetwork()
    guard let path = network?.path else { return }
    do {
      let link = try fixture.program.attachSkLookup(toNamespace: path)
      try network?.inside { try Traffic.connection() }
      #expect(try fixture.count > 0)
      #expect(try link.isAttached())
    }
    let before = try fixture.count
    try network?.inside { try Traffic.connection() }
    #expect(try fixture.count == before)
    let link = try fixture.program.attachSkLookup(toNamespace: path)
    network = nil
    // The kernel takes a namespace apart later.
    #expect(try eventually { try !link.isAttached() })
    let error = try #require(throws: AttachError.self) {
      _ = try fixture.program.attachSkLookup(toNamespace: "/run/netns/merops-none")
    }
    #expect(error.report.contains("ip netns add"))
  }

  @Test(arguments: Rung.flowDissector)
  func flowDissectorRunsTheProgram(rung: Rung) throws {
    let network = try TestNetwork()
    let path = network.path
    let (fixture, other) = (try Self.fixture("on_flow_dissector"), try Self.fixture("on_flow_dissector"))
    do {
      let link = try fixture.program.attachFlowDissector(toNamespace: path, rungs: [rung])
      // Sending on a packet socket looks for the headers.
      try network.inside { try TestNetwork.sendFrames() }
      #expect(try fixture.count > 0)
      let error = try #require(throws: AttachError.self) {
        _ = try other.program.attachFlowDissector(toNamespace: path, rungs: [rung])
      }
      guard case .occupied = error.reason else {
        Issue.record("\(error.report)")
        return
      }
      try link.update(to: other.program)
      try network.inside { try TestNetwork.sendFrames() }
      #expect(try other.count > 0)
    }
  }

  @Test func socketFilterRunsTheProgram() throws {
    let (filter, chooser) = (try Self.fixture("on_socket"), try Self.fixture("on_reuseport"))
    let pair = try Traffic.Pair()
    do {
      let link = try filter.program.attachSocketFilter(to: pair.server.number)
      try pair.exchange()
      #expect(try filter.count > 0)
      #expect(link.rung.way == .socketOption)
    }
    let before = try filter.count
    try pair.exchange()
    #expect(try filter.count == before)
    let receiver = try FileDescriptor(socket: AF_INET, type: CInt(SOCK_DGRAM.rawValue), protocol: 0)
    try receiver.setOption("SO_REUSEPORT", level: SOL_SOCKET, option: SO_REUSEPORT, CInt(1))
    try receiver.bind(to: [2, 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8))
    let sender = try FileDescriptor(socket: AF_INET, type: CInt(SOCK_DGRAM.rawValue), protocol: 0)
    do {
      let link = try chooser.program.attachReuseport(to: receiver.number)
      try sender.connect(to: receiver.socketAddress(byteCount: 16))
      try unsafe _ = sender.send([UInt8(1)].span.bytes)
      #expect(try chooser.count > 0)
      #expect(link.rung.way == .socketOption)
    }
    #expect(throws: AttachError.self) { _ = try filter.program.attachSocketFilter(to: -1) }
  }

  @Test(arguments: Rung.sockmap, ["sockets", "hashed_sockets"])
  func sockmapRunsItsPrograms(rung: Rung, name: String) throws {
    if rung.way == .link { try KernelSymbol.require("sock_map_link_create", for: "links of socket maps") }
    let map = try #require(try Self.maps().map(name))
    let (message, parser) = (try Self.fixture("on_sk_msg"), try Self.fixture("on_stream_parser"))
    let (verdict, other) = (try Self.fixture("on_stream_verdict"), try Self.fixture("on_sk_msg"))
    do {
      let messages = try message.program.attachSockmap(to: map, rungs: [rung])
      let parsing = try parser.program.attachSockmap(to: map, rungs: [rung])
      let deciding = try verdict.program.attachSockmap(to: map, rungs: [rung])
      let pair = try Traffic.Pair()
      try map.set(Self.value(pair.client), forKey: [0, 0, 0, 0])
      try map.set(Self.value(pair.server), forKey: [1, 0, 0, 0])
      try pair.exchange()
      #expect(try message.count > 0)
      #expect(try parser.count > 0)
      #expect(try verdict.count > 0)
      #expect([messages.rung, parsing.rung, deciding.rung] == [rung, rung, rung])
      try messages.update(to: other.program)
    }
    // Nothing is there any more: another takes the place.
    let link = try message.program.attachSockmap(to: map, rungs: [rung])
    if (try? BPF.query(target: UInt32(map.descriptor.number), attachType: 7)) != nil {
      let error = try #require(throws: AttachError.self) {
        _ = try other.program.attachSockmap(to: map, rungs: [rung])
      }
      guard case .occupied = error.reason else {
        Issue.record("\(error.report)")
        return
      }
    }
    #expect(try link.isAttached())
  }

  @Test(arguments: Rung.sockmap)
  func sockmapVerdictRunsTheProgram(rung: Rung) throws {
    try KernelSymbol.require(attachType: "BPF_SK_SKB_VERDICT")
    if rung.way == .link { try KernelSymbol.require("sock_map_link_create", for: "links of socket maps") }
    let map = try #require(try Self.maps().map("sockets"))
    let verdict = try Self.fixture("on_verdict")
    let link = try verdict.program.attachSockmap(to: map, rungs: [rung])
    let pair = try Traffic.Pair()
    try map.set(Self.value(pair.server), forKey: [1, 0, 0, 0])
    try pair.exchange()
    #expect(try verdict.count > 0)
    #expect(link.rung == rung)
  }

  private static func value(_ socket: borrowing FileDescriptor) -> [UInt8] {
    let number = socket.number
    return unsafe withUnsafeBytes(of: number) { unsafe Array($0) }
  }

  @Test func netfilterRunsTheProgram() throws {
    try KernelSymbol.require("bpf_nf_link_attach", for: "BPF in netfilter")
    let network = try TestNetwork()
    let (fixture, other) = (try Self.fixture("on_netfilter"), try Self.fixture("on_netfilter"))
    try network.inside {
      for hook in [
        NetfilterHook(.ipv4, .localIn, priority: -10), NetfilterHook(.ipv4, .localOut),
        NetfilterHook(.ipv4, .preRouting, priority: 5, defragments: true),
      ] {
        let before = try fixture.count
        do {
          let link = try fixture.program.attachNetfilter(to: hook)
          try Traffic.datagram(.ipv4)
          #expect(try fixture.count > before)
          // The kernel has no update here.
          #expect(throws: LinkError.self) { try link.update(to: other.program) }
          let error = try #require(throws: AttachError.self) { _ = try other.program.attachNetfilter(to: hook) }
          #expect(error.report.contains("priority of its own"))
        }
      }
      #expect(throws: AttachError.self) {
        _ = try fixture.program.attachNetfilter(to: NetfilterHook(.ipv4, .localIn, priority: .min))
      }
    }
  }
  @Test func skLookupLinksLeaveNothing() throws {
    let network = try TestNetwork()
    let path = network.path
    try AttachmentRounds.leaveNothing("sk_lookup") {
      try Self.fixture("on_sk_lookup")
    } _: {
      try $0.program.attachSkLookup(toNamespace: path).detach()
    }
    _ = network.path
  }

  @Test(arguments: Rung.flowDissector)
  func flowDissectorsLeaveNothing(rung: Rung) throws {
    let network = try TestNetwork()
    let path = network.path
    try AttachmentRounds.leaveNothing("flow_dissector, \(rung)") {
      try Self.fixture("on_flow_dissector")
    } _: {
      try $0.program.attachFlowDissector(toNamespace: path, rungs: [rung]).detach()
    }
    _ = network.path
  }

  @Test func socketFiltersLeaveNothing() throws {
    let receiver = try FileDescriptor(socket: AF_INET, type: CInt(SOCK_DGRAM.rawValue), protocol: 0)
    let number = receiver.number
    try AttachmentRounds.leaveNothing("socket filter") {
      try Self.fixture("on_socket")
    } _: {
      try $0.program.attachSocketFilter(to: number).detach()
    }
    try receiver.setOption("SO_REUSEPORT", level: SOL_SOCKET, option: SO_REUSEPORT, CInt(1))
    try receiver.bind(to: [2, 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8))
    try AttachmentRounds.leaveNothing("reuseport") {
      try Self.fixture("on_reuseport")
    } _: {
      try $0.program.attachReuseport(to: number).detach()
    }
    _ = receiver.number
  }

  @Test(arguments: Rung.sockmap, ["on_sk_msg", "on_stream_verdict"])
  func sockmapProgramsLeaveNothing(rung: Rung, name: String) throws {
    if rung.way == .link { try KernelSymbol.require("sock_map_link_create", for: "links of socket maps") }
    let map = try #require(try Self.maps().map("sockets"))
    try AttachmentRounds.leaveNothing("sockmap \(name), \(rung)") {
      try Self.fixture(name)
    } _: {
      try $0.program.attachSockmap(to: map, rungs: [rung]).detach()
    }
  }

  @Test func netfilterLinksLeaveNothing() throws {
    try KernelSymbol.require("bpf_nf_link_attach", for: "BPF in netfilter")
    try TestNetwork().inside {
      try AttachmentRounds.leaveNothing("netfilter") {
        try Self.fixture("on_netfilter")
      } _: {
        try $0.program.attachNetfilter(to: NetfilterHook(.ipv6, .localIn)).detach()
      }
    }
  }

  /// The object's maps alone.
  private static func maps() throws -> LoadedObject {
    var spec = try ObjectSpec(name: "network.bpf.o", bytes: networkObject())
    for index in spec.programs.indices { spec.programs[index].isWanted = false }
    return try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)))
  }
}
