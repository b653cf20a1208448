import ByteReading

/// Goes through the options of a block, which end with the block or with an option of code 0.
///
///     0      2        4
///     | code | length | value ..., padded to a multiple of four
struct BlockOptions {
  struct Option {
    let code: UInt16
    /// Where its value lies in the block.
    let range: Range<Int>
  }

  private let order: ByteOrder
  /// Where the next one begins in the block.
  private var offset: Int

  init(order: ByteOrder, at offset: Int) {
    self.order = order
    self.offset = offset
  }

  /// - Parameter block: the bytes up to where the options end at the latest.
  mutating func next(in block: RawSpan) throws(CaptureFileError.Reason) -> Option? {
    guard offset < block.byteCount else { return nil }
    let code = try order.read(UInt16.self, block, at: offset)
    let length = Int(try order.read(UInt16.self, block, at: offset + 2))
    // Some writers give it a length; nothing follows anyway.
    guard code != OptionCode.end else { return nil }
    let start = offset + 4
    guard length <= block.byteCount - start else {
      throw .optionBeyondBlock(code: code, length: length, available: block.byteCount - start)
    }
    offset = start + PcapngFormat.padded(length)
    return Option(code: code, range: start..<start + length)
  }

  /// A value of fixed length.
  func value<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, of option: Option, in block: RawSpan
  ) throws(CaptureFileError.Reason) -> T {
    let size = MemoryLayout<T>.size
    guard option.range.count == size else {
      throw .optionLength(code: option.code, length: option.range.count, expected: size)
    }
    return try order.read(type, block, at: option.range.lowerBound)
  }

  /// A text, as UTF-8, repaired where it is none; without the zeros that some writers end it with.
  func text(_ range: Range<Int>, in block: RawSpan) -> String {
    var bytes = (try? block.bytes(at: range.lowerBound, count: range.count)) ?? []
    while bytes.last == 0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  func text(of option: Option, in block: RawSpan) -> String { text(option.range, in: block) }
}
