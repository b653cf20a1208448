import BPFLoader
import FixturePrograms
import Glibc
import LinuxCalls
import RouteNetlink
import Testing

@testable import BPFLinks

extension HookTests {
  private static func fixture(_ name: String = "on_classifier") throws -> HookFixture {
    try HookFixture(name, in: networkObject(), ownProcess: false)
  }

  private static func require(_ rung: Rung) throws {
    if rung.way == .link { try KernelSymbol.require("tcx_link_attach", for: "tcx") }
  }

  @Test(arguments: Rung.classifier, ClassifierDirection.allCases)
  func classifierRunsTheProgram(rung: Rung, direction: ClassifierDirection) throws {
    try Self.require(rung)
    let network = try TestNetwork()
    let fixture = try Self.fixture()
    try network.inside {
      do {
        let link = try fixture.program.attachClassifier(
          to: direction == .ingress ? "right" : "left", direction, rungs: [rung])
        #expect(link.rung == rung)
        try TestNetwork.sendFrames(count: 3)
        #expect(try eventually { try fixture.count >= 3 })
        let other = try Self.fixture("on_tcx_ingress")
        try link.update(to: other.program)
        try TestNetwork.sendFrames(count: 3)
        #expect(try eventually { try other.count >= 3 })
        // Another one is expected than is there.
        #expect(throws: LinkError.self) { try link.update(to: fixture.program, replacing: fixture.program) }
        try link.update(to: fixture.program, replacing: other.program)
      }
      #expect(try RouteSocket().ingressQdisc(of: TestNetwork.interface("left")) == nil)
      #expect(try RouteSocket().ingressQdisc(of: TestNetwork.interface("right")) == nil)
      let before = try fixture.count
      try TestNetwork.sendFrames()
      #expect(try fixture.count == before)
    }
  }

  @Test func theSectionSaysTheDirection() throws {
    let network = try TestNetwork()
    let (egress, either) = (try Self.fixture("on_tcx_egress"), try Self.fixture())
    try network.inside {
      let link = try egress.program.attachClassifier(to: "left", rungs: [Rung(.netlink)])
      _ = link.rung
      try TestNetwork.sendFrames()
      #expect(try eventually { try egress.count >= 3 })
      let error = try #require(throws: AttachError.self) { _ = try either.program.attachClassifier(to: "left") }
      #expect(error.report.contains("ingress or egress"))
    }
  }

  @Test func programsStandInTheOrderThatIsAskedFor() throws {
    try KernelSymbol.require("tcx_link_attach", for: "tcx")
    let network = try TestNetwork()
    let fixtures = try (0..<5).map { _ in try Self.fixture() }
    try network.inside {
      let ids = try fixtures.map { try $0.program.id() }
      func attach(_ index: Int, _ position: AttachPosition) throws -> Link {
        try fixtures[index].program.attachClassifier(to: "right", .ingress, position: position)
      }
      func order() throws -> [UInt32] { try Classifiers.attached(to: "right", .ingress).map(\.id) }
      let first = try attach(0, .last)
      let second = try attach(1, .before(first))
      #expect(try order() == [ids[1], ids[0]])
      let third = try attach(2, .first)
      let fourth = try attach(3, .after(fixtures[1].program))
      #expect(try order() == [ids[2], ids[1], ids[3], ids[0]])
      let fifth = try attach(4, .last)
      #expect(try order() == [ids[2], ids[1], ids[3], ids[0], ids[4]])
      #expect(try Classifiers.attached(to: "right", .ingress).first?.linkID == third.id())
      #expect(try Classifiers.attached(to: "right", .ingress).first?.name == "on_classifier")
      let gone = AttachPosition.before(.program(id: .max))
      #expect(throws: AttachError.self) { _ = try attach(0, gone) }
      for id in [try second.id(), try fourth.id(), try fifth.id()] { #expect(id != nil) }
      // Once more at the same place.
      let error = try #require(throws: AttachError.self) { _ = try attach(0, .last) }
      guard case .occupied(let occupants, _) = error.reason else {
        Issue.record("\(error)")
        return
      }
      #expect(occupants.count == 5)
    }
  }

  @Test func priorityAndHandleAreThoseOfChoice() throws {
    let network = try TestNetwork()
    let (one, other) = (try Self.fixture(), try Self.fixture())
    try network.inside {
      let place = FilterPlace(priority: 7, handle: 3)
      let link = try one.program.attachClassifier(to: "right", .ingress, filter: place, rungs: [Rung(.netlink)])
      let there = try Classifiers.attached(to: "right", .ingress)
      #expect(there.map(\.priority) == [7] && there.map(\.handle) == [3])
      let error = try #require(throws: AttachError.self) {
        _ = try other.program.attachClassifier(to: "right", .ingress, filter: place, rungs: [Rung(.netlink)])
      }
      #expect(error.report.contains("priority 7 handle 3"))
      try link.detach()
      #expect(try Classifiers.attached(to: "right", .ingress).isEmpty)
    }
  }

  @Test func aQdiscOfOthersStays() throws {
    let network = try TestNetwork()
    let (one, other) = (try Self.fixture(), try Self.fixture())
    try network.inside {
      let right = try TestNetwork.interface("right")
      let socket = try RouteSocket()
      try socket.createClsact(on: right)
      let ours = try one.program.attachClassifier(to: "right", .ingress, rungs: [Rung(.netlink)])
      try ours.detach()
      #expect(try socket.ingressQdisc(of: right) == "clsact")
      // One of ours goes with the last of ours, whoever of us made it.
      try socket.deleteClsact(from: right)
      let maker = try one.program.attachClassifier(to: "right", .ingress, rungs: [Rung(.netlink)])
      let last = try other.program.attachClassifier(to: "right", .egress, rungs: [Rung(.netlink)])
      try maker.detach()
      #expect(try socket.ingressQdisc(of: right) == "clsact")
      try last.detach()
      #expect(try socket.ingressQdisc(of: right) == nil)
      // Somebody else's filter keeps it.
      let third = try one.program.attachClassifier(to: "right", .ingress, rungs: [Rung(.netlink)])
      _ = try socket.addFilter(other.program.descriptor, name: "somebody", to: right, .egress)
      try third.detach()
      #expect(try socket.filters(on: right, .egress).map(\.name) == ["somebody"])
    }
  }

  private static func endedProcess() -> pid_t {
    var pid: pid_t = 0
    let arguments: [UnsafeMutablePointer<CChar>?] = unsafe [strdup("true"), nil]
    defer { unsafe free(arguments[0]) }
    let result = unsafe posix_spawnp(&pid, "true", nil, nil, arguments, nil)
    #expect(result == 0)
    _ = waitpid(pid, nil, 0)
    return pid
  }

  @Test func filtersOfKilledProcessesAreRemoved() throws {
    let network = try TestNetwork()
    let fixture = try Self.fixture()
    let pid = Self.endedProcess()
    let own = ProcessIdentity.current
    let dead = "merops:on_classifier:\(pid):1:\(own.namespace):qdisc"
    let living = FilterMark(program: "on_classifier", madeQdisc: true).text
    let elsewhere = "merops:on_classifier:\(pid):1:1"
    try network.inside {
      let right = try TestNetwork.interface("right")
      let socket = try RouteSocket()
      try socket.createClsact(on: right)
      for name in [living, dead, "on_classifier", elsewhere, "merops:\(pid)"] {
        _ = try socket.addFilter(fixture.program.descriptor, name: name, to: right, .ingress)
      }
      do {
        let link = try fixture.program.attachClassifier(to: "right", .ingress)
        #expect(link.leftOversRemoved.count == 1)
        #expect(link.leftOversRemoved.first?.contains("process \(pid)") ?? false)
        let names = try socket.filters(on: right, .ingress).map(\.name)
        #expect(Set(names).isSuperset(of: [living, "on_classifier", elsewhere, "merops:\(pid)"]))
        #expect(!names.contains(dead))
      }
      // The qdisc that a killed process made, goes too.
      try socket.deleteClsact(from: right)
      for rung in Rung.classifier {
        try socket.createClsact(on: right)
        _ = try socket.addFilter(fixture.program.descriptor, name: dead, to: right, .egress)
        do {
          let link = try fixture.program.attachClassifier(to: "right", .ingress, rungs: [rung])
          try link.detach()
        } catch is AttachError {
          // A kernel without tcx.
        }
        #expect(try socket.ingressQdisc(of: right) == nil)
      }
    }
  }

  @Test func aClassifierEndsWithItsInterface() throws {
    let network = try TestNetwork()
    let fixture = try Self.fixture()
    try network.inside {
      let byNetlink = try fixture.program.attachClassifier(to: "right", .ingress, rungs: [Rung(.netlink)])
      let byLink = try? fixture.program.attachClassifier(to: "right", .ingress, rungs: [Rung(.link)])
      try RouteSocket().delete(TestNetwork.interface("right"))
      #expect(endOf(byNetlink) == .noSuchFile)
      if let byLink {
        #expect(try !byLink.isAttached())
        #expect(throws: LinkError.self) { try byLink.update(to: fixture.program) }
      }
    }
  }

  @Test(arguments: Rung.classifier)
  func classifiersLeaveNothing(rung: Rung) throws {
    try Self.require(rung)
    try TestNetwork().inside {
      try AttachmentRounds.leaveNothing(rung.way == .link ? "tcx" : "clsact") {
        try Self.fixture()
      } _: {
        try $0.program.attachClassifier(to: "right", .ingress, rungs: [rung]).detach()
      }
      #expect(try Classifiers.attached(to: "right", .ingress).isEmpty)
    }
  }

  @Test(arguments: ["on_netkit_primary", "on_netkit_peer"])
  func netkitLinksLeaveNothing(name: String) throws {
    try KernelSymbol.require("netkit_link_attach", for: "netkit")
    try TestNetwork(.netkit).inside {
      try AttachmentRounds.leaveNothing("netkit, \(name)") {
        try Self.fixture(name)
      } _: {
        try $0.program.attachNetkit(to: "left", position: .first).detach()
      }
    }
  }

  @Test(arguments: ["left", "right"])
  func netkitRunsTheProgram(sender: String) throws {
    try KernelSymbol.require("netkit_link_attach", for: "netkit")
    let network = try TestNetwork(.netkit)
    let fixture = try Self.fixture(sender == "left" ? "on_netkit_primary" : "on_netkit_peer")
    let another = try Self.fixture(sender == "left" ? "on_netkit_primary" : "on_netkit_peer")
    try network.inside {
      let link = try fixture.program.attachNetkit(to: "left")
      let before = try another.program.attachNetkit(to: "left", position: .before(link))
      try TestNetwork.sendFrames(from: sender)
      #expect(try eventually { try fixture.count >= 3 })
      #expect(try another.count >= 3)
      #expect(try before.isAttached())
      try before.detach()
      try RouteSocket().delete(TestNetwork.interface("left"))
      #expect(try !link.isAttached())
    }
  }
}
