import Glibc

/// What standard output is connected to.
enum Terminal {
  /// Colour is for people: only on a terminal that can, and never against NO_COLOR (no-color.org).
  static var takesColour: Bool { isLive && variable("NO_COLOR").isEmpty }

  /// Whether what is on it can be changed.
  static var isLive: Bool { isatty(STDOUT_FILENO) == 1 && variable("TERM") != "dumb" }

  /// Whether it shows more than ASCII, by the locale that programs there are told to use.
  static var takesUnicode: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).first { !$0.isEmpty } ?? ""
    return ["UTF-8", "UTF8"].contains { locale.uppercased().hasSuffix($0) }
  }

  private static func variable(_ name: String) -> String {
    unsafe getenv(name).map { unsafe String(cString: $0) } ?? ""
  }
}

/// How far the local time is ahead of UTC now, in seconds.
func localSecondsFromUTC() -> Int {
  var now = time(nil)
  var local = unsafe tm()
  unsafe localtime_r(&now, &local)
  return unsafe local.tm_gmtoff
}

/// strftime(3) with the local time of a moment; the format itself where nothing comes of it.
/// - Parameter seconds: since 1970.
func localTime(_ format: String, at seconds: Int) -> String {
  var moment = seconds
  var local = unsafe tm()
  unsafe localtime_r(&moment, &local)
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX) + 1) { buffer in
    let count = unsafe strftime(buffer.baseAddress!, buffer.count, format, &local)
    guard count > 0 else { return format }
    return unsafe String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
