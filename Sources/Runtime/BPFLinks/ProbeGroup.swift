import LinuxCalls

/// The group that a process' probes in tracefs have: `merops_NAMESPACE_PID_START`, so that another process can tell
/// whether their maker lives.
struct ProbeGroup: Hashable, Sendable {
  let owner: ProcessIdentity

  init(of owner: ProcessIdentity = .current) { self.owner = owner }

  var name: String { "merops_\(owner.namespace)_\(owner.pid)_\(owner.start)" }

  /// `nil` for a group that is none of ours.
  init?(_ name: some StringProtocol) {
    let parts = name.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "merops", let namespace = UInt64(parts[1]), let pid = Int32(parts[2]), pid > 0,
      let start = UInt64(parts[3])
    else { return nil }
    owner = ProcessIdentity(pid: pid, start: start, namespace: namespace)
  }
}
