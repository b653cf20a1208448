/// Turns frames into the bytes that a user sees, in one of the formats, one packet at a time in the order of capture.
package struct PacketPrinter {
  package enum Format: Hashable, Sendable {
    /// tcpdump's line.
    case text(TextOptions)
    /// A block of named fields, and an empty line after it.
    case headers
    /// One object a line, with Wireshark's field names.
    case json
  }

  /// Connections whose numbers can be counted from their start at the same time, in about 2.5 MB at most.
  package static let defaultConnectionCapacity = 32_768

  /// How far local time is ahead of UTC. Times of day and dates are printed so from the next packet on.
  package var secondsFromUTC: Int {
    didSet { civilTime.secondsFromUTC = secondsFromUTC }
  }
  /// How many packets were printed.
  package private(set) var count: UInt64 = 0

  private var civilTime: CivilTime
  private var connections: ConnectionTable
  private var text = PacketText(options: TextOptions())
  package let format: Format

  package init(
    _ format: Format, secondsFromUTC: Int = 0, connectionCapacity: Int = PacketPrinter.defaultConnectionCapacity
  ) {
    self.format = format
    self.secondsFromUTC = secondsFromUTC
    civilTime = CivilTime(secondsFromUTC: secondsFromUTC)
    connections = ConnectionTable(capacity: connectionCapacity)
    if case .text(let options) = format { text = PacketText(options: options) }
  }

  /// Appends what is to be seen of one frame, with its line end.
  /// - Parameters:
  ///   - frame: an Ethernet frame from its first byte on, perhaps cut short.
  ///   - wireLength: the whole frame, in bytes.
  ///   - interfaceName: for JSON escaped already (without quotes); empty where it is not known.
  package mutating func write(
    _ frame: RawSpan, wireLength: Int, arrival: PacketArrival, interfaceName: RawSpan, into out: inout OutputBuffer
  ) {
    write(
      Packet(frame: frame, wireLength: wireLength, linkType: arrival.linkType), frame, arrival: arrival,
      interfaceName: interfaceName, into: &out)
  }

  /// The same for a packet that has been decoded.
  /// - Parameter remark: appends what others know of the packet, as the format has it: the rest of its line, further lines of its
  ///   block, or members of its object, each with a comma before it.
  package mutating func write(
    _ packet: Packet, _ frame: RawSpan, arrival: PacketArrival, interfaceName: RawSpan,
    remark: (inout OutputBuffer) -> Void = { _ in }, into out: inout OutputBuffer
  ) {
    count += 1
    switch format {
    case .text:
      text.write(
        packet, frame, arrival: arrival, interfaceName: interfaceName, number: count, time: &civilTime,
        connections: &connections, remark: remark, into: &out)
    case .headers:
      PacketHeaders().write(
        packet, frame, arrival: arrival, interfaceName: interfaceName, number: count, time: &civilTime,
        remark: remark, into: &out)
    case .json:
      PacketJSON().write(
        packet, frame, arrival: arrival, interfaceName: interfaceName, number: count, connections: &connections,
        remark: remark, into: &out)
    }
  }

  /// Something that happened between packets: its time, as packets have theirs, and a line. For JSON without the time.
  /// - Parameters:
  ///   - nanoseconds: since 1970.
  ///   - body: appends the line, without its end.
  package mutating func writeLine(
    nanoseconds: Int64, into out: inout OutputBuffer, _ body: (inout OutputBuffer) -> Void
  ) {
    if format != .json { text.writeTime(PacketArrival(nanoseconds: nanoseconds), time: &civilTime, into: &out) }
    body(&out)
    out.append(format == .headers ? "\n\n" : "\n")
  }
}
