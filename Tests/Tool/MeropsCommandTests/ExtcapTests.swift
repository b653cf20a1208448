import ArgumentParser
import DemoNetwork
import Foundation
import LinuxCalls
import Testing

@testable import MeropsCommand

/// Wireshark's extcap protocol.
@Suite struct ExtcapTests {
  private static let requests: [(arguments: [String], request: Extcap.Request)] = [
    (["--extcap-interfaces", "--extcap-version=4.0"], .interfaces),
    (["--extcap-interfaces"], .interfaces),
    (["--extcap-dlts", "--extcap-interface", "merops-eth0"], .linkTypes(of: "eth0")),
    (["--extcap-interface=merops-eth0", "--extcap-config"], .options(of: "eth0")),
    (["--extcap-interface=merops-any", "--extcap-capture-filter=tcp port 80"], .filter("tcp port 80", of: "any")),
    (
      ["--capture", "--extcap-interface", "merops-eth0", "--fifo", "/tmp/fifo"],
      .capture(["-i", "eth0", "-Q", "both", "--via", "auto", "--snapshot-length", "262144"], fifo: "/tmp/fifo")
    ),
    (
      [
        "--capture", "--extcap-interface=merops-a-b", "--fifo=f", "--extcap-capture-filter", "-1 = 1", "--direction",
        "in", "--headers-only", "--via", "tc", "--process",
      ],
      .capture(["-i", "a-b", "-Q", "in", "--via", "tc", "--process", "--", "-1 = 1"], fifo: "f")
    ),
    (["--extcap-interface", "merops-lo", "--extcap-cleanup-postkill"], .nothing),
  ]

  @Test(arguments: requests)
  func understandsWhatIsAsked(arguments: [String], request: Extcap.Request) throws {
    #expect(Extcap.isMeant(by: arguments))
    #expect(try Extcap.parse(arguments).request() == request)
  }

  @Test(arguments: [
    ["--extcap-dlts"], ["--extcap-interface", "eth0", "--extcap-dlts"], ["--extcap-interface", "merops-lo"],
    ["--capture", "--extcap-interface", "merops-lo"],
  ])
  func refusesWhatMakesNoSense(arguments: [String]) throws {
    #expect(throws: (any Error).self) { try Extcap.parse(arguments).request() }
    let process = try RunningProcess(Tool.path, arguments, in: .current())
    #expect(try process.wait() == 2)
    #expect(process.output.isEmpty)
  }

  @Test func aNameThatWouldBreakTheSentenceIsLeftOut() {
    let lines = Extcap.sentences(of: ["eth0", "a}b", "{x"]).split(separator: "\n")
    #expect(
      lines.dropFirst() == [
        "interface {value=merops-any}{display=merops: any}", "interface {value=merops-eth0}{display=merops: eth0}",
      ])
  }

  /// No output says that a filter is one.
  @Test(arguments: [("tcp port 80", true), ("tcp prot 80", false), ("-x", false)])
  func checksFilters(expression: String, isGood: Bool) throws {
    let process = try RunningProcess(
      Tool.path, ["--extcap-interface=merops-lo", "--extcap-capture-filter=\(expression)"], in: .current())
    #expect(try process.wait() == 0)
    #expect(process.output.isEmpty == isGood)
  }
}

extension ExtcapTests {
  /// tshark with a link to the command in a folder of the user's. It depends on no kernel, and tshark takes minutes to start in
  /// an emulated machine, so that it is none of the privileged tests, which run in those.
  @Suite(.serialized, .asRoot) struct CaptureTests {
    private let home: FileRotationTests.Folder

    init() throws {
      home = try FileRotationTests.Folder()
      // Where Wireshark looks up to 4.0, and from 4.2 on.
      for folder in [".config/wireshark/extcap", ".local/lib/wireshark/extcap"] {
        try FileManager.default.createDirectory(at: home.url(folder), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
          atPath: home.path("\(folder)/merops"), withDestinationPath: Tool.path)
      }
    }

    private func tshark(_ arguments: [String], in namespace: borrowing NetworkNamespace) throws -> RunningProcess {
      try RunningProcess("tshark", arguments, in: namespace, environment: ["HOME": home.url.path])
    }

    /// A named pipe.
    private func pipe() throws -> String {
      let path = home.path("fifo")
      let result = unsafe mkfifo(path, 0o600)
      try #require(result == 0)
      return path
    }

    private func send(in network: borrowing DemoNetwork) throws {
      let frames = (0..<3).flatMap { number in
        [80, 81].map { port in
          Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: UInt16(1000 + number), to: port, payload: [1, 2, 3])))
        }
      }
      try Frame.send(frames, from: DemoNetwork.clientInterface, in: network.client)
    }

    @Test func interfacesAreListed() throws {
      let network = try DemoNetwork()
      let list = try tshark(["-D"], in: network.server)
      #expect(try list.wait() == 0)
      for name in ["any", "lo", DemoNetwork.serverInterface] {
        #expect(list.output.contains("merops-\(name) (merops: \(name))"))
      }
    }

    @Test(arguments: [
      (DemoNetwork.serverInterface, [], 57), (DemoNetwork.serverInterface, ["direction:in"], 57),
      (DemoNetwork.serverInterface, ["headersonly:true"], 54), ("any", [], 57),
    ])
    func tsharkCaptures(name: String, options: [String], length: Int) throws {
      let network = try DemoNetwork()
      let preferences = options.flatMap { ["-o", "extcap.merops_\(name.replacing("-", with: "_")).\($0)"] }
      let fields = [
        "frame.interface_name", "tcp.srcport", "tcp.dstport", "frame.cap_len", "frame.packet_flags_direction",
      ]
      let process = try tshark(
        preferences + ["-i", "merops-\(name)", "-f", "tcp port 80", "-c", "3", "-l", "-T", "fields"]
          + fields.flatMap { ["-e", $0] }, in: network.server)
      try process.waitUntil(says: "Capture started")
      // tshark has begun; the command attaches a moment later.
      try process.waitUntil("three packets are shown") {
        usleep(100_000)
        try? send(in: network)
        return process.outputLines.count == 3
      }
      #expect(try process.wait() == 0)
      #expect(process.errors.contains("3 packets captured"))
      #expect(!process.errors.contains("extcap"))
      for line in process.outputLines {
        let words = line.split(separator: "\t")
        #expect(words.count == 5)
        #expect(words[0] == DemoNetwork.serverInterface)
        #expect(words[2...].elementsEqual(["80", "\(length)", "0x00000001"]))
      }
      #expect(
        Set(process.outputLines.compactMap { $0.split(separator: "\t").dropFirst().first }).isSubset(of: [
          "1000", "1001", "1002",
        ]))
    }

    @Test func aBadFilterIsToldOf() throws {
      let fifo = try pipe()
      let reader = try RunningProcess("cat", [fifo], in: .current())
      let process = try RunningProcess(
        Tool.path,
        ["--capture", "--extcap-interface=merops-lo", "--fifo=\(fifo)", "--extcap-capture-filter=tcp prot 80"],
        in: .current())
      #expect(try process.wait() == 2)
      #expect(process.errors.contains("expected 'and', 'or' or the end, found 'prot'"))
      // What waits for packets learns that there are none.
      #expect(try reader.wait() == 0)
    }

    /// As Wireshark does: the pipe is closed, or the process is told to end.
    @Test(arguments: [true, false])
    func endsWithItsReader(byClosing: Bool) throws {
      let network = try DemoNetwork()
      let fifo = try pipe()
      let reader = try RunningProcess("sh", ["-c", "exec cat '\(fifo)' > '\(home.path("packets"))'"], in: .current())
      let process = try RunningProcess(
        Tool.path, ["--capture", "--extcap-interface=merops-\(DemoNetwork.serverInterface)", "--fifo=\(fifo)"],
        in: network.server)
      try reader.waitUntil("the interface is described") {
        (try? Data(contentsOf: home.url("packets")).isEmpty) == false
      }
      if byClosing { reader.signal(SIGKILL) } else { process.signal(SIGTERM) }
      #expect(try process.wait(seconds: 20) == 0)
      #expect(process.errors.isEmpty)
      #expect(process.output.isEmpty)
    }

    /// Nobody reads: it can be ended all the same.
    @Test(arguments: [["--capture", "--extcap-interface=merops-lo", "--fifo"], ["capture", "-i", "lo", "-w"]])
    func endsWhileItWaitsForAReader(arguments: [String]) throws {
      let process = try RunningProcess(Tool.path, arguments + [try pipe()], in: .current())
      usleep(300_000)
      process.signal(SIGTERM)
      #expect(try process.wait(seconds: 20) == 128 + SIGTERM)
    }
  }
}
