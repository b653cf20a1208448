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

  /// Between packets, and as one with the next: what cannot be written is counted in packets.
  /// - Parameter offset: from CLOCK_MONOTONIC to nanoseconds since 1970.
  mutating func connection(_ record: ConnectionRecord, offset: UInt64, container: [UInt8]) {
    guard sink.failure == nil else { return }
    let format = printer.format
    printer.writeLine(nanoseconds: Int64(truncatingIfNeeded: record.time &+ offset), into: &sink.buffer) { out in
      if format == .json {
        ConnectionJSON().write(record, offset: offset, container: container, into: &out)
      } else {
        record.writeLine(into: &out)
      }
    }
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
