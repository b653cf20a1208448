// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// Counts the packets of interfaces by flow, in a map that forgets the flows that were silent longest, and lets them pass.

#include "capture_interface.h"
#include "flow.h"

#define ECHO_REPLY 0
#define ECHO_REQUEST 8
#define ECHO6_REQUEST 128
#define ECHO6_REPLY 129
#define PORTS_LENGTH 8

#define TCP_SYN 0x02
#define TCP_ACK 0x10

// A packet is taken if 32 random bits are no more than this.
CONSTANT __u32 sampled_below = ~0u;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_LRU_HASH);
	MAP_NUMBER(max_entries, 65536);
	MAP_TYPE(key, struct flow_key);
	MAP_TYPE(value, struct flow);
} flows SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct flow_counters);
} counters SEC(".maps");

// Where a packet's headers are, in one number, which is all that a global function may answer. 0 for what is not IP.
//
//      0       16      32   40   48       49
//     | network | transport | protocol | is IPv6 | is later fragment
#define PLACE_OFFSET_MASK 0x3fff
#define PLACE_TRANSPORT 16
#define PLACE_PROTOCOL 32
#define PLACE_IPV6 (1ull << 48)
#define PLACE_LATER_FRAGMENT (1ull << 49)

static __always_inline __u64 headers_place(const struct frame *frame)
{
	struct network network = find_network(frame);
	struct transport transport;
	__u64 place = network.offset;
	if (network.protocol == network16(ETH_P_IP)) {
		transport = ipv4_transport(frame, network.offset);
	} else if (network.protocol == network16(ETH_P_IPV6)) {
		transport = ipv6_transport(frame, network.offset);
		place |= PLACE_IPV6;
	} else {
		return 0;
	}
	if (transport.is_missing)
		return 0;
	if (transport.is_later_fragment)
		place |= PLACE_LATER_FRAGMENT;
	return place | (__u64)transport.offset << PLACE_TRANSPORT | (__u64)transport.protocol << PLACE_PROTOCOL;
}

// Global functions, which the verifier looks at once and by themselves: the ways through the headers are not multiplied with
// those through the counting.
__attribute__((noinline)) __u64 find_packet_headers(struct xdp_md *context)
{
	struct frame frame = { (void *)(long)context->data, (void *)(long)context->data_end, 0 };
	return headers_place(&frame);
}

__attribute__((noinline)) __u64 find_buffered_headers(__u32 length)
{
	__u32 key = 0, room = frame_room;
	struct frame_buffer *buffer = bpf_map_lookup_elem(&frames, &key);
	if (!buffer || length > room)
		return 0;
	struct frame frame = { buffer->frame, buffer->frame + length, room };
	return headers_place(&frame);
}

static __always_inline bool is_echo(__u8 protocol, __u8 type)
{
	return protocol == IPPROTO_ICMP ? type == ECHO_REQUEST || type == ECHO_REPLY
					: type == ECHO6_REQUEST || type == ECHO6_REPLY;
}

// What stands in the place of the ports: the beginning of the transport header.
static __always_inline void read_ports(struct flow_key *key, const __be16 *header)
{
	switch (key->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		key->kind = FLOW_PORTS;
		key->low_port = header[0];
		key->high_port = header[1];
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (is_echo(key->protocol, *(const __u8 *)header)) {
			key->kind = FLOW_ECHO;
			key->low_port = header[2];
		} else {
			key->kind = FLOW_MESSAGE;
			key->low_port = header[0];
		}
		key->high_port = key->low_port;
	}
}

// Puts the endpoints into their order. Returns whether the packet's sender became `high`.
static __always_inline bool order_endpoints(struct flow_key *key)
{
	bool is_reversed = key->low[0] != key->high[0]   ? key->low[0] > key->high[0]
			   : key->low[1] != key->high[1] ? key->low[1] > key->high[1]
							 : key->low_port > key->high_port;
	if (is_reversed) {
		__u64 first = key->low[0], second = key->low[1];
		__be16 port = key->low_port;
		key->low[0] = key->high[0];
		key->low[1] = key->high[1];
		key->low_port = key->high_port;
		key->high[0] = first;
		key->high[1] = second;
		key->high_port = port;
	}
	return is_reversed;
}

// What is counted of a packet.
struct measured {
	__u64 length;
	__u32 sequence;
	__u32 acknowledged;
	__u8 flags;
};

// Programs on several CPUs may be here at once, also with the same flow and side: sums are atomic, all else is a store of
// which any may be the last.
static __always_inline void count_side(struct flow_side *side, const struct measured *packet)
{
	__u64 now = bpf_ktime_get_ns();
	add_one(&side->packets);
	add_to(&side->bytes, packet->length);
	if (!side->first)
		*(volatile __u64 *)&side->first = now;
	*(volatile __u64 *)&side->last = now;
	if (!packet->flags)
		return;
	// The two numbers of one packet.
	*(volatile __u64 *)&side->sequence = packet->sequence | (__u64)packet->acknowledged << 32;
	// Each flag's bit in that flag's byte.
	__u64 flags = packet->flags * 0x0101010101010101ull & 0x8040201008040201ull;
	if (flags & ~*(volatile __u64 *)side->flags)
		for (int i = 0; i < 8; i++)
			if (packet->flags & 1 << i)
				*(volatile __u8 *)&side->flags[i] = 1 << i;
	if ((packet->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		side->opened = 1;
}

static __always_inline struct flow *find_flow(const struct flow_key *key, struct flow_counters *count)
{
	struct flow *flow = bpf_map_lookup_elem(&flows, key);
	if (flow)
		return flow;
	struct flow none = {};
	// Another CPU may be faster.
	if (bpf_map_update_elem(&flows, key, &none, BPF_NOEXIST) == 0)
		count->inserted++;
	return bpf_map_lookup_elem(&flows, key);
}

// Counts a packet that the filter takes.
static __always_inline void count_packet(const struct frame *frame, __u64 place, __u32 interface, __u32 wire_length,
					 struct flow_counters *count)
{
	struct flow_key key = {
		.interface = interface,
		.protocol = place >> PLACE_PROTOCOL,
		.version = 4,
		.kind = FLOW_ADDRESSES,
	};
	struct measured packet = { .length = wire_length };
	__u32 network = place & PLACE_OFFSET_MASK, transport = place >> PLACE_TRANSPORT & PLACE_OFFSET_MASK;
	if (place & PLACE_IPV6) {
		struct ipv6hdr *ip;
		if (!frame_has(frame, network, sizeof *ip, &ip))
			goto not_ip;
		key.version = 6;
		__builtin_memcpy(key.low, &ip->saddr, sizeof key.low);
		__builtin_memcpy(key.high, &ip->daddr, sizeof key.high);
	} else {
		struct iphdr *ip;
		if (!place || !frame_has(frame, network, sizeof *ip, &ip))
			goto not_ip;
		key.low[1] = 0xffff0000 | (__u64)ip->saddr << 32;
		key.high[1] = 0xffff0000 | (__u64)ip->daddr << 32;
	}
	count->matched++;

	__be16 *ports;
	struct tcphdr *tcp;
	if (place & PLACE_LATER_FRAGMENT) {
		key.kind = FLOW_FRAGMENTS;
	} else if (frame_has(frame, transport, PORTS_LENGTH, &ports)) {
		read_ports(&key, ports);
		if (key.protocol == IPPROTO_TCP && frame_has(frame, transport, sizeof *tcp, &tcp)) {
			packet.sequence = __builtin_bswap32(tcp->seq);
			packet.acknowledged = __builtin_bswap32(tcp->ack_seq);
			packet.flags = ((__u8 *)tcp)[13];
		}
	}
	bool is_reversed = order_endpoints(&key);
	struct flow *flow = find_flow(&key, count);
	if (!flow) {
		count->lost[FLOW_NO_ROOM]++;
		return;
	}
	count_side(is_reversed ? &flow->high : &flow->low, &packet);
	count->counted++;
	return;
not_ip:
	count->passed_over[FLOW_NOT_IP]++;
}

// The counters of a packet that is to be looked at.
static __always_inline struct flow_counters *begin(void)
{
	__u32 key = 0;
	struct flow_counters *count = bpf_map_lookup_elem(&counters, &key);
	if (!count)
		return 0;
	count->seen++;
	if (sampled_below != ~0u && bpf_get_prandom_u32() > sampled_below) {
		count->passed_over[FLOW_NOT_SAMPLED]++;
		return 0;
	}
	return count;
}

static __always_inline void count_xdp(struct xdp_md *context, struct flow_counters *count)
{
	struct frame frame = { (void *)(long)context->data, (void *)(long)context->data_end, 0 };
	__u32 length = has_fragments ? bpf_xdp_get_buff_len(context) : frame.end - frame.start;
	if (has_filter && !filter(context, length)) {
		count->passed_over[FLOW_FILTERED_OUT]++;
		return;
	}
	__u64 place = find_packet_headers(context);
	count_packet(&frame, place, context->ingress_ifindex, length, count);
}

SEC("xdp")
int merops_flows(struct xdp_md *context)
{
	struct flow_counters *count = begin();
	if (count)
		count_xdp(context, count);
	return XDP_PASS;
}

static __always_inline void count_skb(struct __sk_buff *skb, struct flow_counters *count, __u8 link)
{
	struct frame_buffer *buffer = buffer_of_cpu();
	if (!buffer)
		return;
	__u32 whole_length = skb->len + added_length(skb, link);
	__u32 wire_length = link == CAPTURE_IP ? skb->len : whole_length;
	__u32 length = whole_length > frame_room ? frame_room : whole_length;
	if (!load_frame(skb, buffer->frame, frame_room, length, link)) {
		count->matched++;
		count->lost[FLOW_UNREADABLE]++;
		return;
	}
	if (!is_wanted(buffer, length, wire_length)) {
		count->passed_over[FLOW_FILTERED_OUT]++;
		return;
	}
	struct frame frame = { buffer->frame, buffer->frame + length, frame_room };
	count_packet(&frame, find_buffered_headers(length), skb->ifindex, wire_length, count);
}

#define CLASSIFIER(name, link)                                             \
	SEC("tc")                                                          \
	int name(struct __sk_buff *packet)                                 \
	{                                                                  \
		struct flow_counters *count = begin();                     \
		if (count)                                                 \
			count_skb(packet, count, link);                    \
		return -1; /* TC_ACT_UNSPEC: whoever comes next decides */ \
	}

CLASSIFIER(merops_flows_in, CAPTURE_ETHERNET)
CLASSIFIER(merops_flows_out, CAPTURE_ETHERNET)
CLASSIFIER(merops_flows_ip_in, CAPTURE_IP)
CLASSIFIER(merops_flows_ip_out, CAPTURE_IP)

char licence[] SEC("license") = "Dual BSD/GPL";
