/// A read that would have gone past the end of its bytes.
public struct TruncatedError: Error, Hashable, Sendable {
  /// Where the read began, in bytes from the start of the span.
  public let offset: Int
  /// How many bytes it needed there.
  public let needed: Int
  /// How long the span is.
  public let available: Int

  public init(offset: Int, needed: Int, available: Int) {
    self.offset = offset
    self.needed = needed
    self.available = available
  }
}

extension TruncatedError: CustomStringConvertible {
  public var description: String {
    "needs \(needed) bytes at offset \(offset), but only \(available) bytes are there"
  }
}

extension RawSpan {
  /// Reads an integer in host order at any alignment; `offset` is in bytes from the start of the span.
  ///
  /// The bound subtracts, because `offset + size` can overflow on hostile input.
  @inlinable
  public func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(TruncatedError) -> T {
    let size = MemoryLayout<T>.size
    guard offset >= 0, size <= byteCount - offset else {
      throw TruncatedError(offset: offset, needed: size, available: byteCount)
    }
    return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: type)
  }

  /// Reads an integer that lies in network order, as all Internet headers and netlink's big-endian fields do.
  @inlinable
  public func readBigEndian<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(TruncatedError) -> T {
    T(bigEndian: try read(type, at: offset))
  }

  /// The `count` bytes from `offset` on, copied.
  package func bytes(at offset: Int, count: Int) throws(TruncatedError) -> [UInt8] {
    guard offset >= 0, count >= 0, count <= byteCount - offset else {
      throw TruncatedError(offset: offset, needed: count, available: byteCount)
    }
    return unsafe withUnsafeBytes { unsafe Array($0[offset..<offset + count]) }
  }

  /// The C string that starts at `offset`: its bytes up to the first NUL, read as UTF-8 (repaired where it is none).
  /// - Throws: `TruncatedError` when no NUL follows before the end.
  package func cString(at offset: Int) throws(TruncatedError) -> String {
    guard offset >= 0, offset < byteCount else {
      throw TruncatedError(offset: offset, needed: 1, available: byteCount)
    }
    var end = offset
    while end < byteCount, unsafe unsafeLoad(fromUncheckedByteOffset: end, as: UInt8.self) != 0 { end += 1 }
    guard end < byteCount else {
      throw TruncatedError(offset: offset, needed: end - offset + 1, available: byteCount)
    }
    return unsafe withUnsafeBytes { unsafe String(decoding: $0[offset..<end], as: UTF8.self) }
  }
}
