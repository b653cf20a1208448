// Records in the ring buffer that all CPUs share.
#ifndef MEROPS_CAPTURE_RING_H
#define MEROPS_CAPTURE_RING_H

// Sizes of record for what the buffer has no room for: a reservation must have a constant one. Jumbo frames, and what the
// kernel gathers before it sends and after it receives.
#define FRAME_4096 4096
#define FRAME_9216 9216
#define FRAME_16384 16384
#define FRAME_65664 65664
#define FRAME_262144 262144

// How many bytes may lie in the ring before a resting reader is woken.
CONSTANT __u32 wake_bytes = 1 << 20;

struct {
	MAP_NUMBER(type, BPF_MAP_TYPE_RINGBUF);
	MAP_NUMBER(max_entries, 8 << 20);
} records SEC(".maps");

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

// A record that lies elsewhere. Returns 0 where there was room.
static __always_inline long output(__attribute__((unused)) void *context, void *record, __u64 size)
{
	return bpf_ringbuf_output(&records, record, size, wake_flags());
}

static __always_inline void finish(struct capture_counters *count, void *record, bool is_copied)
{
	if (is_copied) {
		count->delivered++;
		bpf_ringbuf_submit(record, wake_flags());
	} else {
		count->lost[LOST_UNREADABLE]++;
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	}
}

// `copy` is an expression that fills `frame`, which has `room` for `size` bytes, and says whether it did.
#define DELIVER(context, size, packet, count, copy)                                               \
	do {                                                                                      \
		struct capture_record *head =                                                     \
			bpf_ringbuf_reserve(&records, sizeof(struct capture_record) + (size), 0); \
		if (!head) {                                                                      \
			count->lost[LOST_RING_FULL]++;                                            \
			return;                                                                   \
		}                                                                                 \
		__u8 *frame = (__u8 *)(head + 1);                                                 \
		const __u32 room = (size);                                                        \
		fill_head(head, packet);                                                          \
		finish(count, head, copy);                                                        \
	} while (0)

// By the sizes of whole packets.
#define DELIVER_WHOLE(context, length, packet, count, copy)              \
	do {                                                             \
		if (length <= FRAME_4096)                                \
			DELIVER(context, FRAME_4096, packet, count, copy);        \
		else if (length <= FRAME_9216)                           \
			DELIVER(context, FRAME_9216, packet, count, copy);        \
		else if (length <= FRAME_16384)                          \
			DELIVER(context, FRAME_16384, packet, count, copy);       \
		else if (length <= FRAME_65664)                          \
			DELIVER(context, FRAME_65664, packet, count, copy);       \
		else                                                     \
			DELIVER(context, FRAME_262144, packet, count, copy);      \
	} while (0)

#endif
