import CaptureEvents
import CaptureSession
import Glibc
import LinuxCalls

/// Why records could not be written.
struct WriteFailure {
  /// With the name of the file.
  let attempt: String
  let errno: Errno
}

/// Where packets or connections are written: gathered in one buffer, which goes out when it is large enough or when none
/// comes for a moment.
struct RecordSink: ~Copyable {
  /// Records are appended here, each followed by ``recordEnds()``, or several with their ``ends`` by ``recordsEnd()``.
  var buffer = OutputBuffer(capacity: 2 * Self.writeByteCount)
  /// Where each record's bytes end in the buffer.
  var ends: [Int] = []
  /// Of the file, for people.
  private(set) var name = ""
  /// `nil` once it is closed.
  private var descriptor: FileDescriptor?
  /// Whether each record is written at once.
  private let isUnbuffered: Bool

  /// Why writing failed; nothing more is taken from then on.
  private(set) var failure: WriteFailure?
  private(set) var notWrittenCount: UInt64 = 0

  private static let writeByteCount = 1 << 18

  /// Nothing is open yet: ``open(_:)`` comes next.
  init(isUnbuffered: Bool = false) {
    self.isUnbuffered = isUnbuffered
    ends.reserveCapacity(1024)
  }

  /// What fails from here on is in ``notWrittenCount``.
  mutating func recordEnds() {
    ends.append(buffer.count)
    recordsEnd()
  }

  mutating func recordsEnd() {
    if buffer.count >= fullByteCount { flush() }
  }

  /// With so many bytes the buffer goes out.
  var fullByteCount: Int { isUnbuffered ? 1 : Self.writeByteCount }

  mutating func flush() {
    guard buffer.count > 0, failure == nil, let number = descriptor?.number else { return }
    var written = 0
    do throws(SystemCallError) {
      while written < buffer.count {
        written += try buffer.withBytes { (bytes) throws(SystemCallError) in
          try LinuxCalls.write(bytes.extracting(droppingFirst: written), to: number)
        }
      }
    } catch {
      fail("write to", error)
      notWrittenCount += UInt64(ends.count { $0 > written })
      forget(written - (ends.last { $0 <= written } ?? 0))
    }
    buffer.removeAll()
    ends.removeAll(keepingCapacity: true)
  }

  /// Writes what is left and closes. Some file systems tell only then that a disk is full.
  mutating func close() {
    flush()
    do throws(SystemCallError) { try descriptor.take()?.close() } catch { fail("write to", error) }
  }

  /// Goes on with another file, which is made or emptied, when the one before is closed.
  /// - Parameter path: `-` for standard output.
  mutating func open(_ path: String) {
    name = path == "-" ? "standard output" : path
    do throws(SystemCallError) {
      descriptor =
        path == "-"
        ? try FileDescriptor(duplicating: STDOUT_FILENO)
        : try FileDescriptor(creating: path, flags: O_WRONLY | O_TRUNC, mode: 0o644)
    } catch { fail("open", error) }
  }

  /// Ends a capture when nobody reads any more.
  mutating func endWhenClosed(_ session: borrowing CaptureSession) {
    if let number = descriptor?.number, let copy = try? FileDescriptor(duplicating: number) {
      session.endWhenClosed(copy)
    }
  }

  /// What is left of a record that was cut off, so that a file ends with a whole one. Pipes have it already.
  private mutating func forget(_ byteCount: Int) {
    guard byteCount > 0, let size = try? descriptor?.byteCount(), size >= byteCount else { return }
    try? descriptor?.truncate(to: size - byteCount)
  }

  private mutating func fail(_ attempt: String, _ error: SystemCallError) {
    if failure == nil { failure = WriteFailure(attempt: "\(attempt) \(name)", errno: error.errno) }
  }
}
