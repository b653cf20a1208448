// What all programs that hand packets to user space share: constants, maps, and the way into a record.
#ifndef MEROPS_CAPTURE_H
#define MEROPS_CAPTURE_H

#include "capture_counters.h"
#include "capture_frames.h"

// How many bytes of each frame are wanted; 0 for its headers.
CONSTANT __u32 snap_length;
// enum capture_reader; the reader and the programs both write it, and a lost update only costs one early or late look.
volatile __u32 reader;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct capture_counters);
} counters SEC(".maps");

// A global function: see find_headers().
// Of the frame in the buffer, of which `length` bytes are there.
__attribute__((noinline)) int find_buffered_headers(__u32 length)
{
	__u32 key = 0, room = frame_room;
	struct frame_buffer *buffer = bpf_map_lookup_elem(&frames, &key);
	if (!buffer || length > room)
		return 0;
	struct frame frame = { buffer->frame, buffer->frame + length, room };
	return headers_end(&frame);
}

// A packet on its way into a record.
struct packet {
	__u32 wire_length;
	__u32 captured_length;
	__u32 interface;
	__u8 direction;
	__u8 link;
	__u8 socket_state;
};

static __always_inline void fill_head(struct capture_record *head, const struct packet *packet)
{
	head->time = bpf_ktime_get_ns();
	head->wire_length = packet->wire_length;
	head->interface = packet->interface;
	head->captured_length = packet->captured_length;
	head->direction = packet->direction;
	head->link = packet->link;
	head->socket_state = packet->socket_state;
}

static __always_inline struct capture_counters *counters_of_cpu(void)
{
	__u32 key = 0;
	struct capture_counters *count = bpf_map_lookup_elem(&counters, &key);
	if (count)
		count->seen++;
	return count;
}

// How many bytes of the frame in the buffer to take, where all of it has `whole_length`, perhaps more than there are.
static __always_inline __u32 wanted_length(__u32 buffered_length, __u32 whole_length, __u8 link)
{
	__u32 length;
	if (snap_length) {
		length = snap_length + (link == CAPTURE_IP ? ETH_HLEN : 0);
		return length > whole_length ? whole_length : length;
	}
	length = find_buffered_headers(buffered_length);
	return length > buffered_length ? buffered_length : length;
}

#ifdef USES_PERF_EVENTS
#include "capture_perf.h"
#else
#include "capture_ring.h"
#endif

// `packet->captured_length` bytes of the buffer, no more than the `room` it has.
static __always_inline void deliver_buffer(void *context, struct frame_buffer *buffer, CONSTANT __u32 *room,
					   const struct packet *packet, struct capture_counters *count)
{
	__u32 length = packet->captured_length;
	OPAQUE(length);
	if (length > *room)
		length = *room;
	fill_head(&buffer->head, packet);
	if (output(context, buffer, sizeof buffer->head + length) == 0)
		count->delivered++;
	else
		count->lost[LOST_RING_FULL]++;
}

#endif
