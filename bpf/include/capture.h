// What all capture programs share: constants, maps, the buffer in which a frame lies, and the way into the ring.
#ifndef MEROPS_CAPTURE_H
#define MEROPS_CAPTURE_H

#include "capture_counters.h"
#include "capture_headers.h"
#include "capture_record.h"

#define FRAME_ROOM 512

// filter() and filter_frame() have been replaced, and filter_list(), which they may call.
CONSTANT bool has_filter;
// How many bytes of each frame are wanted; 0 for its headers.
CONSTANT __u32 snap_length;
// How many bytes of a frame a buffer takes, beside the record's head.
CONSTANT __u32 frame_room = FRAME_ROOM;
// How many bytes may lie in the ring before a resting reader is woken.
CONSTANT __u32 wake_bytes = 1 << 20;

// enum capture_reader; the reader and the programs both write it, and a lost update only costs one early or late look.
volatile __u32 reader;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	MAP_NUMBER(max_entries, 8 << 20);
} records SEC(".maps");

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct capture_counters);
} counters SEC(".maps");

struct frame_buffer {
	struct capture_record head;
	__u8 frame[FRAME_ROOM];
};

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	MAP_TYPE(value, struct frame_buffer);
} frames SEC(".maps");

// What is passed and returned is not a function's own to foretell, where another will take its place.
#define ANSWER_1(...)                                           \
	({                                                      \
		int answer = 1;                                 \
		asm volatile("" : "+r"(answer) : __VA_ARGS__);  \
		answer;                                         \
	})

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

// Whether the frame, of which `captured` bytes are in the buffer and `length` on the wire, is wanted. Hidden functions are looked at with each caller,
// so that the verifier knows where the frame is.
__attribute__((noinline, visibility("hidden"))) int filter_frame(__u8 *frame, __u32 captured, __u32 length)
{
	return ANSWER_1("r"(frame), "r"(captured), "r"(length));
}

// Whether numbers of a packet are in one of a filter's long lists. A global function: see find_headers().
__attribute__((noinline)) int filter_list(__u32 list, __u32 first, __u32 second, __u32 third, __u32 fourth)
{
	return ANSWER_1("r"(list), "r"(first), "r"(second), "r"(third), "r"(fourth));
}

// Whether the reader has to be told of the record that is about to be submitted.
static __always_inline __u64 wake_flags(void)
{
	__u32 state = reader;
	if (state == READER_RUNS)
		return BPF_RB_NO_WAKEUP;
	if (state == READER_RESTS && bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) < wake_bytes)
		return BPF_RB_NO_WAKEUP;
	reader = READER_RUNS;
	return BPF_RB_FORCE_WAKEUP;
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

static __always_inline struct frame_buffer *buffer_of_cpu(void)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&frames, &key);
}

// Whether the frame in the buffer, of which `length` bytes are there, is wanted.
static __always_inline bool is_wanted(struct frame_buffer *buffer, __u32 length, const struct packet *packet)
{
	OPAQUE(length);
	if (length > frame_room)
		length = frame_room;
	return !has_filter || filter_frame(buffer->frame, length, packet->wire_length);
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

// `packet->captured_length` bytes of the buffer, no more than it has.
static __always_inline void deliver_buffer(struct frame_buffer *buffer, const struct packet *packet,
					   struct capture_counters *count)
{
	__u32 length = packet->captured_length;
	OPAQUE(length);
	if (length > frame_room)
		length = frame_room;
	fill_head(&buffer->head, packet);
	if (bpf_ringbuf_output(&records, buffer, sizeof buffer->head + length, wake_flags()) == 0)
		count->delivered++;
	else
		count->lost[LOST_RING_FULL]++;
}

#endif
