import LinuxCalls

/// The ring of one CPU's perf event that programs write samples to (perf_event_open(2), "MMAP layout").
///
///     page 0        the head, the kernel's; the tail, ours to write where we have mapped it for writing
///     pages 1...    the records, mapped once, so that one that wraps around is in two pieces
@safe final class PerfRing {
  let cpu: Int
  let event: PerfEvent
  /// How many samples the kernel had no room for.
  private(set) var lostCount: UInt64 = 0

  private let mapping: MemoryMapping
  private let head: SharedCounter
  private let tail: SharedCounter
  private let records: PerfRecords
  /// Up to where an overwritable ring was read, the last time.
  private var lastHead: UInt = 0

  /// - Parameter byteCount: of the records; a power of two of pages.
  init(_ attributes: PerfEvent.Attributes, cpu: Int, byteCount: Int) throws(SystemCallError) {
    self.cpu = cpu
    event = try PerfEvent(attributes, pid: -1, cpu: Int32(cpu))
    // A mapping that cannot be written has no tail: that makes the ring overwrite its oldest records.
    mapping = try MemoryMapping(
      of: event.descriptor, byteCount: pageSize + byteCount, writable: !attributes.writesBackward)
    unsafe head = SharedCounter(at: mapping.address + 1024)
    unsafe tail = SharedCounter(at: mapping.address + 1032)
    unsafe records = PerfRecords(at: mapping.address + pageSize, byteCount: byteCount)
  }

  /// Hands out the samples that are there now, and frees their room.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - scratch: as long as the longest record, for those that wrap around.
  func drain(
    limit: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void
  ) -> Int {
    // Only we write the tail. What the kernel wrote before it moved the head is seen after the head was.
    let (start, end) = (tail.acquire(), head.acquire())
    return unsafe records.drain(
      from: start, to: end, limit: limit, scratch: scratch, lost: &lostCount, release: { tail.release($0) }, body)
  }

  /// Hands out the samples of an overwritable ring that were written since the last time and are still there, the newest
  /// first. Nothing may be written meanwhile.
  func readBackward(scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void) -> Int {
    // The head only sinks, from 0 on.
    let (start, end) = (head.acquire(), lastHead)
    lastHead = start
    return unsafe records.drainBackward(from: start, to: end, scratch: scratch, body)
  }
}
