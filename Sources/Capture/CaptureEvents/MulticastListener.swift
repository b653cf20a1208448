/// Codes of multicast listener discovery, version 2: numbers of 16 and 8 bits, the upper half of which stands for an
/// exponent and a mantissa (RFC 3810, 5.1.3 and 5.1.9).
enum MulticastListener {
  /// The longest time until a report, in milliseconds.
  static func responseDelay(_ code: UInt16) -> UInt32 {
    code < 0x8000 ? UInt32(code) : UInt32(code & 0xfff | 0x1000) << UInt32(code >> 12 & 7 + 3)
  }

  /// The time between queries, in seconds.
  static func queryInterval(_ code: UInt8) -> UInt32 {
    code < 0x80 ? UInt32(code) : UInt32(code & 15 | 16) << UInt32(code >> 4 & 7 + 3)
  }
}
