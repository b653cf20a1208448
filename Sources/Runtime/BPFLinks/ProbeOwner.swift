import Glibc
import LinuxCalls

/// A process that has defined probes in tracefs, as the group of their names tells: `merops_NAMESPACE_PID_START`. The
/// start, in clock ticks since boot, tells it from a later process of the same number, and the namespace from a process
/// of that number in another container.
struct ProbeOwner: Hashable, Sendable {
  /// The inode of the PID namespace.
  let namespace: UInt64
  let pid: Int32
  let start: UInt64

  init(namespace: UInt64, pid: Int32, start: UInt64) {
    (self.namespace, self.pid, self.start) = (namespace, pid, start)
  }

  static let this = ProbeOwner(
    namespace: inode(ofFile: "/proc/self/ns/pid") ?? 0, pid: getpid(), start: start(of: getpid()) ?? 0)

  var group: String { "merops_\(namespace)_\(pid)_\(start)" }

  /// `nil` for a group that is none of ours.
  init?(group: some StringProtocol) {
    let parts = group.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "merops", let namespace = UInt64(parts[1]), let pid = Int32(parts[2]),
      let start = UInt64(parts[3])
    else { return nil }
    self.init(namespace: namespace, pid: pid, start: start)
  }

  /// Whether the process has certainly ended; those of other namespaces cannot be seen.
  var hasEnded: Bool { namespace == Self.this.namespace && Self.start(of: pid) != start }

  /// When a process started, which is field 22 of /proc/PID/stat (proc(5)); `nil` for one that has ended.
  private static func start(of pid: Int32) -> UInt64? {
    guard let bytes = try? contents(ofFile: "/proc/\(pid)/stat") else { return nil }
    // The second field, in parentheses, may have anything in it.
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return UInt64(fields[19])
  }
}
