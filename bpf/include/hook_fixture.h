// What the programs that tests attach to hooks share: each counts how often it ran and keeps the cookie of the last time.
// Tests load one program at a time.
#ifndef MEROPS_HOOK_FIXTURE_H
#define MEROPS_HOOK_FIXTURE_H

#include "bpf.h"

volatile __u64 count;
volatile __u64 cookie;
// Of the process whose events count, where the hook is one that others come by; 0 for all.
CONSTANT __u32 process = 0;

static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
// Linux 5.15. By number, since distribution headers may be older.
static __u64 (*const bpf_get_attach_cookie)(void *context) = (void *)174;
extern bool LINUX_HAS_BPF_COOKIE __attribute__((section(".kconfig")));

static inline __attribute__((always_inline)) int counted(void)
{
	if (!process || bpf_get_current_pid_tgid() >> 32 == process)
		add_one(&count);
	return 0;
}

// For the kinds of programs that a cookie can be given to.
static inline __attribute__((always_inline)) int counted_with_cookie(void *context)
{
	if (LINUX_HAS_BPF_COOKIE)
		cookie = bpf_get_attach_cookie(context);
	return counted();
}

char licence[] SEC("license") = "Dual BSD/GPL";

#endif
