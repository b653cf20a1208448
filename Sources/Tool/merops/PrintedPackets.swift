import CaptureEvents
import CaptureFiles

/// Packets on their way to standard output, as text.
struct PrintedPackets: ~Copyable {
  private var printer: PacketPrinter
  /// By number; for JSON, where quotes and backslashes take an escape.
  private var interfaceNames: [[UInt8]] = []
  var sink = RecordSink()

  init(printer: consuming PacketPrinter) {
    self.printer = printer
    sink.open("-")
  }

  mutating func interface(_ interface: CaptureInterface) {
    interfaceNames.append(
      (interface.name ?? "").utf8.flatMap { byte in
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
      })
  }

  mutating func packet(_ bytes: RawSpan, wireLength: Int, _ arrival: PacketArrival) -> Bool {
    guard sink.failure == nil else { return false }
    // A span of a stored array would keep all of `self` from being changed while it lives.
    let name = interfaceNames[Int(arrival.interface)]
    unsafe printer.write(
      bytes, wireLength: wireLength, arrival: arrival, interfaceName: name.span.bytes, into: &sink.buffer)
    sink.recordEnds()
    return true
  }
}
