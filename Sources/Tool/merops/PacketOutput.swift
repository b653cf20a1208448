import BPFLinks
import CaptureEvents
import CaptureFiles
import CaptureSession
import Glibc
import LinuxCalls

/// Packets on their way to standard output, as text.
struct PacketOutput: ~Copyable, CaptureOutput {
  private var printer: PacketPrinter
  /// By number; for JSON, where quotes and backslashes take an escape.
  private var interfaceNames: [[UInt8]] = []
  private var sink = PacketSink(to: STDOUT_FILENO)
  private let isCounting: Bool
  /// How many packets came.
  private(set) var count = 0

  /// Why writing failed; nothing more is taken from then on.
  var failure: SystemCallError? { sink.failure }
  var notWrittenCount: UInt64 { sink.notWrittenCount }

  /// - Parameter isCounting: only counts the packets.
  init(printer: consuming PacketPrinter, isCounting: Bool = false) {
    self.printer = printer
    self.isCounting = isCounting
  }

  mutating func interface(_ interface: CaptureInterface) {
    interfaceNames.append(
      (interface.name ?? "").utf8.flatMap { byte in
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
      })
  }

  mutating func packet(_ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool {
    guard failure == nil else { return false }
    count += 1
    guard !isCounting else { return true }
    // A span of a stored array would keep all of `self` from being changed while it lives.
    let name = interfaceNames[Int(arrival.interface)]
    unsafe printer.write(
      bytes, wireLength: wireLength, arrival: arrival, interfaceName: name.span.bytes, into: &sink.buffer)
    sink.packetEnds()
    return failure == nil
  }

  mutating func pause() -> Bool {
    sink.flush()
    return failure == nil
  }

  mutating func notice(_ notice: CaptureNotice) {
    sink.flush()
    StandardError.write(notice.text)
  }

  mutating func statistics(_ statistics: CaptureStatistics) { StandardError.write(statistics.line) }
}
