// What every BPF program here starts from: <linux/bpf.h>, the declarations that clang needs for sections and BTF maps,
// and the helpers in use, each a call of the number that `enum bpf_func_id` gives it.
#ifndef MEROPS_BPF_H
#define MEROPS_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

// <linux/stddef.h> makes it a mere `inline`.
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

#define SEC(name) __attribute__((section(name), used))

// Members of a BTF map definition: the number is an array's length, the type a pointer's target.
#define MAP_NUMBER(name, value) int (*name)[value]
#define MAP_TYPE(name, type) type *name

// A constant that user space sets before the program is loaded; the verifier then follows only the branches it leaves.
#define CONSTANT const volatile

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) =
	(void *)BPF_FUNC_map_update_elem;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static __u32 (*const bpf_get_prandom_u32)(void) = (void *)BPF_FUNC_get_prandom_u32;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)BPF_FUNC_get_smp_processor_id;
static long (*const bpf_perf_event_output)(void *context, void *map, __u64 flags, const void *data, __u64 size) =
	(void *)BPF_FUNC_perf_event_output;

static long (*const bpf_skb_load_bytes)(const void *packet, __u32 offset, void *to, __u32 length) =
	(void *)BPF_FUNC_skb_load_bytes;
static long (*const bpf_probe_read_kernel)(void *to, __u32 length, const void *from) =
	(void *)BPF_FUNC_probe_read_kernel;

// Linux 5.8.
static long (*const bpf_ringbuf_output)(void *ring, const void *data, __u64 size, __u64 flags) =
	(void *)BPF_FUNC_ringbuf_output;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)BPF_FUNC_ringbuf_reserve;
static void (*const bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)BPF_FUNC_ringbuf_submit;
static void (*const bpf_ringbuf_discard)(void *data, __u64 flags) = (void *)BPF_FUNC_ringbuf_discard;
static __u64 (*const bpf_ringbuf_query)(void *ring, __u64 flags) = (void *)BPF_FUNC_ringbuf_query;

// Linux 5.18. By number, since distribution headers may be older.
static __u64 (*const bpf_xdp_get_buff_len)(struct xdp_md *context) = (void *)188;
static long (*const bpf_xdp_load_bytes)(struct xdp_md *context, __u32 offset, void *to, __u32 length) = (void *)189;

// Adds without asking for the old value. Relaxed, since newer compilers make an instruction that fetches of any other order
// (and of __sync_fetch_and_add), which kernels before 5.12 refuse.
static __always_inline void add_to(volatile __u64 *counter, __u64 amount)
{
	__atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

static __always_inline void add_one(volatile __u64 *counter)
{
	add_to(counter, 1);
}

// Swaps the bytes of a 16-bit constant or value read in network order.
#define network16(value) __builtin_bswap16(value)
#define network32(value) __builtin_bswap32(value)

#endif
