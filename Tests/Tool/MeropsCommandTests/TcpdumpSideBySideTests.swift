import DemoNetwork
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

extension Privileged {
  /// `merops capture` and the real tcpdump watch the same interface at the same time.
  @Suite struct TcpdumpSideBySideTests {
    @Test(arguments: [[], ["-e"], ["-v"], ["-S"], ["-q"], ["-v", "-e"], ["-t", "-#"]])
    func printsTheSameLinesOfRealConversations(options: [String]) throws {
      let network = try DemoNetwork()
      let (ours, theirs) = try watch(network, options) { () throws in
        _ = try DemoTraffic.run(in: network)
      }
      try #require(theirs.count >= 20)
      #expect(ours == theirs)
    }

    @Test func printsTheSameLinesOfPerfEvents() throws {
      let network = try DemoNetwork()
      let (ours, theirs) = try watch(network, [], ["--transport", "perf"]) { () throws in
        _ = try DemoTraffic.run(in: network)
        try Frame.send(Frame.all.map(\.frame), from: DemoNetwork.clientInterface, in: network.client)
      }
      try #require(theirs.count >= 20 + Frame.all.count)
      #expect(ours == theirs)
    }

    @Test(arguments: [[], ["-e"], ["-v"]])
    func printsTheSameLinesOfCraftedFrames(options: [String]) throws {
      let network = try DemoNetwork()
      let (ours, theirs) = try watch(network, options) { () throws in
        try Frame.send(Frame.all.map(\.frame), from: DemoNetwork.clientInterface, in: network.client)
      }
      try #require(theirs.count >= Frame.all.count)
      #expect(ours == theirs)
    }

    /// Runs both, with the same traffic between start and end. Returns what they printed, as far as it is comparable.
    /// - Parameter ownOptions: only of ours.
    private func watch(
      _ network: borrowing DemoNetwork, _ options: [String], _ ownOptions: [String] = [], _ traffic: () throws -> Void
    ) throws -> (ours: [String], theirs: [String]) {
      let interface = DemoNetwork.serverInterface
      // What the kernel says over IPv6 by itself comes when it likes.
      let filter = "not icmp6 and not (ip6[6] = 0 and ip6[40] = 58) and (ip proto 6 or ip6 or vlan)"
      let ours = try Tool.capture(["-nn", "-i", interface] + options + ownOptions + [filter], in: network.server)
      let theirs = try RunningProcess(
        // Its buffer of 2 MB has room for eight packets only, of the size that an interface with offloads may send.
        "tcpdump", ["-nn", "-l", "--immediate-mode", "-B", "32768", "-Q", "in", "-i", interface] + options + [filter],
        in: network.server)
      try theirs.waitUntil(says: "listening on")
      try traffic()
      // Both are through when a last packet of our own has come by.
      try Frame.send(
        [Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 65001)))], from: DemoNetwork.clientInterface,
        in: network.client)
      for process in [ours, theirs] {
        try process.waitUntil("the last packet is printed") { process.output.contains(".65001 >") }
        process.signal(SIGINT)
        #expect(try process.wait() == 0)
      }
      return (Self.comparable(ours.output), Self.comparable(theirs.output))
    }

    /// The packets' lines without time, and without what tcpdump tells of the payload.
    static func comparable(_ output: String) -> [String] {
      // With -v, a packet's second line begins with white space and addresses; the payload's lines begin with a tab.
      let packets = output.replacing(#/\n {4}(?<addresses>\S+ > )/#) { " ⏎ " + $0.output.addresses }
        .split(separator: "\n").map(String.init).filter { !$0.hasPrefix("\t") }
      return packets.map { line in
        var line = line
        line = line.replacing(#/^\d\d:\d\d:\d\d\.\d{6} /#, with: "")
        line = line.replacing(#/(length \d+): HTTP.*/#) { $0.output.1 }
        // Port 80 is HTTP to tcpdump, which looks into the payload.
        // It has all of the segment and can tell whether its checksum is right; headers alone cannot.
        line = line.replacing(#/, cksum 0x[0-9a-f]+ \([^)]*\)/#, with: "")
        return line
      }
    }
  }
}
