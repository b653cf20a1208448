import Glibc
import LinuxCalls

/// Where `--stats-json` puts the counters. It is made before the capture begins, so that a place that cannot be written
/// to is known at once.
final class StatisticsFile {
  private let path: String
  private let descriptor: FileDescriptor

  init(_ path: String) throws(Failure) {
    self.path = path
    do { descriptor = try FileDescriptor(creating: path, flags: O_WRONLY | O_TRUNC, mode: 0o644) } catch {
      throw Failure(report: "write the statistics to \(path): \(error.errno)")
    }
  }

  /// - Parameter json: one object.
  func write(_ json: String) throws(Failure) {
    let bytes = Array((json + "\n").utf8)
    do { try unsafe writeAll(bytes.span.bytes, to: descriptor.number) } catch {
      throw Failure(report: "write the statistics to \(path): \(error.errno)")
    }
  }
}
