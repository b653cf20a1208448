internal import BPFLoader
internal import BPFObjectFile
internal import BPFRings
internal import ConnectionEvents
internal import ConnectionProgram
internal import LinuxCalls

/// Where the records come from.
enum ConnectionReader: ~Copyable {
  case ring(RingBuffer)
  case perfEvents(PerfEventArray)

  init(_ programs: ConnectionPrograms, _ options: ConnectionOptions, usesPerfEvents: Bool) throws {
    let byteCount = options.ringByteCount
    guard usesPerfEvents else {
      self = .ring(
        try RingBuffer(adopting: programs.map(ConnectionProgram.ring).descriptor.duplicate(), byteCount: byteCount))
      return
    }
    let map = programs.map(ConnectionProgram.samples)
    self = .perfEvents(
      try PerfEventArray(
        adopting: map.descriptor.duplicate(), entryCount: Int(map.spec.maxEntries), byteCount: byteCount,
        wakeup: .bytes(UInt32(clamping: options.wakeByteCount))))
  }

  /// Only that a ring fills up counts, not that something is there.
  borrowing func watch(by events: borrowing EventQueue, token: UInt64) throws(SystemCallError) {
    switch self {
    case .ring(let ring): try events.watch(ring.descriptor, token: token, edgeTriggered: true)
    case .perfEvents(let array): try events.watch(array.descriptor, token: token)
    }
  }

  /// - Returns: how many records came.
  mutating func drain(_ body: (ConnectionRecord) -> Void) -> Int {
    func read(_ bytes: RawSpan) {
      // The programs write the records, so one that does not hold together is our own mistake.
      do throws(ConnectionRecordError) { body(try ConnectionRecord(bytes)) } catch { fatalError("\(error)") }
    }
    switch consume self {
    case .ring(var ring):
      let count = ring.drain { read($0) }
      self = .ring(ring)
      return count
    case .perfEvents(var array):
      let count = array.drain { _, bytes in read(bytes) }
      // Takes the word of those that have been read.
      _ = try? array.wait(milliseconds: 0)
      self = .perfEvents(array)
      return count
    }
  }
}
