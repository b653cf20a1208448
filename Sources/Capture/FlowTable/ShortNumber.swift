internal import CaptureEvents

extension OutputBuffer {
  /// Four digits, or three and a unit of thousands: `9999`, `12.3k`, `1.23M`. At most five characters.
  mutating func appendShort(_ value: UInt64) {
    guard value >= 10_000 else { return appendDecimal(value) }
    let units: StaticString = "kMGTPE"
    var unit: UInt64 = 1000
    var index = 0
    // Rounded down, so that nothing ever looks more than it is.
    while value / unit >= 1000 {
      unit *= 1000
      index += 1
    }
    let whole = value / unit
    appendDecimal(whole)
    let digits = whole >= 100 ? 0 : whole >= 10 ? 1 : 2
    if digits > 0 {
      append(".")
      appendDecimal(UInt32(value % unit / (unit / (digits == 1 ? 10 : 100))), width: digits)
    }
    append(unsafe units.utf8Start[index])
  }

  /// `0.4s`, `59s`, `3m05s`, `2h03m`, `9d04h`, `400d`. At most six characters up to 99,999 days.
  mutating func append(durationOf nanoseconds: UInt64) {
    func two(_ value: UInt64, _ unit: StaticString) {
      appendDecimal(UInt32(value), width: 2)
      append(unit)
    }
    let tenths = nanoseconds / 100_000_000
    let seconds = tenths / 10
    switch seconds {
    case ..<10:
      appendDecimal(seconds)
      append(".")
      appendDecimal(tenths % 10)
      append("s")
    case ..<60:
      appendDecimal(seconds)
      append("s")
    case ..<3600:
      appendDecimal(seconds / 60)
      append("m")
      two(seconds % 60, "s")
    case ..<86_400:
      appendDecimal(seconds / 3600)
      append("h")
      two(seconds % 3600 / 60, "m")
    case ..<8_640_000:
      appendDecimal(seconds / 86_400)
      append("d")
      two(seconds % 86_400 / 3600, "h")
    default:
      appendDecimal(seconds / 86_400)
      append("d")
    }
  }
}
