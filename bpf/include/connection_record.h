// What the connection programs tell user space. All in the host's byte order, unless it says otherwise.
#ifndef MEROPS_CONNECTION_RECORD_H
#define MEROPS_CONNECTION_RECORD_H

#include <linux/types.h>

enum connection_event {
	CONNECTION_OPENED,   // the handshake is over
	CONNECTION_CLOSED,   // the socket is in no state any more
	CONNECTION_REFUSED,  // a SYN that no socket wanted
	CONNECTION_ABORTED,  // a socket that was closed a moment ago has answered with a reset
	CONNECTION_SYN,      // a SYN that a listening socket takes
	// Only where each step is wanted:
	CONNECTION_BEGUN,    // the first SYN is about to go out
	CONNECTION_ACCEPTED, // a task has got it
	CONNECTION_FOUND,    // was there before the programs
};

// How the owner is known.
enum connection_owner {
	OWNER_UNKNOWN,
	OWNER_CONNECTED,  // the task that called connect()
	OWNER_ACCEPTED,   // the task that called accept()
	OWNER_HELD,       // a task that had the socket open when the programs were started
	OWNER_LISTENED,   // the task that called listen(), for a connection that nobody has accepted
	OWNER_CLOSED,     // the task that began to close it; it merely ran
	OWNER_RECORDED,   // only the user, whom the socket is of
};

enum connection_flag {
	FLAG_ACTIVE = 1 << 0,          // begun by connect()
	FLAG_PASSIVE = 1 << 1,         // begun by a SYN from the other side
	FLAG_RESET_SENT = 1 << 2,
	FLAG_RESET_RECEIVED = 1 << 3,
	FLAG_FOUND = 1 << 4,           // was there before the programs
	FLAG_UNTRACKED = 1 << 5,       // nothing was kept of it: it is older than the programs, or the table was full
	FLAG_SYN_FORGOTTEN = 1 << 6,   // opened with its third segment: nobody knows when the first came (SYN cookies)
	FLAG_SHUT_DOWN = 1 << 7,       // the process sends no more: it was on its way to close the socket
};

struct connection_owner_task {
	__u64 cgroup;    // its cgroup's number in hierarchy 2; 0 where unknown
	__u32 process;   // as numbered in the first PID namespace
	__u32 user;
	char name[16];   // ends with a zero
	__u8 known_by;   // enum connection_owner
	__u8 is_below;   // in one of the wanted cgroups, or below it
	__u8 padding[6];
};

struct connection_record {
	__u64 time;           // CLOCK_MONOTONIC, in nanoseconds, like the next two
	__u64 opened;         // when its first segment went out or came in; 0 where unknown
	__u64 established;    // 0 where it never was, or unknown
	__u64 socket;         // where the kernel has it: the same for all records of one connection
	__u64 cookie;         // 0 where the kernel does not tell
	__u64 bytes_sent;     // of data, without what was sent again
	__u64 bytes_received;
	struct connection_owner_task owner;
	__u8 local[16];       // IPv6; of IPv4 as ::ffff:a.b.c.d
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 namespace;      // the network namespace's inode
	__u32 segments_sent;
	__u32 segments_received;
	__u32 retransmits;
	__u32 round_trip;     // smoothed, in microseconds; 0 where unknown
	__u32 error;          // errno
	__u16 flags;          // enum connection_flag
	__u8 event;           // enum connection_event
	__u8 family;          // the socket's
	__u8 state;           // that it had before; enum tcp_state
	__u8 padding[3];
	// Of the listening socket, for CONNECTION_SYN.
	__u32 waiting;        // connections to be accepted
	__u32 waiting_limit;
	__u32 half_open;      // connections in their handshake
};

// What is counted, per CPU: seen = filtered_out + matched, and matched = delivered + full.
struct connection_counters {
	__u64 seen;
	__u64 matched;
	__u64 delivered;
	__u64 filtered_out;
	__u64 ring_full;
	// Connections of whose beginning nothing could be kept, since a table was full.
	__u64 untracked;
	__u64 half_open_untracked;
	// Listening sockets of which nobody knows whose they are, since their table was full.
	__u64 listeners_untracked;
};

// A connection of which the first answer had to be sent again, and whose third segment has not come.
struct half_open {
	__u64 opened;        // when the first answer was sent
	__u64 last;          // and when for the last time
	struct connection_owner_task owner;
	__u32 retransmits;
	__u8 family;
	__u8 timeouts;       // how often nothing had come in time, when it was sent for the last time
	__u8 padding[2];
};

struct half_open_key {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 namespace;
};

#endif
