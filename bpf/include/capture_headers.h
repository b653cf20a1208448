// Where a frame's headers are, and how far into it they go.
#ifndef MEROPS_CAPTURE_HEADERS_H
#define MEROPS_CAPTURE_HEADERS_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf.h"

// The verifier knows what a register may hold only as long as the compiler does not rewrite how it was bounded.
#define OPAQUE(value) asm volatile("" : "+r"(value))

#define VLAN_TAGS_MAX 2
#define EXTENSION_HEADERS_MAX 8
// 256 * 8 bytes is the longest that a length field can say.
#define EXTENSION_LENGTH_MASK 0xffc

#define ETHERTYPE_QINQ_OLD 0x9100
#define FRAGMENT_OFFSET_MASK 0x1fff
#define FRAGMENT6_OFFSET_MASK 0xfff8
// The common header and that of the first chunk with its fixed part.
#define SCTP_HEADERS 32
// What is taken of other protocols, which are all header: ICMP with what it quotes, ARP, routing protocols.
#define OTHER_HEADERS 160

// The beginning of a frame: in the packet itself, whose end the verifier follows, or in a buffer of constant size.
struct frame {
	void *start;
	void *end;
	__u32 room;  // the size of a buffer; 0 for a packet
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

// Whether the frame has `size` bytes at `offset`; then `*bytes` points to them.
static __always_inline bool frame_has(const struct frame *frame, __u32 offset, __u32 size, void *bytes)
{
	__u64 place = offset;
	if (frame->room) {
		// Compared and added must be the same register, or the verifier does not see that one bounds the other.
		OPAQUE(place);
		if (place > frame->room - size)
			return false;
	}
	void *start = frame->start + place;
	*(void **)bytes = start;
	return start + size <= frame->end;
}

static __always_inline __u32 tcp_end(const struct frame *frame, __u32 offset)
{
	struct tcphdr *tcp;
	__u32 length = sizeof *tcp;
	if (frame_has(frame, offset, sizeof *tcp, &tcp) && tcp->doff > 5)
		length = tcp->doff * 4;
	return offset + length;
}

static __always_inline __u32 transport_end(const struct frame *frame, __u32 protocol, __u32 offset)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return tcp_end(frame, offset);
	case IPPROTO_UDP:
		return offset + sizeof(struct udphdr);
	case IPPROTO_SCTP:
		return offset + SCTP_HEADERS;
	default:
		return offset + OTHER_HEADERS;
	}
}

// Where the header behind IP's is, and of which protocol.
struct transport {
	__u32 offset;
	__u32 protocol;
	bool is_missing;  // IP's own is not whole
	bool is_later_fragment;  // which has nothing but data behind the IP header
};

static __always_inline struct transport ipv4_transport(const struct frame *frame, __u32 offset)
{
	struct transport transport = {};
	struct iphdr *ip;
	if (!frame_has(frame, offset, sizeof *ip, &ip) || ip->ihl < 5) {
		transport.offset = offset + sizeof *ip;
		transport.is_missing = true;
		return transport;
	}
	transport.offset = offset + ip->ihl * 4;
	transport.protocol = ip->protocol;
	transport.is_later_fragment = ip->frag_off & network16(FRAGMENT_OFFSET_MASK);
	return transport;
}

// How long an IPv6 extension header is, in bytes, from its length field; 0 for what is none.
// A global function, which the verifier looks at once and by itself.
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

static __always_inline struct transport ipv6_transport(const struct frame *frame, __u32 offset)
{
	struct transport transport = {};
	struct ipv6hdr *ip;
	if (!frame_has(frame, offset, sizeof *ip, &ip)) {
		transport.offset = offset + sizeof *ip;
		transport.is_missing = true;
		return transport;
	}
	__u32 next = ip->nexthdr;
	offset += sizeof *ip;
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		struct extension_header *extension;
		if (!frame_has(frame, offset, sizeof *extension, &extension))
			break;
		__u32 length = extension_length(next, extension->length);
		if (length == 0)
			break;
		transport.is_later_fragment = next == IPPROTO_FRAGMENT &&
					      extension->fragment_offset & network16(FRAGMENT6_OFFSET_MASK);
		next = extension->next;
		offset += length & EXTENSION_LENGTH_MASK;
		if (transport.is_later_fragment)
			break;
	}
	transport.offset = offset;
	transport.protocol = next;
	return transport;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == network16(ETH_P_8021Q) || protocol == network16(ETH_P_8021AD) ||
	       protocol == network16(ETHERTYPE_QINQ_OLD);
}

// Where the header behind that of Ethernet and the tags is, and of which protocol; 0 where those are not whole.
struct network {
	__u32 offset;
	__be16 protocol;
};

static __always_inline struct network find_network(const struct frame *frame)
{
	struct network network = { .offset = sizeof(struct ethhdr) };
	struct ethhdr *ethernet;
	if (!frame_has(frame, 0, sizeof *ethernet, &ethernet))
		return network;
	__be16 protocol = ethernet->h_proto;
	for (int i = 0; i < VLAN_TAGS_MAX && is_vlan(protocol); i++) {
		struct vlan_header *vlan;
		bool is_there = frame_has(frame, network.offset, sizeof *vlan, &vlan);
		network.offset += sizeof *vlan;
		if (!is_there)
			return network;
		protocol = vlan->protocol;
	}
	network.protocol = protocol;
	return network;
}

static __always_inline __u32 network_end(const struct frame *frame, struct transport transport)
{
	if (transport.is_missing || transport.is_later_fragment)
		return transport.offset;
	return transport_end(frame, transport.protocol, transport.offset);
}

// From the frame's first byte, in bytes; may be more than the frame has.
static __always_inline __u32 headers_end(const struct frame *frame)
{
	struct network network = find_network(frame);
	if (network.protocol == network16(ETH_P_IP))
		return network_end(frame, ipv4_transport(frame, network.offset));
	if (network.protocol == network16(ETH_P_IPV6))
		return network_end(frame, ipv6_transport(frame, network.offset));
	return network.offset + OTHER_HEADERS;
}

#endif
