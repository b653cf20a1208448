#if canImport(Glibc)
  import Glibc
#endif

extension [UInt8] {
  /// Calls `body` with each line, without its line feed. Texts of the kernel have a hundred thousand of them, so that no
  /// list of lines is made.
  package func forEachLine<Failure>(_ body: (ArraySlice<UInt8>) throws(Failure) -> Void) throws(Failure) {
    var start = 0
    while start < count {
      let length = unsafe withUnsafeBytes { bytes -> Int in
        guard let place = unsafe memchr(bytes.baseAddress! + start, 10, bytes.count - start) else {
          return bytes.count - start
        }
        return unsafe UnsafeRawPointer(place) - (bytes.baseAddress! + start)
      }
      try body(self[start..<start + length])
      start += length + 1
    }
  }
}
