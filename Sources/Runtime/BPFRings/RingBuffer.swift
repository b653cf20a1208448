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

  private static let busyBit: UInt32 = 1 << 31
  private static let discardBit: UInt32 = 1 << 30
  private static let headerByteCount = 8
  /// How many records may pass until the kernel is told that their room is free.
  private static let releaseInterval = 64

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
    let mask = UInt(byteCount - 1)
    while count < limit {
      let end = producer.acquire()
      guard position != end else { break }
      while position != end, count < limit {
        let start = unsafe records + Int(position & mask)
        // The kernel writes the length with a release when the record is finished; what it wrote before is seen then.
        let header = unsafe start.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.load(ordering: .acquiring)
        // Later records may be finished, but they have to wait for this one: the order is the reservations'.
        guard header & Self.busyBit == 0 else {
          consumer.release(position)
          return count
        }
        let length = Int(header & ~Self.discardBit)
        precondition(length <= byteCount - Self.headerByteCount, "the kernel's record is longer than its ring")
        if header & Self.discardBit == 0 {
          body(unsafe UnsafeRawBufferPointer(start: start + Self.headerByteCount, count: length).bytes)
          count += 1
        }
        position &+= UInt((length + Self.headerByteCount + 7) & ~7)
        if count % Self.releaseInterval == 0 { consumer.release(position) }
      }
      consumer.release(position)
    }
    return count
  }

  /// Waits until there is a record that the kernel told us of. Returns whether there is one.
  /// - Parameter milliseconds: how long at most; `nil` for ever.
  public borrowing func wait(milliseconds: Int? = nil) throws(SystemCallError) -> Bool {
    try descriptor.waitForInput(milliseconds: milliseconds)
  }
}
