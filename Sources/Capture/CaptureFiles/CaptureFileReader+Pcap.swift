import ByteReading
import CaptureEvents

/// How a classic file's records are read.
struct PcapRecords {
  let order: ByteOrder
  let resolution: TimeResolution
  let isModified: Bool
  let lengths: Lengths

  /// Which of a record's two lengths is the captured one.
  enum Lengths {
    case capturedFirst
    /// Before version 2.3.
    case originalFirst
    /// 2.3: either.
    case lesserIsCaptured
  }

  var headByteCount: Int { isModified ? PcapFormat.modifiedRecordByteCount : PcapFormat.recordByteCount }
}

extension CaptureFileReader {
  mutating func pcapHead(
    _ rest: RawSpan, _ format: Format
  ) throws(CaptureFileError.Reason) -> Step? {
    guard rest.byteCount >= PcapFormat.headByteCount else { return needs(PcapFormat.headByteCount) }
    guard case .pcap(let resolution, let isSwapped, let isModified) = format else { return nil }
    let order = ByteOrder(isSwapped: isSwapped)
    let major = try order.read(UInt16.self, rest, at: 4)
    let minor = try order.read(UInt16.self, rest, at: 6)
    guard major == 2, minor <= 4 else { throw .unsupportedVersion(major: major, minor: minor) }
    let network = try order.word(rest, at: 20)
    var interface = CaptureInterface(
      linkType: LinkType(rawValue: UInt16(truncatingIfNeeded: network)), snapLength: try order.word(rest, at: 16))
    interface.resolution = resolution
    if network & PcapFormat.hasFrameCheckLength != 0 {
      interface.frameCheckByteCount = 2 * Int(network >> PcapFormat.frameCheckLengthShift)
    }
    interfaces = [interface]
    sectionNumber = 1
    self.format = format
    state = .records(
      PcapRecords(
        order: order, resolution: resolution, isModified: isModified,
        lengths: minor < 3 ? .originalFirst : minor == 3 ? .lesserIsCaptured : .capturedFirst))
    position += PcapFormat.headByteCount
    return nil
  }

  mutating func record(
    _ rest: RawSpan, _ records: PcapRecords, at offset: Int
  ) throws(CaptureFileError.Reason) -> Step? {
    let head = records.headByteCount
    guard rest.byteCount >= head else { return needs(head) }
    let order = records.order
    let seconds = try order.word(rest, at: 0)
    let fraction = try order.word(rest, at: 4)
    var captured = try order.word(rest, at: 8)
    var original = try order.word(rest, at: 12)
    switch records.lengths {
    case .capturedFirst: break
    case .originalFirst: swap(&captured, &original)
    case .lesserIsCaptured: if captured > original { swap(&captured, &original) }
    }
    guard captured <= Self.largestPacket else { throw .packetTooLong(captured: captured) }
    let length = head + Int(captured)
    guard rest.byteCount >= length else { return needs(length) }
    let packetType = records.isModified ? try order.read(UInt8.self, rest, at: 22) : nil
    position += length
    packetCount += 1
    let unit: Int64 = records.resolution == .nanoseconds ? 1 : 1000
    return .packet(
      FilePacket(
        number: packetCount,
        // 32 bits of seconds are less than half of what fits. Some writers' fractions are more than a second.
        nanoseconds: Int64(seconds) * 1_000_000_000 + Int64(fraction) * unit,
        range: offset + head..<offset + length, originalLength: Int(original), interface: 0,
        direction: packetType.flatMap(Self.direction), options: offset..<offset))
  }

  private static func direction(packetType: UInt8) -> CaptureRecord.Direction? {
    switch packetType {
    case PcapFormat.outgoingPacketType: .outgoing
    case ..<PcapFormat.otherHostPacketType: .incoming
    default: nil
    }
  }
}
