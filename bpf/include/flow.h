// A flow: packets between two endpoints over one interface, counted for each direction. The key and the value of the map
// `flows`, and what the programs count beside it.
#ifndef MEROPS_FLOW_H
#define MEROPS_FLOW_H

#include <linux/types.h>

// What stands in the place of the ports.
enum flow_kind {
	FLOW_PORTS,      // the ports of TCP, UDP or SCTP
	FLOW_ADDRESSES,  // nothing: another protocol, or its header is not there
	FLOW_FRAGMENTS,  // nothing: later fragments, which have no ports
	FLOW_ECHO,       // twice the identifier: ICMP's echo requests and replies
	FLOW_MESSAGE,    // twice type and code of other messages of ICMP
};

// The endpoints are in an order that is the same for both directions. 48 bytes without holes.
struct flow_key {
	__u64 low[2], high[2];     // addresses in network order; IPv4 in the last 4 bytes, behind ::ffff
	__be16 low_port, high_port;
	__u32 interface;           // its index
	__u8 protocol;
	__u8 version;              // 4 or 6
	__u8 kind;                 // enum flow_kind
	__u8 padding[5];
};

// What one endpoint sent.
struct flow_side {
	__u64 packets;
	__u64 bytes;     // whole frames
	__u64 first;     // nanoseconds of CLOCK_MONOTONIC; 0 where nothing came
	__u64 last;
	__u32 sequence;  // TCP's numbers of the last packet
	__u32 acknowledged;
	// TCP's flags that were seen, each in a byte of its own: programs on several CPUs set them without hindering one another.
	__u8 flags[8];
	__u8 opened;     // a SYN without ACK was among them
	__u8 padding[7];
};

struct flow {
	struct flow_side low, high;
};

// Why a packet was not looked at further.
enum flow_passed_over {
	FLOW_NOT_SAMPLED,   // left out by the dice
	FLOW_FILTERED_OUT,  // the filter does not match
	FLOW_NOT_IP,        // has no flow
	FLOW_PASSED_OVER_CAUSES,
};

// Why a packet that matched was not counted.
enum flow_lost {
	FLOW_NO_ROOM,     // its flow did not get into the map, or was evicted at once
	FLOW_UNREADABLE,  // its bytes could not be copied
	FLOW_LOST_CAUSES,
};

// Per CPU, with the sums of `struct capture_counters`.
struct flow_counters {
	__u64 seen;
	__u64 matched;
	__u64 counted;
	__u64 passed_over[FLOW_PASSED_OVER_CAUSES];
	__u64 lost[FLOW_LOST_CAUSES];
	// Flows put into the map. Those that are not there any more have been evicted.
	__u64 inserted;
};

#endif
