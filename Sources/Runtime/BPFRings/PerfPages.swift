/// A perf ring as it is mapped, wherever it is; does not own the memory.
///
///     page 0        the head, the kernel's; the tail, ours to write where we have mapped it for writing
///     pages 1...    the records, mapped once, so that one that wraps around is in two pieces
@safe package final class PerfPages {
  /// How many samples the kernel had no room for.
  package private(set) var lostCount: UInt64 = 0

  private let head: SharedCounter
  private let tail: SharedCounter
  private let records: PerfRecords
  /// Up to where an overwritable ring was read, the last time.
  private var lastHead: UInt = 0
  /// Where the next sample is that is handed out by its key, and up to where they are looked at.
  private var (next, end): (UInt, UInt) = (0, 0)
  /// The key of that sample; `nil` where there is none.
  private var nextKey: UInt64?

  /// - Parameters:
  ///   - start: aligned to a page.
  ///   - pageSize: of page 0.
  ///   - byteCount: of the records; a power of two of pages.
  @unsafe package init(at start: UnsafeMutableRawPointer, pageSize: Int, byteCount: Int) {
    unsafe head = SharedCounter(at: start + 1024)
    unsafe tail = SharedCounter(at: start + 1032)
    unsafe records = PerfRecords(at: start + pageSize, byteCount: byteCount)
  }

  package var unreadByteCount: Int { Int(clamping: head.acquire() &- tail.acquire()) }

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

  /// Hands out the samples of several rings that are there now in the order of a key that grows in each, and frees their
  /// room.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - last: samples with a greater key are left where they are.
  ///   - scratch: as long as the longest record, for those that wrap around.
  package static func drain(
    _ rings: [PerfPages], limit: Int, through last: UInt64, scratch: UnsafeMutableRawBufferPointer,
    orderedBy key: (RawSpan) -> UInt64, _ body: (RawSpan) -> Void
  ) -> Int {
    for ring in rings {
      (ring.next, ring.end) = (ring.tail.acquire(), ring.head.acquire())
      unsafe ring.lookAhead(scratch, key)
    }
    var count = 0
    while count < limit {
      // The ring that has the least key, and how far its samples come before those of all others.
      var (first, least, bound): (Int?, UInt64, UInt64) = (nil, .max, last)
      for index in rings.indices {
        guard let key = rings[index].nextKey, key <= last else { continue }
        if first == nil || key < least {
          if first != nil { bound = min(bound, least) }
          (first, least) = (index, key)
        } else {
          bound = min(bound, key)
        }
      }
      guard let first else { break }
      count += unsafe rings[first].take(limit: limit - count, through: bound, scratch, key, body)
    }
    for ring in rings { ring.tail.release(ring.next) }
    return count
  }

  /// Passes over what is no sample, and notes the key of the next one.
  private func lookAhead(_ scratch: UnsafeMutableRawBufferPointer, _ key: (RawSpan) -> UInt64) {
    nextKey = nil
    while next != end {
      let length = unsafe records.read(at: next, available: end &- next, scratch: scratch, lost: &lostCount) {
        nextKey = key($0)
      }
      guard nextKey == nil else { return }
      // No record of the kernel's looks so: what is there is given up, since the next one cannot be found.
      next = length.map { next &+ UInt($0) } ?? end
    }
  }

  /// Hands out samples up to a key.
  private func take(
    limit: Int, through bound: UInt64, _ scratch: UnsafeMutableRawBufferPointer, _ key: (RawSpan) -> UInt64,
    _ body: (RawSpan) -> Void
  ) -> Int {
    var count = 0
    while count < limit, let nextKey, nextKey <= bound {
      let length = unsafe records.read(
        at: next, available: end &- next, scratch: scratch, lost: &lostCount, body)
      next = length.map { next &+ UInt($0) } ?? end
      count += 1
      if count % PerfRecords.releaseInterval == 0 { tail.release(next) }
      unsafe lookAhead(scratch, key)
    }
    return count
  }
}
