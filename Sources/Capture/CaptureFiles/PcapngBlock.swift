import ByteReading
import CaptureEvents

/// The blocks that are written, with their options.
enum PcapngBlock {
  static func write(_ section: CaptureSection, into buffer: inout OutputBuffer) {
    var body = [UInt8](littleEndian: UInt64(PcapngFormat.byteOrderMagic), count: 4)
    body += [UInt8](littleEndian: 1, count: 2) + [UInt8](littleEndian: 0, count: 2)
    // How long the section gets is not known.
    body += [UInt8](littleEndian: .max, count: 8)
    var options = Options()
    for comment in section.comments { options.append(OptionCode.comment, comment) }
    options.append(OptionCode.sectionHardware, section.hardware)
    options.append(OptionCode.sectionOperatingSystem, section.operatingSystem)
    options.append(OptionCode.sectionApplication, section.application)
    write(BlockType.sectionHeader, body + options.ended, into: &buffer)
  }

  static func write(_ interface: CaptureInterface, into buffer: inout OutputBuffer) {
    var body = [UInt8](littleEndian: UInt64(interface.linkType.rawValue), count: 4)
    body += [UInt8](littleEndian: UInt64(interface.snapLength), count: 4)
    var options = Options()
    for comment in interface.comments { options.append(OptionCode.comment, comment) }
    options.append(OptionCode.interfaceName, interface.name)
    options.append(OptionCode.interfaceDescription, interface.description)
    options.append(OptionCode.interfaceResolution, [TimeResolution.nanoseconds.rawValue])
    options.append(
      OptionCode.interfaceFrameCheckLength, interface.frameCheckByteCount.map { [UInt8(clamping: 8 * $0)] })
    if let filter = interface.filter {
      options.append(OptionCode.interfaceFilter, [PcapngFormat.textFilter] + Options.bytes(filter, limit: 65534))
    }
    write(BlockType.interfaceDescription, body + options.ended, into: &buffer)
  }

  static func write(_ statistics: InterfaceStatistics, into buffer: inout OutputBuffer) {
    var body = [UInt8](littleEndian: UInt64(statistics.interface), count: 4)
    body += ticks(statistics.nanoseconds)
    var options = Options()
    for comment in statistics.comments { options.append(OptionCode.comment, comment) }
    options.append(OptionCode.statisticsStart, statistics.startNanoseconds.map(ticks))
    options.append(OptionCode.statisticsEnd, statistics.endNanoseconds.map(ticks))
    for (code, count) in [
      (OptionCode.statisticsReceived, statistics.received),
      (OptionCode.statisticsInterfaceDropped, statistics.interfaceDropped),
      (OptionCode.statisticsFilterAccepted, statistics.filterAccepted),
      (OptionCode.statisticsSystemDropped, statistics.systemDropped),
      (OptionCode.statisticsDelivered, statistics.delivered),
    ] {
      options.append(code, count.map { [UInt8](littleEndian: $0, count: 8) })
    }
    write(BlockType.interfaceStatistics, body + options.ended, into: &buffer)
  }

  /// An enhanced packet block.
  static func write(
    _ bytes: RawSpan, ticks: UInt64, original: UInt32, interface: UInt32, direction: CaptureRecord.Direction?,
    comment: RawSpan, into buffer: inout OutputBuffer
  ) {
    if let direction, comment.isEmpty {
      return write(
        bytes, ticks: ticks, original: original, interface: interface, direction: direction, into: &buffer)
    }
    let comment = comment.extracting(first: Options.wholeText(comment, limit: 65535))
    let padded = PcapngFormat.padded(bytes.byteCount)
    let paddedComment = PcapngFormat.padded(comment.byteCount)
    var optionsByteCount = comment.isEmpty ? 0 : 4 + paddedComment
    if direction != nil { optionsByteCount += 8 }
    if optionsByteCount > 0 { optionsByteCount += 4 }
    let length = UInt32(28 + padded + optionsByteCount + 4)

    buffer.append(littleEndian: BlockType.enhancedPacket, length)
    buffer.append(littleEndian: interface)
    buffer.append(littleEndian: UInt32(truncatingIfNeeded: ticks >> 32), UInt32(truncatingIfNeeded: ticks))
    buffer.append(littleEndian: UInt32(bytes.byteCount), original)
    buffer.append(bytes, paddedTo: padded)
    if let direction {
      buffer.append(littleEndian: UInt32(OptionCode.packetFlags) | 4 << 16, flags(direction))
    }
    if !comment.isEmpty {
      buffer.append(littleEndian: OptionCode.comment)
      buffer.append(littleEndian: UInt16(comment.byteCount))
      buffer.append(comment, paddedTo: paddedComment)
    }
    if optionsByteCount > 0 {
      // The end of the options.
      buffer.append(littleEndian: 0, length)
    } else {
      buffer.append(littleEndian: length)
    }
  }

  /// The same of a packet whose direction is all that there is to say: as captures write them, by the million.
  @inline(__always)
  static func write(
    _ bytes: RawSpan, ticks: UInt64, original: UInt32, interface: UInt32, direction: CaptureRecord.Direction,
    into buffer: inout OutputBuffer
  ) {
    let padded = PcapngFormat.padded(bytes.byteCount)
    let length = UInt32(28 + padded + 16)
    buffer.append(
      littleEndian: BlockType.enhancedPacket, length, interface, UInt32(truncatingIfNeeded: ticks >> 32),
      UInt32(truncatingIfNeeded: ticks), UInt32(bytes.byteCount), original, bytes, paddedTo: padded,
      UInt32(OptionCode.packetFlags) | 4 << 16, flags(direction), 0, length)
  }

  @inline(__always)
  private static func flags(_ direction: CaptureRecord.Direction) -> UInt32 {
    switch direction {
    case .incoming: 1
    case .outgoing: 2
    }
  }

  private static func write(_ type: UInt32, _ body: [UInt8], into buffer: inout OutputBuffer) {
    let length = UInt32(BlockType.overhead + body.count)
    buffer.append(littleEndian: type)
    buffer.append(littleEndian: length)
    buffer.append(body)
    buffer.append(littleEndian: length)
  }

  /// Two words, the upper one first.
  private static func ticks(_ nanoseconds: Int64) -> [UInt8] {
    let ticks = UInt64(max(nanoseconds, 0))
    return [UInt8](littleEndian: ticks >> 32, count: 4) + [UInt8](littleEndian: ticks, count: 4)
  }

  private struct Options {
    /// Each with its padding.
    private(set) var bytes: [UInt8] = []

    /// With the option that ends them; empty where there are none.
    var ended: [UInt8] { bytes.isEmpty ? [] : bytes + [0, 0, 0, 0] }

    mutating func append(_ code: UInt16, _ value: [UInt8]?) {
      guard let value else { return }
      bytes += [UInt8](littleEndian: UInt64(code), count: 2) + [UInt8](littleEndian: UInt64(value.count), count: 2)
      bytes += value
      bytes += [UInt8](repeating: 0, count: PcapngFormat.padded(value.count) - value.count)
    }

    mutating func append(_ code: UInt16, _ text: String?) {
      append(code, text.map { Self.bytes($0, limit: 65535) })
    }

    /// An option's length has 16 bits: what goes beyond is left out, whole characters of it.
    static func bytes(_ text: String, limit: Int) -> [UInt8] {
      let utf8 = Array(text.utf8)
      return Array(utf8.prefix(unsafe wholeText(utf8.span.bytes, limit: limit)))
    }

    /// How many bytes of a text are whole characters, within the limit.
    static func wholeText(_ utf8: RawSpan, limit: Int) -> Int {
      guard utf8.byteCount > limit else { return utf8.byteCount }
      var end = limit
      while end > 0, let byte = try? utf8.read(UInt8.self, at: end), byte & 0xc0 == 0x80 { end -= 1 }
      return end
    }
  }
}
