// One structure per bpf(2) command that Merops uses.
//
// They repeat members of `union bpf_attr` (include/uapi/linux/bpf.h) under the same names and at the same offsets, so
// that the headers of the distribution, which may be older than the running kernel, do not limit what can be asked.
// Pointers travel as 64-bit integers, as in the original. Times behind a member are the first kernel that knows it.
#ifndef MEROPS_BPF_ATTRIBUTES_H
#define MEROPS_BPF_ATTRIBUTES_H

#include <stdint.h>

// The commands: `enum bpf_cmd`.
enum {
  LINUX_BPF_MAP_CREATE = 0,
  LINUX_BPF_MAP_LOOKUP_ELEM = 1,
  LINUX_BPF_MAP_UPDATE_ELEM = 2,
  LINUX_BPF_MAP_DELETE_ELEM = 3,
  LINUX_BPF_MAP_GET_NEXT_KEY = 4,
  LINUX_BPF_PROG_LOAD = 5,
  LINUX_BPF_OBJ_PIN = 6,
  LINUX_BPF_OBJ_GET = 7,
  LINUX_BPF_PROG_ATTACH = 8,
  LINUX_BPF_PROG_DETACH = 9,
  LINUX_BPF_PROG_TEST_RUN = 10,
  LINUX_BPF_PROG_GET_NEXT_ID = 11,
  LINUX_BPF_MAP_GET_NEXT_ID = 12,
  LINUX_BPF_PROG_GET_FD_BY_ID = 13,
  LINUX_BPF_MAP_GET_FD_BY_ID = 14,
  LINUX_BPF_OBJ_GET_INFO_BY_FD = 15,
  LINUX_BPF_PROG_QUERY = 16,
  LINUX_BPF_RAW_TRACEPOINT_OPEN = 17,
  LINUX_BPF_BTF_LOAD = 18,
  LINUX_BPF_BTF_GET_FD_BY_ID = 19,
  LINUX_BPF_MAP_LOOKUP_AND_DELETE_ELEM = 21,
  LINUX_BPF_MAP_FREEZE = 22,
  LINUX_BPF_BTF_GET_NEXT_ID = 23,
  LINUX_BPF_MAP_LOOKUP_BATCH = 24,             // 5.6, like the next three
  LINUX_BPF_MAP_LOOKUP_AND_DELETE_BATCH = 25,
  LINUX_BPF_MAP_UPDATE_BATCH = 26,
  LINUX_BPF_MAP_DELETE_BATCH = 27,
  LINUX_BPF_LINK_CREATE = 28,
  LINUX_BPF_LINK_UPDATE = 29,
  LINUX_BPF_LINK_GET_FD_BY_ID = 30,
  LINUX_BPF_LINK_GET_NEXT_ID = 31,
  LINUX_BPF_ITER_CREATE = 33,
  LINUX_BPF_LINK_DETACH = 34,
};

struct linux_bpf_map_create {
  uint32_t map_type;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t map_flags;
  uint32_t inner_map_fd;
  uint32_t numa_node;
  char map_name[16];
  uint32_t map_ifindex;
  uint32_t btf_fd;
  uint32_t btf_key_type_id;
  uint32_t btf_value_type_id;
  uint32_t btf_vmlinux_value_type_id;  // 5.6
  uint64_t map_extra;                  // 5.16
};

struct linux_bpf_map_element {
  uint32_t map_fd;
  uint32_t padding;
  uint64_t key;
  uint64_t value;  // or the next key
  uint64_t flags;
};

struct linux_bpf_map_batch {
  uint64_t in_batch;
  uint64_t out_batch;
  uint64_t keys;
  uint64_t values;
  uint32_t count;  // room or elements before, elements done after the call
  uint32_t map_fd;
  uint64_t elem_flags;
  uint64_t flags;
};

struct linux_bpf_map_freeze {
  uint32_t map_fd;
};

struct linux_bpf_prog_load {
  uint32_t prog_type;
  uint32_t insn_cnt;
  uint64_t insns;
  uint64_t license;
  uint32_t log_level;
  uint32_t log_size;
  uint64_t log_buf;
  uint32_t kern_version;
  uint32_t prog_flags;
  char prog_name[16];
  uint32_t prog_ifindex;
  uint32_t expected_attach_type;
  uint32_t prog_btf_fd;
  uint32_t func_info_rec_size;
  uint64_t func_info;
  uint32_t func_info_cnt;
  uint32_t line_info_rec_size;
  uint64_t line_info;
  uint32_t line_info_cnt;
  uint32_t attach_btf_id;
  uint32_t attach_btf_obj_fd;
  uint32_t core_relo_cnt;      // 5.17
  uint64_t fd_array;           // 5.14
  uint64_t core_relos;         // 5.17
  uint32_t core_relo_rec_size; // 5.17
  uint32_t log_true_size;      // 6.4, written by the kernel
};

struct linux_bpf_btf_load {
  uint64_t btf;
  uint64_t btf_log_buf;
  uint32_t btf_size;
  uint32_t btf_log_size;
  uint32_t btf_log_level;
  uint32_t btf_log_true_size;  // 6.4, written by the kernel
};

struct linux_bpf_test_run {
  uint32_t prog_fd;
  uint32_t retval;
  uint32_t data_size_in;
  uint32_t data_size_out;
  uint64_t data_in;
  uint64_t data_out;
  uint32_t repeat;
  uint32_t duration;
};

// BPF_*_GET_FD_BY_ID and BPF_*_GET_NEXT_ID.
struct linux_bpf_get_id {
  uint32_t id;
  uint32_t next_id;
  uint32_t open_flags;
};

struct linux_bpf_object_info {
  uint32_t bpf_fd;
  uint32_t info_len;
  uint64_t info;
};

struct linux_bpf_obj {
  uint64_t pathname;
  uint32_t bpf_fd;
  uint32_t file_flags;
};

struct linux_bpf_link_create {
  uint32_t prog_fd;
  uint32_t target;  // a descriptor or an interface index
  uint32_t attach_type;
  uint32_t flags;
};

// The second half of BPF_LINK_CREATE depends on the kind of link.
struct linux_bpf_link_create_iter {
  struct linux_bpf_link_create head;
  uint64_t iter_info;
  uint32_t iter_info_len;
  uint32_t padding;
};
struct linux_bpf_link_create_perf_event {
  struct linux_bpf_link_create head;
  uint64_t bpf_cookie;  // 5.15
};
struct linux_bpf_link_create_kprobe_multi {
  struct linux_bpf_link_create head;
  uint32_t flags;
  uint32_t cnt;
  uint64_t syms;
  uint64_t addrs;
  uint64_t cookies;
};
struct linux_bpf_link_create_tracing {
  struct linux_bpf_link_create head;
  uint32_t target_btf_id;
  uint32_t padding;
  uint64_t cookie;  // 5.19
};
struct linux_bpf_link_create_tracing_multi {
  struct linux_bpf_link_create head;
  uint64_t ids;
  uint64_t cookies;
  uint32_t cnt;
  uint32_t padding;
};
struct linux_bpf_link_create_netfilter {
  struct linux_bpf_link_create head;
  uint32_t pf;
  uint32_t hooknum;
  int32_t priority;
  uint32_t flags;
};
// tcx, netkit, cgroup
struct linux_bpf_link_create_neighbour {
  struct linux_bpf_link_create head;
  uint32_t relative;  // a descriptor or an id, as the flags say
  uint32_t padding;
  uint64_t expected_revision;
};
struct linux_bpf_link_create_uprobe_multi {
  struct linux_bpf_link_create head;
  uint64_t path;
  uint64_t offsets;
  uint64_t ref_ctr_offsets;
  uint64_t cookies;
  uint32_t cnt;
  uint32_t flags;
  uint32_t pid;
  uint32_t padding;
};

struct linux_bpf_link_update {
  uint32_t link_fd;
  uint32_t new_prog_fd;
  uint32_t flags;
  uint32_t old_prog_fd;
};

struct linux_bpf_iter_create {
  uint32_t link_fd;
  uint32_t flags;
};

struct linux_bpf_raw_tracepoint {
  uint64_t name;
  uint32_t prog_fd;
  uint32_t padding;
  uint64_t cookie;  // 6.10
};

// BPF_PROG_ATTACH and BPF_PROG_DETACH.
struct linux_bpf_prog_attach {
  uint32_t target;
  uint32_t attach_bpf_fd;
  uint32_t attach_type;
  uint32_t attach_flags;
  uint32_t replace_bpf_fd;      // 5.6
  uint32_t relative;            // 6.6
  uint64_t expected_revision;   // 6.6
};

struct linux_bpf_prog_query {
  uint32_t target;
  uint32_t attach_type;
  uint32_t query_flags;
  uint32_t attach_flags;        // written by the kernel
  uint64_t prog_ids;
  uint32_t count;               // room before, programs after the call
  uint32_t padding;
  uint64_t prog_attach_flags;
  uint64_t link_ids;            // 6.6
  uint64_t link_attach_flags;   // 6.6
  uint64_t revision;            // 6.6, written by the kernel
};

struct linux_bpf_link_detach {
  uint32_t link_fd;
};

// `struct bpf_prog_info`
struct linux_bpf_prog_info {
  uint32_t type;
  uint32_t id;
  uint8_t tag[8];
  uint32_t jited_prog_len;
  uint32_t xlated_prog_len;
  uint64_t jited_prog_insns;
  uint64_t xlated_prog_insns;
  uint64_t load_time;
  uint32_t created_by_uid;
  uint32_t nr_map_ids;
  uint64_t map_ids;
  char name[16];
  uint32_t ifindex;
  uint32_t gpl_compatible;
  uint64_t netns_dev;
  uint64_t netns_ino;
  uint32_t nr_jited_ksyms;
  uint32_t nr_jited_func_lens;
  uint64_t jited_ksyms;
  uint64_t jited_func_lens;
  uint32_t btf_id;
  uint32_t func_info_rec_size;
  uint64_t func_info;
  uint32_t nr_func_info;
  uint32_t nr_line_info;
  uint64_t line_info;
  uint64_t jited_line_info;
  uint32_t nr_jited_line_info;
  uint32_t line_info_rec_size;
  uint32_t jited_line_info_rec_size;
  uint32_t nr_prog_tags;
  uint64_t prog_tags;
  uint64_t run_time_ns;       // counted where kernel.bpf_stats_enabled is set
  uint64_t run_cnt;
  uint64_t recursion_misses;  // 5.12
  uint32_t verified_insns;    // 5.16
  uint32_t attach_btf_obj_id; // 6.0
  uint32_t attach_btf_id;     // 6.0
};

// The head of `struct bpf_map_info`.
struct linux_bpf_map_info {
  uint32_t type;
  uint32_t id;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t map_flags;
  char name[16];
  uint32_t ifindex;
  uint32_t btf_vmlinux_value_type_id;
  uint64_t netns_dev;
  uint64_t netns_ino;
  uint32_t btf_id;
  uint32_t btf_key_type_id;
  uint32_t btf_value_type_id;
  uint32_t btf_vmlinux_id;  // 6.12
  uint64_t map_extra;       // 5.16
};

// `struct bpf_btf_info`
struct linux_bpf_btf_info {
  uint64_t btf;
  uint32_t btf_size;
  uint32_t id;
  uint64_t name;
  uint32_t name_len;
  uint32_t kernel_btf;
};

// `struct bpf_link_info`. What depends on the kind of link is read from its words.
struct linux_bpf_link_info {
  uint32_t type;
  uint32_t id;
  uint32_t prog_id;
  uint32_t padding;
  uint64_t word0, word1, word2, word3, word4, word5;
};

#endif
