import ByteReading

/// tcpdump's line for a packet, under `tcpdump -nn` of version 4.99.3, as far as the headers make it.
///
/// Printing walks the headers as tcpdump does, so that a packet cut short or malformed ends in the same place of the
/// line: a read behind what was captured throws, and the line ends with the name of the layer in `[|...]`.
struct PacketText {
  let options: TextOptions
  private var firstTime: Int64?
  private var previousTime: Int64?
  /// Where a dump begins that leaves the link header out.
  var networkOffset = 0
  /// How many packets are within one another where the line is now.
  private var depth = 0
  private static let depthLimit = 8
  /// What `[|...]` says if a read fails now.
  var layer: StaticString = "ether"

  init(options: TextOptions) { self.options = options }

  mutating func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan, number: UInt64,
    time: inout CivilTime, connections: inout ConnectionTable, remark: (inout OutputBuffer) -> Void,
    into out: inout OutputBuffer
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
    guard frame.byteCount > 0 else {
      out.append(packet.wireLength > 0 ? "[Invalid header: caplen==0]\n" : "[Invalid header: caplen==0, len==0]\n")
      return
    }
    writeTime(arrival, time: &time, into: &out)
    if options.showsInterface, packet.link.kind != .linuxSLL2 { writeInterface(arrival, interfaceName, into: &out) }
    // A link header that was cut short leaves nothing behind it.
    networkOffset = packet.end == .vlanTruncated ? frame.byteCount : packet.link.payloadOffset
    depth = 0
    do throws(TruncatedError) {
      if try writeLink(packet, frame, interfaceName, into: &out) {
        try writeNetwork(packet, frame, connections: &connections, into: &out)
      }
    } catch {
      writeTruncation(into: &out)
      // tcpdump has then lost how long the link header is.
      networkOffset = 0
    }
    if let state = arrival.socketState {
      out.append(", socket ")
      out.append(state.name)
    }
    remark(&out)
    if options.hexDump != .none { writeDump(frame, into: &out) }
    out.append(UInt8(ascii: "\n"))
  }

  // MARK: Before the packet

  mutating func writeTime(_ arrival: PacketArrival, time: inout CivilTime, into out: inout OutputBuffer) {
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
    let direction: StaticString =
      switch arrival.direction {
      case .incoming: "In "
      case .outgoing: "Out"
      case nil: "?  "
      }
    writeInterface(name, direction, into: &out)
  }

  /// - Parameter direction: three characters.
  func writeInterface(_ name: RawSpan, _ direction: StaticString, into out: inout OutputBuffer) {
    out.append(name)
    for _ in 0..<max(0, 5 - name.byteCount) { out.append(UInt8(ascii: " ")) }
    out.append(UInt8(ascii: " "))
    out.append(direction)
    out.append(UInt8(ascii: " "))
  }

  // MARK: Network

  mutating func writeNetwork(
    _ packet: Packet, _ frame: RawSpan, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    let bytes = frame.extracting(0..<min(frame.byteCount, packet.link.end))
    switch packet.link.etherType {
    case EtherType.ipv4: try writeIPv4(packet, bytes, connections: &connections, into: &out)
    case EtherType.ipv6: try writeIPv6(packet, bytes, connections: &connections, into: &out)
    case EtherType.arp, EtherType.reverseARP: try writeARP(packet, bytes, into: &out)
    default: writeName(EtherType.name(packet.link.etherType) ?? "PPPoE", packet, into: &out)
    }
  }

  /// What tcpdump dissects and we do not.
  func writeName(_ name: StaticString, _ packet: Packet, into out: inout OutputBuffer) {
    out.append(name)
    out.append(", length ")
    out.appendDecimal(min(packet.wireLength, packet.link.end) - packet.link.payloadOffset)
  }

  /// A packet within another one.
  /// - Parameters:
  ///   - bytes: the outer one's, cut where it ends.
  ///   - offset: where the inner one begins.
  ///   - length: how long it is by the outer one's lengths.
  mutating func writeInner(
    _ bytes: RawSpan, from offset: Int, length: UInt32, etherType: UInt16, connections: inout ConnectionTable,
    into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard descend(into: &out) else { return }
    defer { depth -= 1 }
    let payload = bytes.extracting(min(offset, bytes.byteCount)..<bytes.byteCount)
    let packet = Packet(payload: payload, etherType: etherType, wireLength: Int(length))
    try writeNetwork(packet, payload, connections: &connections, into: &out)
  }

  /// An Ethernet frame within a packet; see `writeInner`.
  mutating func writeInnerFrame(
    _ bytes: RawSpan, from offset: Int, length: UInt32, connections: inout ConnectionTable, into out: inout OutputBuffer
  ) throws(TruncatedError) {
    guard descend(into: &out) else { return }
    defer { depth -= 1 }
    let frame = bytes.extracting(min(offset, bytes.byteCount)..<bytes.byteCount)
    let packet = Packet(frame: frame, wireLength: Int(length))
    if try writeLink(packet, frame, RawSpan(), into: &out) {
      try writeNetwork(packet, frame, connections: &connections, into: &out)
    }
  }

  /// Goes one packet deeper, or says that there are more.
  private mutating func descend(into out: inout OutputBuffer) -> Bool {
    guard depth < Self.depthLimit else {
      out.append("[more packets within]")
      return false
    }
    depth += 1
    return true
  }

  /// What a header's length counts and the packet does not have.
  func writeMissing(
    _ what: StaticString, _ count: Int, _ end: StaticString = " bytes missing!", into out: inout OutputBuffer
  ) {
    startMark(into: &out)
    out.append(what)
    out.appendDecimal(count)
    out.append(end)
    endMark(into: &out)
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
}
