// What all programs that look at a frame's beginning share: the buffer in which it may lie, and the filter.
#ifndef MEROPS_CAPTURE_FRAMES_H
#define MEROPS_CAPTURE_FRAMES_H

#include "capture_headers.h"
#include "capture_record.h"

#define FRAME_ROOM 512

// filter() and filter_frame() have been replaced, and filter_list(), which they may call.
CONSTANT bool has_filter;
// How many bytes of a frame a buffer takes, beside the record's head.
CONSTANT __u32 frame_room = FRAME_ROOM;

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

// Whether the frame, of which `captured` bytes are in the buffer and `length` on the wire, is wanted. Hidden functions are looked at with each caller,
// so that the verifier knows where the frame is.
__attribute__((noinline, visibility("hidden"))) int filter_frame(__u8 *frame, __u32 captured, __u32 length)
{
	return ANSWER_1("r"(frame), "r"(captured), "r"(length));
}

// Whether numbers of a packet are in one of a filter's long lists. A global function: the verifier looks at it once and by
// itself.
__attribute__((noinline)) int filter_list(__u32 list, __u32 first, __u32 second, __u32 third, __u32 fourth)
{
	return ANSWER_1("r"(list), "r"(first), "r"(second), "r"(third), "r"(fourth));
}

static __always_inline struct frame_buffer *buffer_of_cpu(void)
{
	__u32 key = 0;
	return bpf_map_lookup_elem(&frames, &key);
}

// Whether the frame in the buffer, of which `length` bytes are there, is wanted.
static __always_inline bool is_wanted(struct frame_buffer *buffer, __u32 length, __u32 wire_length)
{
	OPAQUE(length);
	if (length > frame_room)
		length = frame_room;
	return !has_filter || filter_frame(buffer->frame, length, wire_length);
}

#endif
