import Glibc

/// What standard output is connected to.
enum Terminal {
  /// Colour is for people: only on a terminal that can, and never against NO_COLOR (no-color.org).
  static var takesColour: Bool {
    func variable(_ name: String) -> String { unsafe getenv(name).map { unsafe String(cString: $0) } ?? "" }
    return isatty(STDOUT_FILENO) == 1 && variable("NO_COLOR").isEmpty && variable("TERM") != "dumb"
  }
}

/// How far the local time is ahead of UTC now, in seconds.
func localSecondsFromUTC() -> Int {
  var now = time(nil)
  var local = unsafe tm()
  unsafe localtime_r(&now, &local)
  return unsafe local.tm_gmtoff
}
