/// The records of a perf ring, wherever they are; does not own the memory.
///
/// A record is a word of its type, half a word of flags, half a word of its length, and the payload. Lengths are multiples
/// of 8, so that the header is always in one piece. The memory is mapped once: a record that wraps around is in two.
@safe package struct PerfRecords {
  /// Longer than any record: its length is 16 bits wide.
  package static let longest = 1 << 16
  /// How many bytes a sample has room for: the record's length is a multiple of 8, with a header and the sample's length.
  static let longestSample = longest - 8 - headerByteCount - 4

  private let start: UnsafeRawPointer
  private let byteCount: Int
  private static let headerByteCount = 8
  private enum Kind {
    static let lost: UInt32 = 2
    static let sample: UInt32 = 9
  }

  /// - Parameters:
  ///   - start: aligned to 8 bytes.
  ///   - byteCount: a power of two, no less than 8.
  @unsafe package init(at start: UnsafeRawPointer, byteCount: Int) {
    unsafe self.start = start
    self.byteCount = byteCount
  }

  /// Reads one record.
  /// - Parameters:
  ///   - position: of its start, in bytes that only grow or only shrink.
  ///   - available: how many bytes from there on are records.
  ///   - scratch: as long as the longest record, for those that wrap around.
  ///   - lost: is raised by how many samples a record says were lost.
  ///   - body: gets the payload of a sample.
  /// - Returns: its length, `nil` when it is none that fits into what is there.
  func read(
    at position: UInt, available: UInt, scratch: UnsafeMutableRawBufferPointer, lost: inout UInt64,
    _ body: (RawSpan) -> Void
  ) -> Int? {
    let offset = Int(position & UInt(byteCount - 1))
    let available = Int(clamping: min(available, UInt(byteCount)))
    guard offset % 8 == 0, available >= Self.headerByteCount else { return nil }
    var record = unsafe start + offset
    let kind = unsafe record.load(as: UInt32.self)
    let length = Int(unsafe record.load(fromByteOffset: 6, as: UInt16.self))
    guard length >= Self.headerByteCount, length % 8 == 0, length <= available, length <= scratch.count else {
      return nil
    }
    let first = byteCount - offset
    if length > first {
      unsafe scratch.copyMemory(from: UnsafeRawBufferPointer(start: record, count: first))
      unsafe UnsafeMutableRawBufferPointer(rebasing: scratch[first...])
        .copyMemory(from: UnsafeRawBufferPointer(start: start, count: length - first))
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
      lost &+= unsafe record.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    default: break
    }
    return length
  }

  /// Reads records from one position up to another, and hands out the samples.
  /// - Parameters:
  ///   - limit: how many samples at most.
  ///   - release: is told how far it has come, now and then and at the end.
  /// - Returns: how many samples there were.
  package func drain(
    from start: UInt, to end: UInt, limit: Int, scratch: UnsafeMutableRawBufferPointer, lost: inout UInt64,
    release: (UInt) -> Void, _ body: (RawSpan) -> Void
  ) -> Int {
    var position = start
    var count = 0
    while position != end, count < limit {
      var isSample = false
      let length = unsafe read(at: position, available: end &- position, scratch: scratch, lost: &lost) {
        isSample = true
        body($0)
      }
      guard let length else {
        // No record of the kernel's looks so: what is there is given up, since the next one cannot be found.
        position = end
        break
      }
      position &+= UInt(length)
      if isSample { count += 1 }
      if count % Self.releaseInterval == 0 { release(position) }
    }
    release(position)
    return count
  }

  /// How many samples may pass until the kernel is told that their room is free.
  static let releaseInterval = 64

  /// Reads records that were written backward, the newest first.
  /// - Parameters:
  ///   - start: of the newest.
  ///   - end: where the oldest that is wanted ends. It may have been overwritten, in whole or in part.
  /// - Returns: how many samples there were.
  package func drainBackward(
    from start: UInt, to end: UInt, scratch: UnsafeMutableRawBufferPointer, _ body: (RawSpan) -> Void
  ) -> Int {
    let available = min(end &- start, UInt(byteCount))
    var (count, offset): (Int, UInt) = (0, 0)
    // The kernel counts nothing as lost here.
    var lost: UInt64 = 0
    while offset < available {
      let length = unsafe read(at: start &+ offset, available: available - offset, scratch: scratch, lost: &lost) {
        count += 1
        body($0)
      }
      guard let length else { break }
      offset += UInt(length)
    }
    return count
  }
}
