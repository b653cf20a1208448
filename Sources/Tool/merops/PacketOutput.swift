import BPFLinks
import CaptureEvents
import CaptureSession
import Glibc
import LinuxCalls

/// Packets on their way to standard output, as text.
struct PacketOutput: ~Copyable, CaptureOutput {
  private var printer: PacketPrinter
  private let interfaceName: [UInt8]
  private var sink = PacketSink(to: STDOUT_FILENO)
  /// `nil` where records have the time since 1970.
  private var clock: WallClock?
  private let isCounting: Bool
  /// How many packets came.
  private(set) var count = 0

  /// Why writing failed; nothing more is taken from then on.
  var failure: SystemCallError? { sink.failure }
  var notWrittenCount: UInt64 { sink.notWrittenCount }

  /// - Parameters:
  ///   - interfaceName: for JSON, where quotes and backslashes take an escape.
  ///   - isLive: whether records have the kernel's monotonic time.
  ///   - isCounting: only counts the packets.
  init(printer: consuming PacketPrinter, interfaceName: String, isLive: Bool = true, isCounting: Bool = false) {
    self.printer = printer
    self.isCounting = isCounting
    clock = isLive ? WallClock() : nil
    self.interfaceName = Array(interfaceName.utf8).flatMap { byte in
      byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
    }
  }

  mutating func packet(_ record: RawSpan) -> Bool {
    guard failure == nil else { return false }
    count += 1
    guard !isCounting else { return true }
    do throws(CaptureRecordError) {
      let header = try CaptureRecord(record)
      let nanoseconds = Int64(truncatingIfNeeded: clock?.realtime(atMonotonic: header.time) ?? header.time)
      // A span of a stored array would keep all of `self` from being changed while it lives.
      let name = interfaceName
      unsafe printer.write(
        header, in: record, nanoseconds: nanoseconds, interfaceName: name.span.bytes, into: &sink.buffer)
    } catch {
      // The program writes the records, so one that does not hold together is our own mistake.
      fatalError("\(error)")
    }
    sink.packetEnds()
    return failure == nil
  }

  mutating func pause() -> Bool {
    sink.flush()
    clock?.look()
    return failure == nil
  }

  mutating func notice(_ notice: CaptureNotice) {
    sink.flush()
    StandardError.write(notice.text)
  }

  mutating func statistics(_ statistics: CaptureStatistics) { StandardError.write(statistics.line) }
}
