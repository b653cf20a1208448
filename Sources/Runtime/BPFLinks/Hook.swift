public import LinuxCalls

/// A kind of place in the kernel where programs are attached; each has its file in this module.
public enum Hook: String, Hashable, Sendable, CaseIterable {
  case kprobe, uprobe, usdt, tracepoint, rawTracepoint, tracing, lsm, freplace, iterator, perfEvent
  case xdp, classifier, netkit, cgroup, networkNamespace, socket, sockmap, netfilter

  /// What attaching takes beside the CAP_BPF that loading took (since 5.8; CAP_SYS_ADMIN before and instead).
  public var capabilities: [Capability] {
    switch self {
    case .kprobe, .uprobe, .usdt, .tracepoint, .rawTracepoint, .tracing, .lsm, .freplace, .iterator, .perfEvent:
      [.perfmon]
    case .xdp, .classifier, .netkit, .cgroup, .networkNamespace, .sockmap, .netfilter: [.netAdmin]
    // A process may always filter what its own sockets receive.
    case .socket: []
    }
  }
}
