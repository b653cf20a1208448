/// A point in time with its date worked out once a second at most: packets come by the thousand in each.
package struct CivilTime {
  /// Seconds east of UTC, for all points from now on.
  package var secondsFromUTC: Int {
    didSet { cachedSecond = .min }
  }
  private var cachedSecond = Int64.min
  /// `2024-01-31 `, then `12:34:56.`.
  package private(set) var date: [UInt8] = []
  package private(set) var clock: [UInt8] = []

  package init(secondsFromUTC: Int) { self.secondsFromUTC = secondsFromUTC }

  /// - Parameter second: since the epoch.
  package mutating func move(to second: Int64) {
    guard second != cachedSecond else { return }
    cachedSecond = second
    let local = second &+ Int64(secondsFromUTC)
    let day = local >= 0 ? local / 86_400 : -((86_399 - local) / 86_400)
    let ofDay = Int(local - day * 86_400)
    clock.removeAll(keepingCapacity: true)
    appendTwoDigits(ofDay / 3600, to: \.clock)
    clock.append(UInt8(ascii: ":"))
    appendTwoDigits(ofDay / 60 % 60, to: \.clock)
    clock.append(UInt8(ascii: ":"))
    appendTwoDigits(ofDay % 60, to: \.clock)
    clock.append(UInt8(ascii: "."))
    let (year, month, dayOfMonth) = Self.date(ofDay: day)
    date.removeAll(keepingCapacity: true)
    appendTwoDigits(year / 100 % 100, to: \.date)
    appendTwoDigits(year % 100, to: \.date)
    date.append(UInt8(ascii: "-"))
    appendTwoDigits(month, to: \.date)
    date.append(UInt8(ascii: "-"))
    appendTwoDigits(dayOfMonth, to: \.date)
    date.append(UInt8(ascii: " "))
  }

  private mutating func appendTwoDigits(_ value: Int, to text: WritableKeyPath<Self, [UInt8]>) {
    self[keyPath: text].append(UInt8(ascii: "0") + UInt8(value / 10))
    self[keyPath: text].append(UInt8(ascii: "0") + UInt8(value % 10))
  }

  /// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin in March, so that leap days
  /// come last.
  private static func date(ofDay day: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = day + 719_468
    let era = shifted >= 0 ? shifted / 146_097 : -((146_096 - shifted) / 146_097)
    let ofEra = shifted - era * 146_097
    let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * ofYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (
      Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0), Int(month), Int(ofYear - (153 * marchMonth + 2) / 5 + 1)
    )
  }
}
