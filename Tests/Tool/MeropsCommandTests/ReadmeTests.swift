import DemoNetwork
import FixturePrograms
import Foundation
import LinuxCalls
import RouteNetlink
import Testing

/// README promises what it shows.
@Suite struct ReadmeTests {
  private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  @Test func showsTheProgramThatTheBuildCompiles() throws {
    let program = try text("Tests/Support/README/main.swift").trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(try text("README.md").contains("```swift\n\(program)\n```"))
  }

  @Test(arguments: ["README.md", "docs/architecture.md", "docs/kernels.md"])
  func linksLeadSomewhere(page: String) throws {
    let folder = root.appending(path: page).deletingLastPathComponent()
    let links = try text(page).matches(of: #/\]\((?<path>[^)#:]+)\)/#).map { String($0.output.path) }
    #expect(!links.isEmpty)
    for link in links { #expect(FileManager.default.fileExists(atPath: folder.appending(path: link).path), "\(link)") }
  }
}

extension Privileged {
  @Suite struct ReadmeExampleTests {
    /// The program loads `watch.bpf.o`, sets its constant, attaches to `eth0` and prints what comes out of the ring.
    @Test func theProgramThatReadmeShowsRuns() throws {
      let host = try NetworkNamespace()
      let peer = try NetworkNamespace()
      try host.run { () throws(NetlinkError) in
        let socket = try RouteSocket()
        try socket.createVethPair("eth0", peer: "peer0", peerNamespace: peer)
        if let interface = try socket.interface(named: "eth0") { try socket.setUp(interface) }
      }
      try peer.run { () throws(NetlinkError) in
        let socket = try RouteSocket()
        if let interface = try socket.interface(named: "peer0") { try socket.setUp(interface) }
      }
      let example = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appending(path: "readme-example").path
      let program = try RunningProcess(
        "stdbuf", ["-oL", example], in: host, files: ["watch.bpf.o": watchObject()])
      try program.waitUntil(says: "attached: native XDP by bpf_link")
      try Frame.send([Frame(ethertype: 0x0800, Frame.ipv4(Frame.tcp(from: 1)))], from: "peer0", in: peer)
      try program.waitUntil("the constant comes out of the ring") { program.outputLines.contains("443") }
    }
  }
}
