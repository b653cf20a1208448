/// Where in the receive path an XDP program runs.
public enum XDPMode: String, Hashable, Sendable, CaseIterable {
  /// In the driver, before the kernel makes an skb of the packet: `XDP_FLAGS_DRV_MODE`.
  case native
  /// In the core, on an skb; every interface can: `XDP_FLAGS_SKB_MODE`.
  case generic
}

/// One way of attaching an XDP program.
public struct XDPRung: Hashable, Sendable {
  public enum Way: String, Hashable, Sendable {
    /// A bpf_link: goes with its last descriptor, whatever ends the process (5.9).
    case link
    /// An rtnetlink request: stays until somebody takes it back.
    case netlink
  }

  public let way: Way
  public let mode: XDPMode

  public init(way: Way, mode: XDPMode) {
    self.way = way
    self.mode = mode
  }

  /// From the best to the last: native before generic, and a bpf_link before netlink.
  public static let all = [
    XDPRung(way: .link, mode: .native), XDPRung(way: .link, mode: .generic),
    XDPRung(way: .netlink, mode: .native), XDPRung(way: .netlink, mode: .generic),
  ]
}

extension XDPRung: CustomStringConvertible {
  public var description: String { "\(mode.rawValue) XDP by \(way == .link ? "bpf_link" : "netlink")" }
}
