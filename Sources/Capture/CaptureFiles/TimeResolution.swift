/// What the timestamps of an interface count: `if_tsresol`, one byte.
///
/// The highest bit says of which base the other seven are the negative exponent: 0 of ten, 1 of two.
package struct TimeResolution: RawRepresentable, Hashable, Sendable {
  package let rawValue: UInt8
  /// Nanoseconds are ticks multiplied by this and then divided by ...
  private let multiplier: UInt64
  /// ... this: nil where it does not fit, so that no tick is as long as a nanosecond.
  private let divisor: UInt128?

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
    let exponent = Int(rawValue & 0x7f)
    if rawValue & 0x80 != 0 {
      multiplier = 1_000_000_000
      divisor = 1 << UInt128(exponent)
    } else if exponent <= 9 {
      multiplier = UInt64(Self.powerOfTen(9 - exponent)!)
      divisor = 1
    } else {
      multiplier = 1
      divisor = Self.powerOfTen(exponent - 9)
    }
  }

  /// What counts where an interface has no `if_tsresol`.
  package static let microseconds = TimeResolution(rawValue: 6)
  package static let nanoseconds = TimeResolution(rawValue: 9)

  /// Nanoseconds of a timestamp, with an offset in seconds. Nil where they are more than an `Int64` has, 292 years.
  func nanoseconds(ticks: UInt64, offset: Int64) -> Int64? {
    guard let time = nanoseconds(ticks: ticks) else { return nil }
    guard offset != 0 else { return time }
    let (nanoseconds, isTooLarge) = offset.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow) = time.addingReportingOverflow(nanoseconds)
    return isTooLarge || overflow ? nil : sum
  }

  /// Rounded down.
  private func nanoseconds(ticks: UInt64) -> Int64? {
    guard let divisor else { return 0 }
    guard divisor != 1 else {
      let (product, overflow) = ticks.multipliedReportingOverflow(by: multiplier)
      return overflow ? nil : Int64(exactly: product)
    }
    // The product has fewer than 64 + 30 bits.
    return Int64(exactly: UInt128(ticks) * UInt128(multiplier) / divisor)
  }

  private static func powerOfTen(_ exponent: Int) -> UInt128? {
    // 10^38 is the last one below 2^128.
    guard exponent <= 38 else { return nil }
    var power: UInt128 = 1
    for _ in 0..<exponent { power *= 10 }
    return power
  }
}

extension TimeResolution: CustomStringConvertible {
  package var description: String { "\(rawValue & 0x80 == 0 ? 10 : 2)^-\(rawValue & 0x7f) s" }
}
