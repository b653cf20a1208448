import ByteReading
import CaptureEvents

extension CaptureFileReader {
  mutating func block(
    _ rest: RawSpan, _ order: ByteOrder, at offset: Int
  ) throws(CaptureFileError.Reason) -> Step? {
    guard rest.byteCount >= BlockType.overhead else { return needs(BlockType.overhead) }
    let type = try order.word(rest, at: 0)
    // Its type is the same in both orders, and what follows is in its own.
    let order = type == BlockType.sectionHeader ? try sectionOrder(rest) : order
    let length = try order.word(rest, at: 4)
    guard length >= BlockType.overhead, length % 4 == 0 else { throw .blockLength(length) }
    let byteCount = Int(length)

    switch type {
    case BlockType.sectionHeader, BlockType.interfaceDescription, BlockType.interfaceStatistics,
      BlockType.enhancedPacket, BlockType.obsoletePacket, BlockType.simplePacket:
      break
    default:
      // However long it is, none of it has to be there at once.
      position += byteCount - 4
      blockCount += 1
      state = .trailer(order, length: length, type: type)
      return nil
    }

    guard byteCount <= Self.largestBlock else { throw .blockTooLong(length) }
    guard rest.byteCount >= byteCount else { return needs(byteCount) }
    let trailing = try order.word(rest, at: byteCount - 4)
    guard trailing == length else { throw .trailingLength(trailing, leading: length) }
    // Offsets count from the block's start.
    let block = rest.extracting(0..<byteCount - 4)
    let step: Step?
    switch type {
    case BlockType.sectionHeader: step = try sectionHeader(block, order)
    case BlockType.interfaceDescription: step = try interfaceDescription(block, order)
    case BlockType.interfaceStatistics: step = try statistics(block, order)
    case BlockType.simplePacket: step = try simplePacket(block, order, at: offset)
    default: step = try packet(block, order, isObsolete: type == BlockType.obsoletePacket, at: offset)
    }
    position += byteCount
    blockCount += 1
    return step
  }

  /// Behind a block that was skipped.
  mutating func trailer(
    _ rest: RawSpan, _ order: ByteOrder, length: UInt32
  ) throws(CaptureFileError.Reason) -> Step? {
    guard rest.byteCount >= 4 else { return needs(4) }
    let trailing = try order.word(rest, at: 0)
    guard trailing == length else { throw .trailingLength(trailing, leading: length) }
    position += 4
    state = .blocks(order)
    return nil
  }

  private func sectionOrder(_ rest: RawSpan) throws(CaptureFileError.Reason) -> ByteOrder {
    let magic = try ByteOrder(isSwapped: false).word(rest, at: 8)
    switch magic {
    case PcapngFormat.byteOrderMagic: return ByteOrder(isSwapped: false)
    case PcapngFormat.byteOrderMagic.byteSwapped: return ByteOrder(isSwapped: true)
    default: throw .byteOrderMagic(magic.bigEndian)
    }
  }

  /// Type, length, magic, major and minor version, and the section's length, which is not needed and often -1.
  private mutating func sectionHeader(
    _ block: RawSpan, _ order: ByteOrder
  ) throws(CaptureFileError.Reason) -> Step? {
    let major = try order.read(UInt16.self, block, at: 12)
    let minor = try order.read(UInt16.self, block, at: 14)
    _ = try order.read(UInt64.self, block, at: 16)
    // Some writers say 1.2, which is no different.
    guard major == 1, minor == 0 || minor == 2 else { throw .unsupportedVersion(major: major, minor: minor) }
    var section = CaptureSection()
    var options = BlockOptions(order: order, at: 24)
    while let option = try options.next(in: block) {
      switch option.code {
      case OptionCode.comment: section.comments.append(options.text(of: option, in: block))
      case OptionCode.sectionHardware: section.hardware = options.text(of: option, in: block)
      case OptionCode.sectionOperatingSystem: section.operatingSystem = options.text(of: option, in: block)
      case OptionCode.sectionApplication: section.application = options.text(of: option, in: block)
      default: continue
      }
    }
    self.section = section
    sectionNumber += 1
    interfaces.removeAll(keepingCapacity: true)
    state = .blocks(order)
    return nil
  }

  /// Type, length, link type, two unused bytes, snap length.
  private mutating func interfaceDescription(
    _ block: RawSpan, _ order: ByteOrder
  ) throws(CaptureFileError.Reason) -> Step? {
    guard interfaces.count < Self.mostInterfaces else { throw .tooManyInterfaces }
    var interface = CaptureInterface(
      linkType: LinkType(rawValue: try order.read(UInt16.self, block, at: 8)),
      snapLength: try order.word(block, at: 12))
    interface.resolution = .microseconds
    var options = BlockOptions(order: order, at: 16)
    while let option = try options.next(in: block) {
      switch option.code {
      case OptionCode.comment: interface.comments.append(options.text(of: option, in: block))
      case OptionCode.interfaceName: interface.name = options.text(of: option, in: block)
      case OptionCode.interfaceDescription: interface.description = options.text(of: option, in: block)
      case OptionCode.interfaceResolution:
        interface.resolution = TimeResolution(rawValue: try options.value(UInt8.self, of: option, in: block))
      case OptionCode.interfaceTimeOffset:
        interface.timeOffset = try options.value(Int64.self, of: option, in: block)
      case OptionCode.interfaceFrameCheckLength:
        // The draft was read both ways: bits, and bytes. None is 8 bytes long or a byte short.
        let length = Int(try options.value(UInt8.self, of: option, in: block))
        interface.frameCheckByteCount = length < 8 ? length : length / 8
      case OptionCode.interfaceFilter:
        guard let kind = option.range.first,
          try order.read(UInt8.self, block, at: kind) == PcapngFormat.textFilter
        else { continue }
        interface.filter = options.text(option.range.dropFirst(), in: block)
      default: continue
      }
    }
    interfaces.append(interface)
    return nil
  }

  /// An enhanced packet block and the obsolete one differ in their first word only: interface, or interface and drops.
  private mutating func packet(
    _ block: RawSpan, _ order: ByteOrder, isObsolete: Bool, at offset: Int
  ) throws(CaptureFileError.Reason) -> Step? {
    let head = 28
    let interface = isObsolete ? UInt32(try order.read(UInt16.self, block, at: 8)) : try order.word(block, at: 8)
    let captured = try order.word(block, at: 20)
    let original = try order.word(block, at: 24)
    try check(captured, available: block.byteCount - head)
    let end = head + Int(captured)
    // The block is a multiple of four, so that the padding is there.
    let optionsStart = PcapngFormat.padded(end)
    var direction: CaptureRecord.Direction?
    var options = BlockOptions(order: order, at: optionsStart)
    while let option = try options.next(in: block) {
      guard option.code == OptionCode.packetFlags else { continue }
      switch try options.value(UInt32.self, of: option, in: block) & 3 {
      case 1: direction = .incoming
      case 2: direction = .outgoing
      default: direction = nil
      }
    }
    let index = try self.index(interface)
    let time = try nanoseconds(block, order, at: 12, interface: index)
    packetCount += 1
    return .packet(
      FilePacket(
        number: packetCount, nanoseconds: time, range: offset + head..<offset + end, originalLength: Int(original),
        interface: index, direction: direction, options: offset + optionsStart..<offset + block.byteCount))
  }

  /// The original length, and as much of the packet as the first interface's snap length let through.
  private mutating func simplePacket(
    _ block: RawSpan, _ order: ByteOrder, at offset: Int
  ) throws(CaptureFileError.Reason) -> Step? {
    let head = 12
    let original = try order.word(block, at: 8)
    let snapLength = interfaces[try index(0)].snapLength
    let captured = snapLength == 0 ? original : min(original, snapLength)
    try check(captured, available: block.byteCount - head)
    packetCount += 1
    return .packet(
      FilePacket(
        number: packetCount, nanoseconds: nil, range: offset + head..<offset + head + Int(captured),
        originalLength: Int(original), interface: 0, direction: nil, options: offset..<offset))
  }

  private func check(_ captured: UInt32, available: Int) throws(CaptureFileError.Reason) {
    guard captured <= Self.largestPacket else { throw .packetTooLong(captured: captured) }
    guard captured <= available else { throw .packetBeyondBlock(captured: captured, available: available) }
  }

  /// Type, length, interface, timestamp; the counts are options.
  private mutating func statistics(
    _ block: RawSpan, _ order: ByteOrder
  ) throws(CaptureFileError.Reason) -> Step? {
    let index = try index(order.word(block, at: 8))
    var statistics = InterfaceStatistics(
      interface: index, nanoseconds: try nanoseconds(block, order, at: 12, interface: index) ?? 0)
    var options = BlockOptions(order: order, at: 20)
    while let option = try options.next(in: block) {
      func count() throws(CaptureFileError.Reason) -> UInt64 {
        try options.value(UInt64.self, of: option, in: block)
      }
      func time() throws(CaptureFileError.Reason) -> Int64? {
        _ = try count()
        return try nanoseconds(block, order, at: option.range.lowerBound, interface: index)
      }
      switch option.code {
      case OptionCode.comment: statistics.comments.append(options.text(of: option, in: block))
      case OptionCode.statisticsStart: statistics.startNanoseconds = try time()
      case OptionCode.statisticsEnd: statistics.endNanoseconds = try time()
      case OptionCode.statisticsReceived: statistics.received = try count()
      case OptionCode.statisticsInterfaceDropped: statistics.interfaceDropped = try count()
      case OptionCode.statisticsFilterAccepted: statistics.filterAccepted = try count()
      case OptionCode.statisticsSystemDropped: statistics.systemDropped = try count()
      case OptionCode.statisticsDelivered: statistics.delivered = try count()
      default: continue
      }
    }
    self.statistics = statistics
    return .statistics
  }

  private func index(_ interface: UInt32) throws(CaptureFileError.Reason) -> Int {
    guard interface < interfaces.count else { throw .noSuchInterface(interface, count: interfaces.count) }
    return Int(interface)
  }

  /// Two words, the upper one first in either order. Nil for years that cannot be said in nanoseconds: no reason to keep
  /// back the packet, and all behind it.
  private func nanoseconds(
    _ block: RawSpan, _ order: ByteOrder, at offset: Int, interface index: Int
  ) throws(CaptureFileError.Reason) -> Int64? {
    let ticks = UInt64(try order.word(block, at: offset)) << 32 | UInt64(try order.word(block, at: offset + 4))
    let timeOffset = interfaces[index].timeOffset
    return interfaces[index].resolution.nanoseconds(ticks: ticks, offset: timeOffset)
  }
}
