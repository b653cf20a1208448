import CaptureEvents
import CaptureFiles
import CaptureSession
import ConnectionEvents
import Glibc
import LinuxCalls

/// `-w`: packets on their way into pcapng files, one after the other (`-C`, `-G`, `-W`). Each is a whole one.
struct WrittenPackets: ~Copyable {
  struct Options {
    /// `-` for standard output; with `-G`, a format of strftime(3).
    var path: String
    var limits = CaptureFileSequence.Limits()
    /// `-U`: each packet is written at once.
    var isUnbuffered = false
  }

  private var writer: CaptureFileWriter
  var sink: RecordSink
  /// Of the present packet.
  private var comment = OutputBuffer(capacity: 256)
  private let path: String
  private var sequence: CaptureFileSequence
  private let began = Clock.realtime
  /// What the kernel has counted; `nil` where the packets come from a file.
  private var counts: CaptureCounts?
  /// By number of the interface.
  private var interfaces: [(deliveredCount: UInt64, comments: [String])] = []
  /// Comments on functions of the kernel that packets are taken in, of whatever interface.
  private var functions: [String] = []
  /// In the present file.
  private var packetCount = 0
  private var finished: [String] = []

  init(_ options: Options) {
    let section = CaptureSection(
      application: "merops \(Merops.version)", operatingSystem: "Linux \(kernelRelease())",
      hardware: processorName())
    writer = CaptureFileWriter(format: .pcapng, section: section, interfaces: [])
    sink = RecordSink(isUnbuffered: options.isUnbuffered)
    path = options.path
    sequence = CaptureFileSequence(options.limits, now: Self.now)
    beginFile()
  }

  private static var now: Int { Int(Clock.realtime / 1_000_000_000) }

  /// Takes its part in a capture, before that runs.
  mutating func follow(_ session: borrowing CaptureSession) {
    counts = session.counts
    sink.endWhenClosed(session)
  }

  mutating func interface(_ interface: CaptureInterface) {
    _ = writer.add(interface, into: &sink.buffer)
    interfaces.append((0, []))
    // A reader at the other end of a pipe learns at once what will come.
    sink.flush()
  }

  mutating func attached(_ attachment: CaptureAttachment) {
    let comment = "\(attachment.packets): \(attachment.place)"
    guard let number = writer.interfaces.lastIndex(where: { $0.name == attachment.interface }) else {
      functions.append(comment)
      return
    }
    interfaces[number].comments.append(comment)
  }

  /// - Parameter owners: `nil` where they are not known, or not asked for.
  mutating func packet(
    _ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival, _ owners: PacketOwners?
  ) -> Bool {
    if sequence.advance(byteCount: writer.byteCount) { switchFiles() }
    guard sink.failure == nil else { return false }
    comment.removeAll()
    owners?.writeComment(into: &comment)
    Self.write(bytes, wireLength: wireLength, arrival, comment, with: &writer, into: &sink.buffer)
    sink.recordEnds()
    packetCount += 1
    interfaces[Int(arrival.interface)].deliveredCount += 1
    return true
  }

  private static func write(
    _ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival, _ comment: borrowing OutputBuffer,
    with writer: inout CaptureFileWriter, into buffer: inout OutputBuffer
  ) {
    comment.withBytes { comment in
      writer.write(
        bytes, nanoseconds: arrival.nanoseconds, originalLength: wireLength, interface: Int(arrival.interface),
        direction: arrival.direction, comment: comment, into: &buffer)
    }
  }

  /// Of packets that nobody knows the owners of.
  mutating func packets(_ memory: RawSpan, _ records: Span<Range<Int>>, _ origin: CaptureOrigin) -> TakenPackets {
    var result = TakenPackets()
    while result.taken < records.count {
      if sequence.advance(byteCount: writer.byteCount) { switchFiles() }
      guard sink.failure == nil else {
        result.refused = records.count - result.taken
        break
      }
      let fileLimit = sequence.room(byteCount: writer.byteCount).map { sink.buffer.count + $0 } ?? .max
      let count = writer.write(
        memory, records.extracting(result.taken...), origin, until: min(sink.fullByteCount, fileLimit),
        ends: &sink.ends, into: &sink.buffer)
      sink.recordsEnd()
      packetCount += count
      interfaces[Int(origin.number)].deliveredCount += UInt64(count)
      result.taken += count
      guard count > 0 else { break }
    }
    return result
  }

  /// Returns whether to go on.
  mutating func pause() -> Bool {
    // A look at the clock for each packet would cost more than writing it.
    switch sequence.advance(now: Self.now) {
    case .stays: sink.flush()
    case .next: switchFiles()
    case .ends: return false
    }
    return sink.failure == nil
  }

  var pauseDueMilliseconds: Int? {
    sequence.end.map { end in
      // Rounded up, so that the interval is over when the wait is.
      max(0, 1000 * end - Int(Clock.realtime / 1_000_000))
    }
  }

  mutating func finish() { endFile() }

  /// A line for each file that has been finished since the last call.
  mutating func takeFinished() -> [String] {
    defer { finished = [] }
    return finished
  }

  private mutating func switchFiles() {
    endFile()
    if sink.failure == nil { beginFile() }
  }

  private mutating func beginFile() {
    let name = sequence.namesTellTheTime ? localTime(path, at: sequence.start) : path
    sink.open(name + sequence.suffix)
    packetCount = 0
    writer.beginFile(into: &sink.buffer)
  }

  private mutating func endFile() {
    if let counts { writeStatistics(counts.totals) }
    sink.close()
    guard sink.failure == nil else { return }
    finished.append("\(packetCount) packet\(packetCount == 1 ? "" : "s") in \(sink.name), \(writer.byteCount) bytes")
  }

  /// What became of the packets of the capture so far. The kernel counts those of all interfaces together.
  private mutating func writeStatistics(_ totals: CaptureCounts.Totals?) {
    let now = Int64(clamping: Clock.realtime)
    for (number, interface) in interfaces.enumerated() {
      var block = InterfaceStatistics(interface: number, nanoseconds: now)
      (block.startNanoseconds, block.endNanoseconds) = (Int64(clamping: began), now)
      block.delivered = interface.deliveredCount
      block.comments = interface.comments + (number == 0 ? functions : [])
      if let totals, interfaces.count == 1 {
        (block.received, block.filterAccepted, block.systemDropped) = (totals.seen, totals.matched, totals.lost)
      } else if let totals, number == 0 {
        block.comments.append(
          "all interfaces together: seen \(totals.seen), matched \(totals.matched), lost \(totals.lost)")
      }
      writer.write(block, into: &sink.buffer)
    }
  }
}
