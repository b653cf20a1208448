public import LinuxCalls
import Synchronization

/// The reader's end of a BPF_MAP_TYPE_RINGBUF map (Linux 5.8, Documentation/bpf/ringbuf.rst). One reader per ring.
///
///     page 0        consumer position, ours to write
///     page 1        producer position, the kernel's
///     pages 2...    the records, mapped twice in a row, so that one that wraps around is still in one piece
///
/// A record is a word of length and flags, a word for the kernel, and the payload, padded to 8 bytes. Positions are
/// byte counts that only grow; they wrap with the word.
@safe public struct RingBuffer: ~Copyable, @unchecked Sendable {
  // Sendable: whoever owns the value is the one reader.
  /// The size of the ring, in bytes.
  public let byteCount: Int

  package let descriptor: FileDescriptor
  private let consumerPage: MemoryMapping
  private let producerPages: MemoryMapping
  private let consumer: SharedCounter
  private let producer: SharedCounter
  private let records: UnsafeMutableRawPointer
  /// Finished records on their way out in another order, kept for its memory.
  private var waiting: [Waiting] = []
  /// What was looked at ahead of time, which nobody asks for.
  private var touched: UInt8 = 0

  private static let busyBit: UInt32 = 1 << 31
  private static let discardBit: UInt32 = 1 << 30
  private static let headerByteCount = 8
  /// How many records may pass until the kernel is told that their room is free.
  private static let releaseInterval = 64
  /// How far ahead of a record the memory is looked at, in bytes.
  private static let touchDistance: UInt = 1024
  /// What comes from the other CPU at a time.
  private static let lineByteCount: UInt = 64

  /// - Parameters:
  ///   - descriptor: of the map; the ring owns it from now on.
  ///   - byteCount: the map's `max_entries`.
  package init(adopting descriptor: consuming FileDescriptor, byteCount: Int) throws(SystemCallError) {
    let page = pageSize
    guard byteCount > 0, byteCount & (byteCount - 1) == 0, byteCount % page == 0 else {
      throw SystemCallError(call: "mmap of a ring buffer of \(byteCount) bytes", errno: .invalidArgument)
    }
    let consumerPage = try MemoryMapping(of: descriptor, byteCount: page, writable: true)
    let producerPages = try MemoryMapping(
      of: descriptor, byteCount: page + 2 * byteCount, writable: false, offset: page)
    consumer = unsafe SharedCounter(at: consumerPage.address)
    producer = unsafe SharedCounter(at: producerPages.address)
    unsafe records = producerPages.address + page
    self.byteCount = byteCount
    self.descriptor = descriptor
    self.consumerPage = consumerPage
    self.producerPages = producerPages
  }

  /// Whether nothing has been reserved that has not been read. A record that is still being written counts.
  public var isEmpty: Bool { consumer.acquire() == producer.acquire() }

  /// Hands each finished record to `body`, in the order of their reservation, and frees its room afterwards.
  /// - Parameters:
  ///   - limit: how many records at most.
  ///   - body: the span is the record's payload, in the shared memory itself; it ends with the call.
  /// - Returns: how many records there were.
  @discardableResult
  public mutating func drain(limit: Int = .max, _ body: (RawSpan) -> Void) -> Int {
    var count = 0
    // Only we write this position, so it needs no order.
    var position = consumer.acquire()
    while count < limit {
      let end = producer.acquire()
      guard position != end else { break }
      while position != end, count < limit {
        // Later records may be finished, but they have to wait for this one: the order is the reservations'.
        guard let (length, isDiscarded) = header(at: position) else {
          consumer.release(position)
          return count
        }
        if !isDiscarded {
          body(unsafe payload(at: position, length).bytes)
          count += 1
        }
        position &+= Self.stride(length)
        if count % Self.releaseInterval == 0 { consumer.release(position) }
      }
      consumer.release(position)
    }
    return count
  }

  private struct Waiting {
    let key: UInt64
    let position: UInt
    let length: Int
  }

  /// Hands each finished record to `body` in the order of a key, such as its time: programs on several CPUs, or interrupted
  /// between their looking at the clock and their reservation, leave records that are a little out of order.
  /// What is finished at a time is sorted, up to an eighth of the ring, whose room is freed afterwards.
  /// - Parameters:
  ///   - limit: how many records at most.
  ///   - key: asked once for each.
  ///   - last: those from the first on whose key is larger stay where they are.
  ///   - body: the span ends with the call.
  /// - Returns: how many records there were.
  @discardableResult
  public mutating func drain(
    limit: Int = .max, orderedBy key: (RawSpan) -> UInt64, through last: UInt64 = .max, _ body: (RawSpan) -> Void
  ) -> Int {
    var count = 0
    while count < limit {
      let first = consumer.acquire()
      let batch = lookAhead(from: first, limit: limit - count, key, through: last)
      guard batch.end != first else { break }
      if batch.isSorted {
        forEach(from: first, to: batch.end) { position, length in
          body(unsafe payload(at: position, length).bytes)
        }
      } else {
        sort(from: first, to: batch.end, key)
        for record in waiting { body(unsafe payload(at: record.position, record.length).bytes) }
      }
      count += batch.count
      consumer.release(batch.end)
    }
    return count
  }

  /// Finished records one behind the other.
  private struct Batch {
    /// Where they end.
    var end: UInt
    var count = 0
    /// Whether they lie in the order of their keys, as they mostly do.
    var isSorted = true
  }

  private mutating func lookAhead(
    from first: UInt, limit: Int, _ key: (RawSpan) -> UInt64, through bound: UInt64
  ) -> Batch {
    var batch = Batch(end: first)
    var (last, touched): (UInt64, UInt8) = (0, 0)
    let end = producer.acquire()
    while batch.end != end, batch.count < limit, batch.end &- first <= UInt(byteCount / 8),
      let (length, isDiscarded) = header(at: batch.end)
    {
      // Where the next record lies is not known before this one's length has come from the other CPU: without a look further on,
      // each record would be waited for by itself.
      if end &- batch.end > Self.touchDistance + Self.lineByteCount {
        let ahead = unsafe records + Int((batch.end &+ Self.touchDistance) & UInt(byteCount - 1))
        touched |= unsafe ahead.load(as: UInt8.self)
        touched |= unsafe ahead.load(fromByteOffset: Int(Self.lineByteCount), as: UInt8.self)
      }
      if !isDiscarded {
        let value = unsafe key(payload(at: batch.end, length).bytes)
        if value > bound { break }
        if value < last { batch.isSorted = false }
        last = value
        batch.count += 1
      }
      batch.end &+= Self.stride(length)
    }
    self.touched = touched
    return batch
  }

  /// Notes records in the order of their keys.
  private mutating func sort(from first: UInt, to end: UInt, _ key: (RawSpan) -> UInt64) {
    var records: [Waiting] = []
    swap(&records, &waiting)
    records.removeAll(keepingCapacity: true)
    forEach(from: first, to: end) { position, length in
      records.append(
        Waiting(key: unsafe key(payload(at: position, length).bytes), position: position, length: length))
    }
    // Not by the key alone: `sort` may change the order of equals.
    records.sort { ($0.key, $0.position &- first) < ($1.key, $1.position &- first) }
    swap(&records, &waiting)
  }

  /// Finished records that are not discarded.
  private func forEach(from first: UInt, to end: UInt, _ body: (_ position: UInt, _ length: Int) -> Void) {
    var position = first
    while position != end, let (length, isDiscarded) = header(at: position) {
      if !isDiscarded { body(position, length) }
      position &+= Self.stride(length)
    }
  }

  private static func stride(_ length: Int) -> UInt { UInt((length + headerByteCount + 7) & ~7) }

  private func payload(at position: UInt, _ length: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      start: records + Int(position & UInt(byteCount - 1)) + Self.headerByteCount, count: length)
  }

  /// `nil` where the record is still being written.
  private func header(at position: UInt) -> (length: Int, isDiscarded: Bool)? {
    let start = unsafe records + Int(position & UInt(byteCount - 1))
    // The kernel writes the length with a release when the record is finished; what it wrote before is seen then.
    let header = unsafe start.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
    guard header & Self.busyBit == 0 else { return nil }
    let length = Int(header & ~Self.discardBit)
    precondition(length <= byteCount - Self.headerByteCount, "the kernel's record is longer than its ring")
    return (length, header & Self.discardBit != 0)
  }

  /// Waits until there is a record that the kernel told us of. Returns whether there is one.
  /// - Parameter milliseconds: how long at most; `nil` for ever.
  public borrowing func wait(milliseconds: Int? = nil) throws(SystemCallError) -> Bool {
    try descriptor.waitForInput(milliseconds: milliseconds)
  }
}
