import CaptureEvents
import CaptureFiles
import Foundation
import JudgePrograms
import Testing

/// What we write, the known programs read without complaint; what they write, we read as they do.
@Suite struct JudgeTests {
  static let formats: [CaptureFileWriter.Format] = [.pcapng, .pcapMicroseconds, .pcapNanoseconds]

  /// What tshark tells of each packet of a file.
  struct Told: Equatable {
    var nanoseconds: Int64?
    var originalLength: Int
    var capturedLength: Int
    var interfaceName: String?
    var direction: Int

    static func by(tshark file: [UInt8]) throws -> [Told] {
      let fields = [
        "frame.time_epoch", "frame.len", "frame.cap_len", "frame.interface_name", "frame.packet_flags_direction",
      ]
      let answer = try Judge.tshark.run(
        ["-r", "file", "-n", "-T", "fields", "-E", "occurrence=f"] + fields.flatMap { ["-e", $0] },
        files: ["file": file])
      #expect(complaints(answer.errors) == "")
      return answer.text.split(separator: "\n").map { line in
        let columns = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        let time = columns[0].split(separator: ".")
        return Told(
          nanoseconds: time.count == 2 ? Int64(time[0] + time[1]) : nil, originalLength: Int(columns[1]) ?? -1,
          capturedLength: Int(columns[2]) ?? -1,
          // One without a name is called unknown in pcapng.
          interfaceName: ["", "unknown"].contains(columns[3]) ? nil : columns[3],
          direction: Int(columns[4].drop { $0 == "0" || $0 == "x" }) ?? 0)
      }
    }

    static func by(us file: [UInt8]) -> [Told] {
      let read = ReadFile(file)
      #expect(read.error == nil)
      return read.packets.map { packet in
        Told(
          nanoseconds: packet.nanoseconds, originalLength: packet.originalLength, capturedLength: packet.bytes.count,
          interfaceName: packet.interface.name,
          direction: packet.direction.map { $0 == .incoming ? 1 : 2 } ?? 0)
      }
    }
  }

  /// Says of many packets only where they differ first.
  private func expectEqual(_ ours: [Told], _ theirs: [Told], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(ours.count == theirs.count, sourceLocation: sourceLocation)
    for (index, (our, their)) in zip(ours, theirs).enumerated() where our != their {
      Issue.record("packet \(index + 1): \(our), tshark: \(their)", sourceLocation: sourceLocation)
      return
    }
  }

  /// What is left of standard error without what is said of every file.
  static func complaints(_ errors: String) -> String {
    errors.split(separator: "\n").filter { !$0.hasPrefix("Running as user") && !$0.hasPrefix("reading from file") }
      .joined(separator: "\n")
  }

  @Test(arguments: formats) func tsharkReadsOurs(format: CaptureFileWriter.Format) throws {
    let file = SamplePackets.file(format)
    let told = try Told.by(tshark: file)
    #expect(told.count == SamplePackets.samples.count)
    expectEqual(Told.by(us: file), told)
  }

  /// The bytes, the times and the lengths, as tcpdump writes what it has read.
  @Test(arguments: formats) func tcpdumpReadsOurs(format: CaptureFileWriter.Format) throws {
    // tcpdump takes files whose interfaces have one snap length.
    var writer = CaptureFileWriter(
      format: format, section: SamplePackets.section,
      interfaces: [CaptureInterface(name: "eth0", filter: "tcp"), CaptureInterface(name: "eth1")])
    let file = SamplePackets.file(with: &writer)
    let answer = try Judge.tcpdump.run(
      ["-r", "file", "-w", "-", "--time-stamp-precision=nano"], files: ["file": file])
    #expect(Self.complaints(answer.errors) == "")
    let (ours, theirs) = (ReadFile(file), ReadFile(Array(answer.output)))
    #expect(theirs.error == nil)
    #expect(theirs.packets.map(\.bytes) == SamplePackets.samples.map(\.bytes))
    #expect(theirs.packets.map(\.nanoseconds) == ours.packets.map(\.nanoseconds))
    #expect(theirs.packets.map(\.originalLength) == SamplePackets.samples.map(\.originalLength))
  }

  @Test func capinfosReadsOurs() throws {
    let answer = try Judge(program: "capinfos").run(["-M", "file"], files: ["file": SamplePackets.file(.pcapng)])
    #expect(Self.complaints(answer.errors) == "")
    let lines = Set(answer.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
    for line in [
      "Number of packets:   200", "Capture application: merops 0.1", "Capture oper-sys:    Linux 6.12",
      "Capture hardware:    x86_64", "Capture comment:     one", "Capture comment:     two", "Name = eth0",
      "Description = uplink", "Filter string = tcp port 443", "Time precision = nanoseconds (9)",
      "Time resolution = 0x09", "Comment = program merops_xdp", "Number of stat entries = 1", "Name = veth1",
    ] {
      #expect(lines.contains(line), "\(line)\n\(answer.text)")
    }
  }

  /// tshark dissects the file itself: the fields of the statistics, and of each block whatever it finds odd.
  @Test func blocksAreAsTsharkDissectsThem() throws {
    let answer = try Judge.tshark.run(
      [
        "-X", "read_format:MIME Files Format", "-r", "file", "-T", "fields", "-E", "aggregator=;",
        "-e", "pcapng.options.option.data.interface.received", "-e", "pcapng.options.option.data.interface.dropped",
        "-e", "pcapng.options.option.data.interface.accepted_by_filter",
        "-e", "pcapng.options.option.data.interface.dropped_by_os",
        "-e", "pcapng.options.option.data.interface.delivered_to_user", "-e", "_ws.expert.message",
      ], files: ["file": SamplePackets.file(.pcapng)])
    #expect(answer.text == "1000\t3\t210\t10\t200\t\n")
  }

  @Test func commentsAreToldByTshark() throws {
    let answer = try Judge.tshark.run(
      ["-r", "file", "-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"],
      files: ["file": SamplePackets.file(.pcapng)])
    #expect(
      answer.text.split(separator: "\n").map(String.init) == SamplePackets.samples.compactMap(\.comment))
  }

  // MARK: - Their files

  /// editcap makes one of our files into another format.
  @Test(arguments: ["pcap", "nsecpcap", "pcapng", "modpcap"]) func readsWhatEditcapWrites(format: String) throws {
    let answer = try Judge(program: "editcap").run(
      ["-F", format, "file", "-"], files: ["file": SamplePackets.file(.pcapng)])
    let file = Array(answer.output)
    let told = try Told.by(tshark: file)
    #expect(told.count == SamplePackets.samples.count)
    var ours = Told.by(us: file)
    // tshark does not tell the direction of Kuznetzov's packets.
    if format == "modpcap" { for index in ours.indices { ours[index].direction = told[index].direction } }
    expectEqual(ours, told)
    #expect(ReadFile(file).packets.map(\.bytes) == SamplePackets.samples.map(\.bytes))
  }

  @Test func readsWhatEditcapCutsAndMoves() throws {
    let answer = try Judge(program: "editcap").run(
      ["-s", "60", "-t", "-3600.5", "file", "-"], files: ["file": SamplePackets.file(.pcapng)])
    let file = Array(answer.output)
    expectEqual(Told.by(us: file), try Told.by(tshark: file))
  }

  /// Interfaces of several files, or sections of several.
  @Test(arguments: ["none", "all", "any"]) func readsWhatMergecapWrites(mode: String) throws {
    let answer = try Judge(program: "mergecap").run(
      ["-I", mode, "-w", "-", "one", "two", "three"],
      files: [
        "one": SamplePackets.file(.pcapng), "two": SamplePackets.file(.pcapMicroseconds),
        "three": SamplePackets.file(.pcapNanoseconds),
      ])
    let file = Array(answer.output)
    let told = try Told.by(tshark: file)
    #expect(told.count == 3 * SamplePackets.samples.count)
    expectEqual(Told.by(us: file), told)
  }

  @Test func sectionsOneAfterTheOther() throws {
    let file = SamplePackets.file(.pcapng) + SamplePackets.file(.pcapng)
    let told = try Told.by(tshark: file)
    #expect(told.count == 2 * SamplePackets.samples.count)
    expectEqual(Told.by(us: file), told)
  }

  @Test(arguments: ["micro", "nano"]) func readsWhatTcpdumpWrites(precision: String) throws {
    let answer = try Judge.tcpdump.run(
      ["-r", "file", "-w", "-", "--time-stamp-precision=\(precision)"],
      files: ["file": SamplePackets.file(.pcapNanoseconds)])
    let file = Array(answer.output)
    expectEqual(Told.by(us: file), try Told.by(tshark: file))
    #expect(ReadFile(file).packets.map(\.bytes) == SamplePackets.samples.map(\.bytes))
  }

  /// Files made by hand in the other order, with resolutions that no program here writes.
  @Test(arguments: [false, true]) func readsHandMadeFilesAsTsharkDoes(bigEndian: Bool) throws {
    let packet = SamplePackets.samples[60].bytes
    var file = FileBytes(bigEndian: bigEndian)
    file.sectionHeader()
    for resolution in [0, 3, 6, 9, 12, 0x80, 0x8a, 0xa0] as [UInt8] {
      file.interface { options in
        options.option(9, [resolution])
        options.add(14 as UInt16)
        options.add(8 as UInt16)
        options.add(1000 as UInt64)
      }
    }
    for interface in 0..<8 as Range<UInt32> {
      let seconds: UInt64 = 1_700_000
      let ticks = [
        seconds, seconds * 1000 + 7, seconds * 1_000_000 + 7, seconds * 1_000_000_000 + 7,
        seconds * 1_000_000_000_000 + 7777, seconds, seconds << 10 + 7, seconds << 32 + 0x1234_5678,
      ][Int(interface)]
      file.enhancedPacket(interface: interface, ticks: ticks, packet, original: 1500)
    }
    let told = try Told.by(tshark: file.bytes)
    #expect(told.count == 8)
    expectEqual(Told.by(us: file.bytes), told)
  }
}

extension SamplePackets {
  static func file(with writer: inout CaptureFileWriter) -> [UInt8] {
    var buffer = OutputBuffer()
    writer.beginFile(into: &buffer)
    for sample in samples { writer.write(sample, into: &buffer) }
    return buffer.bytes
  }
}
