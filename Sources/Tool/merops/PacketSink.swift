import CaptureEvents
import LinuxCalls

/// Where packets are written: gathered in one buffer, which goes out when it is large enough or when no packet comes for a
/// moment.
struct PacketSink: ~Copyable {
  /// Packets are appended here, each followed by ``packetEnds()``.
  var buffer = OutputBuffer(capacity: 2 * Self.writeByteCount)
  /// Where each packet's bytes end in the buffer.
  private var ends: [Int] = []
  private let descriptor: CInt
  /// Whether each packet is written at once.
  private let isUnbuffered: Bool

  /// Why writing failed; nothing more is taken from then on.
  private(set) var failure: SystemCallError?
  private(set) var notWrittenCount: UInt64 = 0

  private static let writeByteCount = 1 << 16

  /// - Parameter descriptor: stays the caller's.
  init(to descriptor: CInt, isUnbuffered: Bool = false) {
    self.descriptor = descriptor
    self.isUnbuffered = isUnbuffered
    ends.reserveCapacity(1024)
  }

  mutating func packetEnds() {
    ends.append(buffer.count)
    if isUnbuffered || buffer.count >= Self.writeByteCount { flush() }
  }

  mutating func flush() {
    guard buffer.count > 0, failure == nil else { return }
    var written = 0
    do throws(SystemCallError) {
      while written < buffer.count {
        written += try buffer.withBytes { (bytes) throws(SystemCallError) in
          try LinuxCalls.write(bytes.extracting(droppingFirst: written), to: descriptor)
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
