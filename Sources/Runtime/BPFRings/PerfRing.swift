import LinuxCalls

/// The ring of one CPU's perf event that programs write samples to (perf_event_open(2), "MMAP layout").
///
///     page 0        the head, the kernel's; the tail, ours to write where we have mapped it for writing
///     pages 1...    the records, mapped once, so that one that wraps around is in two pieces
///
/// A record is a word of its type, half a word of flags, half a word of its length, and the payload; lengths are multiples
/// of 8, so that the header is always in one piece.
@safe final class PerfRing {
  let cpu: Int
  let event: PerfEvent
  /// How many samples the kernel had no room for.
  private(set) var lostCount: UInt64 = 0

  private let mapping: MemoryMapping
  private let head: SharedCounter
  private let tail: SharedCounter
  private let records: UnsafeMutableRawPointer
  private let byteCount: Int
  /// Up to where an overwritable ring was read, the last time.
  private var lastHead: UInt = 0

  /// Longer than any record: its length is 16 bits wide.
  static let longestRecord = 1 << 16
  private static let headerByteCount = 8
  private static let releaseInterval = 64
  private enum Kind {
    static let lost: UInt32 = 2
    static let sample: UInt32 = 9
  }

  /// - Parameter byteCount: of the records; a power of two of pages.
  init(_ attributes: PerfEvent.Attributes, cpu: Int, byteCount: Int) throws(SystemCallError) {
    self.cpu = cpu
    self.byteCount = byteCount
    event = try PerfEvent(attributes, pid: -1, cpu: Int32(cpu))
    // A mapping that cannot be written has no tail: that makes the ring overwrite its oldest records.
    mapping = try MemoryMapping(
      of: event.descriptor, byteCount: pageSize + byteCount, writable: !attributes.writesBackward)
    unsafe head = SharedCounter(at: mapping.address + 1024)
    unsafe tail = SharedCounter(at: mapping.address + 1032)
    unsafe records = mapping.address + pageSize
  }

  /// Hands out the samples that are there now, and frees their room.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - scratch: as long as the longest record, for those that wrap around.
  func drain(
    limit: Int, scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void
  ) -> Int {
    var count = 0
    // Only we write the tail. What the kernel wrote before it moved the head is seen after the head was.
    var position = tail.acquire()
    let end = head.acquire()
    while position != end, count < limit {
      var isSample = false
      guard
        let length = unsafe visit(
          position, available: end &- position, scratch: scratch,
          { span in
            isSample = true
            body(span)
          })
      else {
        // No record of the kernel's looks so: what is there is given up, since the next one cannot be found.
        position = end
        break
      }
      position &+= UInt(length)
      if isSample { count += 1 }
      if count % Self.releaseInterval == 0 { tail.release(position) }
    }
    tail.release(position)
    return count
  }

  /// Hands out the samples of an overwritable ring that were written since the last time and are still there, the newest
  /// first. Nothing may be written meanwhile.
  func readBackward(scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void) -> Int {
    // The head only sinks, from 0 on.
    let start = head.acquire()
    let available = min(lastHead &- start, UInt(byteCount))
    lastHead = start
    var count = 0
    var offset: UInt = 0
    while offset < available {
      // The oldest one may have been overwritten in part.
      guard
        let length = unsafe visit(
          start &+ offset, available: available - offset, scratch: scratch,
          { span in
            count += 1
            body(span)
          })
      else { break }
      offset += UInt(length)
    }
    return count
  }

  /// Reads one record. Returns its length, `nil` when it is none that fits into what is there.
  private func visit(
    _ position: UInt, available: UInt, scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void
  ) -> Int? {
    let offset = Int(position & UInt(byteCount - 1))
    guard offset % 8 == 0, available >= UInt(Self.headerByteCount) else { return nil }
    var record = unsafe UnsafeRawPointer(records + offset)
    let kind = unsafe record.load(as: UInt32.self)
    let length = Int(unsafe record.load(fromByteOffset: 6, as: UInt16.self))
    guard length >= Self.headerByteCount, length % 8 == 0, UInt(length) <= available else { return nil }
    let first = byteCount - offset
    if length > first {
      unsafe scratch.copyMemory(from: UnsafeRawBufferPointer(start: record, count: first))
      unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[first...])
        .copyMemory(from: UnsafeRawBufferPointer(start: records, count: length - first))
      guard let copy = scratch.baseAddress else { return nil }
      unsafe record = UnsafeRawPointer(copy)
    }
    switch kind {
    case Kind.sample where length >= 16:
      // `u32 size; char data[size];`, where the size counts the padding too.
      let size = Int(unsafe record.load(fromByteOffset: 8, as: UInt32.self))
      guard size <= length - 12 else { return nil }
      unsafe body(UnsafeRawBufferPointer(start: record + 12, count: size).bytes)
    case Kind.lost where length >= 24:
      // `u64 id; u64 lost;`
      lostCount &+= unsafe record.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    default: break
    }
    return length
  }
}
