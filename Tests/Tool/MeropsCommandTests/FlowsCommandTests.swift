import DemoNetwork
import Foundation
import LinuxCalls
import Synchronization
import Testing

/// What is wrong is said before anything is tried.
@Suite struct FlowsUsageTests {
  @Test(arguments: [
    [], ["-i", "any", "-i", "lo"], ["-i", "lo", "-i", "lo"], ["-i", "lo", "--flows", "0"],
    ["-i", "lo", "--flows", "17M"], ["-i", "lo", "--sample", "2/3"], ["-i", "lo", "--sample", "0"],
    ["-i", "lo", "--top", "0"], ["-i", "lo", "--interval", "0"], ["-i", "lo", "--sort", "size"],
    ["-i", "lo", "--via", "kprobe"], ["-i", "lo", "--format", "live"], ["-i", "lo", "-Q", "up"],
    ["-i", "lo", "tcp port"],
  ])
  func refusesWhatMakesNoSense(arguments: [String]) throws {
    let process = try Tool.run(["flows"] + arguments, in: .current())
    #expect(try process.wait() == 2)
    #expect(!process.errors.isEmpty)
    #expect(process.output.isEmpty)
  }

  @Test func showsTheFilterWithoutPrivileges() throws {
    let process = try Tool.run(["flows", "-d", "tcp"], in: .current())
    #expect(try process.wait() == 0)
    #expect(process.output.contains("exit"))
  }
}

extension Privileged {
  @Suite struct FlowsCommandTests {
    private let interface = DemoNetwork.serverInterface

    private static func file(_ name: String) -> URL {
      FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString)")
    }

    /// Starts counting on the server's interface, and waits until it is attached for all directions.
    private func flows(
      _ arguments: [String], in network: borrowing DemoNetwork, attachments: Int = 2
    ) throws -> RunningProcess {
      let process = try Tool.run(["flows", "-i", interface] + arguments, in: network.server)
      try process.waitUntil("it is attached") {
        process.errors.components(separatedBy: "capturing packets").count > attachments
      }
      return process
    }

    private func finish(_ process: RunningProcess) throws {
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
    }

    private func objects(_ output: String) throws -> [[String: Any]] {
      try output.split(separator: "\n").map {
        try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
      }
    }

    private func statistics(_ file: URL) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }

    /// What one end sent to the other.
    struct Sent: Hashable {
      var packets = 0
      var bytes = 0
      var flags = 0
      var lastSequence = 0
      var lastAcknowledgement = 0
    }

    /// By `source:port > destination:port`, from whole frames of TCP without options of IP.
    private func sent(in packets: FilePackets) -> [String: Sent] {
      packets.packets.reduce(into: [:]) { sent, element in
        let bytes = element.bytes
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 << 8 | Int($1) } }
        let isIPv6 = number(12..<14) == 0x86dd
        let (source, destination, tcp) = isIPv6 ? (22..<38, 38..<54, 54) : (26..<30, 30..<34, 34)
        func end(_ address: Range<Int>, _ port: Int) -> String {
          "\(IPAddress(bytes: Array(bytes[address]))?.description ?? "?"):\(number(port..<port + 2))"
        }
        var one = sent["\(end(source, tcp)) > \(end(destination, tcp + 2))", default: Sent()]
        one.packets += 1
        one.bytes += bytes.count
        one.flags |= Int(bytes[tcp + 13])
        one.lastSequence = number(tcp + 4..<tcp + 8)
        one.lastAcknowledgement = number(tcp + 8..<tcp + 12)
        sent["\(end(source, tcp)) > \(end(destination, tcp + 2))"] = one
      }
    }

    private func sent(in flows: [[String: Any]]) -> [String: Sent] {
      var all: [String: Sent] = [:]
      for flow in flows {
        func end(_ name: String) -> String {
          "\(flow["\(name).addr"] as? String ?? "?"):\(flow["\(name).port"] as? Int ?? 0)"
        }
        for (from, to) in [("a", "b"), ("b", "a")] where flow["\(from).packets"] as? Int != 0 {
          all["\(end(from)) > \(end(to))"] = Sent(
            packets: flow["\(from).packets"] as? Int ?? 0, bytes: flow["\(from).bytes"] as? Int ?? 0,
            flags: (flow["\(from).tcp.flags"] as? String).flatMap { Int($0.dropFirst(2), radix: 16) } ?? 0,
            lastSequence: flow["\(from).tcp.seq"] as? Int ?? 0,
            lastAcknowledgement: flow["\(from).tcp.ack"] as? Int ?? 0)
        }
      }
      return all
    }

    /// Each direction of each connection, over IPv4 and IPv6: as many packets and bytes, the same flags and the same last numbers
    /// as whole packets say that tcpdump took beside it.
    @Test(arguments: [[], ["--via", "tc"], ["--via", "xdp-generic"], ["--attach", "netlink"]])
    func countsWhatTcpdumpSees(options: [String]) throws {
      let network = try DemoNetwork()
      let (file, statsFile) = (Self.file("flows.pcap"), Self.file("flows.json"))
      defer { for file in [file, statsFile] { try? FileManager.default.removeItem(at: file) } }
      let counting = try flows(options + ["--format", "json", "--stats-json", statsFile.path, "tcp"], in: network)
      let tcpdump = try RunningProcess(
        "tcpdump", ["-w", file.path, "-U", "--immediate-mode", "-B", "32768", "-i", interface, "tcp"],
        in: network.server)
      try tcpdump.waitUntil(says: "listening on")
      let connections = try DemoTraffic.run(in: network)
      usleep(500_000)
      try finish(counting)
      tcpdump.signal(SIGINT)
      #expect(try tcpdump.wait() == 0)
      let flows = try objects(counting.output)
      let expected = sent(in: try FilePackets(of: file))
      #expect(expected.count == 2 * connections)
      #expect(sent(in: flows) == expected)
      // The client opened them all.
      #expect(flows.count == connections)
      for flow in flows {
        #expect(flow["initiator"] as? String == "syn")
        #expect(["192.0.2.1", "2001:db8::1"].contains(flow["a.addr"] as? String))
        #expect(flow["interface_name"] as? String == interface)
        let times = ["a.first_epoch", "a.last_epoch", "b.first_epoch", "b.last_epoch"].map {
          Double(flow[$0] as? String ?? "") ?? 0
        }
        #expect(abs(times[0] - Date().timeIntervalSince1970) < 100)
        #expect(times[0] <= times[2] && times[0] <= times[1] && times[2] <= times[3])
      }
      // Every packet came out somewhere.
      let statistics = try statistics(statsFile)
      let total = expected.values.reduce(0) { $0 + $1.packets }
      #expect(statistics["counted"] as? Int == total)
      #expect(statistics["matched"] as? Int == total)
      #expect(statistics["inserted"] as? Int == connections)
      #expect(statistics["evicted"] as? Int == 0)
      let passedOver = try #require(statistics["passed_over"] as? [String: Int])
      #expect(statistics["seen"] as? Int == total + passedOver.values.reduce(0, +))
      #expect(counting.errors.contains("\(total) packets counted, 0 lost"))
    }

    /// Tags, extension headers, fragments, cut headers and ICMP: by XDP and by a classifier.
    @Test(arguments: ["xdp", "tc"])
    func findsTheirWayThroughHeaders(via: String) throws {
      let network = try DemoNetwork()
      let counting = try flows(
        ["-Q", "in", "--via", via, "--format", "json", "ether src 02:00:00:00:00:01"], in: network, attachments: 1)
      let echo: [UInt8] = [8, 0, 0, 0, 0x12, 0x34, 0, 1]
      let unreachable: [UInt8] = [3, 1, 0, 0, 0, 0, 0, 0]
      let udp: [UInt8] = [0x07, 0xd0, 0, 53, 0, 8, 0, 0]
      let more = [
        Frame(ethertype: 0x0800, Frame.ipv4(echo, protocol: 1)),
        Frame(ethertype: 0x0800, Frame.ipv4(echo, protocol: 1)),
        Frame(ethertype: 0x0800, Frame.ipv4(unreachable, protocol: 1)),
        Frame(ethertype: 0x86dd, Frame.ipv6([129, 0, 0, 0, 0x12, 0x35, 0, 1], next: 58)),
        Frame(ethertype: 0x86dd, Frame.ipv6([133, 0, 0, 0, 0, 0, 0, 0], next: 58)),
        Frame(ethertype: 0x0800, Frame.ipv4(udp, protocol: 17)),
        Frame(ethertype: 0x0800, Frame.ipv4(udp, protocol: 132)),
        Frame(ethertype: 0x0800, Frame.ipv4([1, 2, 3, 4, 5, 6, 7, 8], protocol: 47)),
        Frame(ethertype: 0x0800, Frame.ipv4([1, 2, 3], protocol: 6)), Frame(ethertype: 0x88b5, [1, 2, 3]),
      ]
      try Frame.send(Frame.all.map(\.frame) + more, from: DemoNetwork.clientInterface, in: network.client)
      usleep(300_000)
      try finish(counting)
      let flows = try objects(counting.output)
      func count(_ member: String, _ value: Int, _ number: String) -> Int? {
        let found = flows.filter { $0[member] as? Int == value && $0["protocol"] as? String == number }
        return found.count == 1 ? found[0]["a.packets"] as? Int : nil
      }
      // All that have ports, which is one flow each.
      let ports = [1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1010, 1011, 1012, 1014, 1015, 1016]
      for port in ports { #expect(count("a.port", port, "tcp") == 1, "\(port)") }
      #expect(flows.count { $0["later_fragments"] as? Bool == true && $0["protocol"] as? String == "tcp" } == 2)
      #expect(flows.count { $0["cut"] as? Bool == true && $0["a.packets"] as? Int == 1 } == 1)
      #expect(count("icmp.ident", 0x1234, "icmp") == 2)
      #expect(count("icmp.ident", 0x1235, "icmp6") == 1)
      #expect(count("icmp.type", 3, "icmp") == 1)
      #expect(count("icmp.type", 133, "icmp6") == 1)
      #expect(count("a.port", 2000, "udp") == 1)
      #expect(count("a.port", 2000, "sctp") == 1)
      #expect(count("ip.proto", 47, "gre") == 1)
      #expect(flows.count == ports.count + 2 + 1 + 4 + 2 + 1)
      // A header of IP that is too short, and what is no IP.
      #expect(counting.errors.contains("2 not_ip"))
      #expect(counting.errors.contains(", 0 lost"))
      let odd = flows.first { $0["a.port"] as? Int == 1016 }
      #expect(odd?["a.tcp.flags"] as? String == "0x00ff")
    }

    /// More flows than there is room for: the kernel forgets some, and each of those is told of.
    @Test func countsWhatItForgets() throws {
      let network = try DemoNetwork()
      let file = Self.file("flows.json")
      defer { try? FileManager.default.removeItem(at: file) }
      let counting = try flows(
        ["-Q", "in", "--flows", "16", "--stats-json", file.path, "--format", "json", "tcp dst port 9"], in: network,
        attachments: 1)
      let frames = (0..<500).map { Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(2000 + $0)))) }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
      usleep(300_000)
      try finish(counting)
      let statistics = try statistics(file)
      func number(_ name: String) -> Int { statistics[name] as? Int ?? -1 }
      let lost = try #require(statistics["lost"] as? [String: Int])
      let there = try objects(counting.output)
      #expect(number("matched") == 500)
      #expect(number("counted") + lost.values.reduce(0, +) == 500)
      #expect((1...16).contains(there.count))
      #expect(number("flows") == there.count)
      #expect(number("capacity") == 16)
      #expect(number("inserted") <= 500)
      #expect(number("evicted") == number("inserted") - there.count)
      #expect(number("evicted") > 400)
      let packets = there.reduce(0) { $0 + ($1["a.packets"] as? Int ?? 0) + ($1["b.packets"] as? Int ?? 0) }
      #expect(number("evicted_packets") == number("counted") - packets)
      #expect(counting.errors.contains("+ evicted \(number("evicted")) (room for 16)"))
      #expect(counting.errors.contains("a larger --flows keeps more"))
    }

    /// Of 4000 packets one in ten: 400, and with a probability of 1 - 10^-14 no more than 8 standard deviations (19) away.
    @Test(arguments: ["xdp", "tc"])
    func countsASample(via: String) throws {
      let network = try DemoNetwork()
      let file = Self.file("flows.json")
      defer { try? FileManager.default.removeItem(at: file) }
      let counting = try flows(
        [
          "-Q", "in", "--via", via, "--sample", "1/10", "--format", "json", "--stats-json", file.path, "tcp dst port 9",
        ],
        in: network, attachments: 1)
      let frame = Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 2000)))
      try Frame.send([Frame](repeating: frame, count: 4000), from: DemoNetwork.clientInterface, in: network.client)
      usleep(500_000)
      try finish(counting)
      let flow = try #require(try objects(counting.output).first)
      let packets = try #require(flow["a.packets"] as? Int)
      #expect((248...552).contains(packets))
      #expect(flow["sampled"] as? Int == 10)
      #expect(flow["estimated_packets"] as? Int == packets * 10)
      #expect(flow["estimated_bytes"] as? Int == packets * 10 * frame.bytes.count)
      let statistics = try statistics(file)
      let passedOver = try #require(statistics["passed_over"] as? [String: Int])
      #expect(statistics["matched"] as? Int == packets)
      #expect(statistics["seen"] as? Int == packets + passedOver.values.reduce(0, +))
      #expect((passedOver["not_sampled"] ?? 0) >= 4000 - packets)
      #expect(counting.errors.contains("1 packet in 10 of those seen"))
    }

    /// Two senders at once, whose packets different CPUs count: nothing is missing from the flow that they share, nor from the sums.
    @Test(arguments: ["xdp", "tc"])
    func countsOnSeveralCPUs(via: String) throws {
      let network = try DemoNetwork()
      let counting = try flows(
        ["-Q", "in", "--via", via, "--format", "json", "tcp dst port 9"], in: network, attachments: 1)
      let frames = [UInt8(0x02), 0x11].map { flags in
        (0..<5000).map { number in
          // Every other packet is of a flow that the other sender does not have.
          let source = number % 2 == 0 ? 2000 : UInt16(3000 + number % 50) + UInt16(flags) * 100
          return Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: source, flags: flags)))
        }
      }
      let failures = Mutex(0)
      DispatchQueue.concurrentPerform(iterations: 2) { sender in
        do { try Frame.send(frames[sender], from: DemoNetwork.clientInterface, in: network.client) } catch {
          failures.withLock { $0 += 1 }
        }
      }
      #expect(failures.withLock { $0 } == 0)
      usleep(300_000)
      try finish(counting)
      let flows = try objects(counting.output)
      let shared = try #require(flows.first { $0["a.port"] as? Int == 2000 })
      #expect(shared["a.packets"] as? Int == 5000)
      #expect(shared["a.bytes"] as? Int == 5000 * frames[0][0].bytes.count)
      #expect(shared["a.tcp.flags"] as? String == "0x0013")
      #expect(flows.reduce(0) { $0 + ($1["a.packets"] as? Int ?? 0) } == 10_000)
      #expect(counting.errors.contains("10000 packets counted, 0 lost"))
    }

    /// Each interval tells of what was new in it, and all of them together of everything.
    @Test func tellsAgainAndAgain() throws {
      let network = try DemoNetwork()
      let counting = try flows(["--interval", "0.2", "--format", "json", "tcp port 80"], in: network)
      for _ in 0..<3 {
        _ = try DemoTraffic.run(in: network)
        usleep(300_000)
      }
      counting.signal(SIGUSR1)
      try counting.waitUntil(says: "passed over")
      try finish(counting)
      let flows = try objects(counting.output)
      let counted = try #require(counting.errors.firstMatch(of: /(\d+) packets counted/).flatMap { Int($0.1) })
      #expect(flows.reduce(0) { $0 + ($1["interval_packets"] as? Int ?? 0) } == counted)
      #expect(flows.allSatisfy { ($0["interval_packets"] as? Int ?? 0) > 0 })
      #expect(Set(flows.compactMap { $0["time_epoch"] as? String }).count >= 3)
    }

    @Test func writesText() throws {
      let network = try DemoNetwork()
      let counting = try flows(["--sort", "packets", "--top", "2", "tcp port 80"], in: network)
      _ = try DemoTraffic.run(in: network)
      usleep(300_000)
      try finish(counting)
      let lines = counting.outputLines
      #expect(lines.count == 4)
      #expect(lines[0].contains(" flows (evicted 0), "))
      #expect(lines[1].contains("PKTS>v"))
      #expect(lines[2].contains(#/1\]?:\d+ > \S+2\]?:80 +tcp +\d+ +\d+ /#))
    }

    /// What goes through the loopback is sent and received there, and counted once.
    @Test func countsTheLoopbackOnce() throws {
      let network = try DemoNetwork()
      let counting = try Tool.run(["flows", "-i", "lo", "--format", "json", "udp dst port 9"], in: network.server)
      try counting.waitUntil(says: "capturing packets")
      let sender = try RunningProcess(
        "bash", ["-c", "exec 3> /dev/udp/127.0.0.1/9; for i in 1 2 3; do echo hello >&3; done; true"],
        in: network.server)
      try sender.wait()
      usleep(200_000)
      try finish(counting)
      let flows = try objects(counting.output)
      #expect(flows.count == 1)
      // Nobody listens: after the first, the socket may have been told so.
      let packets = try #require(flows.first?["a.packets"] as? Int)
      #expect((1...3).contains(packets))
      #expect(counting.errors.contains("seen \(packets) ") || counting.errors.contains("filtered_out"))
      #expect(!counting.errors.contains("packets sent on lo"))
    }

    @Test func saysWhereItCannotCount() throws {
      let network = try DemoNetwork()
      let counting = try Tool.run(["flows", "-i", "nowhere0"], in: network.server)
      #expect(try counting.wait() == 1)
      #expect(counting.errors.contains("nowhere0"))
    }

    // MARK: On a terminal

    private func live(
      _ terminal: PseudoTerminal, _ arguments: [String] = [], in network: borrowing DemoNetwork
    ) throws -> RunningProcess {
      let process = try Tool.run(
        ["flows", "-i", interface, "--interval", "0.2"] + arguments, in: network.server, output: terminal.program,
        input: terminal.program,
        // A crash on a terminal would otherwise ask there what to do.
        environment: ["TERM": "xterm", "SWIFT_BACKTRACE": "enable=no"])
      try terminal.waitUntil("the table is shown") { try $0.screen().contains("FLOW") }
      return process
    }

    private let leave = "\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l"

    @Test func showsALiveTableAndTakesKeys() throws {
      let network = try DemoNetwork()
      let terminal = try PseudoTerminal(columns: 100, rows: 12)
      #expect(terminal.isOrdinary)
      let process = try live(terminal, in: network)
      #expect(!terminal.isOrdinary)
      #expect(try terminal.text().hasPrefix("\u{1b}[?1049h"))
      try terminal.waitUntil("it is attached") { try $0.text().contains("packets sent on") }
      let frames = (0..<20).map { Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(1000 + $0 / 2)))) }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
      try terminal.waitUntil("flows are shown") { try $0.screen().contains("192.0.2.1:1001 > 192.0.2.2:9 ") }
      #expect(try terminal.screen().contains("B/sv"))
      try terminal.press("p")
      try terminal.waitUntil("it is sorted by packets") { try $0.screen().contains("PKTSv") }
      try terminal.press("o")
      try terminal.waitUntil("it is turned round") { try $0.screen().contains("PKTS^") }
      terminal.resize(columns: 60, rows: 5)
      process.signal(SIGWINCH)
      try terminal.waitUntil("it is drawn for the new size") { try $0.screen().contains("\u{1b}[5H") }
      try terminal.press("q")
      #expect(try process.wait() == 0)
      #expect(terminal.isOrdinary)
      #expect(try terminal.text().hasSuffix(leave))
      // The rest is read on the screen of before.
      #expect(process.errors.contains("packets counted, 0 lost"))
      #expect(process.errors.contains("capturing packets received"))
    }

    /// However it ends.
    @Test(
      arguments: [(SIGINT, 0), (SIGTERM, 0), (SIGHUP, 0), (SIGSEGV, 128 + SIGSEGV), (SIGABRT, 128 + SIGABRT)]
        as [(Int32, Int32)])
    func leavesTheTerminalAsItWas(signal: Int32, status: Int32) throws {
      let network = try DemoNetwork()
      let terminal = try PseudoTerminal(columns: 80, rows: 24)
      let process = try live(terminal, in: network)
      try terminal.waitUntil("it is attached") { try $0.text().contains("packets sent on") }
      #expect(!terminal.isOrdinary)
      process.signal(signal)
      #expect(try process.wait() == status)
      #expect(terminal.isOrdinary)
      #expect(try terminal.text().hasSuffix(leave))
    }

    /// ^Z, and on again.
    @Test func leavesTheTerminalWhileItIsStopped() throws {
      let network = try DemoNetwork()
      let terminal = try PseudoTerminal(columns: 80, rows: 24)
      let process = try live(terminal, in: network)
      func state() throws -> String {
        let text = try String(contentsOfFile: "/proc/\(process.pid)/stat", encoding: .utf8)
        return text.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
      }
      process.signal(SIGTSTP)
      try terminal.waitUntil("it is stopped") { _ in try state() == "T" }
      #expect(terminal.isOrdinary)
      #expect(try terminal.text().hasSuffix(leave))
      process.signal(SIGCONT)
      try terminal.waitUntil("the table is there again") { try $0.text().components(separatedBy: "[?1049h").count == 3 }
      try terminal.press("q")
      #expect(try process.wait() == 0)
      #expect(terminal.isOrdinary)
    }

    /// Also while the kernel is still busy attaching to another interface.
    @Test(arguments: 0..<5)
    func leavesTheTerminalAfterAFailure(number: Int) throws {
      let network = try DemoNetwork()
      let terminal = try PseudoTerminal(columns: 80, rows: 24)
      let process = try Tool.run(
        ["flows", "-i", interface, "-i", "nowhere\(number)"], in: network.server, output: terminal.program,
        input: terminal.program, environment: ["TERM": "xterm"])
      #expect(try process.wait() == 1)
      #expect(process.errors.contains("nowhere\(number)"))
      #expect(terminal.isOrdinary)
    }
  }
}
