extension [UInt8] {
  /// The lower `count` bytes of a number, the lowest first.
  package init(littleEndian number: UInt64, count: Int) {
    self.init(repeating: 0, count: count)
    store(number, count: count, at: 0)
  }

  /// The bytes of words, of each the lowest first.
  package init(littleEndian words: [UInt32]) {
    self.init(repeating: 0, count: words.count * 4)
    for (index, word) in words.enumerated() { store(UInt64(word), count: 4, at: index * 4) }
  }

  /// Puts the lower `count` bytes of a number at an offset, the lowest first.
  package mutating func store(_ number: UInt64, count: Int, at offset: Int) {
    for byte in 0..<count { self[offset + byte] = UInt8(truncatingIfNeeded: number >> (8 * byte)) }
  }
}
