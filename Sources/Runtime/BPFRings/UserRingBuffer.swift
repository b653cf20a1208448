public import LinuxCalls
import Synchronization

/// The writer's end of a BPF_MAP_TYPE_USER_RINGBUF map, which a program reads with `bpf_user_ringbuf_drain` (6.1). One writer
/// per ring.
///
///     page 0        consumer position, the kernel's
///     page 1        producer position, ours to write
///     pages 2...    the records, as in a ``RingBuffer``, ours to write, mapped twice in a row
///
/// The program takes records in the order of their reservation: one that is neither submitted nor discarded holds back
/// those behind it.
public struct UserRingBuffer: ~Copyable, @unchecked Sendable {
  // Sendable: whoever owns the value is the one writer.
  private let memory: UserRingMemory
  private let queue: EventQueue

  /// - Parameters:
  ///   - descriptor: of the map; the ring owns it from now on.
  ///   - byteCount: the map's `max_entries`.
  package init(adopting descriptor: consuming FileDescriptor, byteCount: Int) throws(SystemCallError) {
    let queue = try EventQueue()
    // Otherwise a ring with little room would be reported without end.
    try queue.watch(descriptor, token: 0, forOutput: true, edgeTriggered: true)
    memory = try UserRingMemory(adopting: descriptor, byteCount: byteCount)
    self.queue = queue
  }

  /// The size of the ring, in bytes.
  public var byteCount: Int { memory.byteCount }

  /// Reserves room for a record.
  /// - Parameter byteCount: of the record.
  /// - Returns: `nil` when there is no room now.
  /// - Throws: `SystemCallError` when there never will be.
  public mutating func reserve(byteCount: Int) throws(SystemCallError) -> UserRingRecord? {
    try memory.reserve(byteCount)
  }

  /// Reserves room for a record, and waits for it where there is none.
  /// - Parameter milliseconds: how long at most; `nil` for ever. A program that drains with `BPF_RB_NO_WAKEUP` wakes nobody.
  /// - Returns: `nil` when the time was over.
  public mutating func reserve(
    byteCount: Int, waitingMilliseconds milliseconds: Int?
  ) throws(SystemCallError) -> UserRingRecord? {
    let start = Clock.monotonic
    while true {
      if let record = try memory.reserve(byteCount) { return record }
      let passed = Int(clamping: (Clock.monotonic &- start) / 1_000_000)
      let left = milliseconds.map { max(0, $0 - passed) }
      guard left != 0 else { return nil }
      try queue.wait(milliseconds: left) { _ in }
    }
  }

  /// Writes a record. Returns false when there is no room now.
  public mutating func send(_ bytes: RawSpan) throws(SystemCallError) -> Bool {
    guard let record = try memory.reserve(bytes.byteCount) else { return false }
    record.copy(bytes)
    record.submit()
    return true
  }
}

/// A record of a user ring buffer that is being written. It is discarded if it ends without being submitted.
@safe public struct UserRingRecord: ~Copyable, @unchecked Sendable {
  // Sendable: the room is the value's own until it is submitted.
  /// Of the record.
  public let byteCount: Int
  private let memory: UserRingMemory
  private let start: UnsafeMutableRawPointer
  private var isSubmitted = false

  fileprivate init(_ byteCount: Int, at start: UnsafeMutableRawPointer, in memory: UserRingMemory) {
    self.byteCount = byteCount
    unsafe self.start = start
    self.memory = memory
  }

  /// Gives access to the record's bytes, which begin as whatever was there before.
  public mutating func withMutableBytes<Answer>(_ body: (inout MutableRawSpan) -> Answer) -> Answer {
    var bytes = unsafe UnsafeMutableRawBufferPointer(
      start: start + UserRingMemory.headerByteCount, count: byteCount
    ).mutableBytes
    return body(&bytes)
  }

  fileprivate borrowing func copy(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: start + UserRingMemory.headerByteCount, count: byteCount)
        .copyMemory(from: bytes)
    }
  }

  /// Lets the program have it.
  public consuming func submit() { isSubmitted = true }

  /// Lets the program pass over it.
  public consuming func discard() {}

  deinit {
    let header = UInt32(byteCount) | (isSubmitted ? 0 : UserRingMemory.discardBit)
    // What was written to the record is seen by whoever sees this.
    unsafe start.assumingMemoryBound(to: Atomic<UInt32>.self).pointee.store(header, ordering: .releasing)
  }
}

/// What a ring and its unfinished records share.
@safe private final class UserRingMemory {
  static let busyBit: UInt32 = 1 << 31
  static let discardBit: UInt32 = 1 << 30
  static let headerByteCount = 8

  let byteCount: Int
  private let descriptor: FileDescriptor
  private let consumerPage: MemoryMapping
  private let producerPages: MemoryMapping
  private let consumer: SharedCounter
  private let producer: SharedCounter
  private let records: UnsafeMutableRawPointer

  init(adopting descriptor: consuming FileDescriptor, byteCount: Int) throws(SystemCallError) {
    let page = pageSize
    guard byteCount > 0, byteCount & (byteCount - 1) == 0, byteCount % page == 0 else {
      throw SystemCallError(call: "mmap of a user ring buffer of \(byteCount) bytes", errno: .invalidArgument)
    }
    let consumerPage = try MemoryMapping(of: descriptor, byteCount: page, writable: false)
    let producerPages = try MemoryMapping(
      of: descriptor, byteCount: page + 2 * byteCount, writable: true, offset: page)
    consumer = unsafe SharedCounter(at: consumerPage.address)
    producer = unsafe SharedCounter(at: producerPages.address)
    unsafe records = producerPages.address + page
    self.byteCount = byteCount
    self.descriptor = descriptor
    self.consumerPage = consumerPage
    self.producerPages = producerPages
  }

  func reserve(_ count: Int) throws(SystemCallError) -> UserRingRecord? {
    guard count >= 0, count <= byteCount - Self.headerByteCount, count < Int(Self.discardBit) else {
      throw SystemCallError(
        call: "reserve \(count) bytes of a user ring buffer of \(byteCount)", errno: .argumentListTooLong)
    }
    let needed = UInt((count + Self.headerByteCount + 7) & ~7)
    // Only we write this position, so it needs no order.
    let position = producer.acquire()
    let used = position &- consumer.acquire()
    guard used <= UInt(byteCount), UInt(byteCount) - used >= needed else { return nil }
    let start = unsafe records + Int(position & UInt(byteCount - 1))
    // Before the position moves: the program must find it busy.
    unsafe start.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
      .store(UInt32(count) | Self.busyBit, ordering: .relaxed)
    unsafe (start + 4).storeBytes(of: 0, as: UInt32.self)
    producer.release(position &+ needed)
    return unsafe UserRingRecord(count, at: start, in: self)
  }
}
