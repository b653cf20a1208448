internal import BPFLoader
internal import BPFObjectFile
internal import BPFRings
internal import CaptureEvents
internal import CaptureProgram
internal import LinuxCalls

/// Where the records come from.
enum CaptureReader: ~Copyable {
  case ring(RingBuffer)
  case perfEvents(PerfEvents)

  struct PerfEvents: ~Copyable {
    var samples: PerfEventArray
    /// Wake us where we wait for the first sample.
    var bells: PerfEventArray
    /// When we are woken without them: a quarter of a ring leaves us three quarters of the time to wake up in.
    let wakeByteCount: Int
  }

  /// - Parameter byteCount: of the ring, or of the ring of each CPU.
  init(_ programs: CapturePrograms, usesPerfEvents: Bool, byteCount: Int) throws {
    guard usesPerfEvents else {
      self = .ring(
        try RingBuffer(adopting: programs.map(CaptureProgram.ring).descriptor.duplicate(), byteCount: byteCount))
      return
    }
    func array(_ name: String, byteCount: Int, _ wakeup: PerfEventArray.Wakeup) throws -> PerfEventArray {
      let map = programs.map(name)
      return try PerfEventArray(
        adopting: map.descriptor.duplicate(), entryCount: Int(map.spec.maxEntries), byteCount: byteCount,
        wakeup: wakeup)
    }
    let wakeByteCount = byteCount / 4
    self = .perfEvents(
      PerfEvents(
        samples: try array(CaptureProgram.samples, byteCount: byteCount, .bytes(UInt32(clamping: wakeByteCount))),
        bells: try array(CaptureProgram.bells, byteCount: pageSize, .samples(1)), wakeByteCount: wakeByteCount))
  }

  /// Only wake-ups count, not that something is there: while it rests, the reader leaves it there.
  borrowing func watch(by events: borrowing EventQueue, token: UInt64) throws(SystemCallError) {
    switch self {
    case .ring(let ring): try events.watch(ring.descriptor, token: token, edgeTriggered: true)
    case .perfEvents(let perfEvents):
      try events.watch(perfEvents.samples.descriptor, token: token)
      try events.watch(perfEvents.bells.descriptor, token: token)
    }
  }

  /// Whether nothing has been written that has not been read.
  var isEmpty: Bool {
    switch self {
    case .ring(let ring): ring.isEmpty
    case .perfEvents(let perfEvents): perfEvents.samples.isEmpty
    }
  }

  /// Whether what woke the resting reader is that there is little room.
  var isFillingUp: Bool {
    switch self {
    // The programs wake it for nothing else.
    case .ring: true
    // The kernel does so after so many bytes, also where they have been read.
    case .perfEvents(let perfEvents): perfEvents.samples.unreadByteCount >= perfEvents.wakeByteCount
    }
  }

  /// Hands out records in the order of their time.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - last: younger ones stay where they are, in nanoseconds of CLOCK_MONOTONIC.
  ///   - body: some memory, and where records lie in it, at least one. Both end with the call.
  /// - Returns: how many there were.
  mutating func drain(
    limit: Int, through last: UInt64, _ body: (_ memory: RawSpan, _ records: Span<Range<Int>>) -> Void
  ) -> Int {
    switch consume self {
    case .ring(var ring):
      let count = ring.drainBatches(limit: limit, orderedBy: CaptureRecord.time(of:), through: last, body)
      self = .ring(ring)
      return count
    case .perfEvents(var perfEvents):
      perfEvents.bells.drain { _, _ in }
      let count = perfEvents.samples.drain(
        limit: limit, orderedBy: CaptureRecord.time(of:), through: min(last, Clock.monotonic)
      ) { sample in
        let whole = CollectionOfOne(0..<sample.byteCount)
        body(sample, whole.span)
      }
      self = .perfEvents(perfEvents)
      return count
    }
  }
}
