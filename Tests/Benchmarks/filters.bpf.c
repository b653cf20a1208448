// What someone would write by hand instead of a filter: the peers of the filters in filters.py, each in a section of its own.
// "exact" has libpcap's meaning; the others look behind two VLAN tags and eight IPv6 extension headers.
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "bpf.h"

#define TAGS_MAX 2
#define EXTENSIONS_MAX 8
#define PORT network16(443)
#define HOST(number) __builtin_bswap32(0x0a010000 + (number))

#define TEN(test, first)                                                                                       \
	test(first) test(first + 1) test(first + 2) test(first + 3) test(first + 4) test(first + 5)            \
	test(first + 6) test(first + 7) test(first + 8) test(first + 9)
#define HUNDRED(test)                                                                                          \
	TEN(test, 0) TEN(test, 10) TEN(test, 20) TEN(test, 30) TEN(test, 40) TEN(test, 50) TEN(test, 60)       \
	TEN(test, 70) TEN(test, 80) TEN(test, 90)

struct tag {
	__be16 number;
	__be16 type;
};

struct extension {
	__u8 next;
	__u8 length;
	__be16 fragment_offset;
	__u32 rest;
};

struct ports {
	__be16 source;
	__be16 destination;
};

// Of IPv4 over Ethernet.
struct arp {
	__u8 head[14];
	__be32 sender;
	__u8 target_hardware[6];
	__be32 target;
} __attribute__((packed));

static __always_inline bool is_tag(__be16 type)
{
	return type == network16(ETH_P_8021Q) || type == network16(ETH_P_8021AD) || type == network16(0x9100);
}

// The type behind the tags, and in `at` where what it is of begins; 0 where the frame ends before.
static __always_inline __be16 network_type(struct xdp_md *context, void **at, int tags)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *ethernet = (void *)(long)context->data;
	if ((void *)(ethernet + 1) > end)
		return 0;
	__be16 type = ethernet->h_proto;
	*at = ethernet + 1;
	for (int i = 0; i < tags && is_tag(type); i++) {
		struct tag *tag = *at;
		if ((void *)(tag + 1) > end)
			return 0;
		type = tag->type;
		*at = tag + 1;
	}
	return type;
}

static __always_inline int has_port(struct ports *ports, void *end)
{
	// The verifier follows one pointer: some compilers would compare one and read from another that is the same.
	asm volatile("" : "+r"(ports));
	return (void *)(ports + 1) <= end && (ports->source == PORT || ports->destination == PORT);
}

static __always_inline int tcp_port_443(struct xdp_md *context, int tags, int extensions)
{
	void *end = (void *)(long)context->data_end, *at;
	__be16 type = network_type(context, &at, tags);
	if (type == network16(ETH_P_IP)) {
		struct iphdr *ip = at;
		if ((void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP || ip->frag_off & network16(0x1fff))
			return 0;
		return has_port(at + ip->ihl * 4, end);
	}
	if (type != network16(ETH_P_IPV6))
		return 0;
	struct ipv6hdr *ip = at;
	if ((void *)(ip + 1) > end)
		return 0;
	__u32 next = ip->nexthdr;
	at = ip + 1;
	for (int i = 0; i < extensions && next != IPPROTO_TCP; i++) {
		struct extension *extension = at;
		if ((void *)(extension + 1) > end)
			return 0;
		__u32 length;
		if (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS)
			length = (extension->length + 1) * 8;
		else if (next == IPPROTO_AH)
			length = (extension->length + 2) * 4;
		else if (next == IPPROTO_FRAGMENT && !(extension->fragment_offset & network16(0xfff8)))
			length = sizeof *extension;
		else
			return 0;
		next = extension->next;
		at += length;
	}
	return next == IPPROTO_TCP && has_port(at, end);
}

static __always_inline int hundred_hosts(struct xdp_md *context, int tags)
{
	void *end = (void *)(long)context->data_end, *at;
	__be16 type = network_type(context, &at, tags);
	__be32 one, other;
	if (type == network16(ETH_P_IP)) {
		struct iphdr *ip = at;
		if ((void *)(ip + 1) > end)
			return 0;
		one = ip->saddr;
		other = ip->daddr;
	} else if (type == network16(ETH_P_ARP) || type == network16(ETH_P_RARP)) {
		struct arp *arp = at;
		if ((void *)(arp + 1) > end)
			return 0;
		one = arp->sender;
		other = arp->target;
	} else {
		return 0;
	}
#define IS_HOST(number)                                                                                        \
	if (one == HOST(number) || other == HOST(number))                                                      \
		return 1;
	HUNDRED(IS_HOST)
	return 0;
}

SEC("xdp/ip6") int ip6(struct xdp_md *context)
{
	void *at;
	return network_type(context, &at, TAGS_MAX) == network16(ETH_P_IPV6);
}

SEC("xdp/ip6_exact") int ip6_exact(struct xdp_md *context)
{
	void *at;
	return network_type(context, &at, 0) == network16(ETH_P_IPV6);
}

SEC("xdp/port") int port(struct xdp_md *context)
{
	return tcp_port_443(context, TAGS_MAX, EXTENSIONS_MAX);
}

SEC("xdp/port_exact") int port_exact(struct xdp_md *context)
{
	return tcp_port_443(context, 0, 0);
}

SEC("xdp/hosts") int hosts(struct xdp_md *context)
{
	return hundred_hosts(context, TAGS_MAX);
}

SEC("xdp/hosts_exact") int hosts_exact(struct xdp_md *context)
{
	return hundred_hosts(context, 0);
}
