// What the capture programs put into the ring buffer, one record a packet: this structure, then `captured_length` bytes
// of the frame from its first byte on. A record may be longer than the two together; what follows means nothing.
#ifndef MEROPS_CAPTURE_RECORD_H
#define MEROPS_CAPTURE_RECORD_H

#include <linux/types.h>

enum capture_direction {
	CAPTURE_IN = 0,
	CAPTURE_OUT = 1,
};

enum capture_link {
	CAPTURE_ETHERNET = 0,
	CAPTURE_IP = 1,  // no link header: the first 14 bytes are made up, and not counted in wire_length
};

struct capture_record {
	__u64 time;            // nanoseconds of CLOCK_MONOTONIC, when the program saw the packet
	__u32 wire_length;     // the whole frame, in bytes
	__u32 interface;       // index of the interface
	__u32 captured_length; // how many bytes of the frame follow
	__u8 direction;        // enum capture_direction
	__u8 link;             // enum capture_link
	__u8 socket_state;     // of the socket that the packet is for, enum of include/net/tcp_states.h; 0 where there is none
	__u8 padding;
};

#endif
