import ByteReading

/// tcpdump's line for a packet, under `tcpdump -nn` of version 4.99.3, as far as the headers make it.
///
/// Printing walks the headers as tcpdump does, so that a packet cut short or malformed ends in the same place of the
/// line: a read behind what was captured throws, and the line ends with the name of the layer in `[|...]`.
struct PacketText {
  let options: TextOptions
  private var firstTime: Int64?
  private var previousTime: Int64?
  /// What `[|...]` says if a read fails now.
  var layer: StaticString = "ether"

  init(options: TextOptions) { self.options = options }

  mutating func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    time: inout CivilTime, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) {
    if options.showsNumber {
      var bound: UInt64 = 10_000
      while bound > number, bound >= 10 {
        out.append(UInt8(ascii: " "))
        bound /= 10
      }
      out.appendDecimal(number)
      out.append("  ")
    }
    writeTime(arrival, time: &time, into: &out)
    if options.showsInterface { writeInterface(arrival, interfaceName, into: &out) }
    var dumpsFromNetwork = options.hexDump == .network
    do throws(TruncatedError) {
      layer = "ether"
      if try writeLink(packet, frame, into: &out) {
        try writeNetwork(packet, frame, connections: &connections, into: &out)
      }
    } catch {
      writeTruncation(into: &out)
      // tcpdump has then lost how long the link header is.
      dumpsFromNetwork = false
    }
    if options.hexDump != .none {
      // A link header that was cut short leaves nothing behind it.
      let network = packet.end == .vlanTruncated ? frame.byteCount : min(packet.link.payloadOffset, frame.byteCount)
      writeHexDump(frame, from: dumpsFromNetwork ? network : 0, into: &out)
    }
    out.append(UInt8(ascii: "\n"))
  }

  // MARK: Before the packet

  private mutating func writeTime(_ arrival: PacketArrival, time: inout CivilTime, into out: inout OutputBuffer) {
    let (seconds, nanoseconds) = arrival.split
    if options.usesColour, options.timestamps != .none { out.append("\u{1b}[2m") }
    switch options.timestamps {
    case .none: return
    case .timeOfDay, .dateAndTime:
      time.move(to: seconds)
      if options.timestamps == .dateAndTime { out.append(time.date) }
      out.append(time.clock)
      out.appendDecimal(nanoseconds / 1000, width: 6)
    case .epoch:
      out.appendDecimal(Int(seconds))
      out.append(UInt8(ascii: "."))
      out.appendDecimal(nanoseconds / 1000, width: 6)
    case .sincePrevious, .sinceFirst:
      let microseconds = seconds * 1_000_000 + Int64(nanoseconds / 1000)
      let from = (options.timestamps == .sinceFirst ? firstTime : previousTime) ?? microseconds
      if firstTime == nil { firstTime = microseconds }
      previousTime = microseconds
      writeDifference(microseconds - from, into: &out)
    }
    if options.usesColour { out.append("\u{1b}[0m") }
    out.append(UInt8(ascii: " "))
  }

  /// Hours count within a day, as tcpdump's do.
  private func writeDifference(_ microseconds: Int64, into out: inout OutputBuffer) {
    out.append(microseconds < 0 ? UInt8(ascii: "-") : UInt8(ascii: " "))
    let (seconds, rest) = microseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
    let ofDay = UInt32(seconds % 86_400)
    out.appendDecimal(ofDay / 3600, width: 2)
    out.append(UInt8(ascii: ":"))
    out.appendDecimal(ofDay / 60 % 60, width: 2)
    out.append(UInt8(ascii: ":"))
    out.appendDecimal(ofDay % 60, width: 2)
    out.append(UInt8(ascii: "."))
    out.appendDecimal(UInt32(rest), width: 6)
  }

  /// `eth0  In  `: the name in five columns at least, the direction in three.
  private func writeInterface(_ arrival: PacketArrival, _ name: RawSpan, into out: inout OutputBuffer) {
    out.append(name)
    for _ in 0..<max(0, 5 - name.byteCount) { out.append(UInt8(ascii: " ")) }
    out.append(arrival.direction == .incoming ? " In  " : " Out ")
  }

  // MARK: Link

  /// - Returns: whether the packet goes on behind it.
  private mutating func writeLink(
    _ packet: Packet, _ frame: RawSpan, into out: inout OutputBuffer
  ) throws(TruncatedError) -> Bool {
    guard packet.end != .ethernetTruncated else {
      writeTruncation(into: &out)
      return false
    }
    let isUnknown = packet.end == .notIP && EtherType.name(packet.link.etherType) == nil
    guard options.showsLinkHeader || isUnknown else { return hasWholeTags(packet, into: &out) }
    try out.appendEthernet(frame, at: 6)
    out.append(" > ")
    try out.appendEthernet(frame, at: 0)
    out.append(", ")
    if options.showsLinkHeader {
      for index in 0..<packet.link.tagCount {
        let offset = EthernetHeader.tagOffset(index)
        writeEtherType(try frame.readBigEndian(UInt16.self, at: offset), into: &out)
        writeFrameLength(packet, isFirst: index == 0, into: &out)
        let tag = try frame.readBigEndian(UInt16.self, at: offset + 2)
        out.append("vlan ")
        out.appendDecimal(tag & 0xfff)
        out.append(", p ")
        out.appendDecimal(tag >> 13)
        if tag & 0x1000 != 0 { out.append(", DEI") }
        out.append(", ")
      }
    }
    guard hasWholeTags(packet, into: &out) else { return false }
    guard packet.link.etherType > 1500 else {
      out.append("802.3, length ")
      out.appendDecimal(packet.link.etherType)
      return false
    }
    writeEtherType(packet.link.etherType, into: &out)
    guard packet.end != .notIP else {
      out.append(", length ")
      out.appendDecimal(packet.wireLength)
      if !isUnknown { out.append(": ") }
      return !isUnknown
    }
    writeFrameLength(packet, isFirst: packet.link.tagCount == 0 || !options.showsLinkHeader, into: &out)
    return true
  }

  private mutating func hasWholeTags(_ packet: Packet, into out: inout OutputBuffer) -> Bool {
    guard packet.end == .vlanTruncated || packet.end == .tooManyTags else { return true }
    layer = "vlan"
    writeTruncation(into: &out)
    return false
  }

  private func writeEtherType(_ type: UInt16, into out: inout OutputBuffer) {
    if !options.isQuiet { out.append("ethertype ") }
    if let name = EtherType.name(type) {
      out.append(name)
      if options.isQuiet { return }
    } else {
      out.append(options.isQuiet ? "Unknown Ethertype" : "Unknown")
    }
    out.append(" (0x")
    out.appendHex(UInt64(type), width: 4)
    out.append(")")
  }

  /// The length of the frame stands behind the first type only.
  private func writeFrameLength(_ packet: Packet, isFirst: Bool, into out: inout OutputBuffer) {
    out.append(", ")
    guard isFirst else { return }
    out.append("length ")
    out.appendDecimal(packet.wireLength)
    out.append(": ")
  }

  // MARK: Network

  private mutating func writeNetwork(
    _ packet: Packet, _ frame: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    switch packet.link.etherType {
    case EtherType.ipv4: try writeIPv4(packet, frame, connections: &connections, into: &out)
    case EtherType.ipv6: try writeIPv6(packet, frame, connections: &connections, into: &out)
    case EtherType.arp, EtherType.reverseARP: try writeARP(packet, frame, into: &out)
    default:
      guard packet.end == .notIP, let name = EtherType.name(packet.link.etherType) else { return }
      out.append(name)
      out.append(", length ")
      out.appendDecimal(packet.wireLength - packet.link.payloadOffset)
    }
  }

  func writeTruncation(into out: inout OutputBuffer) {
    startMark(into: &out)
    out.append(" [|")
    out.append(layer)
    out.append("]")
    endMark(into: &out)
  }

  /// What is wrong with a packet stands between these two.
  func startMark(into out: inout OutputBuffer) {
    if options.usesColour { out.append("\u{1b}[35m") }
  }

  func endMark(into out: inout OutputBuffer) {
    if options.usesColour { out.append("\u{1b}[0m") }
  }

  // MARK: After the packet

  private func writeHexDump(_ frame: RawSpan, from start: Int, into out: inout OutputBuffer) {
    var offset = start
    while offset < frame.byteCount {
      out.append("\n\t0x")
      out.appendHex(UInt64(offset - start), width: 4)
      out.append(": ")
      let end = min(offset + 16, frame.byteCount)
      while offset < end {
        out.append(UInt8(ascii: " "))
        out.appendHex(frame.extracting(offset..<min(offset + 2, end)))
        offset += 2
      }
    }
  }
}
