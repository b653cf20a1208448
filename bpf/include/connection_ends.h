// What a record says of a socket or of a segment: its ends, and what TCP has counted.
#ifndef MEROPS_CONNECTION_ENDS_H
#define MEROPS_CONNECTION_ENDS_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "connection_record.h"
#include "kernel.h"

#define AF_INET 2
#define AF_INET6 10

static __always_inline void set_mapped(__u8 *address, __be32 ipv4)
{
	__u32 words[4] = {0, 0, network32(0xffff), ipv4};
	__builtin_memcpy(address, words, sizeof words);
}

// Whose ends: of a socket, or of what becomes one. The local port is where each has its own.
static __always_inline void set_ends(struct connection_record *record, struct sock_common *socket)
{
	record->family = READ(socket, skc_family);
	record->namespace = READ(READ(socket, skc_net.net), ns.inum);
	record->remote_port = network16(READ(socket, skc_dport));
	if (record->family == AF_INET6 && HAS_MEMBER(socket, skc_v6_daddr)) {
		bpf_probe_read_kernel(record->local, sizeof record->local, &socket->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(record->remote, sizeof record->remote, &socket->skc_v6_daddr);
	} else {
		set_mapped(record->local, READ(socket, skc_rcv_saddr));
		set_mapped(record->remote, READ(socket, skc_daddr));
	}
}

static __always_inline void set_socket(struct connection_record *record, struct sock *socket)
{
	record->time = bpf_ktime_get_ns();
	record->socket = (__u64)socket;
	set_ends(record, &socket->__sk_common);
	// The number proper is taken away before the state is.
	record->local_port = network16(READ((struct inet_sock *)socket, inet_sport));
}

// What TCP has counted.
static __always_inline void set_counts(struct connection_record *record, struct sock *socket)
{
	struct tcp_sock *tcp = (struct tcp_sock *)socket;
	record->bytes_sent = READ(tcp, bytes_sent) - READ(tcp, bytes_retrans);
	record->bytes_received = READ(tcp, bytes_received);
	// A FIN is one byte there.
	if (record->bytes_received && READ(socket, __sk_common.skc_flags) & 1ul << ENUMERATOR(enum sock_flags, SOCK_DONE))
		record->bytes_received--;
	record->segments_sent = READ(tcp, segs_out);
	record->segments_received = READ(tcp, segs_in);
	record->retransmits = READ(tcp, total_retrans);
	record->round_trip = READ(tcp, srtt_us) >> 3;
}

// Whose ends a segment's headers name, where it is a SYN.
static __always_inline bool set_ends_of_syn(struct connection_record *record, struct sk_buff *skb)
{
	unsigned char *head = READ(skb, head);
	struct tcphdr tcp;
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;
	if (bpf_probe_read_kernel(&tcp, sizeof tcp, head + READ(skb, transport_header)) || !tcp.syn || tcp.ack ||
	    bpf_probe_read_kernel(&ip, sizeof ip, head + READ(skb, network_header)))
		return false;
	record->time = record->opened = bpf_ktime_get_ns();
	record->local_port = network16(tcp.dest);
	record->remote_port = network16(tcp.source);
	record->family = ip.v4.version == 6 ? AF_INET6 : AF_INET;
	if (record->family == AF_INET6) {
		__builtin_memcpy(record->local, &ip.v6.daddr, sizeof record->local);
		__builtin_memcpy(record->remote, &ip.v6.saddr, sizeof record->remote);
	} else {
		set_mapped(record->local, ip.v4.daddr);
		set_mapped(record->remote, ip.v4.saddr);
	}
	return true;
}

#endif
