import ConnectionEvents
import ConnectionProgram

/// A record as the programs write it: `struct connection_record`.
struct RecordBytes {
  var bytes = [UInt8](repeating: 0, count: ConnectionProgram.recordByteCount)

  mutating func set<Value: FixedWidthInteger>(_ offset: Int, _ value: Value) {
    for index in 0..<MemoryLayout<Value>.size {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }

  /// A closed connection of IPv4 from a task that connected.
  init(socket: UInt64 = 1, time: UInt64 = 3_000_000_000, state: UInt8 = 5, error: UInt32 = 0, flags: UInt16 = 1) {
    set(0, time)
    set(8, UInt64(1_000_000_000))
    set(16, UInt64(1_000_087_000))
    set(24, socket)
    set(40, UInt64(12_345))
    set(48, UInt64(999))
    set(64, UInt32(4711))
    set(68, UInt32(1000))
    bytes.replaceSubrange(72..<76, with: Array("curl".utf8))
    bytes[88] = 1
    for (start, last) in [(96, 1), (112, 2)] {
      bytes.replaceSubrange(start + 10..<start + 16, with: [0xff, 0xff, 192, 0, 2, UInt8(last)])
    }
    set(128, UInt16(40000))
    set(130, UInt16(443))
    set(132, UInt32(4_026_531_840))
    set(148, UInt32(1500))
    set(152, error)
    set(156, flags)
    bytes[158] = 1
    bytes[159] = 2
    bytes[160] = state
  }

  var record: ConnectionRecord { get throws { try ConnectionRecord(unsafe bytes.span.bytes) } }
}
