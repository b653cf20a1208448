// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// What usdt programs in the wild are: they get at arguments with libbpf's <bpf/usdt.bpf.h>, whose maps whoever attaches
// them fills. Compiled twice, since the header has changed:
//   usdt.bpf.o      with that of libbpf 1.1 (Debian 12)
//   usdt-1.7.bpf.o  with that of libbpf 1.7
// each with -D__TARGET_ARCH_x86; only the place of the instruction pointer, for kernels before 5.15, depends on it.

#include <linux/bpf.h>
#include <asm/ptrace.h>
#include <stdbool.h>
#include <bpf/usdt.bpf.h>

volatile long count;
volatile long cookie;
volatile long argument_count;
volatile long arguments[4];
volatile long errors[4];
const volatile __u32 process = 0;

static __always_inline int probed(struct pt_regs *context)
{
	if (process && bpf_get_current_pid_tgid() >> 32 != process)
		return 0;
	argument_count = bpf_usdt_arg_cnt(context);
	cookie = bpf_usdt_cookie(context);
	for (int index = 0; index < 4; index++) {
		long value;
		errors[index] = bpf_usdt_arg(context, index, &value);
		arguments[index] = value;
	}
	__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
	return 0;
}

SEC("usdt")
int on_probe(struct pt_regs *context)
{
	return probed(context);
}

SEC("uprobe")
int on_single_probe(struct pt_regs *context)
{
	return probed(context);
}

char licence[] SEC("license") = "Dual BSD/GPL";
