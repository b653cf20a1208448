internal import ByteReading

/// A connection whose handshake we answered, and which the other side has not completed since: `struct half_open_key` and
/// `struct half_open`.
package struct HalfOpen: Sendable {
  private let key: [UInt8]
  private let value: [UInt8]
  /// When our answer was sent for the last time, in nanoseconds of CLOCK_MONOTONIC.
  private let last: UInt64
  /// How often the other side's had not come in time before that.
  private let timeouts: UInt8

  /// - Parameters:
  ///   - key: of the map, 40 bytes.
  ///   - value: 64 bytes.
  package init?(key: [UInt8], value: [UInt8]) {
    guard key.count >= 40, value.count >= 64, let last = try? value.read(UInt64.self, at: 8),
      let timeouts = try? value.read(UInt8.self, at: 61)
    else { return nil }
    (self.key, self.value, self.last, self.timeouts) = (key, value, last, timeouts)
  }

  /// When the kernel has given up, at the latest, if it has not sent its answer again by then: it waits for a second, then
  /// twice as long each time, up to two minutes (RFC 6298, 5.5; `TCP_RTO_MAX`).
  package var end: UInt64 {
    let seconds = UInt64(min(2 << min(timeouts, 6), 120))
    return last.addingReportingOverflow(seconds * 1_000_000_000).partialValue
  }

  /// What became of it when the kernel gave up. Its time is that of the last answer: what came behind nobody knows.
  package func record() throws(ConnectionRecordError) -> ConnectionRecord {
    // The same shape as if the programs had told of it.
    var bytes = [UInt8](repeating: 0, count: ConnectionRecord.byteCount)
    bytes.store(last, count: 8, at: 0)
    bytes.replaceSubrange(8..<16, with: value[0..<8])
    bytes.replaceSubrange(56..<96, with: value[16..<56])
    bytes.replaceSubrange(96..<136, with: key[0..<40])
    bytes.replaceSubrange(144..<148, with: value[56..<60])
    bytes[156] = UInt8(ConnectionRecord.Flags.passive.rawValue)
    bytes[158] = ConnectionRecord.Event.closed.rawValue
    bytes[159] = value[60]
    bytes[160] = 3
    var record = try unsafe ConnectionRecord(bytes.span.bytes)
    record.event = .halfOpen
    // The first answer is none that was sent again.
    record.segmentsSent = record.retransmits &+ 1
    record.segmentsReceived = 1
    return record
  }
}
