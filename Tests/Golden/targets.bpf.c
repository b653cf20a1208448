#include "core.h"
SEC("fentry/kernel_function") int entry(void *c) { return 0; }
SEC("fexit.s/kernel_function") int leave(void *c) { return 0; }
SEC("tp_btf/happening") int happening(void *c) { return 0; }
SEC("lsm/decide") int decide(void *c) { return 0; }
SEC("iter/things") int things(void *c) { return 0; }
SEC("kprobe/kernel_function") int probe(void *c) { return 0; }
SEC("kprobe.multi/kernel_*") int multi(void *c) { return 0; }
SEC("usdt//bin/true:a:b") int usdt(void *c) { return 0; }
SEC("tracepoint/sched/sched_switch") int point(void *c) { return 0; }
SEC("cgroup/connect4") int connect4(void *c) { return 0; }
SEC("sk_lookup") int look(void *c) { return 0; }
SEC("syscall") int call(void *c) { return 0; }
