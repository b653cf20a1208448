import BPFObjectFile
import BPFTypes

/// Kinds of links can be told by a function that a kernel which has them was built with.
enum LinkFacts {
  private static let functions = [
    "raw_tracepoint": "bpf_raw_tp_link_release", "tracing": "bpf_tracing_link_release",
    "cgroup": "bpf_cgroup_link_release", "iter": "bpf_iter_link_release", "netns": "bpf_netns_link_release",
    "xdp": "bpf_xdp_link_release", "perf_event": "bpf_perf_link_release",
    "kprobe_multi": "bpf_kprobe_multi_link_release", "struct_ops": "bpf_struct_ops_map_link_dealloc",
    "netfilter": "bpf_nf_link_release", "tcx": "tcx_link_release", "uprobe_multi": "bpf_uprobe_multi_link_release",
    "netkit": "netkit_link_release", "sockmap": "sock_map_link_release",
    "tracing_multi": "bpf_tracing_multi_link_release",
  ]

  /// - Parameters:
  ///   - btf: the kernel's own types.
  ///   - modules: those of its modules, asked for what the kernel itself has not.
  static func features(in btf: BTF?, modules: () -> [BTF]) -> [Feature] {
    let known = KernelEnumeration(
      "bpf_link_type", prefix: "BPF_LINK_TYPE_", in: btf, fallback: KnownTypeNames.linkTypes)
    guard let btf else {
      return known.items.dropFirst().map { Feature($0.name, number: $0.number, .unknown("the kernel has no BTF")) }
    }
    return known.items.dropFirst().filter { !$0.name.hasPrefix("__") }.map { number, name in
      guard let function = functions[name] else {
        return Feature(name, number: number, .unknown("newer than this program; the kernel's types name it"))
      }
      let isThere = btf.hasFunction(function) || modules().contains { $0.hasFunction(function) }
      return Feature(name, number: number, isThere ? .yes : .no("the kernel's types have no \(function)"))
    }
  }
}
