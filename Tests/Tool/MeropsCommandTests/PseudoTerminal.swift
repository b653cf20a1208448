import Foundation
import Glibc
import LinuxCalls

/// A terminal that a test sits at: what a program writes to ``program`` is read here, and the keys are pressed here.
final class PseudoTerminal {
  /// The program's standard input and output.
  let program: FileHandle
  private let user: FileDescriptor
  private var shown: [UInt8] = []

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  init(columns: UInt16, rows: UInt16) throws {
    user = try FileDescriptor(opening: "/dev/ptmx", flags: O_RDWR | O_NOCTTY)
    // TIOCSPTLCK and TIOCGPTPEER, which are macros that Swift does not see.
    let (setLock, getPeer): (UInt, UInt) = (0x4004_5431, 0x5441)
    var isLocked: CInt = 0
    guard unsafe ioctl(user.number, setLock, &isLocked) == 0 else {
      throw Failure(description: "the terminal stays locked: \(errno)")
    }
    let descriptor = ioctl(user.number, getPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure(description: "the terminal cannot be opened: \(errno)") }
    program = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    resize(columns: columns, rows: rows)
  }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(user.number, UInt(TIOCSWINSZ), &size)
  }

  /// Whether keys are shown as they are pressed, and come by the line: how a terminal is when nobody has changed it.
  var isOrdinary: Bool {
    var mode = termios()
    guard unsafe tcgetattr(program.fileDescriptor, &mode) == 0 else { return false }
    return mode.c_lflag & tcflag_t(ICANON | ECHO) == tcflag_t(ICANON | ECHO)
  }

  func press(_ keys: String) throws { try unsafe writeAll(Array(keys.utf8).span.bytes, to: user.number) }

  /// All that has been written so far.
  func text() throws -> String {
    while try user.waitForInput(milliseconds: 0) {
      var chunk = [UInt8](repeating: 0, count: 65536)
      let count = try user.read(into: &chunk)
      if count == 0 { break }
      shown += chunk[..<count]
    }
    return String(decoding: shown, as: UTF8.self)
  }

  /// What the screen was last drawn with.
  func screen() throws -> String {
    let text = try text()
    return String(text[(text.range(of: "\u{1b}[H", options: .backwards)?.lowerBound ?? text.startIndex)...])
  }

  func waitUntil(_ what: String, _ condition: (PseudoTerminal) throws -> Bool) throws {
    let end = Date().addingTimeInterval(patience)
    while try !condition(self) {
      guard Date() < end else { throw Failure(description: "waited in vain until \(what): \(try text().suffix(3000))") }
      usleep(10_000)
    }
  }
}
