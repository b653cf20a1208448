// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// Hands the packets of interfaces to user space, their headers or more of them, and lets them pass.
//
// XDP programs look at received frames where the driver has them. Classifiers (tc) look at what the network stack
// receives and sends; there the headers are first copied into a buffer, with what the kernel has taken out of them put back.

#include "capture.h"
#include "capture_interface.h"

// Ethernet, one of IPv4 and IPv6 without extensions, and TCP with the options of everyday.
#define HEADERS_MAX 96
#define HEADERS_MAX_BIT 64

// Packets come from a file, one at a time, whose length on the wire is `file_length`. The answer says which ones are taken, and no
// record is made of them.
CONSTANT bool from_file;
volatile __u32 file_length;

// Global functions are looked at by the verifier once and by themselves: in line, every way through the headers would be
// multiplied with every way through the copying.
__attribute__((noinline)) int find_headers(struct xdp_md *context)
{
	struct frame frame = { (void *)(long)context->data, (void *)(long)context->data_end, 0 };
	return headers_end(&frame);
}

// XDP

// Copies the part of `length` bytes that bit `size` of `length` stands for: behind all higher bits' parts, in steps of a
// type. From the highest bit to the lowest, this copies exactly `length` bytes. Both bounds always hold; the verifier
// does not see it, because it does not know that no more bits can be set than `length` has.
#define COPY_PART(size, type)                                                                   \
	if (length & (size)) {                                                                  \
		__u32 offset = length & ((2 * HEADERS_MAX_BIT - 1) & ~((size) * 2 - 1));                 \
		OPAQUE(offset);                                                                 \
		void *from = data + offset;                                                     \
		if (offset > room - (size) || from + (size) > end)                              \
			return false;                                                           \
		void *to = headers + offset;                                                    \
		_Pragma("unroll") for (unsigned i = 0; i < (size) / sizeof(type); i++)          \
			((volatile type *)to)[i] = ((type *)from)[i];                           \
	}

static __always_inline bool copy_headers(__u8 *headers, __u32 room, void *data, void *end, __u32 length)
{
	COPY_PART(64, __u64)
	COPY_PART(32, __u64)
	COPY_PART(16, __u64)
	COPY_PART(8, __u64)
	COPY_PART(4, __u32)
	COPY_PART(2, __u16)
	COPY_PART(1, __u8)
	return true;
}

// Any number of bytes, also behind data_end.
static __always_inline bool copy_frame(struct xdp_md *context, __u8 *frame, __u32 room, __u32 length)
{
	// Helpers take no length of 0, which the verifier knows best from one less.
	__u32 last = length - 1;
	OPAQUE(last);
	if (last >= room)
		return false;
	if (has_fragments)
		return bpf_xdp_load_bytes(context, 0, frame, last + 1) == 0;
	// Without fragments all of the frame lies behind `data`; so many bytes can only be read in one go by this helper, which
	// the verifier lets read anything.
	return bpf_probe_read_kernel(frame, last + 1, (void *)(long)context->data) == 0;
}

static __always_inline void capture_xdp(struct xdp_md *context, struct capture_counters *count)
{
	void *data = (void *)(long)context->data;
	void *end = (void *)(long)context->data_end;
	__u32 linear_length = end - data;
	__u32 frame_length = has_fragments ? bpf_xdp_get_buff_len(context) : linear_length;
	struct packet packet = {
		.wire_length = frame_length,
		.interface = context->ingress_ifindex,
		.direction = CAPTURE_IN,
	};
	if (has_filter && !filter(context, packet.wire_length)) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return;
	}
	count->matched++;

	__u32 length = snap_length;
	if (length == 0) {
		length = find_headers(context);
		if (length > linear_length)
			length = linear_length;
		// More extension headers than the buffer has room for.
		if (length > frame_room)
			length = frame_room;
	} else if (length > frame_length) {
		length = frame_length;
	}
	packet.captured_length = length;
	if (length <= HEADERS_MAX && length <= linear_length) {
		DELIVER(context, HEADERS_MAX, &packet, count, copy_headers(frame, room, data, end, length));
	} else if (length <= frame_room) {
		// One more copy, for a record that is no longer than the packet: the ring holds more of them, and the reader
		// reads on where it has read before.
		struct frame_buffer *buffer = buffer_of_cpu();
		if (buffer && copy_frame(context, buffer->frame, frame_room, length))
			deliver_buffer(context, buffer, &frame_room, &packet, count);
		else
			count->lost[LOST_UNREADABLE]++;
	} else {
		DELIVER_WHOLE(context, length, &packet, count, copy_frame(context, frame, room, length));
	}
}

// Returns whether the packet is taken.
static __always_inline bool judge(struct xdp_md *context, struct capture_counters *count)
{
	if (has_filter && !filter(context, file_length)) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return false;
	}
	count->matched++;
	count->delivered++;
	return true;
}

SEC("xdp")
int merops_capture(struct xdp_md *context)
{
	struct capture_counters *count = counters_of_cpu();
	if (count && from_file)
		return judge(context, count) ? XDP_PASS : XDP_DROP;
	if (count)
		capture_xdp(context, count);
	return XDP_PASS;
}

// Classifiers

static __always_inline void capture_skb(struct __sk_buff *skb, struct capture_counters *count, __u8 direction, __u8 link)
{
	struct frame_buffer *buffer = buffer_of_cpu();
	if (!buffer)
		return;
	__u32 added = added_length(skb, link);
	__u32 whole_length = skb->len + added;
	__u32 buffered_length = whole_length > frame_room ? frame_room : whole_length;
	struct packet packet = {
		.wire_length = link == CAPTURE_IP ? skb->len : whole_length,
		.interface = skb->ifindex,
		.direction = direction,
		.link = link,
	};
	if (!load_frame(skb, buffer->frame, frame_room, buffered_length, link)) {
		count->matched++;
		count->lost[LOST_UNREADABLE]++;
		return;
	}
	if (!is_wanted(buffer, buffered_length, packet.wire_length)) {
		count->passed_over[PASSED_OVER_FILTERED_OUT]++;
		return;
	}
	count->matched++;

	__u32 length = wanted_length(buffered_length, whole_length, link);
	packet.captured_length = length;
	OPAQUE(length);
	if (length <= frame_room)
		deliver_buffer(skb, buffer, &frame_room, &packet, count);
	else if (snap_length)
		DELIVER_WHOLE(skb, length, &packet, count, load_frame(skb, frame, room, length, link));
}

#define CLASSIFIER(name, direction, link)                                  \
	SEC("tc")                                                          \
	int name(struct __sk_buff *packet)                                 \
	{                                                                  \
		struct capture_counters *count = counters_of_cpu();        \
		if (count)                                                 \
			capture_skb(packet, count, direction, link);       \
		return -1; /* TC_ACT_UNSPEC: whoever comes next decides */ \
	}

CLASSIFIER(merops_in, CAPTURE_IN, CAPTURE_ETHERNET)
CLASSIFIER(merops_out, CAPTURE_OUT, CAPTURE_ETHERNET)
CLASSIFIER(merops_ip_in, CAPTURE_IN, CAPTURE_IP)
CLASSIFIER(merops_ip_out, CAPTURE_OUT, CAPTURE_IP)

char licence[] SEC("license") = "Dual BSD/GPL";
