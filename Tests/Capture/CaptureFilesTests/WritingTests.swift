import ByteReading
import CaptureEvents
import CaptureFiles
import SeededRandom
import Testing

/// Frames that look like IPv4 over Ethernet, of lengths 14...213.
struct SamplePackets {
  struct Sample {
    var bytes: [UInt8]
    var nanoseconds: Int64
    var originalLength: Int
    var interface: Int
    var direction: CaptureRecord.Direction?
    var comment: String?
  }

  static let samples: [Sample] = {
    var random = SeededGenerator(seed: 5)
    return (0..<200).map { index in
      let head: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]
      let rest = (0..<index).map { _ in UInt8.random(in: 0...255, using: &random) }
      return Sample(
        bytes: head + rest, nanoseconds: 1_700_000_000_123_456_789 + Int64(index) * 1_000_001,
        originalLength: 14 + index + (index % 3 == 0 ? 1000 : 0), interface: index % 2,
        direction: [nil, .incoming, .outgoing][index % 3], comment: index % 50 == 7 ? "packet \(index): über" : nil)
    }
  }()

  static let interfaces = [
    CaptureInterface(
      name: "eth0", description: "uplink", filter: "tcp port 443", comments: ["program merops_xdp"], snapLength: 262_144
    ),
    CaptureInterface(name: "veth1"),
  ]

  static let section = CaptureSection(
    application: "merops 0.1", operatingSystem: "Linux 6.12", hardware: "x86_64", comments: ["one", "two"])

  static let statistics: InterfaceStatistics = {
    var statistics = InterfaceStatistics(interface: 0, nanoseconds: 1_700_000_001_000_000_000)
    statistics.startNanoseconds = 1_700_000_000_000_000_000
    statistics.endNanoseconds = 1_700_000_001_000_000_000
    statistics.received = 1000
    statistics.interfaceDropped = 3
    statistics.filterAccepted = 210
    statistics.systemDropped = 10
    statistics.delivered = 200
    return statistics
  }()

  static func file(_ format: CaptureFileWriter.Format) -> [UInt8] {
    var writer = CaptureFileWriter(format: format, section: section, interfaces: interfaces)
    var buffer = OutputBuffer()
    writer.beginFile(into: &buffer)
    for sample in samples { writer.write(sample, into: &buffer) }
    writer.write(statistics, into: &buffer)
    return buffer.bytes
  }
}

extension CaptureFileWriter {
  mutating func write(_ sample: SamplePackets.Sample, into buffer: inout OutputBuffer) {
    unsafe write(
      sample.bytes.span.bytes, nanoseconds: sample.nanoseconds, originalLength: sample.originalLength,
      interface: sample.interface, direction: sample.direction, comment: Array((sample.comment ?? "").utf8).span.bytes,
      into: &buffer)
  }
}

@Suite struct WritingTests {
  @Test func pcapngIsReadBack() {
    let read = ReadFile(SamplePackets.file(.pcapng))
    #expect(read.error == nil)
    #expect(read.sections == [SamplePackets.section])
    #expect(read.statistics == [SamplePackets.statistics])
    #expect(
      read.packets
        == SamplePackets.samples.map { sample in
          ReadFile.Packet(
            nanoseconds: sample.nanoseconds, bytes: sample.bytes, originalLength: sample.originalLength,
            interface: SamplePackets.interfaces[sample.interface], direction: sample.direction,
            comments: sample.comment.map { [$0] } ?? [])
        })
  }

  @Test(arguments: [.pcapMicroseconds, .pcapNanoseconds] as [CaptureFileWriter.Format])
  func pcapIsReadBack(format: CaptureFileWriter.Format) {
    let read = ReadFile(SamplePackets.file(format))
    let unit: Int64 = format == .pcapNanoseconds ? 1 : 1000
    #expect(read.error == nil)
    #expect(read.packets.map(\.bytes) == SamplePackets.samples.map(\.bytes))
    #expect(read.packets.map(\.nanoseconds) == SamplePackets.samples.map { $0.nanoseconds / unit * unit })
    #expect(read.packets.map(\.originalLength) == SamplePackets.samples.map(\.originalLength))
  }

  /// However the bytes come, the same is read.
  @Test(arguments: [1, 7, 63, 64, 65, 1000]) func chunksMakeNoDifference(chunk: Int) {
    for format in [.pcapng, .pcapNanoseconds] as [CaptureFileWriter.Format] {
      let file = SamplePackets.file(format)
      #expect(ReadFile(file, chunk: chunk) == ReadFile(file))
    }
  }

  /// A file that ends anywhere gives what is whole, and an error unless it ends where it may.
  @Test(arguments: [.pcapng, .pcapNanoseconds] as [CaptureFileWriter.Format])
  func everyPrefix(format: CaptureFileWriter.Format) {
    let file = SamplePackets.file(format)
    let packets = ReadFile(file).packets
    var ends = 0
    for count in stride(from: 0, to: file.count, by: 3).map({ $0 }) + [file.count] {
      let read = ReadFile(Array(file[..<count]))
      #expect(read.packets == Array(packets.prefix(read.packets.count)))
      guard let error = read.error else {
        ends += 1
        continue
      }
      guard case .truncated = error.reason else {
        Issue.record("\(error)")
        continue
      }
    }
    #expect(ends > 10)
  }

  /// The bytes of a small file, as the draft has them.
  @Test func goldenBytes() {
    var writer = CaptureFileWriter(
      format: .pcapng, section: CaptureSection(application: "m"), interfaces: [CaptureInterface(name: "lo")])
    var buffer = OutputBuffer()
    writer.beginFile(into: &buffer)
    let packet: [UInt8] = [1, 2, 3, 4, 5]
    unsafe writer.write(
      packet.span.bytes, nanoseconds: 0x1_0000_0002, originalLength: 60, direction: .outgoing, into: &buffer)
    var expected = FileBytes(bigEndian: false)
    expected.sectionHeader(application: "m")
    expected.interface { options in
      options.option(2, Array("lo".utf8))
      options.option(9, [9])
      options.option(0, [])
    }
    expected.enhancedPacket(ticks: 0x1_0000_0002, packet, original: 60) { options in
      options.option(2, [2, 0, 0, 0])
      options.option(0, [])
    }
    #expect(buffer.bytes == expected.bytes)
  }

  /// A new file begins at any moment, with the interfaces that were described by then, and counts its own bytes.
  @Test func rotation() {
    var writer = CaptureFileWriter(format: .pcapng, interfaces: [CaptureInterface(name: "eth0")])
    var buffer = OutputBuffer()
    writer.beginFile(into: &buffer)
    let head = writer.byteCount
    #expect(head == buffer.count)
    #expect(writer.add(CaptureInterface(name: "eth1"), into: &buffer) == 1)
    for sample in SamplePackets.samples { writer.write(sample, into: &buffer) }
    #expect(writer.byteCount == buffer.count)
    let first = buffer.bytes
    buffer.removeAll()
    writer.beginFile(into: &buffer)
    #expect(writer.byteCount > head)
    #expect(writer.byteCount == buffer.count)
    writer.write(SamplePackets.samples[1], into: &buffer)
    #expect(writer.byteCount == buffer.count)
    #expect(ReadFile(first).packets.count == SamplePackets.samples.count)
    #expect(ReadFile(buffer.bytes).packets.map(\.interface.name) == ["eth1"])
    // Sections may also follow each other in one file.
    #expect(ReadFile(first + buffer.bytes).packets.count == SamplePackets.samples.count + 1)
  }

  /// Records of a ring become what the same packets become one by one.
  @Test func recordsAreWrittenAsPackets() {
    // Of two interfaces: the first six of number 7, then one of number 9. Some have no link header, and are cut.
    var (memory, places, packets): ([UInt8], [Range<Int>], [SamplePackets.Sample]) = ([0, 0, 0, 0], [], [])
    for (index, length) in [14, 15, 60, 98, 200, 262, 33].enumerated() {
      let isRaw = index % 3 == 1
      let frame = (0..<length).map { UInt8(truncatingIfNeeded: 7 * $0 + index) }
      var record = [UInt8](littleEndian: 5_000_000_000 + UInt64(index), count: 8)
      record += [UInt8](littleEndian: UInt64(length + index), count: 4)
      record += [UInt8](littleEndian: index == 6 ? 9 : 7, count: 4)
      record += [UInt8](littleEndian: UInt64(isRaw ? length + 14 : length), count: 4)
      record += [UInt8(index % 2), isRaw ? 1 : 0, 0, 0]
      if isRaw { record += [UInt8](repeating: 0xee, count: 14) }
      // A record may go on behind its packet.
      record += frame + [0xdd, 0xdd]
      places.append(memory.count..<memory.count + record.count)
      memory += record + [0xcc, 0xcc, 0xcc]
      packets.append(
        SamplePackets.Sample(
          bytes: frame, nanoseconds: 5_000_000_000 + 250 + Int64(index), originalLength: length + index, interface: 1,
          direction: index % 2 == 0 ? .incoming : .outgoing))
    }
    let interfaces = [CaptureInterface(name: "eth0"), CaptureInterface(name: "eth1", snapLength: 200)]
    var one = OutputBuffer()
    var writer = CaptureFileWriter(format: .pcapng, interfaces: interfaces)
    writer.beginFile(into: &one)
    var expectedEnds: [Int] = []
    for packet in packets[..<6] {
      writer.write(packet, into: &one)
      expectedEnds.append(one.count)
    }

    let origin = CaptureOrigin(interface: 7, number: 1, clockOffset: 250)
    var many = OutputBuffer()
    var other = CaptureFileWriter(format: .pcapng, interfaces: interfaces)
    other.beginFile(into: &many)
    var ends: [Int] = []
    // The third packet is the first to reach the limit.
    var count = unsafe other.write(
      memory.span.bytes, places.span, origin, until: expectedEnds[1] + 1, ends: &ends, into: &many)
    #expect(count == 3)
    count = unsafe other.write(
      memory.span.bytes, places.span.extracting(3...), origin, until: .max, ends: &ends, into: &many)
    #expect(count == 3)
    #expect(ends == expectedEnds)
    #expect(many.bytes == one.bytes)
    #expect(other.byteCount == writer.byteCount)
  }

  @Test func valuesBeyondReach() {
    let long = [UInt8](repeating: 1, count: 300_000)
    let text = String(repeating: "ä", count: 40_000)
    for format in [.pcapng, .pcapMicroseconds, .pcapNanoseconds] as [CaptureFileWriter.Format] {
      var writer = CaptureFileWriter(
        format: format, section: CaptureSection(comments: [text]),
        interfaces: [CaptureInterface(filter: text), CaptureInterface(snapLength: 10)])
      var buffer = OutputBuffer()
      writer.beginFile(into: &buffer)
      unsafe writer.write(
        long.span.bytes, nanoseconds: -1, originalLength: .max, comment: Array(text.utf8).span.bytes, into: &buffer)
      unsafe writer.write(long.span.bytes, nanoseconds: .max, originalLength: -1, interface: 1, into: &buffer)
      let read = ReadFile(buffer.bytes)
      #expect(read.error == nil)
      #expect(read.packets.map(\.bytes.count) == [262_144, 10])
      #expect(read.packets.map(\.originalLength) == [Int(UInt32.max), 300_000])
      #expect(read.packets.map(\.nanoseconds)[0] == 0)
      guard format == .pcapng else { continue }
      #expect(read.packets[1].nanoseconds == .max)
      let cut = String(repeating: "ä", count: 32767)
      #expect(read.packets[0].comments == [cut])
      #expect(read.packets[0].interface.filter == cut)
      #expect(read.sections[0].comments == [cut])
    }
  }

  /// Changed bytes end in an error or in packets, never in a trap.
  @Test(arguments: [.pcapng, .pcapMicroseconds] as [CaptureFileWriter.Format])
  func changedBytes(format: CaptureFileWriter.Format) {
    let file = Array(SamplePackets.file(format).prefix(3000))
    var random = SeededGenerator(seed: 1)
    var errors = 0
    for _ in 0..<2000 {
      var changed = file
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] = [0, 1, 0x7f, 0x80, 0xff].randomElement(
          using: &random)!
      }
      if ReadFile(changed).error != nil { errors += 1 }
    }
    #expect(errors > 100)
  }
}
