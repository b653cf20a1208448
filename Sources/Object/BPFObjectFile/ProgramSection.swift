/// What the name of an ELF section says of the programs in it (libbpf's conventions, "Program Types and ELF Sections" in
/// its documentation).
public struct ProgramSection: Hashable, Sendable {
  public let type: ProgramType
  public let expectedAttachType: AttachType
  public let flags: ProgramFlags
  /// What is attached to, behind the name's first slash: `do_unlinkat`, `sched/sched_switch`.
  public let target: String?
  /// Whether the kernel's BTF tells what is attached to, and the program is loaded with its number there.
  public let attachesByType: Bool
  /// A leading `?`: the program is loaded only when asked for.
  public let isOptional: Bool
  /// Whether the name is one of the table's. Programs of others have no type until somebody gives them one.
  public let isKnown: Bool

  public init(name: String) {
    isOptional = name.hasPrefix("?")
    let name = isOptional ? name.dropFirst() : name[...]
    let slash = name.firstIndex(of: "/")
    let behindSlash = slash.map { String(name[name.index(after: $0)...]) }
    let row =
      Self.rows[String(name)] ?? Self.rows[String(slash.map { name[..<$0] } ?? name) + "+"]
    type = row?.type ?? .unspecified
    expectedAttachType = row?.attachType ?? .none
    attachesByType = row?.traits.contains(.byType) ?? false
    var flags: ProgramFlags = []
    if row?.traits.contains(.sleepable) ?? false { flags.insert(.sleepable) }
    if row?.traits.contains(.fragments) ?? false { flags.insert(.xdpHasFragments) }
    self.flags = flags
    isKnown = row != nil
    target = behindSlash
  }

  /// How the name in the kernel's BTF is made from the target's, and the kind of type that it has there.
  package var targetType: (prefix: String, isTypedef: Bool) {
    switch expectedAttachType {
    case .traceRawTracepoint: ("btf_trace_", true)
    case .lsmMAC, .lsmCgroup: ("bpf_lsm_", false)
    case .traceIterator: ("bpf_iter_", false)
    default: ("", false)
    }
  }
}

extension ProgramSection {
  private struct Traits: OptionSet {
    let rawValue: Int
    static let sleepable = Traits(rawValue: 1)
    static let byType = Traits(rawValue: 2)
    static let fragments = Traits(rawValue: 4)
  }

  private struct Row {
    let type: ProgramType
    let attachType: AttachType
    let traits: Traits
    init(_ type: ProgramType, _ attachType: AttachType = .none, _ traits: Traits = []) {
      self.type = type
      self.attachType = attachType
      self.traits = traits
    }
  }

  /// A name that ends with `+` also stands before a slash and a target; the others are exact.
  private static let rows: [String: Row] = [
    "socket": Row(.socketFilter),
    "sk_reuseport/migrate": Row(.skReuseport, .skReuseportSelectOrMigrate),
    "sk_reuseport": Row(.skReuseport, .skReuseportSelect),
    "kprobe+": Row(.kprobe),
    "uprobe+": Row(.kprobe),
    "uprobe.s+": Row(.kprobe, .none, .sleepable),
    "kretprobe+": Row(.kprobe),
    "uretprobe+": Row(.kprobe),
    "uretprobe.s+": Row(.kprobe, .none, .sleepable),
    "kprobe.multi+": Row(.kprobe, .traceKprobeMulti),
    "kretprobe.multi+": Row(.kprobe, .traceKprobeMulti),
    "kprobe.session+": Row(.kprobe, .traceKprobeSession),
    "uprobe.multi+": Row(.kprobe, .traceUprobeMulti),
    "uretprobe.multi+": Row(.kprobe, .traceUprobeMulti),
    "uprobe.session+": Row(.kprobe, .traceUprobeSession),
    "uprobe.multi.s+": Row(.kprobe, .traceUprobeMulti, .sleepable),
    "uretprobe.multi.s+": Row(.kprobe, .traceUprobeMulti, .sleepable),
    "uprobe.session.s+": Row(.kprobe, .traceUprobeSession, .sleepable),
    "ksyscall+": Row(.kprobe),
    "kretsyscall+": Row(.kprobe),
    "usdt+": Row(.kprobe, .traceUprobeMulti),
    "usdt.s+": Row(.kprobe, .traceUprobeMulti, .sleepable),
    "tc/ingress": Row(.schedulerClassifier, .tcxIngress),
    "tc/egress": Row(.schedulerClassifier, .tcxEgress),
    "tcx/ingress": Row(.schedulerClassifier, .tcxIngress),
    "tcx/egress": Row(.schedulerClassifier, .tcxEgress),
    "tc": Row(.schedulerClassifier),
    "classifier": Row(.schedulerClassifier),
    "action": Row(.schedulerAction),
    "netkit/primary": Row(.schedulerClassifier, .netkitPrimary),
    "netkit/peer": Row(.schedulerClassifier, .netkitPeer),
    "tracepoint+": Row(.tracepoint),
    "tp+": Row(.tracepoint),
    "raw_tracepoint+": Row(.rawTracepoint),
    "raw_tp+": Row(.rawTracepoint),
    "raw_tracepoint.w+": Row(.rawTracepointWritable),
    "raw_tp.w+": Row(.rawTracepointWritable),
    // Sleepable tracepoints and tracing of many functions at once: Linux 7.1 and 7.2, not in libbpf 1.7 yet.
    "tracepoint.s+": Row(.tracepoint, .none, .sleepable),
    "tp.s+": Row(.tracepoint, .none, .sleepable),
    "raw_tracepoint.s+": Row(.rawTracepoint, .none, .sleepable),
    "raw_tp.s+": Row(.rawTracepoint, .none, .sleepable),
    "tp_btf.s+": Row(.tracing, .traceRawTracepoint, [.byType, .sleepable]),
    "fentry.multi+": Row(.tracing, .traceFunctionEntryMulti),
    "fexit.multi+": Row(.tracing, .traceFunctionExitMulti),
    "fsession.multi+": Row(.tracing, .traceFunctionSessionMulti),
    "fentry.multi.s+": Row(.tracing, .traceFunctionEntryMulti, .sleepable),
    "fexit.multi.s+": Row(.tracing, .traceFunctionExitMulti, .sleepable),
    "fsession.multi.s+": Row(.tracing, .traceFunctionSessionMulti, .sleepable),
    "tp_btf+": Row(.tracing, .traceRawTracepoint, .byType),
    "fentry+": Row(.tracing, .traceFunctionEntry, .byType),
    "fmod_ret+": Row(.tracing, .modifyReturn, .byType),
    "fexit+": Row(.tracing, .traceFunctionExit, .byType),
    "fentry.s+": Row(.tracing, .traceFunctionEntry, [.byType, .sleepable]),
    "fmod_ret.s+": Row(.tracing, .modifyReturn, [.byType, .sleepable]),
    "fexit.s+": Row(.tracing, .traceFunctionExit, [.byType, .sleepable]),
    "fsession+": Row(.tracing, .traceFunctionSession, .byType),
    "fsession.s+": Row(.tracing, .traceFunctionSession, [.byType, .sleepable]),
    "freplace+": Row(.`extension`, .none, .byType),
    "lsm+": Row(.lsm, .lsmMAC, .byType),
    "lsm.s+": Row(.lsm, .lsmMAC, [.byType, .sleepable]),
    "lsm_cgroup+": Row(.lsm, .lsmCgroup, .byType),
    "iter+": Row(.tracing, .traceIterator, .byType),
    "iter.s+": Row(.tracing, .traceIterator, [.byType, .sleepable]),
    "syscall": Row(.syscall, .none, .sleepable),
    "xdp.frags/devmap": Row(.xdp, .xdpDeviceMap, .fragments),
    "xdp/devmap": Row(.xdp, .xdpDeviceMap),
    "xdp.frags/cpumap": Row(.xdp, .xdpCPUMap, .fragments),
    "xdp/cpumap": Row(.xdp, .xdpCPUMap),
    "xdp.frags": Row(.xdp, .xdp, .fragments),
    "xdp": Row(.xdp, .xdp),
    "perf_event": Row(.perfEvent),
    "lwt_in": Row(.lwtIn),
    "lwt_out": Row(.lwtOut),
    "lwt_xmit": Row(.lwtXmit),
    "lwt_seg6local": Row(.lwtSeg6Local),
    "sockops": Row(.socketOperations, .cgroupSocketOperations),
    "sk_skb/stream_parser": Row(.skSKB, .skSKBStreamParser),
    "sk_skb/stream_verdict": Row(.skSKB, .skSKBStreamVerdict),
    "sk_skb/verdict": Row(.skSKB, .skSKBVerdict),
    "sk_skb": Row(.skSKB),
    "sk_msg": Row(.skMessage, .skMessageVerdict),
    "lirc_mode2": Row(.lircMode2, .lircMode2),
    "flow_dissector": Row(.flowDissector, .flowDissector),
    "cgroup_skb/ingress": Row(.cgroupSKB, .cgroupInetIngress),
    "cgroup_skb/egress": Row(.cgroupSKB, .cgroupInetEgress),
    "cgroup/skb": Row(.cgroupSKB),
    "cgroup/sock_create": Row(.cgroupSocket, .cgroupInetSocketCreate),
    "cgroup/sock_release": Row(.cgroupSocket, .cgroupInetSocketRelease),
    "cgroup/sock": Row(.cgroupSocket, .cgroupInetSocketCreate),
    "cgroup/post_bind4": Row(.cgroupSocket, .cgroupInet4PostBind),
    "cgroup/post_bind6": Row(.cgroupSocket, .cgroupInet6PostBind),
    "cgroup/bind4": Row(.cgroupSocketAddress, .cgroupInet4Bind),
    "cgroup/bind6": Row(.cgroupSocketAddress, .cgroupInet6Bind),
    "cgroup/connect4": Row(.cgroupSocketAddress, .cgroupInet4Connect),
    "cgroup/connect6": Row(.cgroupSocketAddress, .cgroupInet6Connect),
    "cgroup/connect_unix": Row(.cgroupSocketAddress, .cgroupUnixConnect),
    "cgroup/sendmsg4": Row(.cgroupSocketAddress, .cgroupUDP4SendMessage),
    "cgroup/sendmsg6": Row(.cgroupSocketAddress, .cgroupUDP6SendMessage),
    "cgroup/sendmsg_unix": Row(.cgroupSocketAddress, .cgroupUnixSendMessage),
    "cgroup/recvmsg4": Row(.cgroupSocketAddress, .cgroupUDP4ReceiveMessage),
    "cgroup/recvmsg6": Row(.cgroupSocketAddress, .cgroupUDP6ReceiveMessage),
    "cgroup/recvmsg_unix": Row(.cgroupSocketAddress, .cgroupUnixReceiveMessage),
    "cgroup/getpeername4": Row(.cgroupSocketAddress, .cgroupInet4GetPeerName),
    "cgroup/getpeername6": Row(.cgroupSocketAddress, .cgroupInet6GetPeerName),
    "cgroup/getpeername_unix": Row(.cgroupSocketAddress, .cgroupUnixGetPeerName),
    "cgroup/getsockname4": Row(.cgroupSocketAddress, .cgroupInet4GetSocketName),
    "cgroup/getsockname6": Row(.cgroupSocketAddress, .cgroupInet6GetSocketName),
    "cgroup/getsockname_unix": Row(.cgroupSocketAddress, .cgroupUnixGetSocketName),
    "cgroup/sysctl": Row(.cgroupSysctl, .cgroupSysctl),
    "cgroup/getsockopt": Row(.cgroupSocketOption, .cgroupGetSocketOption),
    "cgroup/setsockopt": Row(.cgroupSocketOption, .cgroupSetSocketOption),
    "cgroup/dev": Row(.cgroupDevice, .cgroupDevice),
    "struct_ops+": Row(.structOps),
    "struct_ops.s+": Row(.structOps, .none, .sleepable),
    "sk_lookup": Row(.skLookup, .skLookup),
    "netfilter": Row(.netfilter, .netfilter),
  ]
}
