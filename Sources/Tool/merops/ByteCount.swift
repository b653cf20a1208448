import ArgumentParser
import LinuxCalls

/// A number of bytes, such as `65536`, `64K` or `8M`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let value: Int

  init(_ value: Int) { self.value = value }

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "k": 1 << 10, "M": 1 << 20, "m": 1 << 20, "G": 1 << 30, "g": 1 << 30]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !overflow else { return nil }
    self.value = value
  }

  var description: String { "\(value)" }

  /// The next power of two that is large enough for a ring.
  private func nearest(page: Int) -> Int {
    var nearest = page
    while nearest < value, nearest < 1 << 30 { nearest *= 2 }
    return nearest
  }

  /// Whether a ring can have this size.
  func validateRing() throws {
    let page = pageSize
    guard value >= page, value & (value - 1) == 0, value <= 1 << 30 else {
      throw ValidationError(
        "--ring-size \(value): the size has to be a power of two, from \(page) bytes (a page) to 1 GiB. "
          + "\(nearest(page: page)) would do.")
    }
  }
}
