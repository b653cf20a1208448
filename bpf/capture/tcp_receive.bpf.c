// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// Hands the headers of segments to user space as the kernel's TCP receives them: from all interfaces, also from those that
// take no XDP program, behind the firewall, reassembled, and with the state of the socket that they are for.

#include "capture.h"
#include "kernel.h"

// Only packets of this network namespace, by its inode number; 0 for all.
CONSTANT __u32 namespace_inode;

static __always_inline void capture_segment(void *context, struct sk_buff *skb, __be16 protocol)
{
	struct capture_counters *count = counters_of_cpu();
	struct frame_buffer *buffer = buffer_of_cpu();
	if (!count || !buffer)
		return;
	struct net_device *device = READ(skb, dev);
	struct sock *socket = READ(skb, sk);
	unsigned char *ip = READ(skb, head) + READ(skb, network_header);
	__u32 header_length = READ(skb, data) - ip;
	__u32 length = READ(skb, len), scattered_length = READ(skb, data_len);
	struct packet packet = {
		.wire_length = header_length + length,
		.interface = READ(device, ifindex),
		.direction = CAPTURE_IN,
		.link = CAPTURE_IP,
		.socket_state = socket ? READ(socket, __sk_common.skc_state) : 0,
	};
	struct net *namespace = READ(device, nd_net.net);
	if (namespace_inode && READ(namespace, ns.inum) != namespace_inode) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return;
	}
	// What lies in one piece; more is not to be had here.
	__u32 there = header_length + length - scattered_length;
	if (there > frame_room - ETH_HLEN)
		there = frame_room - ETH_HLEN;
	__builtin_memset(buffer->frame, 0, 2 * ETH_ALEN);
	*(__be16 *)(buffer->frame + 2 * ETH_ALEN) = protocol;
	if (bpf_probe_read_kernel(buffer->frame + ETH_HLEN, there, ip)) {
		count->matched++;
		count->lost[LOST_UNREADABLE]++;
		return;
	}
	there += ETH_HLEN;
	if (!is_wanted(buffer, there, packet.wire_length)) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return;
	}
	count->matched++;
	packet.captured_length = wanted_length(there, there, CAPTURE_IP);
	deliver_buffer(context, buffer, &frame_room, &packet, count);
}

// The functions' first argument, which is their skb.
static __always_inline struct sk_buff *of_call(__u64 *arguments)
{
	return (struct sk_buff *)arguments[0];
}

static __always_inline struct sk_buff *of_registers(void *registers)
{
	return argument0(registers);
}

#define SEGMENTS(section, name, argument, protocol)                    \
	SEC(section)                                                   \
	int name(void *context)                                        \
	{                                                              \
		capture_segment(context, argument(context), protocol); \
		return 0;                                              \
	}

SEGMENTS("fentry/tcp_v4_rcv", merops_tcp4_call, of_call, network16(ETH_P_IP))
SEGMENTS("fentry/tcp_v6_rcv", merops_tcp6_call, of_call, network16(ETH_P_IPV6))
SEGMENTS("kprobe/tcp_v4_rcv", merops_tcp4_probe, of_registers, network16(ETH_P_IP))
SEGMENTS("kprobe/tcp_v6_rcv", merops_tcp6_probe, of_registers, network16(ETH_P_IPV6))

char licence[] SEC("license") = "Dual BSD/GPL";
