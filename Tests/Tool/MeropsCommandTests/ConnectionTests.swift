import DemoNetwork
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// Connections of every kind, made by a program that says what it knows of them (Tests/Support/ConnectionDay).
  @Suite struct ConnectionTests {
    /// Follows connections, of these namespaces only: others on this machine have theirs.
    private static func follow(
      _ options: [String], in network: borrowing DemoNetwork
    ) throws -> RunningProcess {
      let namespaces = [ConnectionDay.inode(of: network.client), ConnectionDay.inode(of: network.server)].flatMap {
        ["--netns", "\($0)"]
      }
      let process = try Tool.run(["connections"] + namespaces + options, in: .current())
      try process.waitUntil(says: "following TCP connections")
      return process
    }

    @Test(arguments: ["ring", "perf"]) func everyKindComesOutExactly(transport: String) throws {
      let network = try DemoNetwork()
      let process = try Self.follow(["--format", "json", "--transport", transport], in: network)
      let expected = try ConnectionDay.make(in: network)
      #expect(expected.count > 30)
      // The kernel waits twice as long each time before it gives up an answer that nobody acknowledges.
      try process.waitUntil("the half-open connection is given up") { process.output.contains("half_open") }
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      #expect(told.count == expected.count)
      for object in expected {
        let kind = "\(object["kind"] ?? "")"
        let place = try #require(ConnectionDay.Place(object))
        let same = told.filter { ConnectionDay.Place($0) == place }
        #expect(same.count == 1, "\(kind) \(place.direction): \(same.count) times")
        guard let found = same.first else { continue }
        for (name, value) in object where !["kind", "shortest", "longest"].contains(name) {
          #expect("\(found[name] ?? "missing")" == "\(value)", "\(kind) \(place.direction): \(name)")
        }
        guard let shortest = object["shortest"] as? Double, let longest = object["longest"] as? Double,
          let duration = found["duration"] as? Double
        else {
          Issue.record("\(kind) \(place.direction): no duration: \(found)")
          continue
        }
        // Nobody sees when the last word of a half-open connection was said.
        guard found["end"] as? String != "half_open" else { continue }
        #expect(duration > shortest - 0.001 && duration < longest + 0.001, "\(kind) \(place.direction)")
        if found["established"] is Double {
          let handshake = try #require(found["handshake"] as? Double)
          #expect(handshake > 0 && handshake <= duration)
        }
      }
    }

    /// Whatever Debian's libbpf-tools report is also in ours; those of them that this kernel runs.
    @Test func othersReportNothingMore() throws {
      let network = try DemoNetwork()
      func start(_ tool: String, _ options: [String] = []) throws -> RunningProcess {
        // These need tracefs to be mounted.
        let process = try RunningProcess(
          "unshare",
          ["--mount", "sh", "-c", "mount -t tracefs tracefs /sys/kernel/tracing 2>&-; exec \"$0\" \"$@\"", tool]
            + options,
          in: network.client)
        // What it cannot attach to, it says at once.
        usleep(500_000)
        return process
      }
      let (life, connect, tracer) = (try start("tcplife"), try start("tcpconnect"), try start("tcptracer"))
      usleep(3_000_000)
      let process = try Self.follow(["--format", "json"], in: network)
      let expected = try ConnectionDay.make(in: network)
      for tool in [life, connect, tracer] {
        tool.signal(SIGINT)
        try tool.wait()
      }
      try process.waitUntil("the half-open connection is given up") { process.output.contains("half_open") }
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      let ours = Set(told.compactMap(ConnectionDay.Place.init).map { "\($0.local) \($0.remote)" })
      let ports = Set(expected.compactMap(ConnectionDay.Place.init).flatMap { ["\($0.local)", "\($0.remote)"] })

      // PID COMM LADDR LPORT RADDR RPORT TX_KB RX_KB MS
      let lives = life.outputLines.map { $0.split(separator: " ").map(String.init) }
        .filter { $0.count == 9 && ports.contains($0[3]) }
      #expect(lives.count > 20, "\(life.errors)")
      for line in lives { #expect(ours.contains("\(line[3]) \(line[5])"), "\(line)") }

      // PID COMM IP SADDR DADDR DPORT; T PID COMM IP SADDR DADDR SPORT DPORT
      let outgoing = told.filter { $0["direction"] as? String == "outgoing" }
      let connects = connect.outputLines.map { $0.split(separator: " ").map(String.init) }
        .filter { $0.count == 6 && ports.contains($0[5]) }
      for line in connects {
        #expect(
          outgoing.contains { "\($0["pid"] ?? "")" == line[0] && "\($0["remote_port"] ?? "")" == line[5] }, "\(line)")
      }
      let traces = tracer.outputLines.map { $0.split(separator: " ").map(String.init) }
        .filter { $0.count == 8 && ports.contains($0[6]) }
      for line in traces { #expect(ours.contains("\(line[6]) \(line[7])"), "\(line)") }
    }

    /// As many a second as a busy machine has: none is missing, none comes twice.
    @Test(arguments: ["ring", "perf"]) func manyShortOnesComeOutExactly(transport: String) throws {
      let network = try DemoNetwork()
      let statistics = FileManager.default.temporaryDirectory.appending(path: "statistics-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: statistics) }
      // With room for all of them: an emulated machine prints fewer than it makes.
      let process = try Self.follow(
        ["--transport", transport, "--ring-size", "8M", "--stats-json", statistics.path], in: network)
      let many = try RunningProcess(ConnectionDay.program, ["many", "20000", "2000", "10"], in: network.client)
      #expect(try many.wait(seconds: 2 * patience) == 0, "\(many.errors)")
      let words = many.output.split(whereSeparator: \.isWhitespace).map(String.init)
      let count = try #require(words.first.flatMap { Int($0) })
      #expect(count > 100)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let lines = process.outputLines.dropFirst()
      #expect(lines.count == 2 * count, "\(process.errors)")
      // LOCAL, which way, REMOTE: both ends of each connection, as often as it was there.
      let ends = lines.map { $0.split(separator: " ")[4...6].map(String.init) }
      let outgoing = ends.filter { $0[1] == ">" }.map { $0[0] + $0[2] }
      let incoming = ends.filter { $0[1] == "<" }.map { $0[2] + $0[0] }
      #expect(outgoing.count == count && outgoing.sorted() == incoming.sorted())
      #expect(outgoing.allSatisfy { $0.hasSuffix("127.0.0.1:\(words[1])") })
      // Where a processor is behind with what it has received, both sides close.
      #expect(lines.allSatisfy { $0.hasSuffix("closed") })
      #expect(lines.count { $0.hasSuffix("peer closed") } > count / 2)
      let object = try #require(try ConnectionDay.objects(String(contentsOf: statistics, encoding: .utf8)).first)
      #expect(object["delivered"] as? Int == 2 * count)
      #expect((object["lost"] as? [String: Int])?.values.allSatisfy { $0 == 0 } == true)
    }

    /// What is not wanted never leaves the kernel.
    @Test func filtersRunInTheKernel() throws {
      let network = try DemoNetwork()
      func delivered(_ options: [String]) throws -> (told: [ConnectionDay.Object], statistics: ConnectionDay.Object) {
        let statistics = FileManager.default.temporaryDirectory.appending(path: "statistics-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: statistics) }
        let process = try Self.follow(
          ["--format", "json", "--stats-json", statistics.path] + options, in: network)
        _ = try ConnectionDay.makeTwenty(in: network)
        process.signal(SIGINT)
        #expect(try process.wait() == 0)
        let object = try #require(try ConnectionDay.objects(String(contentsOf: statistics, encoding: .utf8)).first)
        return (try ConnectionDay.objects(process.output), object)
      }
      let all = try delivered([])
      #expect(all.told.count == 40)
      for (options, count) in [
        (["--port", "1"], 0), (["--host", "127.0.0.0/8"], 40), (["--host", "10.0.0.0/8", "--host", "::1"], 0),
        (["--comm", "connection-day"], 40), (["--comm", "somebody-else"], 0), (["--uid", "0"], 40),
        (["--uid", "1"], 0),
        (["--pid", "1"], 0),
      ] {
        let (told, statistics) = try delivered(options)
        #expect(told.count == count, "\(options)")
        #expect(statistics["delivered"] as? Int == count, "\(options)")
        let filtered = (statistics["passed_over"] as? [String: Int])?["filtered_out"] ?? 0
        #expect(filtered >= 40 - count, "\(options)")
        #expect(statistics["seen"] as? Int == filtered + count, "\(options)")
      }
    }

    @Test func tellsOfOpeningWithItsOwner() throws {
      let network = try DemoNetwork()
      let process = try Self.follow(["--format", "json", "--open", "-c", "4"], in: network)
      _ = try ConnectionDay.makeTwenty(in: network)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      #expect(
        told.map { "\($0["event"] ?? "") \($0["direction"] ?? "") \($0["owner"] ?? "")" }.sorted() == [
          "closed incoming accepted", "closed outgoing connected", "opened incoming listened",
          "opened outgoing connected",
        ])
    }

    /// Connections that nobody has kept the beginning of are told of, and counted.
    @Test func aFullTableIsCounted() throws {
      let network = try DemoNetwork()
      let process = try Self.follow(["--format", "json", "--connections", "1"], in: network)
      _ = try ConnectionDay.makeTwenty(in: network)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      #expect(told.count == 40)
      #expect(told.count { $0["began_before"] as? Bool == true && $0["duration"] is NSNull } >= 20)
      #expect(process.errors.contains("the table was full"))
    }

    /// A cgroup stands for what lies below it, too.
    @Test func cgroupsAreWantedWithThoseBelow() throws {
      let root = try #require(CgroupHierarchy.mountPoint)
      let outer = "\(root)/merops-\(UUID().uuidString)"
      let inner = "\(outer)/inner"
      try makeDirectory(outer)
      defer { unsafe rmdir(outer) }
      try makeDirectory(inner)
      defer { unsafe rmdir(inner) }
      let network = try DemoNetwork()
      func told(_ wanted: String, from cgroup: String) throws -> [ConnectionDay.Object] {
        let process = try Self.follow(["--format", "json", "--cgroup", wanted], in: network)
        let many = try RunningProcess(
          "sh", ["-c", "echo $$ > \(cgroup)/cgroup.procs && exec \(ConnectionDay.program) many 3 2000 60"],
          in: network.client)
        #expect(try many.wait() == 0, "\(many.errors)")
        process.signal(SIGINT)
        #expect(try process.wait() == 0)
        return try ConnectionDay.objects(process.output)
      }
      let below = try told(outer, from: inner)
      #expect(below.count == 6)
      #expect(below.allSatisfy { ($0["cgroup"] as? NSNumber)?.uint64Value == LinuxCalls.inode(ofFile: inner) })
      #expect(try told(inner, from: outer).isEmpty)
    }

    /// What has no room is lost, and counted.
    @Test(arguments: ["ring", "perf"]) func lossesAreCounted(transport: String) throws {
      let network = try DemoNetwork()
      let statistics = FileManager.default.temporaryDirectory.appending(path: "statistics-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: statistics) }
      let process = try Self.follow(
        ["--transport", transport, "--ring-size", "4096", "--stats-json", statistics.path], in: network)
      process.signal(SIGSTOP)
      _ = try RunningProcess(ConnectionDay.program, ["many", "200", "2000", "60"], in: network.client).wait()
      process.signal(SIGCONT)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let object = try #require(try ConnectionDay.objects(String(contentsOf: statistics, encoding: .utf8)).first)
      let lost = try #require((object["lost"] as? [String: Int])?["ring_full"])
      let delivered = try #require(object["delivered"] as? Int)
      #expect(lost > 0 && delivered > 0)
      #expect(lost + delivered == 400 && object["matched"] as? Int == 400)
      #expect(process.outputLines.count == delivered + 1)
    }

    @Test func connectionsThatWereThereAreMarked() throws {
      let network = try DemoNetwork()
      let held = try HeldConnection(in: network.client)
      let process = try Self.follow(["--format", "json"], in: network)
      held.close()
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      #expect(told.count == 2)
      let outgoing = try #require(told.first { "\($0["owner"] ?? "")" == "held" })
      #expect(outgoing["pid"] as? Int == Int(getpid()))
      #expect(outgoing["began_before"] as? Bool == true && outgoing["opened"] is NSNull)
    }

    @Test func showsTheSYNsOfListeningSockets() throws {
      let network = try DemoNetwork()
      let process = try Tool.run(
        ["connections", "--syn", "--format", "json", "--netns", "\(ConnectionDay.inode(of: network.client))"],
        in: .current())
      try process.waitUntil("it follows or ends") {
        process.errors.contains("following") || process.errors.contains("takes none of the programs")
      }
      if process.errors.contains("takes none of the programs") {
        #expect(try process.wait() == 1)
        #expect(process.errors.contains("see SYNs as listening sockets get them"))
        try Test.cancel("this kernel lets nobody probe its functions")
      }
      let port = try ConnectionDay.makeTwenty(in: network).split(separator: " ").map(String.init)[1]
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let told = try ConnectionDay.objects(process.output)
      #expect(told.count == 20)
      for object in told {
        #expect(object["event"] as? String == "syn" && object["direction"] as? String == "incoming")
        #expect("\(object["local_port"] ?? "")" == port && object["local"] as? String == "127.0.0.1")
        #expect(object["owner"] as? String == "listened" && object["comm"] as? String == "connection-day")
        #expect(object["queue_waiting"] as? Int == 0 && object["queue_limit"] as? Int == 1024)
        #expect(object["half_open"] as? Int == 0)
      }
    }

    @Test(arguments: [
      (["--port", "70000"], "70000"), (["--host", "1.2.3.4/33"], "1.2.3.4/33"),
      (["--connections", "0"], "--connections 0"),
      (["--open", "--syn"], "--open and --syn"), (["-c", "0"], "-c 0"), (["--uid", "no-such-user"], "no-such-user"),
      (["--netns", "no-such"], "no-such"), (["--ring-size", "5"], "power of two"),
      (Array(repeating: "--port=5", count: 17), "given 17 times"),
    ])
    func refusesBadUsage(options: [String], hint: String) throws {
      let process = try Tool.run(["connections"] + options, in: .current())
      #expect(try process.wait() == 2)
      #expect(process.errors.contains(hint))
      #expect(process.output.isEmpty)
    }
  }
}
