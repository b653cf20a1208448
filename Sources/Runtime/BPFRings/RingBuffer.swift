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
  /// Where the records of a batch lie behind its beginning, kept for its memory.
  private var places: [Range<Int>] = []
  /// What was looked at ahead of time, which nobody asks for.
  private var touched: UInt8 = 0

  private static let busyBit: UInt32 = 1 << 31
  private static let discardBit: UInt32 = 1 << 30
  private static let headerByteCount = 8
  /// How many records may pass until the kernel is told that their room is free.
  private static let releaseInterval = 64
  /// How many records are put in order at a time.
  private static let batchCount = 4096
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

  /// Hands each finished record to `body` in the order of a key, such as its time: programs on several CPUs, or interrupted
  /// between their looking at the clock and their reservation, leave records that are a little out of order.
  /// What is finished at a time is sorted, up to 4096 records and an eighth of the ring, whose room is freed afterwards.
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
    drainBatches(limit: limit, orderedBy: key, through: last) { memory, records in
      for number in records.indices { body(memory.extracting(records[number])) }
    }
  }

  /// The same, with a call for many records instead of one for each: for whoever does little with a record.
  /// - Parameter body: the memory, and where the records lie in it, in the order of the key. Both end with the call.
  @discardableResult
  public mutating func drainBatches(
    limit: Int = .max, orderedBy key: (RawSpan) -> UInt64, through last: UInt64 = .max,
    _ body: (_ memory: RawSpan, _ records: Span<Range<Int>>) -> Void
  ) -> Int {
    var places: [Range<Int>] = []
    swap(&places, &self.places)
    if places.isEmpty { places = [Range<Int>](repeating: 0..<0, count: Self.batchCount) }
    var count = 0
    while count < limit {
      let first = consumer.acquire()
      let batch = lookAhead(from: first, limit: limit - count, into: &places, key, through: last)
      guard batch.end != first else { break }
      let memory = unsafe memory(from: first, to: batch.end).bytes
      if !batch.isSorted { Self.sort(&places, count: batch.count, in: memory, key) }
      if batch.count > 0 { body(memory, places.span.extracting(first: batch.count)) }
      count += batch.count
      consumer.release(batch.end)
    }
    swap(&places, &self.places)
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
    from first: UInt, limit: Int, into places: inout [Range<Int>], _ key: (RawSpan) -> UInt64, through bound: UInt64
  ) -> Batch {
    var batch = Batch(end: first)
    var (last, touched): (UInt64, UInt8) = (0, 0)
    let end = producer.acquire()
    // One look at whether the array is ours alone, not one for each record.
    var places = places.mutableSpan
    let limit = min(limit, places.count)
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
        let offset = Int(batch.end &- first) + Self.headerByteCount
        places[batch.count] = offset..<offset + length
        batch.count += 1
      }
      batch.end &+= Self.stride(length)
    }
    self.touched = touched
    return batch
  }

  /// Puts the places of the first `count` records into the order of their keys; equals stay in that of their reservation.
  private static func sort(
    _ places: inout [Range<Int>], count: Int, in memory: RawSpan, _ key: (RawSpan) -> UInt64
  ) {
    var records: [(key: UInt64, place: Range<Int>)] = []
    for place in places[..<count] { records.append((key(memory.extracting(place)), place)) }
    // Not by the key alone: `sort` may change the order of equals.
    records.sort { ($0.key, $0.place.lowerBound) < ($1.key, $1.place.lowerBound) }
    for (number, record) in records.enumerated() { places[number] = record.place }
  }

  private static func stride(_ length: Int) -> UInt { UInt((length + headerByteCount + 7) & ~7) }

  /// Records with their headers: in one piece, since all of the ring is mapped twice.
  private func memory(from first: UInt, to end: UInt) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(start: records + Int(first & UInt(byteCount - 1)), count: Int(end &- first))
  }

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
