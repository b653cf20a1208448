import Glibc

/// The kernel's tracing files (Documentation/trace/ftrace.rst): the numbers of tracepoints, and probes by text where the
/// kernel has no better way.
package struct Tracefs: Sendable {
  package let root: String

  /// Where it is mounted. Containers and small systems often have it nowhere: then it is mounted for this process alone, once.
  /// `nil` where that may not be, or where it may not be looked into.
  package static var found: Tracefs? {
    for root in ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
    where (try? FileDescriptor(opening: root + "/events", flags: O_RDONLY)) != nil {
      return Tracefs(root: root)
    }
    return own.map { Tracefs(root: "/proc/self/fd/\($0.number)") }
  }

  private final class Mount: Sendable {
    let number: CInt
    private let descriptor: FileDescriptor

    init() throws(SystemCallError) {
      descriptor = try FileDescriptor(mounting: "tracefs")
      number = descriptor.number
    }
  }

  private static let own = try? Mount()

  /// The number of an event, as perf_event_open(2) takes it.
  package func number(ofEvent name: String, category: String) throws(SystemCallError) -> UInt64 {
    let path = "\(root)/events/\(category)/\(name)/id"
    let text = String(decoding: try contents(ofFile: path), as: UTF8.self)
    guard let number = UInt64(text.prefix { $0 != "\n" }) else {
      throw SystemCallError(call: "read \(path)", errno: .invalidArgument)
    }
    return number
  }

  /// The files that define probes by text.
  package enum Definitions: String, Sendable {
    case kprobes = "kprobe_events"
    case uprobes = "uprobe_events"
  }

  /// Defines or, with a leading `-:`, removes a probe (Documentation/trace/kprobetrace.rst).
  package func define(_ line: String, in file: Definitions) throws(SystemCallError) {
    let descriptor = try FileDescriptor(opening: "\(root)/\(file.rawValue)", flags: O_WRONLY | O_APPEND)
    try unsafe writeAll(Array("\(line)\n".utf8).span.bytes, to: descriptor.number)
  }

  /// The definitions that are there, a line each.
  package func definitions(in file: Definitions) -> [String] {
    guard let text = try? contents(ofFile: "\(root)/\(file.rawValue)") else { return [] }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}
