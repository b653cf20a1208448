import BPFLinks
import BPFLoader
import BPFObjectFile
import BPFRelocation
import FixturePrograms
import Glibc
import LinuxCalls
import RouteNetlink
import Synchronization
import Testing

extension HookTests {
  private static func fixture(_ name: String = "on_xdp") throws -> HookFixture {
    try HookFixture(name, in: networkObject(), ownProcess: false)
  }

  @Test(arguments: Rung.xdp)
  func xdpRunsTheProgram(rung: Rung) throws {
    let network = try TestNetwork()
    let (one, other) = (try Self.fixture(), try Self.fixture("on_xdp_too"))
    try network.inside {
      do {
        let link = try one.program.attachXDP(to: "right", rungs: [rung])
        #expect(link.rung == rung)
        try TestNetwork.sendFrames()
        #expect(try eventually { try one.count >= 3 })
        // Replaces what is there, provided that it is what is expected.
        #expect(throws: LinkError.self) { try link.update(to: other.program, replacing: other.program) }
        try link.update(to: other.program, replacing: one.program)
        let before = try one.count
        try TestNetwork.sendFrames()
        #expect(try eventually { try other.count >= 3 })
        #expect(try one.count == before)
      }
      #expect(try TestNetwork.interface("right").xdp.programIDs.isEmpty)
    }
  }

  @Test func offloadIsRefusedWithoutHardware() throws {
    let network = try TestNetwork()
    let fixture = try Self.fixture()
    try network.inside {
      for way in [Rung.Way.link, .netlink] {
        let error = try #require(throws: AttachError.self) {
          _ = try fixture.program.attachXDP(to: "right", rungs: [Rung(way, mode: .offload)])
        }
        guard case .refused(let refusals) = error.reason else {
          Issue.record("\(error)")
          return
        }
        #expect([Errno.invalidArgument, .notSupported].contains(refusals.first?.errno))
        #expect(error.report.contains("offload XDP by"))
      }
    }
  }

  /// Whoever is first keeps the hook until the end, and the others are told who it is.
  @Test(arguments: Rung.xdp.filter { $0.mode == .generic })
  func oneOfManyGetsTheHook(rung: Rung) throws {
    let network = try TestNetwork()
    try network.inside {
      let holders = Mutex(0)
      let tally = Mutex((won: 0, lost: 0))
      let threads = try (0..<4).map { _ in
        try JoinableThread {
          // A thread is in the namespace of the one that made it.
          guard let fixture = try? Self.fixture() else { return }
          for _ in 0..<10 {
            do {
              let link = try fixture.program.attachXDP(to: "right", rungs: [rung])
              #expect(
                holders.withLock {
                  $0 += 1
                  return $0
                } == 1)
              tally.withLock { $0.won += 1 }
              usleep(1000)
              holders.withLock { $0 -= 1 }
              try link.detach()
            } catch let error as AttachError {
              guard case .occupied = error.reason else {
                Issue.record("\(error.report)")
                continue
              }
              tally.withLock { $0.lost += 1 }
              usleep(500)
            } catch { Issue.record("\(error)") }
          }
        }
      }
      for thread in threads { thread.join() }
      #expect(tally.withLock { $0.won + $0.lost } == 40)
      #expect(tally.withLock { $0.won } > 0)
      #expect(try TestNetwork.interface("right").xdp.programIDs.isEmpty)
    }
  }

  @Test func xdpEndsWithItsInterface() throws {
    let network = try TestNetwork()
    let fixture = try Self.fixture()
    try network.inside {
      let byLink = try fixture.program.attachXDP(to: "right", rungs: [Rung(.link, mode: .native)])
      let byNetlink = try fixture.program.attachXDP(to: "left", rungs: [Rung(.netlink, mode: .native)])
      #expect(try byLink.isAttached())
      try RouteSocket().delete(TestNetwork.interface("right"))
      #expect(try !byLink.isAttached())
      let update = try #require(throws: LinkError.self) { try byLink.update(to: fixture.program) }
      #expect(update.cause.errno == Errno(rawValue: ENOLINK))
      #expect(endOf(byNetlink) == .noSuchDevice)
      let error = try #require(throws: AttachError.self) { _ = try fixture.program.attachXDP(to: "right") }
      #expect(error.description.contains("there is no such interface"))
    }
  }

  @Test func xdpEndsWithItsNamespace() throws {
    let fixture = try Self.fixture()
    var network: TestNetwork? = try TestNetwork()
    let link = try network?.inside {
      try fixture.program.attachXDP(to: "right", rungs: [Rung(.link, mode: .generic)])
    }
    guard let link else { return }
    #expect(try link.isAttached())
    network = nil
    // The kernel takes a namespace apart later.
    #expect(try eventually { try !link.isAttached() })
  }

  @Test(arguments: Rung.xdp)
  func xdpAttachmentsLeaveNothing(rung: Rung) throws {
    try TestNetwork().inside {
      try AttachmentRounds.leaveNothing("\(rung)") {
        try Self.fixture()
      } _: {
        try $0.program.attachXDP(to: "right", rungs: [rung]).detach()
      }
    }
  }

  @Test(arguments: ["devices", "processors"])
  func redirectionsLeaveNothing(name: String) throws {
    try TestNetwork().inside {
      let right = try TestNetwork.interface("right").index
      try AttachmentRounds.leaveNothing("xdp/\(name == "devices" ? "devmap" : "cpumap")") {
        try Redirections()
      } _: { redirections in
        let map = try #require(redirections.object.map(name))
        if name == "devices" {
          try map.setRedirection(forKey: 0, toInterface: right, program: redirections.object.program("on_device"))
        } else {
          let program = redirections.object.program("on_processor")
          try map.setRedirection(toProcessor: 0, queueLength: 64, program: program)
        }
        #expect(try map.delete([0, 0, 0, 0]))
      }
    }
  }

  private struct Redirections: RoundObjects {
    let object: LoadedObject
    var objects: [LoadedObject] { [object] }

    init() throws {
      let spec = try ObjectSpec(name: "redirect.bpf.o", bytes: redirectObject())
      object = try LoadedObject(loading: LoadPlan(spec, kernel: .running(for: spec)))
    }
  }

  @Test(arguments: ["to_device", "to_processor"])
  func aProgramRunsWhereAFrameIsSent(name: String) throws {
    let network = try TestNetwork()
    let object = try Redirections().object
    let redirects = try #require(object.program(name))
    let arrival = try #require(object.program("on_arrival"))
    let devices = try #require(object.map("devices"))
    let processors = try #require(object.map("processors"))
    let counts = try #require(object.map(ofSection: ".bss"))
    @Sendable func count(_ index: Int) throws -> UInt64 {
      let value = try counts.value(forKey: [0, 0, 0, 0])
      return value[8 * index..<8 * index + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    try network.inside {
      try devices.setRedirection(
        forKey: 0, toInterface: TestNetwork.interface("right").index, program: object.program("on_device"))
      try processors.setRedirection(toProcessor: 0, queueLength: 64, program: object.program("on_processor"))
      let rung = Rung(.link, mode: .native)
      let link = try redirects.attachXDP(to: "right", rungs: [rung])
      // A veth takes redirected frames when the other end has a program of its own.
      let other = try arrival.attachXDP(to: "left", rungs: [rung])
      try TestNetwork.sendFrames()
      if name == "to_device" {
        #expect(try eventually { try count(0) >= 3 && count(2) >= 3 })
      } else {
        #expect(try eventually { try count(1) >= 3 })
      }
      #expect(try link.isAttached() && other.isAttached())
    }
  }
}
