import CaptureEvents
import CaptureFiles
import DemoNetwork
import Foundation
import LinuxCalls
import Testing

extension Privileged {
  /// `merops capture -i NAME -w FILE`: what the files have, and when they change.
  @Suite struct LiveFileTests {
    private let interface = DemoNetwork.serverInterface

    /// TCP from ports that count, with as much behind the header.
    private func frames(_ numbers: Range<Int>, payload: Int = 0) -> [Frame] {
      numbers.map { number in
        let data = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: payload)
        return Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(10_000 + number), payload: data)))
      }
    }

    private func send(_ frames: [Frame], in network: borrowing DemoNetwork) throws {
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
    }

    private func run(_ program: String, _ arguments: [String]) throws -> RunningProcess {
      let process = try RunningProcess(program, arguments, in: .current())
      #expect(try process.wait() == 0, "\(program) \(arguments): \(process.errors)")
      return process
    }

    /// Reads a file with those who should be able to.
    private func judge(_ path: String, packetCount: Int) throws {
      let tcpdump = try run("tcpdump", ["-nn", "-r", path])
      #expect(tcpdump.outputLines.count == packetCount)
      #expect(
        tcpdump.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("reading from file") }, "\(tcpdump.errors)")
      let tshark = try run("tshark", ["-r", path])
      #expect(tshark.outputLines.count == packetCount)
      #expect(tshark.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("Running as user") }, "\(tshark.errors)")
      #expect(try run("capinfos", ["-c", "-M", path]).output.split(separator: " ").last == "\(packetCount)\n")
    }

    @Test func tellsOfTheCapture() throws {
      let network = try DemoNetwork()
      let alias = try RunningProcess(
        "ip", ["link", "set", interface, "alias", "to the client"], in: network.server)
      #expect(try alias.wait() == 0)
      let folder = try FileRotationTests.Folder()
      let capture = try Tool.capture(
        ["-i", interface, "-Q", "both", "-s", "96", "-w", folder.path("out"), "tcp dst port 9"], in: network.server)
      try send(frames(0..<5), in: network)
      usleep(300_000)
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      #expect(capture.errors.contains("5 packets in \(folder.path("out")), "))
      let written = try FilePackets(of: folder.url("out"))
      #expect(written.packets.count == 5)
      let description = try #require(written.interfaces.first)
      #expect(description.name == interface)
      #expect(description.description == "to the client")
      #expect(description.filter == "tcp dst port 9")
      #expect(description.snapLength == 96)
      #expect(description.resolution == .nanoseconds)
      #expect(written.packets.allSatisfy { $0.packet.direction == .incoming })
      let statistics = try #require(written.statistics.first)
      #expect(written.statistics.count == 1)
      #expect(statistics.delivered == 5)
      #expect(statistics.filterAccepted == 5)
      #expect(statistics.systemDropped == 0)
      #expect(statistics.received ?? 0 >= 5)
      #expect(statistics.comments.count == 2)
      #expect(statistics.comments.first?.hasPrefix("packets received: ") == true)
      #expect(statistics.comments.last?.hasPrefix("packets sent: classifier by ") == true)
      try judge(folder.path("out"), packetCount: 5)
      // Wireshark's own look at the blocks.
      let blocks = try run("tshark", ["-X", "read_format:MIME Files Format", "-V", "-r", folder.path("out")]).output
      for line in [
        "Interface Name = \(interface)", "Interface Description = to the client", "Block: Interface Statistics",
      ] {
        #expect(blocks.contains(line))
      }
      #expect(!blocks.contains("Malformed"))
    }

    /// The kernel counts the packets of all interfaces together.
    @Test func tellsOfTwoInterfacesWhatIsKnownOfEach() throws {
      let network = try DemoNetwork()
      let folder = try FileRotationTests.Folder()
      let capture = try Tool.capture(
        ["-i", interface, "-i", "lo", "-s", "0", "-Q", "in", "-w", folder.path("out"), "udp port 9 or tcp dst port 9"],
        in: network.server)
      try capture.waitUntil(says: "on lo")
      try send(frames(0..<4), in: network)
      let sender = try RunningProcess(
        "bash", ["-c", "for n in 1 2 3; do echo hello > /dev/udp/127.0.0.1/9; done"], in: network.server)
      try sender.wait()
      usleep(300_000)
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      let written = try FilePackets(of: folder.url("out"))
      #expect(written.interfaces.map(\.name) == [interface, "lo"])
      #expect(written.packets.map(\.packet.interface).sorted() == [0, 0, 0, 0, 1, 1, 1])
      #expect(written.statistics.map(\.interface) == [0, 1])
      #expect(written.statistics.map(\.delivered) == [4, 3])
      #expect(written.statistics.allSatisfy { $0.received == nil && $0.filterAccepted == nil })
      #expect(written.statistics[0].comments.last?.contains("matched 7, lost 0") == true)
      try judge(folder.path("out"), packetCount: 7)
    }

    @Test(arguments: [
      ["--transport", "ring"], ["--transport", "perf"], ["--transport", "ring", "--via", "tc"],
      ["--transport", "perf", "--via", "tc"],
    ])
    func hasWholePacketsOfJumboSize(options: [String]) throws {
      let network = try DemoNetwork()
      for (name, isServer) in [(interface, true), (DemoNetwork.clientInterface, false)] {
        let arguments = ["link", "set", name, "mtu", "9000"]
        let ip =
          isServer
          ? try RunningProcess("ip", arguments, in: network.server)
          : try RunningProcess("ip", arguments, in: network.client)
        #expect(try ip.wait() == 0)
      }
      let folder = try FileRotationTests.Folder()
      let capture = try Tool.capture(
        ["-i", interface, "-s", "0", "-c", "4", "-w", folder.path("out")] + options + ["tcp dst port 9"],
        in: network.server)
      // The kernel takes the tag out, and the classifier puts it back.
      let payload = [UInt8](repeating: 7, count: 8900)
      let tagged = Frame(tags: [(0x8100, 5)], ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 1, payload: payload)))
      let sent = frames(0..<3, payload: 8900) + [tagged]
      try send(sent, in: network)
      #expect(try capture.wait() == 0)
      #expect(try FilePackets(of: folder.url("out")).packets.map(\.bytes) == sent.map(\.bytes))
      try judge(folder.path("out"), packetCount: 4)
    }

    @Test(arguments: [[], ["-U"], ["--transport", "perf"]])
    func nothingIsLostWhereOneFileFollowsAnother(options: [String]) throws {
      let network = try DemoNetwork()
      let folder = try FileRotationTests.Folder()
      let capture = try Tool.capture(
        ["-i", interface, "-s", "0", "-c", "2000", "-w", folder.path("out"), "-C", "100k", "tcp dst port 9"] + options,
        in: network.server)
      let sent = frames(0..<2000, payload: 1000)
      try send(sent, in: network)
      #expect(try capture.wait() == 0)
      #expect(capture.errors.contains("2000 packets captured, 0 lost"))
      let names = try folder.names.sorted { ($0.count, $0) < ($1.count, $1) }
      #expect(names.count > 15)
      #expect(Array(names.prefix(3)) == ["out", "out1", "out2"])
      let files = try names.map { try FilePackets(of: folder.url($0)) }
      #expect(files.flatMap { $0.packets.map(\.bytes) } == sent.map(\.bytes))
      // Each with the counts since the beginning, as of its end.
      var count = 0
      for (name, file) in zip(names, files) {
        #expect(capture.errors.contains("\(file.packets.count) packets in \(folder.path(name)), "))
        count += file.packets.count
        #expect(file.statistics.map(\.delivered) == [UInt64(count)])
        #expect(file.interfaces.map(\.name) == [interface])
        #expect(file.statistics.first?.filterAccepted ?? 0 >= UInt64(count))
      }
    }

    /// The shell's limit stands for a disk that is full.
    @Test func aFileWithoutRoomEndsWithAWholePacket() throws {
      let network = try DemoNetwork()
      let folder = try FileRotationTests.Folder()
      let words = "capture -i \(interface) -s 0 -w out"
      let capture = try RunningProcess(
        "sh",
        [
          "-c", "trap '' XFSZ; ulimit -f 200; cd \"$1\"; exec \"$0\" \(words) tcp dst port 9", Tool.path,
          folder.path(""),
        ], in: network.server)
      try capture.waitUntil(says: "capturing packets")
      let sent = frames(0..<400, payload: 1000)
      try send(sent, in: network)
      #expect(try capture.wait() == 1)
      #expect(
        capture.errors.contains("write to out: File too large (EFBIG); the capture ended there"), "\(capture.errors)")
      let written = try FilePackets(of: folder.url("out")).packets.map(\.bytes)
      // 200 blocks of 512 bytes.
      #expect(written.count > 80 && written.count < 100)
      #expect(written == sent.prefix(written.count).map(\.bytes))
      // The capture may have ended before all were sent.
      let sums = try #require(
        try /matched (\d+) = delivered (\d+) \+ lost (\d+) \((\d+) not_written\)/.firstMatch(in: capture.errors))
      let (matched, delivered, lost) = (Int(sums.1) ?? 0, Int(sums.2) ?? 0, Int(sums.3) ?? 0)
      #expect(delivered == written.count && lost > 0 && matched == delivered + lost && sums.3 == sums.4)
      try judge(folder.path("out"), packetCount: written.count)
    }

    /// Also when nothing comes.
    @Test func intervalsEndOnTheClock() throws {
      let network = try DemoNetwork()
      let folder = try FileRotationTests.Folder()
      let capture = try Tool.capture(
        ["-i", interface, "-w", folder.path("out-%s"), "-G", "1", "-W", "4", "tcp dst port 9"], in: network.server)
      let begin = Date()
      for number in 0..<12 {
        try send(frames(number..<number + 1), in: network)
        usleep(100_000)
      }
      #expect(try capture.wait() == 0)
      #expect(Date().timeIntervalSince(begin) < 10)
      #expect(capture.errors.contains("12 packets captured, 0 lost"))
      let names = try folder.names
      #expect(names.count == 4)
      let starts = names.compactMap { Int($0.dropFirst("out-".count)) }
      #expect(starts.count == 4)
      var packets: [[UInt8]] = []
      for (name, start) in zip(names, starts) {
        let file = try FilePackets(of: folder.url(name))
        packets += file.packets.map(\.bytes)
        for packet in file.packets {
          let time = Double(packet.packet.nanoseconds ?? 0) / 1e9
          // What has come by the end of an interval is read a moment later.
          #expect(Double(start) - 0.5 <= time && time <= Double(start + 1) + 0.5)
        }
      }
      #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 == $0 + 1 })
      #expect(packets == frames(0..<12).map(\.bytes).map { Array($0.prefix(54)) })
    }

    /// Whoever has read enough of a pipe ends the capture, though nothing is written into it any more.
    @Test func endsWhenNobodyReadsThePipe() throws {
      let network = try DemoNetwork()
      let pipe = Pipe()
      let capture = try Tool.capture(
        ["-i", interface, "-w", "-", "-U", "tcp dst port 9"], in: network.server, output: pipe.fileHandleForWriting)
      try pipe.fileHandleForWriting.close()
      try send(frames(0..<1), in: network)
      #expect(pipe.fileHandleForReading.availableData.count > 0)
      try pipe.fileHandleForReading.close()
      #expect(try capture.wait(seconds: 10) == 0)
    }
  }
}
