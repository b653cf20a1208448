/// The part of a file that comes piece by piece, such as standard input, which its reader is at. Only what is left of a
/// packet that is not whole yet is moved, before more is read behind it.
package struct CaptureFileWindow: ~Copyable {
  private var bytes: [UInt8]
  private var count = 0
  /// Where the window begins, in bytes from the start of the file.
  package private(set) var offset = 0
  /// Whether the file ends with the window.
  package private(set) var isLast = false

  /// - Parameter byteCount: how many bytes are asked for at once; grows with the longest block.
  package init(byteCount: Int = 1 << 18) { bytes = [UInt8](repeating: 0, count: max(byteCount, 64)) }

  /// Hands out the bytes for `CaptureFileReader.next(in:at:isLast:)`, without copying them.
  package borrowing func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(unsafe bytes.span.bytes.extracting(0..<count))
  }

  /// Forgets what lies before `position` and reads on, until the window reaches to `end` or the file ends.
  /// - Parameters:
  ///   - position: the reader's.
  ///   - end: what the reader needs: `Step.needsMore(through:)`.
  ///   - read: reads into the array from an index on, as much as fits, and returns how many bytes came; 0 at the end:
  ///     `{ buffer, start in try descriptor.read(into: &buffer, from: start) }`.
  package mutating func slide<Failure: Error>(
    to position: Int, through end: Int, _ read: (inout [UInt8], Int) throws(Failure) -> Int
  ) throws(Failure) {
    forget(before: position)
    // A block that is skipped is not kept, so that no more is needed than the longest that is looked at.
    let needed = min(end - position, CaptureFileReader.largestBlock)
    if needed > bytes.count { bytes += [UInt8](repeating: 0, count: max(needed - bytes.count, bytes.count)) }
    while !isLast, offset + count < end {
      let came = try read(&bytes, count)
      precondition(came >= 0 && came <= bytes.count - count, "more came than fits")
      isLast = came == 0
      count += came
      forget(before: position)
    }
  }

  private mutating func forget(before position: Int) {
    let passed = min(position - offset, count)
    guard passed > 0 else { return }
    if passed < count {
      unsafe bytes.withUnsafeMutableBytes { bytes in
        unsafe bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[passed..<count]))
      }
    }
    count -= passed
    offset += passed
  }
}
