// Records as samples of perf events, in a ring for each CPU.
#ifndef MEROPS_CAPTURE_PERF_H
#define MEROPS_CAPTURE_PERF_H

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	MAP_NUMBER(key_size, 4);
	MAP_NUMBER(value_size, 4);
} samples SEC(".maps");

// Wakes a reader who waits: those of `samples` do so when much has come only.
struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	MAP_NUMBER(key_size, 4);
	MAP_NUMBER(value_size, 4);
} bells SEC(".maps");

// For what the buffer has no room for: values of per-CPU maps are no larger than 32 KiB, so this has an element for each
// CPU. User space makes both the values and `whole_room` larger where more than everyday packets is wanted.
#define WHOLE_ROOM 64
CONSTANT __u32 whole_room = WHOLE_ROOM;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_ARRAY);
	MAP_NUMBER(max_entries, 1);
	MAP_TYPE(key, __u32);
	__u8 (*value)[sizeof(struct capture_record) + WHOLE_ROOM];
} whole_frames SEC(".maps");

// A record, wherever it lies. Returns 0 where there was room.
static __always_inline long output(void *context, void *record, __u64 size)
{
	long error = bpf_perf_event_output(context, &samples, BPF_F_CURRENT_CPU, record, size);
	if (!error && reader == READER_WAITS) {
		reader = READER_RUNS;
		// Whatever it has, the sample is not looked at.
		bpf_perf_event_output(context, &bells, BPF_F_CURRENT_CPU, record, sizeof(__u64));
	}
	return error;
}

static __always_inline struct frame_buffer *whole_buffer_of_cpu(void)
{
	__u32 key = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&whole_frames, &key);
}

// `copy` is an expression that fills `frame`, of `size` bytes, which is no more than the buffer's `whole`, and says whether
// it did.
#define DELIVER_FROM(buffer_of_cpu, whole, context, size, packet, count, copy)     \
	do {                                                                       \
		struct frame_buffer *buffer = buffer_of_cpu();                     \
		if (!buffer) {                                                     \
			count->lost[LOST_UNREADABLE]++;                            \
			return;                                                    \
		}                                                                  \
		__u8 *frame = buffer->frame;                                       \
		const __u32 room = (size);                                         \
		if (copy)                                                          \
			deliver_buffer(context, buffer, &whole, packet, count);    \
		else                                                               \
			count->lost[LOST_UNREADABLE]++;                            \
	} while (0)

#define DELIVER(context, size, packet, count, copy) \
	DELIVER_FROM(buffer_of_cpu, frame_room, context, size, packet, count, copy)
#define DELIVER_WHOLE(context, length, packet, count, copy) \
	DELIVER_FROM(whole_buffer_of_cpu, whole_room, context, whole_room, packet, count, copy)

#endif
