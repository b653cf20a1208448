public import LinuxCalls

/// The reader of a BPF_MAP_TYPE_PERF_EVENT_ARRAY map that programs write samples to with `bpf_perf_event_output` (4.4): one
/// ring per CPU. CPUs that are switched off when it is made are left out; what programs write there is refused.
///
/// Samples of one CPU come in the order in which they were written. Those of different CPUs do not: all of one CPU come
/// before those of the next. Where the order counts, the program has to write down the time, by which
/// ``drain(limit:orderedBy:through:_:)`` puts them in order, or use a ring buffer.
public struct PerfEventArray: ~Copyable, @unchecked Sendable {
  // Sendable: whoever owns the value is the one reader.
  /// When the reader is woken.
  public enum Wakeup: Hashable, Sendable {
    /// After so many samples on one CPU, at least 1.
    case samples(UInt32)
    /// When so many bytes of one CPU's ring are filled, at least 1.
    case bytes(UInt32)
  }

  private var rings: PerfRings
  private let queue: EventQueue

  /// - Parameters:
  ///   - map: its descriptor; the reader owns it from now on.
  ///   - entryCount: the map's `max_entries`.
  ///   - byteCount: of the ring of each CPU: a power of two of pages.
  package init(
    adopting map: consuming FileDescriptor, entryCount: Int, byteCount: Int, wakeup: Wakeup = .samples(1)
  ) throws(SystemCallError) {
    var attributes = PerfEvent.Attributes(type: PerfEvent.Attributes.software)
    switch wakeup {
    case .samples(let count): attributes.wakeup = max(count, 1)
    case .bytes(let count):
      attributes.wakeup = max(count, 1)
      attributes.isWatermark = true
    }
    let queue = try EventQueue()
    let rings = try PerfRings(adopting: map, entryCount: entryCount, byteCount: byteCount, attributes)
    for ring in rings.rings {
      // A CPU that is switched off later would be reported without end otherwise.
      try queue.watch(ring.event.descriptor, token: UInt64(ring.cpu), edgeTriggered: true)
    }
    self.queue = queue
    self.rings = rings
  }

  /// Ready where a ring is, for waiting together with others.
  package var descriptor: FileDescriptor { _read { yield queue.descriptor } }

  /// The CPUs that have a ring, in the order in which they are read.
  public var cpus: [Int] { rings.rings.map(\.cpu) }

  /// Waits until the kernel wakes the reader. Samples may be there without that, below the mark that was asked for.
  /// - Parameter milliseconds: how long at most; `nil` for ever.
  /// - Returns: whether it was woken; false also after a signal.
  public borrowing func wait(milliseconds: Int? = nil) throws(SystemCallError) -> Bool {
    var isReady = false
    try queue.wait(milliseconds: milliseconds) { _ in isReady = true }
    return isReady
  }

  /// Hands out the samples that are there, CPU by CPU, and frees their room. Nothing is allocated.
  /// - Parameters:
  ///   - limit: how many of one CPU at most.
  ///   - body: the span ends with the call. It is the shared memory itself, or a copy if the sample wraps around the ring's
  ///     end. The kernel pads samples, so that their length with the 4 bytes before is a multiple of 8.
  /// - Returns: how many samples there were.
  @discardableResult
  public mutating func drain(limit: Int = .max, _ body: (_ cpu: Int, _ sample: RawSpan) -> Void) -> Int {
    unsafe rings.forEachRing { ring, scratch in
      let cpu = ring.cpu
      return unsafe ring.pages.drain(limit: limit, scratch: scratch) { body(cpu, $0) }
    }
  }

  /// Hands out the samples that are there in the order of a key, such as their time, and frees their room. Of each CPU it has to
  /// grow from sample to sample. Nothing is allocated.
  ///
  /// The CPUs go on writing while their rings are looked at one after the other, so that what is there of one CPU may be
  /// younger than what comes next of another. With the time just before the call as `last`, all samples have been written
  /// down that are handed out, and those of the next call are younger, but for one that a program was writing just then.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - key: asked once for each, or again by the next call where it was not handed out.
  ///   - last: samples with a greater key are left for the next call.
  ///   - body: as in ``drain(limit:_:)``.
  /// - Returns: how many samples there were.
  @discardableResult
  public mutating func drain(
    limit: Int = .max, orderedBy key: (RawSpan) -> UInt64, through last: UInt64, _ body: (RawSpan) -> Void
  ) -> Int {
    rings.drain(limit: limit, orderedBy: key, through: last, body)
  }

  /// Whether everything that has been written has been read.
  public var isEmpty: Bool { unreadByteCount == 0 }

  /// How many bytes are unread of the CPU that has most.
  public var unreadByteCount: Int { rings.unreadByteCount }

  /// How many bytes a program may write as one sample: the length of a perf event's record has 16 bits.
  public static var longestSample: Int { PerfRecords.longestSample }

  /// How many samples of a CPU found no room, or came while it was paused. The kernel tells with the next sample that
  /// does, so that this grows while draining.
  public func lostCount(cpu: Int) -> UInt64 { rings.rings.first { $0.cpu == cpu }?.pages.lostCount ?? 0 }

  /// The same of all CPUs.
  public var lostCount: UInt64 { rings.rings.reduce(0) { $0 &+ $1.pages.lostCount } }

  /// Has the kernel write nothing to the rings until ``resume()``; it counts what it does not write as lost (4.7).
  public mutating func pause() throws(SystemCallError) { try rings.pause(true) }
  public mutating func resume() throws(SystemCallError) { try rings.pause(false) }
}

/// The same kind of map with rings that never fill up: the newest samples overwrite the oldest (4.7). For what led to an
/// event that is rare: nothing is read, and nobody is woken, until it happened.
public struct OverwritablePerfEventArray: ~Copyable, @unchecked Sendable {
  // Sendable: whoever owns the value is the one reader.
  private var rings: PerfRings

  /// - Parameters:
  ///   - map: its descriptor; the reader owns it from now on.
  ///   - entryCount: the map's `max_entries`.
  ///   - byteCount: of the ring of each CPU: a power of two of pages.
  package init(adopting map: consuming FileDescriptor, entryCount: Int, byteCount: Int) throws(SystemCallError) {
    var attributes = PerfEvent.Attributes(type: PerfEvent.Attributes.software)
    attributes.writesBackward = true
    rings = try PerfRings(adopting: map, entryCount: entryCount, byteCount: byteCount, attributes)
  }

  /// The CPUs that have a ring, in the order in which they are read.
  public var cpus: [Int] { rings.rings.map(\.cpu) }

  /// Hands out the samples since the last call that are still there, CPU by CPU, of each the newest first. Programs cannot
  /// write meanwhile; what they try to is gone. Nothing is allocated.
  /// - Parameter body: as in ``PerfEventArray/drain(limit:_:)``.
  /// - Returns: how many samples there were.
  @discardableResult
  public mutating func readBackward(
    _ body: (_ cpu: Int, _ sample: RawSpan) -> Void
  ) throws(SystemCallError) -> Int {
    do { try rings.pause(true) } catch {
      try? rings.pause(false)
      throw error
    }
    let count = unsafe rings.forEachRing { ring, scratch in
      let cpu = ring.cpu
      return unsafe ring.pages.readBackward(scratch: scratch) { body(cpu, $0) }
    }
    try rings.pause(false)
    return count
  }
}
