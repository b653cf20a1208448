// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// Hands the headers of every TCP packet that arrives on an interface to user space and lets the packet pass.

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "bpf.h"
#include "capture_counters.h"
#include "capture_record.h"

#define VLAN_TAGS_MAX 2
#define EXTENSION_HEADERS_MAX 8
// 256 * 8 bytes is the longest that a length field can say.
#define EXTENSION_LENGTH_MASK 0xffc

// Two sizes of record, because a reservation must have a constant one. The first holds Ethernet, one of IPv4 and IPv6
// without extensions, and TCP with the options of everyday; the second all that we follow.
#define SHORT_HEADERS_MAX 96
#define LONG_HEADERS_MAX 511

#define ETHERTYPE_QINQ_OLD 0x9100
#define FRAGMENT_OFFSET_MASK 0x1fff
#define FRAGMENT6_OFFSET_MASK 0xfff8

// The kernel has BPF_F_XDP_HAS_FRAGS and bpf_xdp_get_buff_len(), so a frame may go on behind data_end.
CONSTANT bool has_fragments;
// filter() has been replaced.
CONSTANT bool has_filter;
// How many bytes may lie in the ring before a resting reader is woken.
CONSTANT __u32 wake_bytes = 1 << 20;

// enum capture_reader; the reader and the programs both write it, and a lost update only costs one early or late look.
volatile __u32 reader;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	MAP_NUMBER(max_entries, 8 << 20);
} records SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct capture_counters);
} counters SEC(".maps");

struct short_record {
	struct capture_record head;
	__u8 headers[SHORT_HEADERS_MAX];
};

struct long_record {
	struct capture_record head;
	__u8 headers[LONG_HEADERS_MAX + 1];
};

struct vlan_header {
	__be16 tag;
	__be16 protocol;
};

struct extension_header {
	__u8 next;
	__u8 length;
	__be16 fragment_offset;  // in a fragment header only
	__u32 rest;
};

// What the parsing functions return: how far into the frame the headers go, in bytes, or the complement of an
// enum capture_passed_over, which is negative.
typedef int headers_length;

static __always_inline headers_length passed_over(enum capture_passed_over cause)
{
	return ~(int)cause;
}

// The verifier knows what a register may hold only as long as the compiler does not rewrite how it was bounded.
#define OPAQUE(value) asm volatile("" : "+r"(value))

// The header of TCP at `offset`, whose end may lie behind the frame's.
static __always_inline __u32 tcp_end(void *data, void *end, __u32 offset)
{
	struct tcphdr *tcp = data + offset;
	__u32 length = sizeof *tcp;
	if ((void *)(tcp + 1) <= end && tcp->doff > 5)
		length = tcp->doff * 4;
	return offset + length;
}

static __always_inline headers_length ipv4_headers(void *data, void *end, __u32 offset)
{
	struct iphdr *ip = data + offset;
	if ((void *)(ip + 1) > end)
		return passed_over(PASSED_OVER_TOO_SHORT);
	if (ip->protocol != IPPROTO_TCP)
		return passed_over(PASSED_OVER_NOT_TCP);
	if (ip->ihl < 5)
		return offset + sizeof *ip;
	offset += ip->ihl * 4;
	if (ip->frag_off & network16(FRAGMENT_OFFSET_MASK))
		return offset;
	return tcp_end(data, end, offset);
}

// How long an IPv6 extension header is, in bytes, from its length field; 0 for what is none.
// Global for the same reason as find_headers().
__attribute__((noinline)) int extension_length(__u32 kind, __u32 field)
{
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (field + 1) * 8;
	case IPPROTO_FRAGMENT:
		return sizeof(struct extension_header);
	case IPPROTO_AH:
		return (field + 2) * 4;
	default:
		return 0;
	}
}

static __always_inline headers_length ipv6_headers(void *data, void *end, __u32 offset)
{
	struct ipv6hdr *ip = data + offset;
	if ((void *)(ip + 1) > end)
		return passed_over(PASSED_OVER_TOO_SHORT);
	__u32 next = ip->nexthdr;
	offset += sizeof *ip;
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		struct extension_header *extension = data + offset;
		if (next == IPPROTO_TCP)
			return tcp_end(data, end, offset);
		if ((void *)(extension + 1) > end)
			return passed_over(extension_length(next, 0) ? PASSED_OVER_TOO_SHORT : PASSED_OVER_NOT_TCP);
		__u32 length = extension_length(next, extension->length);
		if (length == 0)
			return passed_over(PASSED_OVER_NOT_TCP);
		// Behind a later fragment's header there is no other header, only data.
		bool is_later_fragment = next == IPPROTO_FRAGMENT &&
					 extension->fragment_offset & network16(FRAGMENT6_OFFSET_MASK);
		next = extension->next;
		offset += length & EXTENSION_LENGTH_MASK;
		if (is_later_fragment)
			return next == IPPROTO_TCP ? (int)offset : passed_over(PASSED_OVER_NOT_TCP);
	}
	return next == IPPROTO_TCP ? (int)tcp_end(data, end, offset) : passed_over(PASSED_OVER_TOO_MANY_HEADERS);
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == network16(ETH_P_8021Q) || protocol == network16(ETH_P_8021AD) ||
	       protocol == network16(ETHERTYPE_QINQ_OLD);
}

// A global function, because the verifier looks at those once and by themselves: in line, every way through the headers
// would be multiplied with every way through the copying.
__attribute__((noinline)) headers_length find_headers(struct xdp_md *context)
{
	void *data = (void *)(long)context->data;
	void *end = (void *)(long)context->data_end;
	struct ethhdr *ethernet = data;
	if ((void *)(ethernet + 1) > end)
		return passed_over(PASSED_OVER_TOO_SHORT);
	__be16 protocol = ethernet->h_proto;
	__u32 offset = sizeof *ethernet;
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(protocol); i++) {
		struct vlan_header *vlan = data + offset;
		if ((void *)(vlan + 1) > end)
			return passed_over(PASSED_OVER_TOO_SHORT);
		protocol = vlan->protocol;
		offset += sizeof *vlan;
	}
	if (protocol == network16(ETH_P_IP))
		return ipv4_headers(data, end, offset);
	if (protocol == network16(ETH_P_IPV6))
		return ipv6_headers(data, end, offset);
	return passed_over(is_vlan(protocol) ? PASSED_OVER_TOO_MANY_TAGS : PASSED_OVER_NOT_IP);
}

// Whether the packet, of `length` bytes on the wire, is wanted. User space puts the compiled filter here. A global
// function, so that its compiler has a place whose registers are known: the context and a number.
__attribute__((noinline)) int filter(struct xdp_md *context, __u32 length)
{
	int is_wanted = 1;
	// What is passed and returned is not this function's to foretell.
	asm volatile("" : "+r"(is_wanted) : "r"(context), "r"(length));
	return is_wanted;
}

// Copies the part of `length` bytes that bit `size` of `length` stands for: behind all higher bits' parts, in steps of a
// type. From the highest bit to the lowest, this copies exactly `length` bytes. Both bounds always hold; the verifier
// does not see it, because it does not know that no more bits can be set than `length` has.
#define COPY_PART(size, type)                                                                   \
	if (length & (size)) {                                                                  \
		__u32 offset = length & (LONG_HEADERS_MAX & ~((size) * 2 - 1));                 \
		OPAQUE(offset);                                                                 \
		void *from = data + offset;                                                     \
		if (offset > room - (size) || from + (size) > end)                              \
			return false;                                                           \
		void *to = headers + offset;                                                    \
		_Pragma("unroll") for (unsigned i = 0; i < (size) / sizeof(type); i++)          \
			((volatile type *)to)[i] = ((type *)from)[i];                           \
	}

static __always_inline bool copy_headers(__u8 *headers, __u32 room, void *data, void *end, __u32 length)
{
	if (room >= 256) {
		COPY_PART(256, __u64)
		COPY_PART(128, __u64)
	}
	COPY_PART(64, __u64)
	COPY_PART(32, __u64)
	COPY_PART(16, __u64)
	COPY_PART(8, __u64)
	COPY_PART(4, __u32)
	COPY_PART(2, __u16)
	COPY_PART(1, __u8)
	return true;
}

// Whether the reader has to be told of the record that is about to be submitted.
static __always_inline __u64 wake_flags(void)
{
	__u32 state = reader;
	if (state == READER_RUNS)
		return BPF_RB_NO_WAKEUP;
	if (state == READER_RESTS && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < wake_bytes)
		return BPF_RB_NO_WAKEUP;
	reader = READER_RUNS;
	return BPF_RB_FORCE_WAKEUP;
}

static __always_inline void fill_head(struct capture_record *head, struct xdp_md *context,
				      __u32 wire_length, __u32 captured_length)
{
	head->time = bpf_ktime_get_ns();
	head->wire_length = wire_length;
	head->interface = context->ingress_ifindex;
	head->captured_length = captured_length;
	head->direction = CAPTURE_IN;
}

static __always_inline void capture(struct xdp_md *context, struct capture_counters *count)
{
	void *data = (void *)(long)context->data;
	void *end = (void *)(long)context->data_end;
	__u32 linear_length = end - data;
	__u32 wire_length = has_fragments ? bpf_xdp_get_buff_len(context) : linear_length;
	if (has_filter && !filter(context, wire_length)) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return;
	}

	headers_length found = find_headers(context);
	if (found < 0) {
		__u32 cause = ~found;
		OPAQUE(cause);
		if (cause < PASSED_OVER_CAUSES)
			count->passed_over[cause]++;
		return;
	}
	count->matched++;

	__u32 length = found;
	if (length > linear_length)
		length = linear_length;

	void *record;
	bool is_copied;
	if (length <= SHORT_HEADERS_MAX) {
		struct short_record *new = bpf_ringbuf_reserve(&records, sizeof *new, 0);
		if (!new) {
			count->lost[LOST_RING_FULL]++;
			return;
		}
		fill_head(&new->head, context, wire_length, length);
		is_copied = copy_headers(new->headers, sizeof new->headers, data, end, length);
		record = new;
	} else {
		if (length > LONG_HEADERS_MAX)
			length = LONG_HEADERS_MAX;
		struct long_record *new = bpf_ringbuf_reserve(&records, sizeof *new, 0);
		if (!new) {
			count->lost[LOST_RING_FULL]++;
			return;
		}
		fill_head(&new->head, context, wire_length, length);
		is_copied = copy_headers(new->headers, sizeof new->headers, data, end, length);
		record = new;
	}
	if (is_copied) {
		count->delivered++;
		bpf_ringbuf_submit(record, wake_flags());
	} else {
		count->lost[LOST_UNREADABLE]++;
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	}
}

SEC("xdp")
int merops_capture(struct xdp_md *context)
{
	__u32 key = 0;
	struct capture_counters *count = bpf_map_lookup_elem(&counters, &key);
	if (count) {
		count->seen++;
		capture(context, count);
	}
	return XDP_PASS;
}

char licence[] SEC("license") = "Dual BSD/GPL";
