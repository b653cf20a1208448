import Glibc

/// A process for all time: its number may be given to another one once it has ended, but not with the same start.
package struct ProcessIdentity: Hashable, Sendable {
  package let pid: Int32
  /// In clock ticks since the system started.
  package let start: UInt64
  /// The inode of the PID namespace that the number counts in.
  package let namespace: UInt64

  package init(pid: Int32, start: UInt64, namespace: UInt64) {
    (self.pid, self.start, self.namespace) = (pid, start, namespace)
  }

  /// This process; `nil` without /proc.
  package static var current: ProcessIdentity? {
    guard let start = start(of: getpid()), let namespace = ownNamespace else { return nil }
    return ProcessIdentity(pid: getpid(), start: start, namespace: namespace)
  }

  /// Whether the process has certainly ended. One of another PID namespace cannot be looked for, and may be there.
  package var isKnownToHaveEnded: Bool {
    guard let own = Self.current, own.namespace == namespace else { return false }
    if kill(pid, 0) != 0, errno == ESRCH { return true }
    // A /proc mounted with hidepid does not show every process that is there.
    return Self.start(of: pid).map { $0 != start } ?? false
  }

  private static var ownNamespace: UInt64? {
    var status = stat()
    guard unsafe stat("/proc/self/ns/pid", &status) == 0 else { return nil }
    return UInt64(status.st_ino)
  }

  /// Field 22 of /proc/PID/stat; the name in field 2 may have spaces and parentheses.
  private static func start(of pid: Int32) -> UInt64? {
    guard let text = try? contents(ofFile: "/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")) else {
      return nil
    }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ")
    return fields.count > 19 ? UInt64(fields[19]) : nil
  }
}
