// What is kept of connections, and the way to user space.
#ifndef MEROPS_CONNECTION_MAPS_H
#define MEROPS_CONNECTION_MAPS_H

#include "connection_filter.h"

// Of what is told.
CONSTANT bool tells_opened;
CONSTANT bool tells_closed;
// Whose they are is told as soon as it is known.
CONSTANT bool tells_steps;
// Whether the kernel lets the programs ask for a socket's cookie (5.12).
CONSTANT bool has_cookie;
CONSTANT bool uses_perf_events;
// How many bytes may lie in the ring before the reader is woken. It looks by itself, often: waking it interrupts the program that
// does so, and where the kernel then makes the task give way, all that the program should see on this CPU meanwhile is not seen.
CONSTANT __u32 wake_bytes = 1 << 18;

// What is kept of a connection while it is there.
struct connection {
	struct connection_owner_task owner;
	__u64 opened;
	__u64 established;
	__u64 cookie;
	__u32 flags;
	__u32 is_told;  // that it has begun
};

// By socket.
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 1 << 16);
	MAP_TYPE(key, __u64);
	MAP_TYPE(value, struct connection);
} connections SEC(".maps");

// Who listens, by socket, and by network namespace and port: the kernel does not say of a new socket which one it is from.
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 1 << 14);
	MAP_TYPE(key, __u64);
	MAP_TYPE(value, struct connection_owner_task);
} listeners SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_HASH);
	MAP_NUMBER(max_entries, 1 << 13);
	MAP_TYPE(key, struct half_open_key);
	MAP_TYPE(value, struct half_open);
} half_open SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct connection_counters);
} counters SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	MAP_NUMBER(max_entries, 8 << 20);
} records SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	MAP_NUMBER(key_size, 4);
	MAP_NUMBER(value_size, 4);
} samples SEC(".maps");

static __always_inline struct connection_counters *counters_of_cpu(void)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&counters, &key);
}

#define COUNT(member)                                               \
	({                                                          \
		struct connection_counters *count = counters_of_cpu(); \
		if (count)                                          \
			count->member++;                            \
	})

static __always_inline long output(void *context, struct connection_record *record)
{
	if (uses_perf_events)
		return bpf_perf_event_output(context, &samples, BPF_F_CURRENT_CPU, record, sizeof *record);
	bool is_filling_up = bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) >= wake_bytes;
	return bpf_ringbuf_output(&records, record, sizeof *record, is_filling_up ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void deliver(void *context, struct connection_record *record)
{
	struct connection_counters *count = counters_of_cpu();
	if (!count)
		return;
	count->seen++;
	if (!is_wanted_place(record) || !is_wanted_owner(&record->owner)) {
		count->filtered_out++;
		return;
	}
	count->matched++;
	if (output(context, record))
		count->ring_full++;
	else
		count->delivered++;
}

// More of what has been told already: counted only where it is lost.
static __always_inline void add_to_delivered(void *context, struct connection_record *record)
{
	struct connection_counters *count = counters_of_cpu();
	if (!count || !is_wanted_place(record) || !output(context, record))
		return;
	count->seen++;
	count->matched++;
	count->ring_full++;
}

#endif
