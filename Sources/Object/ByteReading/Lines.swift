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

/// A text that lines are looked for in by a part of theirs, at the speed of the C library.
package struct SearchedText: Sendable {
  /// Ends with a NUL.
  private let bytes: [UInt8]

  package init(_ text: [UInt8]) { bytes = text.prefix { $0 != 0 } + [0] }

  /// Calls `body` with each line that contains `part`, without its line feed; with every line where `part` is empty.
  package func forEachLine(containing part: String, _ body: (ArraySlice<UInt8>) -> Void) {
    var start = 0
    while start < bytes.count - 1 {
      let found = unsafe bytes.withUnsafeBytes { bytes -> Range<Int>? in
        let text = unsafe bytes.baseAddress!.assumingMemoryBound(to: CChar.self)
        guard let place = unsafe strstr(text + start, part) else { return nil }
        var first = unsafe UnsafePointer(place) - text
        let end = unsafe strchr(place, 10).map { unsafe UnsafePointer($0) - text } ?? bytes.count - 1
        while unsafe first > start && bytes[first - 1] != 10 { first -= 1 }
        return first..<end
      }
      guard let found else { return }
      body(bytes[found])
      start = found.upperBound + 1
    }
  }
}
