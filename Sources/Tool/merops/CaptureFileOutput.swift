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
  private var clock = WallClock()
  private let began = Clock.realtime

  var failure: SystemCallError? { sink.failure }
  var notWrittenCount: UInt64 { sink.notWrittenCount }

  /// - Parameters:
  ///   - path: `-` for standard output.
  ///   - isUnbuffered: each packet is written at once (`-U`).
  init(_ path: String, interface: String, filter: String?, isUnbuffered: Bool) throws(Failure) {
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
      interfaces: [
        CaptureInterface(
          name: interface, filter: filter, comments: ["the headers of TCP packets, taken by an XDP program"])
      ])
    writer.beginFile(into: &sink.buffer)
    // A reader at the other end of a pipe learns at once what will come.
    sink.flush()
    self.sink = sink
    self.writer = writer
  }

  mutating func packet(_ record: RawSpan) -> Bool {
    guard failure == nil else { return false }
    do throws(CaptureRecordError) {
      let header = try CaptureRecord(record)
      writer.write(
        record.extracting(header.frameRange),
        nanoseconds: Int64(truncatingIfNeeded: clock.realtime(atMonotonic: header.time)),
        originalLength: header.wireLength, direction: header.direction, into: &sink.buffer)
    } catch {
      // The program writes the records, so one that does not hold together is our own mistake.
      fatalError("\(error)")
    }
    sink.packetEnds()
    return failure == nil
  }

  mutating func pause() -> Bool {
    sink.flush()
    clock.look()
    return failure == nil
  }

  mutating func notice(_ notice: CaptureNotice) { StandardError.write(notice.text) }

  mutating func statistics(_ statistics: CaptureStatistics) { StandardError.write(statistics.line) }

  /// The counters, behind the last packet.
  mutating func finish(_ statistics: CaptureStatistics) {
    let now = Int64(clamping: Clock.realtime)
    var block = InterfaceStatistics(nanoseconds: now)
    (block.startNanoseconds, block.endNanoseconds) = (Int64(clamping: began), now)
    (block.received, block.filterAccepted) = (statistics.seen, statistics.matched)
    (block.systemDropped, block.delivered) = (statistics.matched - statistics.delivered, statistics.delivered)
    writer.write(block, into: &sink.buffer)
    sink.flush()
  }
}
