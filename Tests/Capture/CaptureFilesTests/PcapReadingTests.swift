import CaptureEvents
import CaptureFiles
import Testing

@Suite struct PcapReadingTests {
  static let packet: [UInt8] = [1, 2, 3, 4, 5]

  @Test(arguments: [false, true]) func readsBothOrders(bigEndian: Bool) {
    var file = FileBytes(bigEndian: bigEndian)
    file.pcapHead(snapLength: 96)
    file.record(1_700_000_000, 123_456, Self.packet, original: 60)
    file.record(UInt32.max, 999_999, [], original: 0)
    let read = ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.packets.map(\.nanoseconds) == [1_700_000_000_123_456_000, 4_294_967_295_999_999_000])
    #expect(read.packets.map(\.bytes) == [Self.packet, []])
    #expect(read.packets.map(\.originalLength) == [60, 0])
    #expect(read.packets[0].interface.linkType == .ethernet)
    #expect(read.packets[0].interface.snapLength == 96)
    #expect(read.packets[0].interface.name == nil)
    #expect(read.packets[0].direction == nil)
  }

  @Test(arguments: [false, true]) func readsNanoseconds(bigEndian: Bool) {
    var file = FileBytes(bigEndian: bigEndian)
    file.pcapHead(magic: 0xa1b2_3c4d)
    file.record(1, 999_999_999, Self.packet, original: 5)
    #expect(ReadFile(file.bytes).packets.map(\.nanoseconds) == [1_999_999_999])
  }

  /// Kuznetzov's records go on with interface, protocol and packet type.
  @Test(arguments: [false, true]) func readsTheModifiedVariant(bigEndian: Bool) {
    var file = FileBytes(bigEndian: bigEndian)
    file.pcapHead(magic: 0xa1b2_cd34)
    for type in [0, 4, 3] as [UInt8] {
      file.add(words: [7, 8, 5, 5, 2])
      file.add(0x0800 as UInt16)
      file.bytes += [type, 0] + Self.packet
    }
    let read = ReadFile(file.bytes)
    #expect(read.error == nil)
    #expect(read.packets.map(\.bytes) == [Self.packet, Self.packet, Self.packet])
    #expect(read.packets.map(\.nanoseconds) == [7_000_008_000, 7_000_008_000, 7_000_008_000])
    #expect(read.packets.map(\.direction) == [.incoming, .outgoing, nil])
  }

  @Test func tellsTheFrameCheckSequence() {
    var file = FileBytes(bigEndian: false)
    file.pcapHead(network: 0x2400_0001)
    file.record(0, 0, Self.packet, original: 5)
    let interface = ReadFile(file.bytes).packets[0].interface
    #expect(interface.linkType == .ethernet)
    #expect(interface.frameCheckByteCount == 4)
  }

  @Test func tellsUnknownLinkTypes() {
    var file = FileBytes(bigEndian: false)
    file.pcapHead(network: 147)
    file.record(0, 0, Self.packet, original: 5)
    #expect(ReadFile(file.bytes).packets[0].interface.linkType.description == "link type 147")
    #expect(LinkType.ethernet.description == "LINKTYPE_ETHERNET (1)")
  }

  /// Versions before 2.3 have the original length first, 2.3 either.
  @Test(arguments: [(2, 60, 5), (3, 60, 5), (3, 5, 60), (4, 5, 60)] as [(UInt16, UInt32, UInt32)])
  func readsOldVersions(minor: UInt16, first: UInt32, second: UInt32) {
    var file = FileBytes(bigEndian: true)
    file.pcapHead(minor: minor)
    file.record(0, 0, Self.packet, captured: first, original: second)
    let read = ReadFile(file.bytes)
    #expect(read.packets.map(\.bytes) == [Self.packet])
    #expect(read.packets.map(\.originalLength) == [60])
  }

  @Test(arguments: [0, 1, 23]) func headIsCutShort(count: Int) {
    var file = FileBytes(bigEndian: false)
    file.pcapHead()
    let needed = count < 4 ? 4 : 24
    #expect(
      ReadFile(Array(file.bytes.prefix(count))).error
        == CaptureFileError(offset: 0, place: .head, reason: .truncated(needed: needed, available: count)))
  }

  @Test func lastRecordIsCutShort() {
    var file = FileBytes(bigEndian: false)
    file.pcapHead()
    file.record(0, 0, Self.packet, original: 5)
    file.record(0, 0, Self.packet, original: 5)
    for (cut, needed) in [(1, 21), (5, 21), (6, 16), (20, 16)] {
      let read = ReadFile(Array(file.bytes.dropLast(cut)))
      #expect(read.packets.count == 1)
      #expect(
        read.error
          == CaptureFileError(offset: 45, place: .record(2), reason: .truncated(needed: needed, available: 21 - cut)))
    }
    #expect(
      ReadFile(Array(file.bytes.dropLast())).error?.description
        == "packet 2 at byte 45: the file ends too early: 21 bytes are due, 20 are there")
  }

  @Test(arguments: [262_145, 0x7fff_ffff, .max] as [UInt32]) func capturedLengthLies(captured: UInt32) {
    var file = FileBytes(bigEndian: false)
    file.pcapHead()
    file.record(0, 0, Self.packet, captured: captured, original: 5)
    #expect(
      ReadFile(file.bytes).error
        == CaptureFileError(offset: 24, place: .record(1), reason: .packetTooLong(captured: captured)))
  }

  @Test func versionIsNotKnown() {
    for (major, minor) in [(1, 4), (2, 5), (543, 0)] as [(UInt16, UInt16)] {
      var file = FileBytes(bigEndian: false)
      file.pcapHead(major: major, minor: minor)
      #expect(ReadFile(file.bytes).error?.reason == .unsupportedVersion(major: major, minor: minor))
    }
  }

  @Test func otherFilesAreNamed() {
    #expect(ReadFile(Array("#!/bin/sh".utf8)).error?.reason == .unknownMagic(0x2321_2f62))
    #expect(
      ReadFile(Array("#!/bin/sh".utf8)).error?.description
        == "file head at byte 0: neither pcap nor pcapng: begins with 0x23212f62")
    #expect(
      ReadFile([0x1f, 0x8b, 8, 0]).error?.reason == .otherFormat("gzip, to be unpacked first (gzip -dc FILE)"))
    #expect(ReadFile(Array("snoop\0\0\0".utf8)).error?.reason == .otherFormat("snoop's format (RFC 1761)"))
  }
}
