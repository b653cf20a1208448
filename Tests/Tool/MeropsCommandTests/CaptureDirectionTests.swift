import CaptureEvents
import CaptureFiles
import DemoNetwork
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// Packets that come and go, on several interfaces, by XDP and by classifiers.
  @Suite struct CaptureDirectionTests {
    private let interface = DemoNetwork.serverInterface

    /// What the kernel says over IPv6 by itself comes when it likes.
    private let filter = "not icmp6 and not (ip6[6] = 0 and ip6[40] = 58)"

    private static func file(_ name: String) -> URL {
      FileManager.default.temporaryDirectory.appending(path: "\(name)-\(UUID().uuidString)")
    }

    /// The same bytes in the same direction as tcpdump has, tags put back that the kernel had taken out of packets, and in
    /// the order of time.
    @Test(arguments: [
      ["both"], ["both", "--via", "tc"], ["out"], ["in", "--via", "tc"], ["in"],
      ["both", "--via", "tc", "--attach", "netlink"], ["both", "--transport", "perf"],
      ["both", "--via", "tc", "--transport", "perf"], ["in", "--transport", "perf"],
    ])
    func takesThePacketsThatTcpdumpTakes(options: [String]) throws {
      let network = try DemoNetwork()
      let (ours, theirs) = (Self.file("ours.pcapng"), Self.file("theirs.pcap"))
      defer { for file in [ours, theirs] { try? FileManager.default.removeItem(at: file) } }
      let capture = try Tool.capture(
        ["-i", interface, "-s", "0", "-w", ours.path, "-U", "-Q"] + options + [filter], in: network.server)
      let tcpdump = try RunningProcess(
        "tcpdump",
        [
          "-w", theirs.path, "-U", "--immediate-mode", "-B", "32768", "-Q", options[0] == "both" ? "inout" : options[0],
          "-i", interface, filter,
        ], in: network.server)
      try tcpdump.waitUntil(says: "listening on")
      if options.contains("both") || options.contains("--via") { usleep(100_000) }
      _ = try DemoTraffic.run(in: network)
      try Frame.send(Frame.all.map(\.frame), from: DemoNetwork.clientInterface, in: network.client)
      // Until everything has come through, and a little longer for what should not come.
      usleep(500_000)
      for process in [capture, tcpdump] {
        process.signal(SIGINT)
        #expect(try process.wait() == 0)
      }
      let taken = try FilePackets(of: ours).packets
      let expected = try FilePackets(of: theirs).packets
      #expect(expected.count > 10)
      #expect(capture.errors.contains("\(expected.count) packets captured, 0 lost"))
      #expect(
        taken.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) }
          == expected.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) })
      #expect(taken.allSatisfy { $0.bytes.count == $0.packet.originalLength })
      for (earlier, later) in zip(taken, taken.dropFirst()) {
        #expect((earlier.packet.nanoseconds ?? 0) <= (later.packet.nanoseconds ?? 0))
      }
      let directions = Set(taken.map(\.packet.direction))
      #expect(
        directions == (options[0] == "both" ? [.incoming, .outgoing] : options[0] == "in" ? [.incoming] : [.outgoing]))
    }

    @Test func takesPacketsOfSeveralInterfaces() throws {
      let network = try DemoNetwork()
      let file = Self.file("two.pcapng")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        ["-i", interface, "-i", "lo", "-t", "udp port 9 or tcp port 9"], in: network.server)
      try capture.waitUntil(says: "on lo")
      try Frame.send(
        [Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 1000)))], from: DemoNetwork.clientInterface,
        in: network.client)
      try Frame.send([Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 1001)))], from: "lo", in: network.server)
      try capture.waitUntil("both are printed") { capture.outputLines.count == 2 }
      #expect(capture.output.contains("veth-server In  IP 192.0.2.1.1000 >"))
      #expect(capture.output.contains("lo    In  IP 192.0.2.1.1001 >"))
    }

    /// Also on those that come later; one that goes is no reason to end.
    @Test func anyTakesPacketsOfAllInterfaces() throws {
      let network = try DemoNetwork()
      let capture = try Tool.capture(["-i", "any", "-t", "-Q", "both", "udp port 9"], in: network.server)
      try capture.waitUntil(says: "packets sent on \(interface)")
      try network.server.run { () throws(NetlinkError) in
        let socket = try RouteSocket()
        try socket.createVethPair("veth-late", peer: "veth-later", peerNamespace: network.client)
        if let late = try socket.interface(named: "veth-late") { try socket.setUp(late) }
      }
      try capture.waitUntil(says: "packets sent on veth-late")
      let udp: [UInt8] = [3, 232, 0, 9, 0, 8, 0, 0]
      let frame = Frame(ethertype: 0x0800, Frame.ipv4(udp, protocol: 17))
      try Frame.send([frame], from: "veth-late", in: network.server)
      try capture.waitUntil("it is printed") {
        capture.output.contains("veth-late Out IP 192.0.2.1.1000 > 192.0.2.2.9")
      }
      try network.server.run { () throws(NetlinkError) in
        let socket = try RouteSocket()
        if let late = try socket.interface(named: "veth-late") { try socket.delete(late) }
      }
      try capture.waitUntil(says: "veth-late has gone")
      try Frame.send([frame], from: DemoNetwork.clientInterface, in: network.client)
      try capture.waitUntil("the next is printed") { capture.output.contains("veth-server In  IP") }
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
    }

    /// An interface without a link header: what is sent on it is IP.
    @Test(arguments: ["ring", "perf"]) func takesPacketsOfATunnel(transport: String) throws {
      let namespace = try NetworkNamespace()
      let script = "ip tuntap add tun0 mode tun && ip address add 10.8.0.1/24 dev tun0 && ip link set tun0 up"
      let ip = try RunningProcess("sh", ["-c", script], in: namespace)
      guard try ip.wait() == 0 else { try Test.cancel("this kernel has no TUN devices: \(ip.errors)") }
      let file = Self.file("tunnel.pcapng")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        [
          "-i", "tun0", "-Q", "out", "-s", "512", "-w", file.path, "-U", "-c", "2", "--transport", transport,
          "udp port 9",
        ], in: namespace)
      for payload in ["echo hello", "printf %1000s"] {
        let sender = try RunningProcess("bash", ["-c", "\(payload) > /dev/udp/10.8.0.2/9"], in: namespace)
        #expect(try sender.wait() == 0)
      }
      #expect(try capture.wait() == 0)
      let written = try FilePackets(of: file)
      #expect(written.interfaces.map(\.linkType) == [.raw])
      #expect(written.packets.map(\.bytes.count) == [34, 512])
      #expect(written.packets.map(\.packet.originalLength) == [34, 1028])
      let tcpdump = try RunningProcess("tcpdump", ["-nn", "-t", "-r", file.path], in: namespace)
      #expect(try tcpdump.wait() == 0)
      #expect(tcpdump.output.contains("IP 10.8.0.1."))
      #expect(tcpdump.output.contains("> 10.8.0.2.9: UDP, length 6"))
    }

    /// Longer than a perf event's record: what has room is delivered, and that it is not all can be seen.
    @Test(arguments: [("ring", 65549), ("perf", 65478)])
    func theLongestPacketsAreTakenAsFarAsTheyHaveRoom(transport: String, captured: Int) throws {
      let network = try DemoNetwork()
      let file = Self.file("long.pcapng")
      defer { try? FileManager.default.removeItem(at: file) }
      let capture = try Tool.capture(
        [
          "-i", "lo", "-Q", "out", "-s", "0", "-w", file.path, "-U", "-c", "2", "--transport", transport, "udp port 9",
        ], in: network.server)
      let sender = try RunningProcess(
        "python3",
        [
          "-c",
          """
          import socket
          s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
          for length in (65507, 20000): s.sendto(bytes(i % 251 for i in range(length)), ("127.0.0.1", 9))
          """,
        ], in: network.server)
      #expect(try sender.wait() == 0, "\(sender.errors)")
      #expect(try capture.wait() == 0)
      let written = try FilePackets(of: file)
      #expect(written.packets.map(\.packet.originalLength) == [65549, 20042])
      #expect(written.packets.map(\.bytes.count) == [captured, 20042])
      #expect(written.interfaces.first?.snapLength == (transport == "perf" ? 65478 : 262_144))
      for packet in written.packets {
        let payload = packet.bytes.dropFirst(42)
        #expect(payload.enumerated().allSatisfy { $0.element == UInt8($0.offset % 251) })
      }
    }

    /// What one namespace's TCP receives, of all its interfaces, with the state of established sockets.
    @Test(arguments: ["ring", "perf"]) func takesSegmentsAsTCPReceivesThem(transport: String) throws {
      guard FileManager.default.fileExists(atPath: "/sys/bus/event_source/devices/kprobe/type") else {
        try Test.cancel("this kernel has no kprobes")
      }
      let network = try DemoNetwork()
      let capture = try Tool.run(
        ["capture", "--via", "kprobe", "-t", "--transport", transport, "tcp port 80"], in: network.server)
      try capture.waitUntil(says: "segments that tcp_v6_rcv() receives")
      _ = try DemoTraffic.run(in: network)
      try capture.waitUntil("both conversations are printed") {
        capture.output.contains(/IP6 2001:db8::1\.\d+ > 2001:db8::2\.80: Flags \[F/)
      }
      capture.signal(SIGINT)
      #expect(try capture.wait() == 0)
      #expect(capture.output.contains(/veth-server In  IP 192\.0\.2\.1\.\d+ > 192\.0\.2\.2\.80: Flags \[S\]/))
      #expect(capture.output.contains("socket ESTABLISHED"))
      // What the client receives is another namespace's.
      #expect(!capture.output.contains("IP 192.0.2.2.80 >"))
      #expect(capture.errors.contains(", 0 lost"))
    }
  }
}
