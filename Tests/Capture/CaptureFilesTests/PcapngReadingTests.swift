import CaptureEvents
import CaptureFiles
import Testing

@Suite struct PcapngReadingTests {
  static let packet: [UInt8] = [1, 2, 3, 4, 5]

  static func file(bigEndian: Bool = false, _ body: (inout FileBytes) -> Void) -> [UInt8] {
    var file = FileBytes(bigEndian: bigEndian)
    file.sectionHeader()
    body(&file)
    return file.bytes
  }

  @Test(arguments: [false, true]) func readsBothOrders(bigEndian: Bool) {
    var file = FileBytes(bigEndian: bigEndian)
    file.sectionHeader(application: "some tool 1.2")
    file.interface(snapLength: 96) { options in
      options.option(2, Array("eth0".utf8))
      options.option(3, Array("uplink".utf8))
      options.option(11, [0] + Array("tcp port 80".utf8))
      options.option(1, Array("a comment".utf8))
      options.option(9, [9])
      options.option(0, [])
    }
    // Microseconds, since nothing else is said.
    file.interface(linkType: 147)
    file.enhancedPacket(ticks: 1_700_000_000_123_456_789, Self.packet, original: 60) { options in
      options.option(2, bigEndian ? [0, 0, 0, 1] : [1, 0, 0, 0])
      options.option(1, Array("first".utf8))
      options.option(1, Array("second".utf8))
      options.option(0, [])
    }
    file.enhancedPacket(interface: 1, ticks: 1_700_000_000_123_456, []) { options in
      options.option(2, bigEndian ? [0, 0, 0, 2] : [2, 0, 0, 0])
    }
    let read = ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.sections == [CaptureSection(application: "some tool 1.2")])
    #expect(read.packets.map(\.nanoseconds) == [1_700_000_000_123_456_789, 1_700_000_000_123_456_000])
    #expect(read.packets.map(\.bytes) == [Self.packet, []])
    #expect(read.packets.map(\.originalLength) == [60, 0])
    #expect(read.packets.map(\.direction) == [.incoming, .outgoing])
    #expect(read.packets.map(\.comments) == [["first", "second"], []])
    #expect(
      read.packets[0].interface
        == CaptureInterface(
          name: "eth0", description: "uplink", filter: "tcp port 80", comments: ["a comment"], snapLength: 96))
    #expect(read.packets[1].interface.linkType == LinkType(rawValue: 147))
  }

  @Test(
    arguments: [
      // Ticks, if_tsresol, if_tsoffset, nanoseconds.
      (1_700_000_000, 0, 0, 1_700_000_000_000_000_000),
      (1_700_000_000_123, 3, 0, 1_700_000_000_123_000_000),
      (1_700_000_000_123_456, 6, 100, 1_700_000_100_123_456_000),
      (1_700_000_000, 9, -5, -3_300_000_000),
      (17_000_000_001_234_567_899, 10, 0, 1_700_000_000_123_456_789),
      (.max, 28, 0, 1), (.max, 29, 0, 0), (.max, 127, 0, 0),
      (3, 0x80, 0, 3_000_000_000), (0x1_8000_0000, 0xa0, 0, 1_500_000_000), (.max, 0xc0, 0, 999_999_999),
      (.max, 0xff, 0, 0),
    ] as [(UInt64, UInt8, Int64, Int64)])
  func readsTimes(ticks: UInt64, resolution: UInt8, offset: Int64, nanoseconds: Int64) {
    for bigEndian in [false, true] {
      let file = Self.file(bigEndian: bigEndian) { file in
        file.interface { options in
          options.option(9, [resolution])
          options.add(14 as UInt16)
          options.add(8 as UInt16)
          options.add(UInt64(bitPattern: offset))
        }
        file.enhancedPacket(ticks: ticks, Self.packet)
      }
      #expect(ReadFile(file).packets.map(\.nanoseconds) == [nanoseconds])
    }
  }

  @Test(
    arguments: [(.max, 0, 0), (.max, 6, 0), (.max, 0x80, 0), (0, 9, .max), (1 << 63 - 1, 9, 1)]
      as [(UInt64, UInt8, Int64)])
  func timesBeyondReach(ticks: UInt64, resolution: UInt8, offset: Int64) {
    let file = Self.file { file in
      file.interface { options in
        options.option(9, [resolution])
        options.add(14 as UInt16)
        options.add(8 as UInt16)
        options.add(UInt64(bitPattern: offset))
      }
      file.enhancedPacket(ticks: ticks, Self.packet)
    }
    let read = ReadFile(file)
    #expect(read.error == nil)
    #expect(read.packets.map(\.nanoseconds) == [nil])
  }

  @Test func sectionsHaveTheirOwnOrderAndInterfaces() {
    let little = Self.file { file in
      file.interface { $0.option(2, Array("first".utf8)) }
      file.enhancedPacket(ticks: 1, Self.packet)
    }
    let big = Self.file(bigEndian: true) { file in
      file.interface { $0.option(2, Array("second".utf8)) }
      file.enhancedPacket(ticks: 2, Self.packet)
    }
    let read = ReadFile(little + big + little)
    #expect(read.error == nil)
    #expect(read.packets.map(\.interface.name) == ["first", "second", "first"])
    #expect(read.packets.map(\.nanoseconds) == [1000, 2000, 1000])
    #expect(read.sections.count == 3)
    // The second section has not described any.
    var empty = FileBytes(bigEndian: false)
    empty.sectionHeader()
    empty.enhancedPacket(Self.packet)
    let lost = ReadFile(little + empty.bytes)
    #expect(lost.packets.count == 1)
    #expect(lost.error?.reason == .noSuchInterface(0, count: 0))
  }

  @Test(arguments: [false, true]) func readsSimplePackets(bigEndian: Bool) {
    let file = Self.file(bigEndian: bigEndian) { file in
      file.interface(snapLength: 5)
      file.block(3) { body in
        body.add(60 as UInt32)
        body.padded(Self.packet)
      }
      file.block(3) { body in
        body.add(2 as UInt32)
        body.padded([1, 2])
      }
    }
    let read = ReadFile(file)
    #expect(read.error == nil)
    #expect(read.packets.map(\.bytes) == [Self.packet, [1, 2]])
    #expect(read.packets.map(\.originalLength) == [60, 2])
    #expect(read.packets.map(\.nanoseconds) == [nil, nil])
  }

  @Test(arguments: [false, true]) func readsObsoletePackets(bigEndian: Bool) {
    let file = Self.file(bigEndian: bigEndian) { file in
      file.interface()
      file.interface(linkType: 101)
      file.block(2) { body in
        body.add(1 as UInt16)
        body.add(77 as UInt16)
        body.add(words: [0, 5, 5, 60])
        body.padded(Self.packet)
        body.option(2, bigEndian ? [0, 0, 0, 2] : [2, 0, 0, 0])
      }
    }
    let read = ReadFile(file)
    #expect(read.error == nil)
    #expect(read.packets.map(\.bytes) == [Self.packet])
    #expect(read.packets.map(\.nanoseconds) == [5000])
    #expect(read.packets.map(\.interface.linkType) == [.raw])
    #expect(read.packets.map(\.direction) == [.outgoing])
  }

  @Test(arguments: [false, true]) func readsStatistics(bigEndian: Bool) {
    let file = Self.file(bigEndian: bigEndian) { file in
      file.interface { $0.option(9, [9]) }
      file.block(5) { body in
        body.add(words: [0, 1, 2])
        for code in 2...8 as ClosedRange<UInt16> {
          body.add(code)
          body.add(8 as UInt16)
          if code < 4 { body.add(words: [0, UInt32(code)]) } else { body.add(UInt64(code)) }
        }
      }
    }
    var expected = InterfaceStatistics(nanoseconds: 1 << 32 + 2)
    expected.startNanoseconds = 2
    expected.endNanoseconds = 3
    expected.received = 4
    expected.interfaceDropped = 5
    expected.filterAccepted = 6
    expected.systemDropped = 7
    expected.delivered = 8
    #expect(ReadFile(file).statistics == [expected])
  }

  @Test func skipsOtherBlocks() {
    let file = Self.file { file in
      file.interface()
      file.block(4) { $0.padded([1, 2, 3, 4, 0, 0, 0, 0]) }
      file.enhancedPacket(Self.packet)
      file.block(0x8000_0001) { _ in }
      file.block(0xbad) { $0.bytes = [UInt8](repeating: 7, count: 100_000) }
      file.enhancedPacket(Self.packet)
    }
    for chunk in [nil, 1000] {
      let read = ReadFile(file, chunk: chunk)
      #expect(read.error == nil)
      #expect(read.packets.count == 2)
    }
  }

  @Test func filtersThatAreNoTextAreLeftOut() {
    let file = Self.file { file in
      file.interface { options in
        options.option(11, [1, 2, 3])
        options.option(11, [])
        options.option(2, [0x65, 0x66, 0, 0])
        options.option(13, [32])
      }
      file.enhancedPacket(Self.packet)
    }
    let interface = ReadFile(file).packets[0].interface
    #expect(interface.filter == nil)
    #expect(interface.name == "ef")
    #expect(interface.frameCheckByteCount == 4)
  }

  struct Flaw: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let reason: CaptureFileError.Reason
    let body: @Sendable (inout FileBytes) -> Void
  }

  /// Each behind a section header, an interface and a packet.
  static let flaws: [Flaw] = [
    Flaw(testDescription: "length below the least", reason: .blockLength(8)) { $0.block(6, length: 8) { _ in } },
    Flaw(testDescription: "length 0", reason: .blockLength(0)) { $0.block(99, length: 0) { _ in } },
    Flaw(testDescription: "length no multiple", reason: .blockLength(14)) {
      $0.block(99, length: 14) { $0.add(0 as UInt16) }
    },
    Flaw(testDescription: "length beyond all", reason: .blockTooLong(0xffff_fffc)) {
      $0.block(6, length: 0xffff_fffc) { _ in }
    },
    Flaw(testDescription: "trailer", reason: .trailingLength(16, leading: 12)) { $0.block(99, trailing: 16) { _ in } },
    Flaw(testDescription: "packet's trailer", reason: .trailingLength(0, leading: 40)) {
      $0.block(6, trailing: 0) { $0.add(words: [0, 0, 0, 5, 5, 0, 0]) }
    },
    Flaw(testDescription: "packet beyond", reason: .packetBeyondBlock(captured: 9, available: 8)) {
      $0.enhancedPacket([1, 2, 3, 4, 5], captured: 9)
    },
    Flaw(testDescription: "packet too long", reason: .packetTooLong(captured: .max)) {
      $0.enhancedPacket([1, 2, 3, 4, 5], captured: .max)
    },
    Flaw(testDescription: "no room for the fields", reason: .blockTooShort(needed: 24, available: 20)) {
      $0.block(6) { $0.add(words: [0, 0, 0]) }
    },
    Flaw(testDescription: "no such interface", reason: .noSuchInterface(7, count: 1)) {
      $0.enhancedPacket(interface: 7, [])
    },
    Flaw(testDescription: "statistics of none", reason: .noSuchInterface(1, count: 1)) {
      $0.block(5) { $0.add(words: [1, 0, 0]) }
    },
    Flaw(testDescription: "option beyond", reason: .optionBeyondBlock(code: 1, length: 5, available: 4)) {
      $0.enhancedPacket([]) { $0.option(1, [1, 2, 3, 4], length: 5) }
    },
    Flaw(testDescription: "option length", reason: .optionLength(code: 2, length: 3, expected: 4)) {
      $0.enhancedPacket([]) { $0.option(2, [1, 2, 3]) }
    },
    Flaw(testDescription: "resolution length", reason: .optionLength(code: 9, length: 2, expected: 1)) {
      $0.interface { $0.option(9, [1, 2]) }
    },
    Flaw(testDescription: "simple packet beyond", reason: .packetBeyondBlock(captured: 60, available: 8)) {
      $0.block(3) { body in
        body.add(60 as UInt32)
        body.padded([1, 2, 3, 4, 5])
      }
    },
    Flaw(testDescription: "magic", reason: .byteOrderMagic(0x0102_0304)) { file in
      file.sectionHeader(magic: file.isBigEndian ? 0x0102_0304 : 0x0403_0201)
    },
    Flaw(testDescription: "version", reason: .unsupportedVersion(major: 2, minor: 0)) { $0.sectionHeader(major: 2) },
  ]

  @Test(arguments: flaws) func namesPlaceAndReason(flaw: Flaw) throws {
    for bigEndian in [false, true] {
      var file = FileBytes(bigEndian: bigEndian)
      file.sectionHeader()
      file.interface()
      file.enhancedPacket(Self.packet)
      let offset = file.bytes.count
      flaw.body(&file)
      for chunk in [nil, 1] {
        let read = ReadFile(file.bytes, chunk: chunk)
        #expect(read.packets.count == 1)
        let error = try #require(read.error)
        #expect(error.reason == flaw.reason)
        #expect(error.offset == offset)
        guard case .block(4, _) = error.place else {
          Issue.record("\(error.place)")
          continue
        }
      }
    }
  }

  @Test func errorsInWords() {
    let file = Self.file { file in
      file.interface()
      file.enhancedPacket(Self.packet, captured: 4000)
    }
    #expect(
      ReadFile(file).error?.description
        == "block 3 (enhanced packet) at byte 48: says 4000 captured bytes, but the block has 8")
    #expect(
      ReadFile(Array(file.dropLast(3))).error?.description
        == "block 3 (enhanced packet) at byte 48: the file ends too early: 40 bytes are due, 37 are there")
  }

  @Test func skippedBlockIsCutShort() {
    let file = Self.file { $0.block(99) { $0.bytes = [UInt8](repeating: 0, count: 100) } }
    for cut in [1, 4, 50, 100] {
      for chunk in [nil, 7] {
        #expect(
          ReadFile(Array(file.dropLast(cut)), chunk: chunk).error
            == CaptureFileError(
              offset: 28, place: .block(2, type: 99), reason: .truncated(needed: 112, available: 112 - cut)))
      }
    }
  }

  @Test func tooManyInterfaces() {
    let file = Self.file { file in for _ in 0...CaptureFileReader.mostInterfaces { file.interface() } }
    #expect(ReadFile(file).error?.reason == .tooManyInterfaces)
  }
}
