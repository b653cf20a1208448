#if canImport(Glibc)
  import Glibc
#endif

/// Bytes that several values read and none changes: a copy of an array, or memory that belongs to somebody who hands it
/// over, such as a mapped file.
///
/// What loops call is `public`, here and in the other files of this module, since Swift 6.3 does not inline what is
/// `package` into other modules; the library does not hand the module on.
@safe public struct SharedBytes: @unchecked Sendable {
  // Sendable: the bytes never change while somebody has them.
  @usableFromInline let start: UnsafeRawPointer
  public let count: Int
  private let owner: Owner

  private final class Owner: Sendable {
    let release: @Sendable () -> Void
    init(release: @escaping @Sendable () -> Void) { self.release = release }
    deinit { release() }
  }

  package init(_ bytes: [UInt8]) {
    unsafe self.init(byteCount: bytes.count) { buffer in
      unsafe buffer.copyBytes(from: bytes)
      return bytes.count
    }
  }

  /// - Parameter fill: writes into memory of `byteCount` bytes, and returns how many of them count.
  @unsafe package init<Failure>(
    byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
  ) throws(Failure) {
    nonisolated(unsafe) let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(byteCount, 1), alignment: 8)
    do throws(Failure) { count = min(try unsafe fill(memory), byteCount) } catch {
      unsafe memory.deallocate()
      throw error
    }
    unsafe start = UnsafeRawPointer(memory.baseAddress!)
    owner = Owner { unsafe memory.deallocate() }
  }

  /// - Parameter release: called once, when nobody reads the bytes any more.
  @unsafe package init(adopting start: UnsafeRawPointer, count: Int, release: @escaping @Sendable () -> Void) {
    unsafe self.start = start
    self.count = count
    owner = Owner(release: release)
  }

  /// Reads an integer in host order at any alignment; `offset` is in bytes.
  @inlinable
  public func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(TruncatedError) -> T {
    let size = MemoryLayout<T>.size
    guard offset >= 0, size <= count - offset else {
      throw TruncatedError(offset: offset, needed: size, available: count)
    }
    return unsafe start.loadUnaligned(fromByteOffset: offset, as: type)
  }

  /// The word at an offset in bytes; `nil` where it would go past the end. Not generic, for the loops over a kernel's types.
  @inlinable @inline(__always)
  public func word(at offset: Int) -> UInt32? {
    guard offset >= 0, offset <= count - 4 else { return nil }
    return unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  /// The same for two bytes.
  @inlinable @inline(__always)
  public func half(at offset: Int) -> UInt16? {
    guard offset >= 0, offset <= count - 2 else { return nil }
    return unsafe start.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
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
  public func matches(_ text: [UInt8], at offset: Int) -> Bool {
    guard offset >= 0, text.count <= count - offset else { return false }
    // Nearly all differ here already.
    guard let first = text.first else { return true }
    guard unsafe first == start.load(fromByteOffset: offset, as: UInt8.self) else { return false }
    return unsafe text.withUnsafeBytes { unsafe memcmp($0.baseAddress!, start + offset, text.count) == 0 }
  }

  /// A copy.
  package var array: [UInt8] { unsafe Array(UnsafeRawBufferPointer(start: start, count: count)) }
  /// A copy of a part, which has to lie within.
  package func array(_ range: Range<Int>) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "outside of the bytes")
    return unsafe Array(UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
  }
}
