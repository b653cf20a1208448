internal import CaptureEvents

extension OutputBuffer {
  /// In four digits at most, cut off, not rounded: `87us`, `1.234ms`, `123.4ms`, `12.34s`, `5m06s`, `3h05m`, `2d07h`.
  mutating func appendDuration(_ nanoseconds: UInt64) {
    let microseconds = nanoseconds / 1000
    let seconds = microseconds / 1_000_000
    switch microseconds {
    case ..<1000:
      appendDecimal(microseconds)
      append("us")
    case ..<1_000_000: appendFour(microseconds, "ms")
    case ..<100_000_000: appendFour(microseconds / 1000, "s")
    case ..<6_000_000_000: appendTwo(seconds / 60, "m", seconds % 60, "s")
    case ..<360_000_000_000: appendTwo(seconds / 3600, "h", seconds / 60 % 60, "m")
    default: appendTwo(seconds / 86_400, "d", seconds / 3600 % 24, "h")
    }
  }

  private mutating func appendFour(_ thousandths: UInt64, _ unit: StaticString) {
    let digits = thousandths < 10_000 ? 3 : thousandths < 100_000 ? 2 : 1
    appendDecimal(thousandths / 1000)
    append(".")
    let fraction = UInt32(thousandths % 1000)
    appendDecimal(digits == 3 ? fraction : digits == 2 ? fraction / 10 : fraction / 100, width: digits)
    append(unit)
  }

  private mutating func appendTwo(_ high: UInt64, _ highUnit: StaticString, _ low: UInt64, _ lowUnit: StaticString) {
    appendDecimal(high)
    append(highUnit)
    appendDecimal(UInt32(low), width: 2)
    append(lowUnit)
  }

  /// In at most five characters, cut off, not rounded: `9999`, `12.3K`, `999M`.
  mutating func appendByteCount(_ count: UInt64) {
    guard count >= 10_000 else { return appendDecimal(count) }
    let units: [StaticString] = ["K", "M", "G", "T", "P", "E"]
    var (tenths, unit) = (count / 1024 * 10 + count % 1024 * 10 / 1024, 0)
    while tenths >= 10_240, unit < units.count - 1 { (tenths, unit) = (tenths / 1024, unit + 1) }
    appendDecimal(tenths / 10)
    if tenths < 1000 {
      append(".")
      appendDecimal(tenths % 10)
    }
    append(units[unit])
  }
}
