internal import CLinux
import Glibc

/// A terminal that hands over each key at once and shows none of them, until the value ends: termios(3) without ICANON and ECHO.
/// Keys that make signals go on making them.
package struct TerminalMode: ~Copyable {
  private let descriptor: CInt
  private let before: termios

  private init(_ descriptor: CInt, before: termios) { (self.descriptor, self.before) = (descriptor, before) }

  /// `nil` where the descriptor is no terminal.
  /// - Parameters:
  ///   - descriptor: somebody else's, such as standard input.
  ///   - lastWords: what is written to `output` before a signal ends the process that nobody handles, a crash among them; at most
  ///     64 bytes. The terminal has its mode again then, too.
  package static func keys(
    of descriptor: CInt, output: CInt, lastWords: StaticString
  ) -> TerminalMode? {
    var mode = termios()
    guard unsafe tcgetattr(descriptor, &mode) == 0 else { return nil }
    unsafe linux_reset_terminal_before_death(output, lastWords.utf8Start, lastWords.utf8CodeUnitCount, descriptor)
    let before = mode
    mode.c_lflag &= ~tcflag_t(ICANON | ECHO)
    guard unsafe tcsetattr(descriptor, TCSANOW, &mode) == 0 else { return nil }
    return TerminalMode(descriptor, before: before)
  }

  /// How wide and high the terminal is, in characters; `nil` where it does not say (`TIOCGWINSZ`).
  package static func size(of descriptor: CInt) -> (columns: Int, rows: Int)? {
    var size = winsize()
    guard unsafe linux_ioctl(descriptor, UInt(TIOCGWINSZ), &size) >= 0, size.ws_col > 0, size.ws_row > 0 else {
      return nil
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  deinit {
    linux_reset_terminal_before_death(0, nil, 0, 0)
    var mode = before
    _ = unsafe tcsetattr(descriptor, TCSANOW, &mode)
  }
}
