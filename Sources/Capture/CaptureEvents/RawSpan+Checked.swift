import ByteReading

extension RawSpan {
  /// The `count` bytes from `offset` on, if they are there.
  func checked(_ offset: Int, count: Int) throws(TruncatedError) -> Range<Int> {
    guard count <= byteCount - offset else {
      throw TruncatedError(offset: offset, needed: count, available: byteCount)
    }
    return offset..<offset + count
  }
}
