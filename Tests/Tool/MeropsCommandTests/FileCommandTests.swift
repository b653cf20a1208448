import Foundation
import LinuxCalls
import Testing

/// `merops capture -r`, which takes no privileges.
@Suite struct FileCommandTests {
  /// A classic file of three packets: TCP to port 443, the same behind a VLAN tag, and TCP to port 80.
  private static func file() -> [UInt8] {
    let (wanted, other) = (Frame.ipv4(Frame.tcp(from: 1000, to: 443)), Frame.ipv4(Frame.tcp(from: 1001, to: 80)))
    let tag: (protocol: UInt16, tag: UInt16) = (0x8100, 5)
    let frames = [
      Frame(ethertype: 0x0800, wanted), Frame(tags: [tag], ethertype: 0x0800, wanted),
      Frame(ethertype: 0x0800, other),
    ]
    func little(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    var bytes = little(0xa1b2_c3d4) + [2, 0, 4, 0] + little(0) + little(0) + little(262144) + little(1)
    for (number, frame) in frames.enumerated() {
      let count = UInt32(frame.bytes.count)
      bytes += little(UInt32(1_700_000_000 + number)) + little(250_000) + little(count) + little(count) + frame.bytes
    }
    return bytes
  }

  private func capture(
    _ arguments: [String], _ bytes: [UInt8] = file(), isPiped: Bool = false
  ) throws -> (status: Int32, lines: [String], errors: String) {
    let url = FileManager.default.temporaryDirectory.appending(path: "packets-\(UUID().uuidString).pcap")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    // What is not root may read it all the same.
    let words = ["capture", "-r", isPiped ? "-" : url.path] + arguments
    let quoted = ([Tool.path] + words).map { "'\($0)'" }.joined(separator: " ")
    let drop = "setpriv --bounding-set=-all --inh-caps=-all -- "
    let command =
      (isPiped ? "cat '\(url.path)' | " : "") + (Capability.effective().contains(.sysAdmin) ? drop : "") + quoted
    let process = try RunningProcess("sh", ["-c", command], in: .current())
    let status = try process.wait()
    return (status, process.outputLines, process.errors)
  }

  @Test(arguments: [false, true])
  func printsPacketsWithTheirTimes(isPiped: Bool) throws {
    let (status, lines, errors) = try capture(["-tt", "-n"], isPiped: isPiped)
    #expect(status == 0)
    #expect(lines.count == 3)
    #expect(lines.first?.hasPrefix("1700000000.250000 IP ") == true)
    #expect(errors.contains("seen 3 = passed over 0 + matched 3"))
  }

  /// What has come is shown while its writer takes its time.
  @Test func aPipeIsShownAsItComes() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "packets-\(UUID().uuidString)")
    let result = unsafe mkfifo(url.path, 0o600)
    try #require(result == 0)
    defer { try? FileManager.default.removeItem(at: url) }
    let process = try RunningProcess(Tool.path, ["capture", "-r", url.path, "-n"], in: .current())
    let writer = try FileHandle(forWritingTo: url)
    try writer.write(contentsOf: Data(Self.file()))
    try process.waitUntil("three packets are shown") { process.outputLines.count == 3 }
    try writer.close()
    #expect(try process.wait() == 0)
  }

  @Test(arguments: [
    ([], "3 packets"), (["tcp port 443"], "2 packets"), (["--pcap-exact", "tcp", "port", "443"], "1 packet"),
    (["udp"], "0 packets"), (["-c", "1"], "1 packet"), (["vlan 5"], "1 packet"),
  ])
  func countsWhatTheFilterTakes(arguments: [String], count: String) throws {
    let (status, lines, _) = try capture(["--count"] + arguments)
    #expect(status == 0)
    #expect(lines == [count])
  }

  @Test func explainsTheFilterAndReadsNothing() throws {
    let (status, lines, errors) = try capture(["--explain-filter", "tcp port 443 and not ip broadcast"])
    #expect(status == 0 && errors.isEmpty)
    #expect(lines.prefix(3) == ["takes", "  all of:", "    TCP from or to port 443"])
    #expect(lines.contains("cannot see"))
    // It has none: without a network there is no broadcast address.
    #expect(try Tool.run(["capture", "-d", "ip broadcast"], in: .current()).wait() == 2)
  }

  @Test func whatCameBeforeAnErrorIsShown() throws {
    let (status, lines, errors) = try capture(["-n"], Array(Self.file().dropLast(5)))
    #expect(status == 1)
    #expect(lines.count == 2)
    #expect(errors.contains("packet 3 at byte") && errors.contains("too early"))
    let (none, nothing, why) = try capture([], Array("#!/bin/sh\nexit 0\n".utf8))
    #expect(none == 1 && nothing.isEmpty && why.contains("neither pcap nor pcapng"))
  }

  @Test func linksThatAreNotUnderstoodAreNamed() throws {
    var bytes = Self.file()
    bytes[20] = 147
    let (status, lines, errors) = try capture([], bytes)
    #expect(status == 1 && lines.isEmpty)
    #expect(errors.contains("packet 1 has link type 147"))
  }

  /// The program sees what follows the link's own header, and the filter means what it means there.
  @Test func otherLinksGoThroughTheSameProgram() throws {
    var bytes = Self.file()
    // Raw IP: the first packet's Ethernet header is what it begins with, so that it is none.
    bytes[20] = 101
    #expect(try capture(["--count", "tcp"], bytes).lines == ["0 packets"])
    let (status, _, errors) = try capture(["ether src 02:00:00:00:00:01"], bytes)
    #expect(status == 2 && errors.contains("on a link of raw IP"))
  }

  /// A filter's function for them takes the place of another one of the program's.
  @Test func longListsAreAsked() throws {
    let hosts = (0..<300).map { "host 198.18.\($0 / 200).\($0 % 200)" }.joined(separator: " or ")
    #expect(try capture(["--count", hosts]).lines == ["0 packets"])
    #expect(try capture(["--count", "not (\(hosts))"]).lines == ["3 packets"])
    #expect(try capture(["--count", hosts + " or host 192.0.2.1"]).lines == ["3 packets"])
  }

  @Test func contradictionsAreBadUsage() throws {
    #expect(try capture(["-i", "lo"]).status == 2)
    #expect(try capture(["tcp prot"]).status == 2)
    let (status, _, errors) = try capture(["--via", "tc"])
    #expect(status == 2 && errors.contains("Here: auto, interpreter, test-run."))
    #expect(try capture(["--transport", "perf"]).status == 2)
  }
}
