import CaptureEvents
import CaptureFiles
import CaptureSession
import ConnectionEvents
import ConnectionSession
import LinuxCalls

/// Where packets go: to standard output as text, into files, both or nowhere; and the news of a capture, to standard error.
struct PacketOutput: ~Copyable, CaptureOutput {
  private var printed: PrintedPackets?
  private var written: WrittenPackets?
  private var ownership: PacketOwnership?
  /// Nobody reads the news.
  private let isSilent: Bool
  /// How many packets came.
  private(set) var count = 0

  /// How often connections are looked at when no packet comes.
  private static let ownershipMilliseconds = 100

  init(
    printer: consuming PacketPrinter?, files: WrittenPackets.Options? = nil,
    ownership: consuming PacketOwnership? = nil, isSilent: Bool = false
  ) {
    self.ownership = ownership
    printed = printer.map { PrintedPackets(printer: $0) }
    written = files.map { WrittenPackets($0) }
    self.isSilent = isSilent
  }

  /// Why writing failed; nothing more is taken from then on.
  var failure: WriteFailure? { written.read { $0.sink.failure } ?? printed.read { $0.sink.failure } }

  var notWrittenCount: UInt64 {
    max(written.read { $0.sink.notWrittenCount } ?? 0, printed.read { $0.sink.notWrittenCount } ?? 0)
  }

  /// Takes its part in a capture, before that runs.
  mutating func follow(_ session: borrowing CaptureSession) {
    written?.follow(session)
    if let via = ownership.read({ $0.via }) { tell("following TCP connections via \(via)") }
    for what in ownership.read({ $0.missing }) ?? [] { tell("merops: this kernel does not let us see \(what).") }
  }

  mutating func interface(_ interface: CaptureInterface) {
    printed?.interface(interface)
    written?.interface(interface)
  }

  mutating func resume(offset: UInt64) { ownership?.read(offset: offset) }

  mutating func packet(_ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool {
    let isTaken =
      looksIntoPackets
      ? look(into: bytes, wireLength: wireLength, arrival)
      : written?.packet(bytes, wireLength: wireLength, arrival, nil) ?? true
    if isTaken { count += 1 }
    return isTaken
  }

  /// Whoever only writes packets does not.
  private var looksIntoPackets: Bool { ownership != nil || printed != nil }

  private mutating func look(into bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool {
    tellOfConnections(until: .packet(arrival))
    let packet = Packet(frame: bytes, wireLength: wireLength, linkType: arrival.linkType)
    let owners = ownership?.owners(of: packet, in: bytes, arrival)
    return written?.packet(bytes, wireLength: wireLength, arrival, owners) ?? true
      && printed?.packet(packet, bytes, arrival, owners) ?? true
  }

  mutating func packets(_ memory: RawSpan, _ records: Span<Range<Int>>, _ origin: CaptureOrigin) -> TakenPackets {
    guard !looksIntoPackets, let result = written?.packets(memory, records, origin) else {
      return eachPacket(memory, records, origin)
    }
    count += result.taken
    return result
  }

  private mutating func tellOfConnections(until moment: PacketOwnership.Moment) {
    ownership?.tell(until: moment) { record, offset, container in
      printed?.connection(record, offset: offset, container: container)
    }
  }

  mutating func pause() -> Bool {
    tellOfConnections(until: .pause)
    printed?.sink.flush()
    let goesOn = written?.pause() ?? true
    tellOfFiles()
    return goesOn && failure == nil
  }

  var pauseDueMilliseconds: Int? {
    let file = written.read { $0.pauseDueMilliseconds }
    // Connections come also when no packet does, and their ring has to be emptied.
    return ownership == nil ? file : min(file ?? .max, Self.ownershipMilliseconds)
  }

  mutating func notice(_ notice: CaptureNotice) {
    printed?.sink.flush()
    if case .attached(let attachment) = notice { written?.attached(attachment) }
    tell(notice.text)
  }

  mutating func statistics(_ statistics: CaptureStatistics) {
    tell(statistics.line)
    tellOfShortfall()
  }

  /// What became of the news of connections, as JSON, where they are followed.
  var connectionStatistics: String? { ownership.read { try? $0.statistics().json } }

  func tellOfShortfall() {
    if let text = ownership.read({ try? $0.shortfall() }) { tell(text) }
  }

  /// Behind the last packet.
  mutating func finish() {
    tellOfConnections(until: .end)
    printed?.sink.flush()
    written?.finish()
    tellOfFiles()
  }

  private mutating func tellOfFiles() {
    for line in written?.takeFinished() ?? [] { tell(line) }
  }

  /// Something for the person watching.
  func tell(_ line: String) { if !isSilent { StandardError.write(line) } }
}

extension Optional where Wrapped: ~Copyable {
  /// What is known of a value that is not copied.
  fileprivate borrowing func read<Result>(_ body: (borrowing Wrapped) -> Result?) -> Result? {
    switch self {
    case .some(let value): body(value)
    case .none: nil
    }
  }
}
