extension [UInt8] {
  /// The same checked reads on an array.
  @inlinable
  public func read<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, at offset: Int
  ) throws(TruncatedError) -> T {
    try unsafe span.bytes.read(type, at: offset)
  }

  package func cString(at offset: Int) throws(TruncatedError) -> String {
    try unsafe span.bytes.cString(at: offset)
  }
}
