import DemoNetwork
import Foundation
import JudgePrograms
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// `capture --process`: whose the packets are.
  @Suite struct PacketOwnerTests {
    private typealias Object = ConnectionDay.Object

    /// Captures in the client's namespace, all that goes in and out there.
    private static func capture(
      _ options: [String], in network: borrowing DemoNetwork
    ) throws -> RunningProcess {
      let process = try Tool.run(["capture", "-i", "any", "-Q", "both"] + options, in: network.client)
      try process.waitUntil("the interfaces are attached") {
        ["received on lo", "sent on lo", "received on veth", "sent on veth"].allSatisfy(process.errors.contains)
      }
      return process
    }

    /// Each packet's ends are those that made it, and are told of as it is known at the time.
    @Test func everyPacketHasItsOwners() throws {
      let network = try DemoNetwork()
      let process = try Self.capture(["--with-connections", "--format", "json"], in: network)
      let expected = try ConnectionDay.make(in: network)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      #expect(process.errors.contains(", 0 lost"))
      let told = try ConnectionDay.objects(process.output)
      let packets = told.filter { $0["tcp.srcport"] is Int }
      #expect(packets.count > 100)

      // One stream in one order: connections stand where they belong, between packets. But for what a program was just about to
      // write when its emulated processor had to wait.
      func time(_ object: Object) -> Double? {
        (object["frame.time_epoch"] as? String).flatMap(Double.init) ?? object["time"] as? Double
      }
      let times = told.compactMap(time)
      #expect(times.count == told.count)
      #expect(zip(times, times.dropFirst()).count { $0 > $1 + 0.000_001 } * 100 <= times.count)

      for object in expected {
        guard let local = object["local_port"] as? Int, let remote = object["remote_port"] as? Int,
          let source = object["owner"] as? String
        else { continue }
        let kind = "\(object["kind"] ?? "") \(object["direction"] ?? "")"
        // There is no socket for it yet.
        if kind == "half-open incoming" { continue }
        let sent = packets.filter { $0["tcp.srcport"] as? Int == local && $0["tcp.dstport"] as? Int == remote }
        let received = packets.filter { $0["tcp.dstport"] as? Int == local && $0["tcp.srcport"] as? Int == remote }
        let ends =
          sent.map { (packet: $0, end: $0["sender"] as? Object) }
          + received.map { (packet: $0, end: $0["receiver"] as? Object) }
        #expect(!ends.isEmpty, "\(kind): no packets")
        // What others begin has no socket before it is open: an emulated machine may take longer for that than packets wait.
        let lines = told.filter { $0["local_port"] as? Int == local && $0["remote_port"] as? Int == remote }
        let isIncoming = object["direction"] as? String == "incoming"
        let opened = isIncoming ? lines.first { $0["event"] as? String == "opened" }.flatMap(time) ?? .infinity : 0
        let unknown = ends.filter { $0.end == nil && time($0.packet) ?? 0 > opened + 0.001 }
        #expect(unknown.isEmpty, "\(kind): \(unknown.count) of \(ends.count)")
        let known = ends.compactMap(\.end)
        #expect(known.contains { $0["owner"] as? String == source }, "\(kind): \(known.first ?? [:])")
        for end in known where end["owner"] as? String == source {
          if let pid = object["pid"] as? Int { #expect(end["pid"] as? Int == pid, "\(kind)") }
        }
        if source == "connected" { #expect(known.allSatisfy { $0["owner"] as? String == "connected" }, "\(kind)") }
        // The connection's own lines have the same socket.
        #expect(lines.contains { $0["event"] as? String == "closed" }, "\(kind): not told of")
        let cookies = Set((known + lines).compactMap { $0["socket_cookie"] as? Int })
        #expect(cookies.count <= 1, "\(kind): \(cookies)")
      }
    }

    @Test func filesHaveComments() throws {
      let network = try DemoNetwork()
      let file = FileManager.default.temporaryDirectory.appending(path: "owners-\(UUID().uuidString).pcapng")
      defer { try? FileManager.default.removeItem(at: file) }
      let process = try Self.capture(
        ["--process", "-w", file.path, "--print", "tcp"], in: network)
      _ = try ConnectionDay.makeTwenty(in: network)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let lines = process.outputLines
      #expect(lines.count >= 20 * 2 * 7)
      // On emulated machines a connection may take longer to open than its first packets wait.
      let both = lines.filter { $0.contains("by connection-day.") && $0.contains("for connection-day.") }
      #expect(both.count * 4 > lines.count * 3, "\(both.count) of \(lines.count)")
      let comments = try Judge.tshark.run(
        ["-r", file.path, "-T", "fields", "-e", "frame.comment"], files: [:]
      ).text.split(separator: "\n")
      #expect(comments.count == lines.count { $0.contains("connection-day") })
      #expect(comments.allSatisfy { $0.contains("connection-day, pid ") })
    }

    /// Sockets that were there before are known by who has them open, and those of others are not made up.
    @Test func whatWasThereBeforeIsHeld() throws {
      let network = try DemoNetwork()
      let held = try HeldConnection(in: network.client)
      let process = try Self.capture(["--process", "-t", "tcp"], in: network)
      held.close()
      try process.waitUntil("the end is printed") { process.output.contains("Flags [") }
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      let first = try #require(process.outputLines.first)
      #expect(first.contains(".\(getpid())") && first.contains(", by ["))
    }

    /// Nothing is lost silently where there is no room.
    @Test func aFullTableIsTold() throws {
      let network = try DemoNetwork()
      let statistics = FileManager.default.temporaryDirectory.appending(path: "statistics-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: statistics) }
      let process = try Self.capture(
        ["--process", "--connections", "1", "--stats-json", statistics.path], in: network)
      _ = try ConnectionDay.makeTwenty(in: network)
      process.signal(SIGINT)
      #expect(try process.wait() == 0)
      #expect(process.errors.contains("the table was full"))
      let object = try #require(try ConnectionDay.objects(String(contentsOf: statistics, encoding: .utf8)).first)
      let tables = (object["connections"] as? Object)?["table_full"] as? [String: Int]
      #expect((tables?["connections"] ?? 0) >= 19)
    }

    @Test(arguments: [
      (["-r", "-", "--process"], "--process and -r"), (["-i", "lo", "--with-connections", "-w", "-"], "--print"),
      (["-i", "lo", "--process", "--connections", "0"], "--connections 0"),
    ]) func refusesWhatCannotBe(arguments: [String], reason: String) throws {
      let process = try Tool.run(["capture"] + arguments, in: .current())
      #expect(try process.wait() == 2)
      #expect(process.errors.contains(reason), "\(process.errors)")
    }
  }
}
