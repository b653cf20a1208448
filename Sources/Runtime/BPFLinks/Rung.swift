public import LinuxCalls

/// Where in the receive path an XDP program runs.
public enum XDPMode: String, Hashable, Sendable, CaseIterable {
  /// In the driver, before the kernel makes an skb of the packet: `XDP_FLAGS_DRV_MODE`.
  case native
  /// In the core, on an skb; every interface can: `XDP_FLAGS_SKB_MODE`.
  case generic
  /// In the interface's hardware, for a program that was loaded for that interface: `XDP_FLAGS_HW_MODE`. No ladder has it.
  case offload
}

/// One way of attaching a program. A hook has several, and takes the best that the kernel allows.
public struct Rung: Hashable, Sendable {
  public enum Way: String, Hashable, Sendable, CaseIterable {
    /// BPF_LINK_CREATE: goes with its last descriptor, whatever ends the process; can be pinned (5.7 and later, by hook).
    case link = "bpf_link"
    /// BPF_RAW_TRACEPOINT_OPEN, which makes a link too, and is older.
    case rawTracepoint = "raw tracepoint"
    /// PERF_EVENT_IOC_SET_BPF on an event of perf_event_open(2): goes with the event's last descriptor.
    case perfEvent = "perf event"
    /// The same on a probe that is defined by text in tracefs, and stays there until somebody removes it.
    case tracefs
    /// An rtnetlink request: stays until somebody takes it back.
    case netlink
    /// BPF_PROG_ATTACH: stays until somebody takes it back, or the cgroup, map or namespace goes.
    case programAttach = "BPF_PROG_ATTACH"
    /// SO_ATTACH_BPF: goes with the socket.
    case socketOption = "socket option"
  }

  public let way: Way
  /// For XDP.
  public let mode: XDPMode?

  public init(_ way: Way, mode: XDPMode? = nil) {
    self.way = way
    self.mode = mode
  }

  /// XDP's, from the best to the last: native before generic, and a bpf_link (5.9) before netlink.
  public static let xdp = [
    Rung(.link, mode: .native), Rung(.link, mode: .generic), Rung(.netlink, mode: .native),
    Rung(.netlink, mode: .generic),
  ]
}

extension Rung: CustomStringConvertible {
  public var description: String { mode.map { "\($0.rawValue) XDP by \(way.rawValue)" } ?? way.rawValue }
}

/// A way of attaching that the kernel refused, and its answer.
public struct Refusal: Hashable, Sendable {
  public let rung: Rung
  /// What was called.
  public let call: String
  public let errno: Errno
  /// What the kernel says of it, where it says something (netlink's extended acknowledgement).
  public let kernelMessage: String?

  public var reason: String { "\(errno)" + (kernelMessage.map { ", \"\($0)\"" } ?? "") }
}
