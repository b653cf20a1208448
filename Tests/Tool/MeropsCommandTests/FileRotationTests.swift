import CaptureFiles
import Foundation
import LinuxCalls
import Testing

/// `merops capture -r FILE -w FILE`: packets from a file into files.
@Suite struct FileRotationTests {
  /// A folder that goes with the value.
  final class Folder {
    let url = FileManager.default.temporaryDirectory.appending(path: "merops-files-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }

    func url(_ name: String) -> URL { url.appending(path: name) }
    func path(_ name: String) -> String { url(name).path }
    var names: [String] {
      get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }
    }
  }

  /// A classic file of packets of random bytes and any length.
  private static func file(_ lengths: [Int]) -> Data {
    func little(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
    var random = SystemRandomNumberGenerator()
    var data = Data(little(0xa1b2_c3d4) + [2, 0, 4, 0] + little(0) + little(0) + little(262_144) + little(1))
    for (number, length) in lengths.enumerated() {
      data += little(1_700_000_000 + number) + little(250_000 + number) + little(length) + little(length)
      data += [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]
      data += (14..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    return data
  }

  private func succeed(_ program: String, _ arguments: [String]) throws -> RunningProcess {
    let process = try RunningProcess(program, arguments, in: .current())
    #expect(try process.wait() == 0, "\(program) \(arguments): \(process.errors)")
    return process
  }

  /// Number, time, lengths and bytes, as tshark reads them.
  private func packets(_ path: String) throws -> [String] {
    let fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"]
    return try succeed("tshark", ["-r", path] + fields).outputLines + succeed("tshark", ["-r", path, "-x"]).outputLines
  }

  /// So many large packets that the heads of records make no difference to where a million bytes end.
  @Test(arguments: [
    ["-C", "1"], ["-C", "1", "-W", "3"], ["-C", "1", "-W", "11"], ["-C", "1", "-W", "1"], ["-C", "1", "-G", "1000"],
    ["-C", "1", "-G", "1000", "-W", "2"], ["-G", "1000", "-W", "2"], ["-C", "2"],
  ])
  func namesAndContentsAreTcpdumps(options: [String]) throws {
    let (input, ours, theirs) = (try Folder(), try Folder(), try Folder())
    let file = input.path("input.pcap")
    try Self.file([Int](repeating: 60_000, count: 60)).write(to: input.url("input.pcap"))
    // A day from now on tells the same both times, nearly always; without -G it is part of the name.
    _ = try succeed("tcpdump", ["-Z", "root", "-r", file, "-w", theirs.path("out-%Y")] + options)
    let merops = try succeed(Tool.path, ["capture", "-r", file, "-w", ours.path("out-%Y")] + options)
    #expect(try ours.names == theirs.names)
    #expect(try !ours.names.isEmpty)
    for name in try ours.names {
      let (mine, other) = try (FilePackets(of: ours.url(name)), FilePackets(of: theirs.url(name)))
      #expect(!mine.packets.isEmpty && mine.isSame(as: other))
      #expect(merops.errors.contains(" in \(ours.path(name)), "))
    }
  }

  @Test func sizesMayHaveUnits() throws {
    let folder = try Folder()
    let file = folder.path("input.pcap")
    try Self.file([Int](repeating: 1000, count: 20)).write(to: folder.url("input.pcap"))
    let merops = try succeed(Tool.path, ["capture", "-r", file, "-w", folder.path("out"), "-C", "4k"])
    // 4096 bytes are over with the fourth packet.
    #expect(try folder.names == ["input.pcap", "out", "out1", "out2", "out3", "out4"])
    #expect(merops.errors.contains("4 packets in \(folder.path("out4")), "))
  }

  /// Whole packets, also the longest there are, and what is told of them.
  @Test func aCopyHasTheSamePackets() throws {
    let folder = try Folder()
    let (input, output, again) = (folder.path("input.pcap"), folder.path("output.pcapng"), folder.path("again.pcapng"))
    try Self.file([14, 15, 60, 1514, 9014, 65_549, 262_144]).write(to: folder.url("input.pcap"))
    _ = try succeed(Tool.path, ["capture", "-r", input, "-w", output])
    #expect(try packets(output) == packets(input))
    _ = try succeed(Tool.path, ["capture", "-r", output, "-w", again, "-s", "0"])
    #expect(try packets(again) == packets(input))
    // What the file does not tell is not made up.
    #expect(try succeed("tshark", ["-r", output, "-Y", "frame.packet_flags"]).outputLines.isEmpty)
    let tcpdump = try RunningProcess("tcpdump", ["-r", output, "-w", "/dev/null"], in: .current())
    #expect(try tcpdump.wait() == 0)
    #expect(tcpdump.errors.split(separator: "\n").count == 1, "\(tcpdump.errors)")
    let information = try succeed("capinfos", [output]).output
    #expect(information.contains(#/Number of packets: +7/#))
    #expect(information.contains(#/Capture application: +merops/#))
    // The same file as editcap makes of it, in both directions.
    _ = try succeed("editcap", ["-F", "nsecpcap", output, folder.path("edited.pcap")])
    #expect(try packets(folder.path("edited.pcap")) == packets(input))
  }

  @Test func printingGoesWithWriting() throws {
    let folder = try Folder()
    let (input, output) = (folder.path("input.pcap"), folder.path("output.pcapng"))
    try Self.file([60, 61, 62]).write(to: folder.url("input.pcap"))
    let printed = try succeed(Tool.path, ["capture", "-r", input, "-tt"]).outputLines
    #expect(printed.count { $0.contains("ethertype Unknown (0x88b5)") } == 3)
    #expect(try succeed(Tool.path, ["capture", "-r", input, "-w", output, "-tt", "--print"]).outputLines == printed)
    #expect(try packets(output) == packets(input))
    #expect(try succeed(Tool.path, ["capture", "-r", input, "-w", output]).output.isEmpty)
  }

  /// Beyond the limit writing fails, as it does on a full disk: in the middle of a packet.
  @Test func afterAFailureTheFileEndsWithAWholePacket() throws {
    let folder = try Folder()
    let (input, output) = (folder.path("input.pcap"), folder.path("output.pcapng"))
    try Self.file([Int](repeating: 60_000, count: 20)).write(to: folder.url("input.pcap"))
    let command = "trap '' XFSZ; ulimit -f 300; exec \(Tool.path) capture -r \(input) -w \(output)"
    let process = try RunningProcess("bash", ["-c", command], in: .current())
    #expect(try process.wait() == 1)
    #expect(process.errors.contains("write to \(output): File too large (EFBIG)"))
    let count = try succeed("tshark", ["-r", output]).outputLines.count
    #expect(count > 0)
    #expect(process.errors.contains("\(count) packets captured"))
    #expect(process.errors.contains(#/matched (\d+) = delivered \d+ \+ lost [1-9]/#))
  }

  /// The second of two files is a folder: the first one stays, and is whole.
  @Test func aFileThatCannotBeOpenedIsNamed() throws {
    let folder = try Folder()
    let (input, output) = (folder.path("input.pcap"), folder.path("output"))
    try Self.file([Int](repeating: 1000, count: 20)).write(to: folder.url("input.pcap"))
    try FileManager.default.createDirectory(atPath: output + "1", withIntermediateDirectories: true)
    let process = try RunningProcess(Tool.path, ["capture", "-r", input, "-w", output, "-C", "4k"], in: .current())
    #expect(try process.wait() == 1)
    #expect(process.errors.contains("open \(output)1: Is a directory (EISDIR)"))
    #expect(process.errors.contains("4 packets captured, 1 lost"))
    #expect(try packets(output).count > 0)

    let first = try RunningProcess(Tool.path, ["capture", "-r", input, "-w", output + "1"], in: .current())
    #expect(try first.wait() == 1)
    #expect(first.errors.contains("open \(output)1: Is a directory (EISDIR)"))
  }

  @Test(arguments: [
    (["-w", "-", "-C", "1"], "one stream"), (["-w", "-", "-G", "1"], "one stream"), (["-C", "1"], "-w FILE"),
    (["-w", "x", "-W", "2"], "-C or -G"), (["-w", "x", "-C", "0"], "-C"), (["-w", "x", "-C", "99999999999999"], "-C"),
    (["-w", "x", "-C", "1x"], "-C"), (["-w", "x", "-G", "0"], "-G 0"), (["-w", "x", "-C", "1", "-W", "0"], "-W 0"),
    (["-w", "/dev/null"], "the same file"), (["-w", "-", "--print"], "standard output"),
  ])
  func refusesBadUsage(options: [String], hint: String) throws {
    let process = try RunningProcess(Tool.path, ["capture", "-r", "/dev/null"] + options, in: .current())
    #expect(try process.wait() == 2)
    #expect(process.errors.contains(hint))
  }
}
