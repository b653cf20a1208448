import BPFTypes

/// What a kernel was built with, as far as its types tell by a function that it has for a type of programs or maps: known
/// also to whom the kernel forbids to try. That a function is missing says nothing, for older types leave many out.
struct BuiltInFeatures {
  let btf: BTF?

  /// Completes what could not be tried.
  func completed(_ group: FeatureGroup, _ functions: [String: String]) -> FeatureGroup {
    FeatureGroup(
      group.name,
      group.features.map { feature in
        guard case .unknown(let cause) = feature.answer, let function = functions[feature.name],
          btf?.hasFunction(function) == true
        else {
          return feature
        }
        return Feature(
          feature.name, number: feature.number,
          .unknown("\(cause); but the kernel was built with it, as its types tell"))
      })
  }

  /// Which helpers a type's programs may call.
  static let programTypes = [
    "socket_filter": "sk_filter", "kprobe": "kprobe_prog", "sched_cls": "tc_cls_act", "sched_act": "tc_cls_act",
    "tracepoint": "tp_prog", "xdp": "xdp", "perf_event": "pe_prog", "cgroup_skb": "cg_skb",
    "cgroup_sock": "sock_filter", "lwt_in": "lwt_in", "lwt_out": "lwt_out", "lwt_xmit": "lwt_xmit",
    "sock_ops": "sock_ops", "sk_skb": "sk_skb", "cgroup_device": "cgroup_dev", "sk_msg": "sk_msg",
    "raw_tracepoint": "raw_tp_prog", "cgroup_sock_addr": "sock_addr", "lwt_seg6local": "lwt_seg6local",
    "lirc_mode2": "lirc_mode2", "sk_reuseport": "sk_reuseport", "flow_dissector": "flow_dissector",
    "cgroup_sysctl": "sysctl", "raw_tracepoint_writable": "raw_tp_prog", "cgroup_sockopt": "cg_sockopt",
    "tracing": "tracing_prog", "lsm": "bpf_lsm", "sk_lookup": "sk_lookup", "syscall": "syscall_prog",
    "netfilter": "bpf_nf",
  ].mapValues { $0 + "_func_proto" }

  /// What makes a type's maps, or reaches into them.
  static let mapTypes = [
    "hash": "htab_map_alloc", "array": "array_map_alloc", "prog_array": "prog_array_map_alloc",
    "perf_event_array": "perf_event_fd_array_get_ptr", "percpu_hash": "htab_map_alloc",
    "percpu_array": "array_map_alloc", "stack_trace": "stack_map_alloc", "cgroup_array": "cgroup_fd_array_get_ptr",
    "lru_hash": "htab_map_alloc", "lru_percpu_hash": "htab_map_alloc", "lpm_trie": "trie_alloc",
    "array_of_maps": "array_of_map_alloc", "hash_of_maps": "htab_of_map_alloc", "devmap": "dev_map_alloc",
    "devmap_hash": "dev_map_alloc", "sockmap": "sock_map_alloc", "cpumap": "cpu_map_alloc", "xskmap": "xsk_map_alloc",
    "sockhash": "sock_hash_alloc", "cgroup_storage": "cgroup_storage_map_alloc",
    "percpu_cgroup_storage": "cgroup_storage_map_alloc", "reuseport_sockarray": "reuseport_array_alloc",
    "queue": "queue_stack_map_alloc", "stack": "queue_stack_map_alloc", "sk_storage": "bpf_sk_storage_map_alloc",
    "struct_ops": "bpf_struct_ops_map_alloc", "ringbuf": "ringbuf_map_alloc",
    "inode_storage": "inode_storage_map_alloc", "task_storage": "task_storage_map_alloc",
    "bloom_filter": "bloom_map_alloc", "user_ringbuf": "ringbuf_map_mmap_user", "arena": "arena_map_alloc",
    "insn_array": "insn_array_alloc", "rhash": "rhtab_map_alloc",
  ]
}
