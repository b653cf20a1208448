import BPFLinks
import CaptureEvents
import CaptureSession
import Glibc
import LinuxCalls

/// Packets on their way to standard output: gathered in one buffer, which is written when it is large enough or when no
/// packet comes for a moment.
struct PacketOutput: ~Copyable, CaptureOutput {
  private var printer: PacketPrinter
  private let interfaceName: [UInt8]
  private var buffer = OutputBuffer(capacity: 2 * Self.writeByteCount)
  /// Where each packet's bytes end in the buffer.
  private var ends: [Int] = []
  /// `nil` where records have the time since 1970.
  private var clock: WallClock?
  private let isCounting: Bool
  /// How many packets came.
  private(set) var count = 0

  /// Why writing failed; nothing more is taken from then on.
  private(set) var failure: SystemCallError?
  private(set) var notWrittenCount: UInt64 = 0

  private static let writeByteCount = 1 << 16

  /// - Parameters:
  ///   - interfaceName: for JSON, where quotes and backslashes take an escape.
  ///   - isLive: whether records have the kernel's monotonic time.
  ///   - isCounting: only counts the packets.
  init(printer: consuming PacketPrinter, interfaceName: String, isLive: Bool = true, isCounting: Bool = false) {
    self.printer = printer
    self.isCounting = isCounting
    clock = isLive ? WallClock() : nil
    self.interfaceName = Array(interfaceName.utf8).flatMap { byte in
      byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
    }
    ends.reserveCapacity(1024)
  }

  mutating func packet(_ record: RawSpan) -> Bool {
    guard failure == nil else { return false }
    count += 1
    guard !isCounting else { return true }
    do throws(CaptureRecordError) {
      let header = try CaptureRecord(record)
      let nanoseconds = Int64(truncatingIfNeeded: clock?.realtime(atMonotonic: header.time) ?? header.time)
      // A span of a stored array would keep all of `self` from being changed while it lives.
      let name = interfaceName
      unsafe printer.write(
        header, in: record, nanoseconds: nanoseconds, interfaceName: name.span.bytes, into: &buffer)
    } catch {
      // The program writes the records, so one that does not hold together is our own mistake.
      fatalError("\(error)")
    }
    ends.append(buffer.count)
    if buffer.count >= Self.writeByteCount { flush() }
    return failure == nil
  }

  mutating func pause() -> Bool {
    flush()
    clock?.look()
    return failure == nil
  }

  mutating func notice(_ notice: CaptureNotice) {
    flush()
    switch notice {
    case .attached(let attachment): StandardError.write(Self.banner(attachment))
    case .interfaceIsDown(let name): StandardError.write("\(name) is down; no packets come until it is up")
    case .interfaceIsUp(let name): StandardError.write("\(name) is up again")
    case .interfaceIsGone(let name): StandardError.write("\(name) has gone")
    }
  }

  static func banner(_ attachment: CaptureSession.Attachment) -> String {
    let refused = attachment.refusals.map { "\($0.rung) refused: \($0.reason)" }
    let why = refused.isEmpty ? "" : " (\(refused.joined(separator: "; ")))"
    let removed = attachment.leftOversRemoved.map { "removed what a killed merops had left over: the \($0)\n" }
    return removed.joined() + "capturing TCP headers on \(attachment.interface), \(attachment.rung)\(why)"
  }

  mutating func statistics(_ statistics: CaptureStatistics) { StandardError.write(statistics.line) }

  private mutating func flush() {
    guard buffer.count > 0, failure == nil else { return }
    var written = 0
    do throws(SystemCallError) {
      while written < buffer.count {
        written += try buffer.withBytes { (bytes) throws(SystemCallError) in
          try LinuxCalls.write(bytes.extracting(droppingFirst: written), to: STDOUT_FILENO)
        }
      }
    } catch {
      failure = error
      notWrittenCount += UInt64(ends.count { $0 > written })
    }
    buffer.removeAll()
    ends.removeAll(keepingCapacity: true)
  }
}

/// What the clock on the wall showed when the kernel's monotonic clock showed something.
struct WallClock {
  private var offset: UInt64 = 0
  private var lookedAt: UInt64 = 0

  init() { look() }

  /// Compares the two clocks, once a second: the one on the wall may be set while a capture runs.
  mutating func look() {
    let monotonic = Clock.monotonic
    guard offset == 0 || monotonic - lookedAt > 1_000_000_000 else { return }
    let realtime = Clock.realtime
    // The moment between two readings of the one is the best guess at when the other was read.
    let middle = monotonic + (Clock.monotonic - monotonic) / 2
    let difference = realtime &- middle
    // Differences of a few microseconds come from reading, not from the clock, and would make times run backwards.
    if offset == 0 || distance(difference, offset) > 100_000 { offset = difference }
    lookedAt = monotonic
  }

  private func distance(_ one: UInt64, _ other: UInt64) -> UInt64 { one > other ? one - other : other - one }

  /// Nanoseconds since 1970.
  func realtime(atMonotonic time: UInt64) -> UInt64 { time &+ offset }
}
