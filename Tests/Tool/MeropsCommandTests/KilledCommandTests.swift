import DemoNetwork
import FixturePrograms
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

/// A command that is killed, and where what it attaches stays without it.
struct KilledCommand: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// For `merops run`; another command has none.
  var object: (@Sendable () -> [UInt8])?
  let arguments: [String]
  /// What it says once all is attached.
  let isReadyWith: String
  /// Whether the kernel keeps the attachment for it, and the next start has to remove that.
  let outlivesProcess: Bool
  var definitions: Tracefs.Definitions?
  /// Whether others have a filter on the interface, too.
  var hasCompany = false

  private static let interface = DemoNetwork.serverInterface

  private static func without(_ programs: [String]) -> [String] { programs.flatMap { ["--disable", $0] } }

  private static let netlink =
    ["-i", interface, "--way", "netlink", "--direction", "ingress"]
    + without([
      "on_xdp_too", "on_tcx_ingress", "on_netkit_primary", "on_netkit_peer", "on_sk_lookup", "on_flow_dissector",
      "on_socket", "on_reuseport", "on_netfilter", "on_sk_msg", "on_stream_verdict", "on_verdict", "on_stream_parser",
    ])

  private static func probe(_ name: String, at target: String) -> [String] {
    let all = ["on_kprobe", "on_kprobes", "in_kprobe_session", "on_uprobe", "on_uprobes", "in_uprobe_session"]
    return ["--attach", "\(name)=\(target)", "--way", "tracefs"] + without(all.filter { $0 != name })
  }

  static let all = [
    KilledCommand(
      testDescription: "run over netlink", object: { networkObject() }, arguments: netlink,
      isReadyWith: "on_classifier is attached", outlivesProcess: true),
    KilledCommand(
      testDescription: "run over netlink, beside another's filter", object: { networkObject() }, arguments: netlink,
      isReadyWith: "on_classifier is attached", outlivesProcess: true, hasCompany: true),
    KilledCommand(
      testDescription: "run with kprobes in tracefs", object: { probesObject() },
      arguments: probe("on_kprobe", at: "tcp_v4_connect"), isReadyWith: "on_kprobe is attached",
      outlivesProcess: true, definitions: .kprobes),
    KilledCommand(
      testDescription: "run with uprobes in tracefs", object: { probesObject() },
      arguments: probe("on_uprobe", at: "libc:getppid"), isReadyWith: "on_uprobe is attached", outlivesProcess: true,
      definitions: .uprobes),
    KilledCommand(
      testDescription: "run with links", object: { watchObject() },
      arguments: ["-i", interface, "--disable", "add"], isReadyWith: "watch is attached",
      outlivesProcess: false),
    KilledCommand(
      testDescription: "capture with a link", arguments: ["-i", interface], isReadyWith: "capturing packets",
      outlivesProcess: false),
    KilledCommand(
      testDescription: "capture over netlink", arguments: ["-i", interface, "--attach", "netlink"],
      isReadyWith: "capturing packets", outlivesProcess: true),
  ]
}

extension Privileged {
  /// SIGKILL at any moment of loading and attaching: 200 times where MEROPS_ALL_ROUNDS is set.
  @Suite struct KilledCommandTests {
    private let rounds =
      ProcessInfo.processInfo.environment["MEROPS_ALL_ROUNDS"] == nil
      ? 6 : min(ProcessInfo.processInfo.environment["MEROPS_ROUNDS"].flatMap { Int($0) } ?? 200, 200)

    private static let kprobes = "/sys/bus/event_source/devices/kprobe"

    @Test(arguments: KilledCommand.all)
    func aKilledCommandLeavesNothing(command: KilledCommand) throws {
      if command.definitions == .kprobes, !FileManager.default.fileExists(atPath: Self.kprobes) {
        try Test.cancel("this kernel has no kprobes: \(Self.kprobes) is not there")
      }
      let network = try DemoNetwork()
      let scene = try Scene(command, in: network.server)
      let before = try BPFObjects.newest()
      func start() throws -> RunningProcess { try Tool.run(scene.arguments, in: network.server) }

      // In microseconds, how long it takes here and now until all is attached; the first time, modules are loaded, too.
      var window = Double.infinity
      for _ in 0..<2 {
        let begun = ContinuousClock.now
        let whole = try start()
        try whole.waitUntil(says: command.isReadyWith)
        window = min(window, (ContinuousClock.now - begun) * 1.3 / .microseconds(1))
        whole.signal(SIGINT)
        #expect(try whole.wait() == 0)
        #expect(try scene.leftOvers(in: network.server) == [])
      }

      var leaving = 0
      for round in 1...rounds {
        let killed = try start()
        if round == rounds {
          try killed.waitUntil(says: command.isReadyWith)
        } else {
          usleep(UInt32(Double.random(in: 0...window)))
        }
        killed.signal(SIGKILL)
        #expect(try killed.wait() == 128 + SIGKILL)
        let left = try scene.leftOvers(in: network.server)
        if left.isEmpty { continue }
        leaving += 1
        #expect(command.outlivesProcess, "\(left)")
        let next = try start()
        try next.waitUntil(says: command.isReadyWith)
        #expect(next.errors.contains("removed what a killed merops had left over"), "\(left): \(next.errors)")
        next.signal(SIGINT)
        #expect(try next.wait() == 0)
        let still = try scene.leftOvers(in: network.server)
        #expect(still == [], "after round \(round)")
      }
      print(
        "\(command.testDescription): killed \(rounds) times within \(Int(window / 1000)) ms, something was left \(leaving) times, and removed"
      )
      #expect(leaving > 0 || !command.outlivesProcess)
      #expect(try scene.othersAreThere(in: network.server), "another's filter or probe has gone")
      var orphans: [String] = []
      let areGone = try eventually {
        orphans = try BPFObjects.orphans(since: before)
        return orphans.isEmpty
      }
      #expect(areGone, "\(orphans)")
    }

    private func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
      for _ in 0..<100 {
        if try condition() { return true }
        usleep(100_000)
      }
      return false
    }
  }
}

/// What a command is killed in, and what others have there.
private final class Scene {
  let arguments: [String]
  private let command: KilledCommand
  private let file: URL?
  private let tracefs: Tracefs?
  private static let foreign = "others/theirs"

  init(_ command: KilledCommand, in namespace: borrowing NetworkNamespace) throws {
    self.command = command
    if let object = command.object {
      let file = FileManager.default.temporaryDirectory.appending(path: "killed-\(UUID().uuidString).bpf.o")
      try Data(object()).write(to: file)
      self.file = file
      arguments = ["run", file.path, "--no-printk"] + command.arguments
    } else {
      file = nil
      arguments = ["capture"] + command.arguments
    }
    tracefs = command.definitions == nil ? nil : Tracefs.found
    switch command.definitions {
    case .kprobes: try #require(tracefs).define("p:\(Self.foreign) tcp_v4_connect", in: .kprobes)
    case .uprobes: try #require(tracefs).define("p:\(Self.foreign) \(Tool.path):0x1000", in: .uprobes)
    case nil: break
    }
    guard command.hasCompany else { return }
    let device = ["dev", DemoNetwork.serverInterface]
    for words in [
      ["qdisc", "add"] + device + ["clsact"],
      ["filter", "add"] + device + ["ingress", "prio", "77", "bpf", "da", "bytecode", "1,6 0 0 4294967295,"],
    ] {
      let tc = try RunningProcess("tc", words, in: namespace)
      #expect(try tc.wait() == 0, "\(tc.errors)")
    }
  }

  deinit {
    if let file { try? FileManager.default.removeItem(at: file) }
    if let definitions = command.definitions { try? tracefs?.define("-:\(Self.foreign)", in: definitions) }
  }

  /// Whether a process defined it that has gone: `p:merops_NAMESPACE_PID_START/...`. Those of processes that live belong to other
  /// tests, which run at the same time.
  private static func isLeft(_ definition: String) -> Bool {
    guard let mark = definition.firstMatch(of: /:merops_\d+_(\d+)_\d+\//) else { return false }
    return !FileManager.default.fileExists(atPath: "/proc/\(mark.1)")
  }

  /// What commands of ours have on the interface or in tracefs, in words.
  func leftOvers(in namespace: borrowing NetworkNamespace) throws -> [String] {
    let isAlone = !command.hasCompany
    var found = try namespace.run { () throws(NetlinkError) -> [String] in
      let socket = try RouteSocket()
      guard let interface = try socket.interface(named: DemoNetwork.serverInterface) else { return [] }
      var found = interface.xdp.programIDs.map { "XDP program \($0)" }
      for hook in ClassifierHook.allCases {
        found += try socket.filters(on: interface, hook).map(\.name).filter { $0.hasPrefix("merops:") }
      }
      if isAlone, let qdisc = try socket.ingressQdisc(of: interface) { found.append("qdisc \(qdisc)") }
      return found
    }
    if let definitions = command.definitions {
      found += (tracefs?.definitions(in: definitions) ?? []).filter(Self.isLeft)
    }
    return found
  }

  func othersAreThere(in namespace: borrowing NetworkNamespace) throws -> Bool {
    if let definitions = command.definitions {
      return tracefs?.definitions(in: definitions).contains { $0.contains(":\(Self.foreign) ") } ?? false
    }
    guard command.hasCompany else { return true }
    return try namespace.run { () throws(NetlinkError) -> Bool in
      let socket = try RouteSocket()
      guard let interface = try socket.interface(named: DemoNetwork.serverInterface) else { return false }
      return try socket.filters(on: interface, .ingress).map(\.priority) == [77]
    }
  }
}

/// What is in the kernel of programs, maps and links, by their numbers, which only grow.
private enum BPFObjects {
  struct Newest { var program, map, link: UInt32 }

  static func newest() throws -> Newest {
    func last(_ kind: BPF.ObjectKind, _ id: (borrowing FileDescriptor) throws(SystemCallError) -> UInt32) throws
      -> UInt32
    {
      var last: UInt32 = 0
      try BPF.forEach(kind) { (object) throws(SystemCallError) in
        last = max(last, try id(object))
        return true
      }
      return last
    }
    return Newest(
      program: try last(.program) { (object) throws(SystemCallError) in try BPF.information(ofProgram: object).id },
      map: try last(.map) { (object) throws(SystemCallError) in try BPF.information(ofMap: object).id },
      link: try last(.link) { (object) throws(SystemCallError) in try BPF.information(ofLink: object).id })
  }

  /// What has been made since and no process holds. What other processes of this machine make, they hold.
  static func orphans(since newest: Newest) throws -> [String] {
    var orphans: [(kind: String, id: UInt32)] = []
    try BPF.forEach(.program) { (object) throws(SystemCallError) in
      let id = try BPF.information(ofProgram: object).id
      if id > newest.program { orphans.append(("prog_id", id)) }
      return true
    }
    try BPF.forEach(.map) { (object) throws(SystemCallError) in
      let id = try BPF.information(ofMap: object).id
      if id > newest.map { orphans.append(("map_id", id)) }
      return true
    }
    try BPF.forEach(.link) { (object) throws(SystemCallError) in
      let id = try BPF.information(ofLink: object).id
      if id > newest.link { orphans.append(("link_id", id)) }
      return true
    }
    let held = BPFHolder.all()
    return orphans.filter { held[$0.kind]?[$0.id] == nil }.map { "\($0.kind) \($0.id)" }
  }
}
