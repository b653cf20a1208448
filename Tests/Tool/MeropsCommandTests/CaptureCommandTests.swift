import DemoNetwork
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// What the built command does, from outside: output, exit status, and what it leaves behind.
  @Suite struct CaptureCommandTests {
    private let interface = DemoNetwork.serverInterface

    private func send(_ count: Int, in network: borrowing DemoNetwork, port: UInt16 = 9) throws {
      let frames = (0..<count).map { number in
        Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(2000 + number % 1000), to: port)))
      }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
    }

    /// Programs on the server's interface, as rtnetlink tells of them.
    private func attachedPrograms(_ network: borrowing DemoNetwork) throws -> [UInt32] {
      try network.server.run { () throws(NetlinkError) in
        try RouteSocket().interface(named: DemoNetwork.serverInterface)?.xdp.programIDs ?? []
      }
    }

    @Test func endsAfterTheCountAndAccountsForTheRest() throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "merops-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        ["-i", interface, "-c", "3", "--stats-json", file.path, "tcp"], in: network.server)
      try send(10, in: network)
      #expect(try capture.wait() == 0)
      #expect(capture.outputLines.count == 3)
      let statistics = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      #expect(statistics["delivered"] as? Int == 3)
      #expect(statistics["matched"] as? Int == 3)
      #expect(statistics["via"] as? String == "xdp-native")
      let passedOver = try #require(statistics["passed_over"] as? [String: Int])
      #expect(statistics["seen"] as? Int == 3 + passedOver.values.reduce(0, +))
    }

    @Test func endsOnTheClockWhenNothingArrives() throws {
      let network = try DemoNetwork()
      let capture = try Tool.run(["capture", "-i", interface, "--duration", "0.3", "tcp"], in: network.server)
      #expect(try capture.wait() == 0)
      #expect(capture.output.isEmpty)
      #expect(capture.errors.contains("0 packets captured, 0 lost"))
      #expect(try attachedPrograms(network).isEmpty)
    }

    @Test(arguments: [
      (["--via", "xdp"], "native XDP by bpf_link"), (["--via", "xdp-generic"], "generic XDP by bpf_link"),
      (["--attach", "netlink"], "native XDP by netlink"),
      (["--attach", "netlink", "--via", "xdp-generic"], "generic XDP by netlink"),
    ])
    func capturesOnEveryRungAndDetaches(options: [String], rung: String) throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", interface] + options + ["tcp"], in: network.server)
      #expect(capture.errors.contains(rung))
      #expect(try attachedPrograms(network).count == 1)
      try send(5, in: network)
      try capture.waitUntil("five packets are printed") { capture.outputLines.count == 5 }
      capture.signal(SIGTERM)
      #expect(try capture.wait() == 0)
      #expect(try attachedPrograms(network).isEmpty)
    }

    /// What is not TCP, too short, or behind too many headers is shown as far as it goes.
    @Test func takesEveryPacket() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(
        ["-i", interface, "-c", "6", "-t", "ether src 02:00:00:00:00:01"], in: network.server)
      let tag: (protocol: UInt16, tag: UInt16) = (0x8100, 1)
      let tcp = Frame.ipv4(Frame.tcp(from: 1))
      let header: [UInt8] = [0, 0, 1, 4, 0, 0, 0, 0]
      let endless = Frame.ipv6((0..<20).flatMap { _ in header }, next: 0)
      let frames = [
        Frame(ethertype: 0x88b5, [1, 2, 3]), Frame(ethertype: 0x0800, Frame.ipv4([0, 0, 0, 0], protocol: 17)),
        Frame(ethertype: 0x0800, Array(tcp.prefix(10))), Frame(tags: [tag, tag, tag], ethertype: 0x0800, tcp),
        Frame(ethertype: 0x86dd, endless), Frame(ethertype: 0x0800, tcp),
      ]
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
      #expect(try capture.wait() == 0)
      #expect(capture.output.contains("Flags [S]") || capture.output.contains("Flags ["))
      #expect(capture.errors.contains("6 packets captured, 0 lost"))
    }

    @Test(arguments: [
      (["tcp", "port", "443"], 2), (["--pcap-exact", "tcp port 443"], 1), (["tcp", "and", "not", "port", "443"], 1),
    ])
    func theKernelFilters(filter: [String], count: Int) throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "counters-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(["-i", interface, "--stats-json", file.path] + filter, in: network.server)
      let (wanted, other) = (Frame.ipv4(Frame.tcp(from: 1000, to: 443)), Frame.ipv4(Frame.tcp(from: 1001, to: 80)))
      let tag: (protocol: UInt16, tag: UInt16) = (0x8100, 5)
      let frames = [
        Frame(ethertype: 0x0800, wanted), Frame(tags: [tag], ethertype: 0x0800, wanted),
        Frame(ethertype: 0x0800, other),
      ]
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
      try capture.waitUntil("\(count) packets are printed") { capture.outputLines.count == count }
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      let statistics = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      let passedOver = try #require(statistics["passed_over"] as? [String: Int])
      #expect(statistics["matched"] as? Int == count)
      #expect(passedOver["filtered_out"] ?? 0 >= 3 - count)
      #expect(statistics["seen"] as? Int == count + passedOver.values.reduce(0, +))
    }

    @Test(arguments: [false, true])
    func packetsGoIntoAFileThatOthersRead(isUnbuffered: Bool) throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "packets-\(UUID().uuidString).pcapng")
      defer { try? FileManager.default.removeItem(at: file) }
      let options = ["-i", interface, "-w", file.path, "-c", "2"] + (isUnbuffered ? ["-U"] : [])
      let capture = try Tool.capture(options + ["tcp port 443"], in: network.server)
      let frames = [443, 80, 443].map { Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 1000, to: $0))) }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
      #expect(try capture.wait() == 0)
      #expect(capture.output.isEmpty)
      let ours = try Tool.run(["capture", "-r", file.path, "-nn", "-t"], in: network.server)
      #expect(try ours.wait() == 0)
      let tcpdump = try RunningProcess("tcpdump", ["-r", file.path, "-nn", "-t"], in: .current())
      #expect(try tcpdump.wait() == 0, "\(tcpdump.errors)")
      #expect(tcpdump.outputLines.count == 2)
      #expect(ours.outputLines == tcpdump.outputLines)
    }

    @Test func aFilterThatIsNoneIsBadUsage() throws {
      let network = try DemoNetwork()
      let capture = try Tool.run(["capture", "-i", interface, "tcp prot 443"], in: network.server)
      #expect(try capture.wait() == 2)
      #expect(capture.errors.contains("tcp prot 443\n      ^^^^"))
      let listing = try Tool.run(["capture", "-d", "ip"], in: network.server)
      #expect(try listing.wait() == 0)
      #expect(listing.outputLines.last?.hasSuffix("exit") == true)
    }

    /// With more branches behind each other than the verifier follows.
    @Test func aFilterThatIsTooLargeForTheVerifierIsCalledThat() throws {
      let network = try DemoNetwork()
      let filter = (0..<8400).map { "len>\($0)" }.joined(separator: "&&")
      let capture = try Tool.run(["capture", "-i", interface, filter], in: network.server)
      // The verifier goes through a million instructions each time, without and with a log: minutes on an emulated machine.
      #expect(try capture.wait(seconds: 6 * patience) == 1)
      #expect(capture.errors.contains("the filter is too large for the verifier of this kernel"))
      #expect(capture.errors.contains("net 10.1.2.0/24"))
    }

    @Test(arguments: ["ring", "perf"]) func showsASinglePacketSoonAfterALongSilence(transport: String) throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", interface, "--transport", transport, "tcp"], in: network.server)
      // Long enough for the reader to have gone to sleep for good; what wakes it is the packet.
      usleep(300_000)
      try send(1, in: network)
      try capture.waitUntil("the packet is printed") { capture.outputLines.count == 1 }
      try send(1, in: network)
      try capture.waitUntil("the next one is printed") { capture.outputLines.count == 2 }
      usleep(300_000)
      // What wakes it does so each time.
      try send(1, in: network)
      try capture.waitUntil("the last one is printed") { capture.outputLines.count == 3 }
    }

    @Test(arguments: ["ring", "perf"]) func losesNothingUnseenWithASmallRing(transport: String) throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "merops-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        ["-i", interface, "--transport", transport, "--ring-size", "4K", "--stats-json", file.path, "tcp"],
        in: network.server)
      // A stopped reader is the slowest there is.
      capture.signal(SIGSTOP)
      try send(500, in: network)
      capture.signal(SIGCONT)
      usleep(100_000)
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      let statistics = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      let lost = try #require(statistics["lost"] as? [String: Int])
      #expect(statistics["matched"] as? Int == 500)
      #expect(lost["ring_full"] ?? 0 > 0)
      #expect(statistics["delivered"] as? Int == 500 - lost.values.reduce(0, +))
      #expect(capture.outputLines.count == statistics["delivered"] as? Int)
      // Where each CPU has a ring of its own, it is told which ones were full.
      let ofCPUs = statistics["lost_by_cpu"] as? [String: Int]
      #expect((ofCPUs != nil) == (transport == "perf"))
      guard let ofCPUs else { return }
      #expect(statistics["transport"] as? String == "perf")
      #expect(ofCPUs.values.reduce(0, +) == lost["ring_full"])
      let told = ofCPUs.sorted { $0.key < $1.key }.map { "\($0.value) on CPU \($0.key)" }.joined(separator: ", ")
      #expect(capture.errors.contains("\nlost \(told)\n"))
    }

    /// While packets come faster than they are printed.
    @Test(arguments: [["ring"], ["perf"], ["perf", "-s", "0", "--via", "tc"]])
    func accountsForAFlood(options: [String]) throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "merops-\(UUID().uuidString).json")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        [
          "-i", interface, "-t", "-v", "--ring-size", "16K", "--stats", "0.05", "--stats-json", file.path,
          "--transport",
        ] + options + ["tcp dst port 9"], in: network.server)
      let sent = 20_000
      for _ in 0..<20 { try send(sent / 20, in: network) }
      usleep(100_000)
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      let statistics = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
      let lost = try #require(statistics["lost"] as? [String: Int]).values.reduce(0, +)
      let passedOver = try #require(statistics["passed_over"] as? [String: Int]).values.reduce(0, +)
      #expect(statistics["matched"] as? Int == sent)
      #expect(statistics["seen"] as? Int == sent + passedOver)
      #expect(statistics["delivered"] as? Int == sent - lost)
      #expect(capture.output.split(separator: "\n").count { $0.hasPrefix("    ") } == sent - lost)
      // The sums that were told meanwhile hold, too.
      let told = capture.errors.matches(of: /matched (\d+), delivered (\d+), lost (\d+)/)
      #expect(told.allSatisfy { Int($0.1) == (Int($0.2) ?? 0) + (Int($0.3) ?? 0) })
    }

    @Test func printsTheCountersOnASignalAndGoesOn() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", interface, "tcp"], in: network.server)
      try send(2, in: network)
      try capture.waitUntil("two packets are printed") { capture.outputLines.count == 2 }
      capture.signal(SIGUSR1)
      try capture.waitUntil(says: "matched 2, delivered 2, lost 0")
      try send(1, in: network)
      try capture.waitUntil("the third is printed") { capture.outputLines.count == 3 }
    }

    @Test func endsQuietlyWhenThePipeIsClosed() throws {
      let network = try DemoNetwork()
      let pipe = Pipe()
      let capture = try Tool.capture(["-i", interface, "tcp"], in: network.server, output: pipe.fileHandleForWriting)
      try pipe.fileHandleForWriting.close()
      try pipe.fileHandleForReading.close()
      try send(1, in: network)
      #expect(try capture.wait() == 0)
      #expect(!capture.errors.contains("merops:"))
    }

    @Test func saysWhenTheDiskIsFullAndCountsWhatWasNotWritten() throws {
      let network = try DemoNetwork()
      let full = try FileHandle(forWritingTo: URL(fileURLWithPath: "/dev/full"))
      let capture = try Tool.capture(["-i", interface, "tcp"], in: network.server, output: full)
      try send(1, in: network)
      #expect(try capture.wait() == 1)
      #expect(capture.errors.contains("No space left on device (ENOSPC)"))
      #expect(capture.errors.contains("1 not_written"))
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR2, SIGALRM, SIGSEGV, SIGABRT, SIGILL, SIGTRAP])
    func aNetlinkAttachmentIsTakenBackWhateverCanBeCaught(number: Int32) throws {
      let network = try DemoNetwork()
      // Swift's own handler, which prints a backtrace, would let the process live on: there was no real crash.
      let capture = try Tool.run(
        ["capture", "-i", interface, "--attach", "netlink"], in: network.server,
        environment: ["SWIFT_BACKTRACE": "enable=no"])
      try capture.waitUntil(says: "capturing packets received")
      #expect(try attachedPrograms(network).count == 1)
      capture.signal(number)
      try capture.wait()
      #expect(try attachedPrograms(network).isEmpty)
    }

    @Test func aLinkDiesWithItsProcess() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", interface, "tcp"], in: network.server)
      #expect(try attachedPrograms(network).count == 1)
      capture.signal(SIGKILL)
      try capture.wait()
      #expect(try attachedPrograms(network).isEmpty)
    }

    @Test func aLeftOverOfAKilledProcessIsRemovedByTheNext() throws {
      let network = try DemoNetwork()
      let killed = try Tool.capture(["-i", interface, "--attach", "netlink"], in: network.server)
      killed.signal(SIGKILL)
      try killed.wait()
      #expect(try attachedPrograms(network).count == 1)
      let next = try Tool.capture(["-i", interface, "tcp"], in: network.server)
      #expect(next.errors.contains("left over"))
      next.signal(SIGINT)
      #expect(try next.wait() == 0)
      #expect(try attachedPrograms(network).isEmpty)
    }

    @Test func namesTheProgramThatIsThereAlready() throws {
      let network = try DemoNetwork()
      let first = try Tool.capture(["-i", interface, "tcp"], in: network.server)
      let second = try Tool.run(["capture", "-i", interface], in: network.server)
      #expect(try second.wait() == 1)
      #expect(second.errors.contains("\"merops_capture\""))
      #expect(second.errors.contains("held by merops (pid \(first.pid))"))
      // The first goes on.
      try send(1, in: network)
      try first.waitUntil("the packet is printed") { first.outputLines.count == 1 }
    }

    @Test func endsWhenTheInterfaceGoes() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", interface, "tcp"], in: network.server)
      try network.server.run { () throws(NetlinkError) in
        let socket = try RouteSocket()
        if let interface = try socket.interface(named: DemoNetwork.serverInterface) { try socket.delete(interface) }
      }
      #expect(try capture.wait() == 1)
      #expect(capture.errors.contains("went away while capturing"))
      #expect(capture.errors.contains("0 packets captured, 0 lost"))
    }

    @Test func namesNearInterfaces() throws {
      let network = try DemoNetwork()
      let capture = try Tool.run(["capture", "-i", "veth-servr"], in: network.server)
      #expect(try capture.wait() == 1)
      #expect(capture.errors.contains("Did you mean veth-server"))
    }

    @Test func listsInterfacesWithTheirAbility() throws {
      let network = try DemoNetwork()
      let list = try Tool.run(["capture", "-D"], in: network.server)
      #expect(try list.wait() == 0)
      #expect(list.output.contains(#/1\.lo \[Up, Running, Loopback\]  XDP: generic/#))
      #expect(
        list.output.contains(#/\d+\.veth-server \[Up, Running\]  XDP: (native, generic|generic; native is not known)/#))
    }

    @Test(arguments: [
      (["-c", "-5"], "-c -5"), (["-c", "0"], "-c 0"), (["--ring-size", "0"], "power of two"),
      (["--ring-size", "70000"], "131072 would do"), (["-p", "4711"], "not promiscuous"),
      (["-p4711"], "not promiscuous"),
      (["--duration", "-1"], "--duration -1"), (["--format", "yaml"], "format"), (["--via", "pf"], "via"),
      (["-s", "300000"], "-s 300000"), (["-Q", "up"], "'up' is no direction"), (["-i", "lo"], "-i lo is given twice"),
      (["-i", "any"], "-i any has all interfaces"),
      (["--via", "interpreter"], "for packets of files (-r). Here: auto, xdp"),
      (["--transport", "pigeon"], "transport"),
      (["--transport", "perf", "-s", "65479"], "a record has room for 65478 bytes"),
    ])
    func refusesBadUsage(options: [String], hint: String) throws {
      let network = try NetworkNamespace()
      let capture = try Tool.run(["capture", "-i", "lo"] + options, in: network)
      #expect(try capture.wait() == 2)
      #expect(capture.errors.contains(hint))
      #expect(capture.output.isEmpty)
    }

    @Test func demonstrationShowsBothFamiliesAndBothDirections() throws {
      let namespace = try NetworkNamespace.current()
      let demo = try Tool.run(["demo"], in: namespace)
      #expect(try demo.wait() == 0)
      for line in ["IP 192.0.2.1.", "IP 192.0.2.2.80 >", "IP6 2001:db8::1.", "IP6 2001:db8::2.80 >", "Flags [R.]"] {
        #expect(demo.output.contains(line))
      }
      #expect(!demo.output.contains("\u{1b}"))
    }

    @Test func printsValidJSON() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(
        ["-i", interface, "--format", "json", "ether src 02:00:00:00:00:01"], in: network.server)
      try Frame.send(Frame.all.map(\.frame), from: DemoNetwork.clientInterface, in: network.client)
      try capture.waitUntil("all packets are printed") { capture.outputLines.count == Frame.all.count }
      for line in capture.outputLines {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["frame.interface_name"] as? String == interface)
      }
    }

    @Test func missingCapabilitiesAreNamed() throws {
      let namespace = try NetworkNamespace.current()
      let capture = try RunningProcess(
        "setpriv", ["--bounding-set=-all", "--inh-caps=-all", Tool.path, "capture", "-i", "lo"], in: namespace)
      #expect(try capture.wait() == 1)
      #expect(capture.errors.contains("lacks CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON"))
    }

    @Test(arguments: ["ring", "perf"]) func threeCapabilitiesSufficeWithoutRoot(transport: String) throws {
      let network = try DemoNetwork()
      // Before Linux 5.11 maps count against it, which those three do not raise.
      try? raiseMemoryLockLimit()
      let capabilities = "+bpf,+net_admin,+perfmon"
      let capture = try RunningProcess(
        "setpriv",
        [
          "--reuid=65534", "--clear-groups", "--inh-caps=-all,\(capabilities)", "--ambient-caps=-all,\(capabilities)",
          "--bounding-set=-all,\(capabilities)", Tool.path, "capture", "-i", interface, "--transport", transport,
          "tcp",
        ], in: network.server)
      let level = line(ofFile: "/proc/sys/kernel/perf_event_paranoid").flatMap { Int($0) } ?? 0
      if transport == "perf", level > 2 {
        // As Debian has it.
        #expect(try capture.wait() == 1)
        #expect(capture.errors.contains("perf_event_open where kernel.perf_event_paranoid is \(level) ("))
        return
      }
      try capture.waitUntil(says: "capturing packets received")
      try send(1, in: network)
      try capture.waitUntil("the packet is printed") { capture.outputLines.count == 1 }
    }
  }
}
