import CaptureEvents
import ConnectionEvents
import ConnectionSession
import Glibc
import LinuxCalls

/// Connections on their way to standard output.
struct ConnectionLines: ~Copyable, ConnectionOutput {
  enum Format {
    /// - Parameter width: of the terminal; `nil` for all columns.
    case text(ConnectionText.Content, width: Int?)
    case json
  }

  private var text: ConnectionText?
  private let json = ConnectionJSON()
  private var sink = RecordSink()
  private var containers = ContainerNames()

  var failure: WriteFailure? { sink.failure }
  var notWrittenCount: UInt64 { sink.notWrittenCount }

  init(_ format: Format, began: UInt64) throws(Failure) {
    sink.open("-")
    if let failure = sink.failure { throw Failure(report: "\(failure.attempt): \(failure.errno)") }
    guard case .text(let content, let width) = format else { return }
    text = ConnectionText(content, width: width, secondsFromUTC: localSecondsFromUTC(), began: began)
    text?.writeTitle(into: &sink.buffer)
    sink.flush()
  }

  func follow(_ session: borrowing ConnectionSession) {
    if let copy = try? FileDescriptor(duplicating: STDOUT_FILENO) { session.endWhenClosed(copy) }
  }

  mutating func record(_ record: ConnectionRecord, offset: UInt64) {
    let container = containers.identifier(ofCgroup: record.owner.cgroup)
    if text?.write(record, realtime: record.time &+ offset, container: container, into: &sink.buffer) == nil {
      json.write(record, offset: offset, container: container, into: &sink.buffer)
      sink.buffer.append("\n")
    }
    sink.recordEnds()
  }

  mutating func pause() -> Bool {
    sink.flush()
    return sink.failure == nil
  }

  mutating func statistics(_ statistics: ConnectionStatistics) { StandardError.write(statistics.line) }
}
