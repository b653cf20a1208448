import ByteReading
import CaptureEvents
import Testing

@Suite struct CaptureRecordTests {
  private static func record(
    captured: UInt32 = 54, wire: UInt32 = 1514, direction: UInt8 = 1, link: UInt8 = 0, frame: Int = 54
  )
    -> [UInt8]
  {
    var bytes: [UInt8] = []
    func append(_ value: some FixedWidthInteger) { bytes += value.bigEndianBytes.reversed() }
    append(UInt64(0x0102_0304_0506_0708).littleEndian)
    append(wire.littleEndian)
    append(UInt32(7).littleEndian)
    append(captured.littleEndian)
    bytes += [direction, link]
    return bytes + Array(repeating: 0, count: 2) + (0..<frame).map { UInt8(truncatingIfNeeded: $0) }
  }

  private func decode(_ bytes: [UInt8]) throws(CaptureRecordError) -> CaptureRecord {
    try CaptureRecord(unsafe bytes.span.bytes)
  }

  @Test func readsTheFieldsOfTheHeader() throws {
    let record = try decode(Self.record())
    #expect(record.time == 0x0102_0304_0506_0708)
    #expect(record.wireLength == 1514)
    #expect(record.interface == 7)
    #expect(record.capturedLength == 54)
    #expect(record.direction == .outgoing)
    #expect(record.frameRange == 24..<78)
    #expect(record.linkType == .ethernet)
  }

  @Test func leavesOutTheHeaderThatWasMadeUp() throws {
    let record = try decode(Self.record(link: 1))
    #expect(record.linkType == .raw)
    #expect(record.capturedLength == 40)
    #expect(record.frameRange == 38..<78)
    #expect(throws: CaptureRecordError.truncatedFrame(captured: 14, carried: 13)) {
      try decode(Self.record(captured: 13, link: 1))
    }
    #expect(throws: CaptureRecordError.unknownLink(2)) { try decode(Self.record(link: 2)) }
  }

  @Test func takesARecordThatIsLongerThanItsFrame() throws {
    #expect(try decode(Self.record(captured: 10)).frameRange == 24..<34)
    #expect(try decode(Self.record(captured: 0)).frameRange.isEmpty)
  }

  @Test func refusesEveryPrefix() {
    let whole = Self.record()
    for count in 0..<24 {
      #expect(throws: CaptureRecordError.truncatedHeader(TruncatedError(offset: 0, needed: 24, available: count))) {
        try decode(Array(whole.prefix(count)))
      }
    }
    for count in 24..<whole.count {
      #expect(throws: CaptureRecordError.truncatedFrame(captured: 54, carried: count - 24)) {
        try decode(Array(whole.prefix(count)))
      }
    }
  }

  @Test func refusesWhatContradictsItself() {
    #expect(throws: CaptureRecordError.moreThanTheFrame(captured: 54, wire: 53)) { try decode(Self.record(wire: 53)) }
    #expect(throws: CaptureRecordError.unknownDirection(2)) { try decode(Self.record(direction: 2)) }
    #expect(throws: CaptureRecordError.truncatedFrame(captured: .init(UInt32.max), carried: 54)) {
      try decode(Self.record(captured: .max))
    }
  }
}
