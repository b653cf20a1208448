#if canImport(Glibc)
  import Glibc
#endif

/// Bytes that several values read and none changes: a copy of an array, or memory that belongs to somebody who hands it
/// over, such as a mapped file.
@safe package final class SharedBytes: @unchecked Sendable {
  // Sendable: the bytes never change while the object lives.
  @usableFromInline let start: UnsafeRawPointer
  package let count: Int
  private let release: @Sendable () -> Void

  package init(_ bytes: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
    unsafe copy.copyBytes(from: bytes)
    unsafe start = UnsafeRawPointer(copy.baseAddress!)
    count = bytes.count
    nonisolated(unsafe) let memory = unsafe copy
    release = { unsafe memory.deallocate() }
  }

  /// - Parameter release: called once, when nobody reads the bytes any more.
  @unsafe package init(adopting start: UnsafeRawPointer, count: Int, release: @escaping @Sendable () -> Void) {
    unsafe self.start = start
    self.count = count
    self.release = release
  }

  deinit { release() }

  /// Reads an integer in host order at any alignment; `offset` is in bytes.
  @inlinable
  package func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(TruncatedError) -> T {
    let size = MemoryLayout<T>.size
    guard offset >= 0, size <= count - offset else {
      throw TruncatedError(offset: offset, needed: size, available: count)
    }
    return unsafe start.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// How long the C string is that starts at `offset`, without its NUL; `nil` where none ends before the end.
  package func cStringLength(at offset: Int) -> Int? {
    guard offset >= 0, offset < count, let end = unsafe memchr(start + offset, 0, count - offset) else { return nil }
    return unsafe UnsafeRawPointer(end) - (start + offset)
  }

  /// The C string that starts at `offset`, read as UTF-8 (repaired where it is none).
  package func cString(at offset: Int) throws(TruncatedError) -> String {
    guard let length = cStringLength(at: offset) else {
      throw TruncatedError(offset: offset, needed: max(count - offset, 0) + 1, available: count)
    }
    return unsafe String(decoding: UnsafeRawBufferPointer(start: start + offset, count: length), as: UTF8.self)
  }

  /// Whether `text` stands at `offset`; it may go on there.
  package func matches(_ text: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, text.count <= count - offset else { return false }
    return unsafe text.withUnsafeBytes { unsafe memcmp($0.baseAddress!, start + offset, text.count) == 0 }
  }

  /// Where `text` begins in a range of the bytes, at every place (Horspool's search: what stands under the last
  /// character of `text` tells how far it can be moved).
  package func places(of text: [UInt8], in range: Range<Int>) -> [Int] {
    var places: [Int] = []
    guard let last = text.last, range.lowerBound >= 0, range.upperBound <= count else { return places }
    var moves = [Int](repeating: text.count, count: 256)
    for (index, character) in text.dropLast().enumerated() { moves[Int(character)] = text.count - 1 - index }
    var place = range.lowerBound
    while place <= range.upperBound - text.count {
      let character = unsafe start.load(fromByteOffset: place + text.count - 1, as: UInt8.self)
      if character == last, matches(text, at: place) { places.append(place) }
      place += moves[Int(character)]
    }
    return places
  }

  /// A copy.
  package var array: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: start, count: count)) }
  /// A copy of a part, which has to lie within.
  package func array(_ range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside of the bytes")
    return unsafe Array(UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
  }
}
