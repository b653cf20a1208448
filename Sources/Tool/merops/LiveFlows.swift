import CaptureEvents
import CaptureSession
import FlowTable
import Glibc
import LinuxCalls

/// The table of flows on a terminal, which is left as it was found.
struct LiveFlows: ~Copyable, FlowOutput {
  private var screen: FlowScreen
  private let showsInterface: Bool
  private let sample: Int
  private let names = InterfaceNames()
  private var keys = FlowKeyReader()
  /// The terminal's mode, while standard input is one.
  private var mode: TerminalMode?
  private var isEntered = false
  private var size = FlowScreen.Size(columns: 0, rows: 0)
  private var buffer = OutputBuffer(capacity: 1 << 14)
  /// Told once the screen is left; the last one is shown before that.
  private var news: [String] = []
  private var shownNews: String?
  private var hasFailed = false

  init(_ screen: FlowScreen, showsInterface: Bool, sample: Int) {
    (self.screen, self.showsInterface, self.sample) = (screen, showsInterface, sample)
  }

  /// Takes the terminal. Returns where keys come from, if from anywhere.
  mutating func enter() -> FileDescriptor? {
    mode = TerminalMode.keys(of: STDIN_FILENO, output: STDOUT_FILENO, lastWords: FlowScreen.leave)
    write(FlowScreen.enter)
    isEntered = true
    measure()
    return mode == nil ? nil : try? FileDescriptor(duplicating: STDIN_FILENO)
  }

  /// Gives it back, and tells what there was to tell.
  mutating func leave() {
    guard isEntered else { return }
    isEntered = false
    write(FlowScreen.leave)
    mode = nil
    for line in news { StandardError.write(line) }
    news = []
  }

  deinit { if isEntered { Self.write(FlowScreen.leave) } }

  private mutating func measure() {
    let size = TerminalMode.size(of: STDOUT_FILENO)
    self.size = FlowScreen.Size(columns: size?.columns ?? 0, rows: size?.rows ?? 0)
  }

  mutating func show(_ table: inout FlowTable, _ statistics: FlowStatistics, isLast: Bool) -> Bool {
    if isLast { return true }
    let columns = FlowColumns(
      width: size.columns, showsInterface: showsInterface, sample: UInt64(sample), isUnicode: Terminal.takesUnicode,
      interfaceName: { [names] in names.name(of: $0) })
    screen.draw(&table, statistics.totals, columns, size, news: shownNews, into: &buffer)
    shownNews = nil
    do throws(SystemCallError) {
      try buffer.withBytes { (bytes) throws(SystemCallError) in try writeAll(bytes, to: STDOUT_FILENO) }
    } catch { hasFailed = true }
    buffer.removeAll()
    return !hasFailed
  }

  mutating func input() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = unsafe read(STDIN_FILENO, &bytes, bytes.count)
    // Nobody is at the keys any more.
    guard count > 0 else { return false }
    for key in keys.read(bytes.prefix(count)) where !screen.press(key) { return false }
    return true
  }

  mutating func terminalSignal(_ signal: CInt) {
    if signal == SIGTSTP {
      write(FlowScreen.leave)
      mode = nil
      raise(SIGSTOP)
      // Here it goes on.
      _ = enter()
    }
    measure()
  }

  mutating func notice(_ notice: CaptureNotice) {
    news.append(notice.text)
    shownNews = notice.text
  }

  mutating func statistics(_ statistics: FlowStatistics) {
    news.append(statistics.line)
    shownNews = statistics.line
  }

  private func write(_ sequence: StaticString) { Self.write(sequence) }

  private static func write(_ sequence: StaticString) {
    var buffer = OutputBuffer(capacity: 64)
    buffer.append(sequence)
    buffer.withBytes { bytes in try? writeAll(bytes, to: STDOUT_FILENO) }
  }
}
