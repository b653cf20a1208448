import CaptureEvents
import CaptureFiles
import ConnectionEvents

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

  /// - Parameter owners: `nil` where they are not known, or not asked for.
  mutating func packet(_ packet: Packet, _ bytes: RawSpan, _ arrival: PacketArrival, _ owners: PacketOwners?) -> Bool {
    guard sink.failure == nil else { return false }
    // A span of a stored array would keep all of `self` from being changed while it lives.
    let name = interfaceNames[Int(arrival.interface)]
    let format = printer.format
    unsafe printer.write(
      packet, bytes, arrival: arrival, interfaceName: name.span.bytes,
      remark: { out in
        switch format {
        case .text: owners?.writeText(into: &out)
        case .headers: owners?.writeHeaders(into: &out)
        case .json: owners?.writeJSONMembers(into: &out)
        }
      }, into: &sink.buffer)
    sink.recordEnds()
    return true
  }
}
