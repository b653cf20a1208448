// The rarer sections, and a version that the object itself names.
#include "core.h"
u32 made_for SEC("version") = 0x50a00;
SEC("tc/ingress") int a(void *c) { return 0; }
SEC("netkit/peer") int b(void *c) { return 0; }
SEC("sk_reuseport/migrate") int c(void *c) { return 0; }
SEC("cgroup/connect_unix") int d(void *c) { return 0; }
SEC("xdp.frags/devmap") int e(void *c) { return 0; }
SEC("uprobe.session.s//bin/true:main") int f(void *c) { return 0; }
SEC("usdt.s//lib/x.so:provider:name") int g(void *c) { return 0; }
SEC("kprobe.multi/tcp_*") int h(void *c) { return 0; }
SEC("?raw_tp.w/x") int i(void *c) { return 0; }
SEC("cgroup_skb/egress") int j(void *c) { return 0; }
SEC("sk_skb/stream_verdict") int k(void *c) { return 0; }
SEC("lwt_seg6local") int l(void *c) { return 0; }
SEC("syscall") int m(void *c) { return 0; }
SEC("netfilter") int n(void *c) { return 0; }
SEC("ksyscall/openat") int o(void *c) { return 0; }
