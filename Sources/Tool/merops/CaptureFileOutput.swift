import CaptureEvents
import CaptureFiles
import CaptureSession
import Glibc
import LinuxCalls

/// `-w`: packets into a pcapng file, as Wireshark and tcpdump read it.
struct CaptureFileOutput: ~Copyable, CaptureOutput {
  private var writer: CaptureFileWriter
  private var sink: PacketSink
  private let file: FileDescriptor?
  private let began = Clock.realtime

  var failure: SystemCallError? { sink.failure }
  var notWrittenCount: UInt64 { sink.notWrittenCount }

  /// - Parameters:
  ///   - path: `-` for standard output.
  ///   - isUnbuffered: each packet is written at once (`-U`).
  init(_ path: String, isUnbuffered: Bool) throws(Failure) {
    let number: CInt
    if path == "-" {
      file = nil
      number = STDOUT_FILENO
    } else {
      let opened: FileDescriptor
      do { opened = try FileDescriptor(creating: path, flags: O_WRONLY | O_TRUNC, mode: 0o644) } catch {
        throw Failure(report: "write packets to \(path): \(error.errno)")
      }
      number = opened.number
      file = consume opened
    }
    var sink = PacketSink(to: number, isUnbuffered: isUnbuffered)
    var writer = CaptureFileWriter(
      format: .pcapng,
      section: CaptureSection(application: "merops \(Merops.version)", operatingSystem: "Linux \(kernelRelease())"),
      interfaces: [])
    writer.beginFile(into: &sink.buffer)
    self.sink = sink
    self.writer = writer
  }

  mutating func interface(_ interface: CaptureInterface) {
    _ = writer.add(interface, into: &sink.buffer)
    // A reader at the other end of a pipe learns at once what will come.
    sink.flush()
  }

  mutating func packet(_ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool {
    guard failure == nil else { return false }
    writer.write(
      bytes, nanoseconds: arrival.nanoseconds, originalLength: wireLength, interface: Int(arrival.interface),
      direction: arrival.direction, into: &sink.buffer)
    sink.packetEnds()
    return failure == nil
  }

  mutating func pause() -> Bool {
    sink.flush()
    return failure == nil
  }

  mutating func notice(_ notice: CaptureNotice) { StandardError.write(notice.text) }

  mutating func statistics(_ statistics: CaptureStatistics) { StandardError.write(statistics.line) }

  /// The counters of a live capture, behind the last packet.
  mutating func finish(_ statistics: CaptureStatistics) {
    let now = Int64(clamping: Clock.realtime)
    var block = InterfaceStatistics(nanoseconds: now)
    (block.startNanoseconds, block.endNanoseconds) = (Int64(clamping: began), now)
    (block.received, block.filterAccepted) = (statistics.seen, statistics.matched)
    (block.systemDropped, block.delivered) = (statistics.matched - statistics.delivered, statistics.delivered)
    writer.write(block, into: &sink.buffer)
    finish()
  }

  mutating func finish() { sink.flush() }
}
