extension [UInt8] {
  /// The bytes that `text` spells with two lower-case hexadecimal digits each, as embed-bpf writes them.
  package init(hexadecimal text: StaticString) {
    precondition(text.utf8CodeUnitCount % 2 == 0, "half a byte")
    // Without a branch, so that the compiler can take many digits at once.
    func value(_ digit: UInt8) -> UInt8 { (digit & 15) &+ (digit >> 6) &* 9 }
    self = text.withUTF8Buffer { digits in
      unsafe [UInt8](unsafeUninitializedCapacity: digits.count / 2) { bytes, count in
        count = digits.count / 2
        for index in 0..<count {
          unsafe bytes[index] = unsafe value(digits[2 * index]) << 4 | value(digits[2 * index + 1])
        }
      }
    }
  }
}
