// How programs on interfaces, XDP and classifiers (tc), get at packets.
#ifndef MEROPS_CAPTURE_INTERFACE_H
#define MEROPS_CAPTURE_INTERFACE_H

#include "capture_frames.h"

// The kernel has BPF_F_XDP_HAS_FRAGS, bpf_xdp_get_buff_len() and bpf_xdp_load_bytes(), so a frame may go on behind
// data_end.
CONSTANT bool has_fragments;

// Whether the packet, of `length` bytes on the wire, is wanted. User space puts the compiled filter here. A global
// function, so that its compiler has a place whose registers are known: the context and a number.
__attribute__((noinline)) int filter(struct xdp_md *context, __u32 length)
{
	return ANSWER_1("r"(context), "r"(length));
}

// Classifiers

#define ADDRESSES_LENGTH (2 * ETH_ALEN)
#define TAG_LENGTH ((__u32)sizeof(struct vlan_header))

// What is put into a frame of which the kernel has taken something: how many bytes, and where.
static __always_inline __u32 added_length(struct __sk_buff *packet, __u8 link)
{
	if (link == CAPTURE_IP)
		return ETH_HLEN;
	return packet->vlan_present ? TAG_LENGTH : 0;
}

// The first `length` bytes of the frame as it is on the wire. `room` is 64 at least, and constant.
static __always_inline bool load_frame(struct __sk_buff *packet, __u8 *frame, __u32 room, __u32 length, __u8 link)
{
	__u32 start = 0, rest = length;
	if (link == CAPTURE_IP) {
		__builtin_memset(frame, 0, ADDRESSES_LENGTH);
		*(__be16 *)(frame + ADDRESSES_LENGTH) = packet->protocol;
		frame += ETH_HLEN;
		rest = length - ETH_HLEN;
		room -= ETH_HLEN;
	} else if (packet->vlan_present) {
		if (bpf_skb_load_bytes(packet, 0, frame, ADDRESSES_LENGTH) < 0)
			return false;
		struct vlan_header *tag = (void *)frame + ADDRESSES_LENGTH;
		// The type of the tag stands in front of it.
		tag->tag = packet->vlan_proto;
		tag->protocol = network16(packet->vlan_tci);
		frame += ADDRESSES_LENGTH + TAG_LENGTH;
		rest = length - ADDRESSES_LENGTH - TAG_LENGTH;
		room -= ADDRESSES_LENGTH + TAG_LENGTH;
		start = ADDRESSES_LENGTH;
	}
	__u32 last = rest - 1;
	OPAQUE(last);
	if (last >= room)
		return false;
	return bpf_skb_load_bytes(packet, start, frame, last + 1) == 0;
}

#endif
