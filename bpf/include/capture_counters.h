// What the capture programs count, per CPU. Each packet is counted in `seen` and in exactly one of the others, so
// that   seen = sum(passed_over) + matched   and   matched = delivered + sum(lost)   hold for every CPU on its own.
#ifndef MEROPS_CAPTURE_COUNTERS_H
#define MEROPS_CAPTURE_COUNTERS_H

#include <linux/types.h>

// Why a packet was not looked at further.
enum capture_passed_over {
	PASSED_OVER_FILTERED_OUT,  // the filter does not match
	PASSED_OVER_CAUSES,
};

// Why a packet that matched was not delivered.
enum capture_lost {
	LOST_RING_FULL,   // no room: the reader is too slow or the ring too small
	LOST_UNREADABLE,  // its bytes could not be copied
	LOST_CAUSES,
};

struct capture_counters {
	__u64 seen;
	__u64 matched;
	__u64 delivered;
	__u64 passed_over[PASSED_OVER_CAUSES];
	__u64 lost[LOST_CAUSES];
};

// What the reader is doing, told to the programs through a mapped variable, so that they wake it no more than needed.
enum capture_reader {
	READER_RUNS,    // will look again by itself
	READER_RESTS,   // sleeps for some milliseconds: wake it when the ring fills up
	READER_WAITS,   // sleeps until there is something: wake it at the next packet
};

#endif
