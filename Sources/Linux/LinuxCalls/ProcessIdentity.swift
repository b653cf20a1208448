import Glibc

/// A process for all time: its number may be given to another one once it has ended, but not with the same start.
package struct ProcessIdentity: Hashable, Sendable {
  package let pid: Int32
  /// In clock ticks since the system started; 0 where it is not known.
  package let start: UInt64
  /// The inode of the PID namespace that the number counts in; 0 where it is not known.
  package let namespace: UInt64

  package init(pid: Int32, start: UInt64, namespace: UInt64) {
    (self.pid, self.start, self.namespace) = (pid, start, namespace)
  }

  /// This process, as far as /proc tells.
  package static let current = ProcessIdentity(
    pid: getpid(), start: state(of: getpid())?.start ?? 0, namespace: inode(ofFile: "/proc/self/ns/pid") ?? 0)

  /// Whether the process has certainly ended. One of another PID namespace cannot be looked for, and may be there.
  package var isKnownToHaveEnded: Bool {
    guard start != 0, namespace != 0, Self.current.namespace == namespace else { return false }
    if kill(pid, 0) != 0, errno == ESRCH { return true }
    // A /proc mounted with hidepid does not show every process that is there.
    guard let state = Self.state(of: pid) else { return false }
    return state.hasEnded || state.start != start
  }

  /// Fields 3 and 22 of /proc/PID/stat (proc(5)); the name in field 2 may have spaces and parentheses.
  private static func state(of pid: Int32) -> (hasEnded: Bool, start: UInt64)? {
    guard let text = try? contents(ofFile: "/proc/\(pid)/stat"), let end = text.lastIndex(of: UInt8(ascii: ")")) else {
      return nil
    }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ")
    guard fields.count > 19, let start = UInt64(fields[19]) else { return nil }
    // A zombie has let go of everything, and waits for its parent.
    return (fields[0] == "Z" || fields[0] == "X", start)
  }
}
