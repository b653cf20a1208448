import ByteReading

/// The order of a file's or a section's numbers.
struct ByteOrder: Hashable, Sendable {
  /// Not the host's order.
  let isSwapped: Bool

  /// Reads within a block or a head; what lies behind its end is due to its length.
  @inline(__always)
  func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ bytes: RawSpan, at offset: Int
  ) throws(CaptureFileError.Reason) -> T {
    do throws(TruncatedError) {
      let value = try bytes.read(type, at: offset)
      return isSwapped ? value.byteSwapped : value
    } catch {
      throw .blockTooShort(needed: error.offset + error.needed, available: error.available)
    }
  }

  @inline(__always)
  func word(_ bytes: RawSpan, at offset: Int) throws(CaptureFileError.Reason) -> UInt32 {
    try read(UInt32.self, bytes, at: offset)
  }
}
