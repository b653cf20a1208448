// The kernel's types, as far as they are looked at; where their members are is worked out for the running kernel.
#ifndef MEROPS_KERNEL_H
#define MEROPS_KERNEL_H

#include <linux/in6.h>

#include "bpf.h"

#define OF_KERNEL __attribute__((preserve_access_index))

// What a member of a kernel's structure holds; 0 where it cannot be read.
#define READ(pointer, member)                                                             \
	({                                                                                \
		__typeof__((pointer)->member) value = 0;                                  \
		bpf_probe_read_kernel((void *)&value, sizeof value, &(pointer)->member);  \
		value;                                                                    \
	})

// What a bit field of up to 8 bytes holds: the bytes around it are read, and the bits shifted to the left and back.
#define READ_BITS(pointer, member)                                                                             \
	({                                                                                                     \
		__u64 value = 0;                                                                               \
		bpf_probe_read_kernel(&value, __builtin_preserve_field_info((pointer)->member, 1 /* BPF_FIELD_BYTE_SIZE */), \
				      (const char *)(pointer) +                                                \
					      __builtin_preserve_field_info((pointer)->member, 0 /* BPF_FIELD_BYTE_OFFSET */)); \
		value <<= __builtin_preserve_field_info((pointer)->member, 4 /* BPF_FIELD_LSHIFT_U64 */);      \
		value >>= __builtin_preserve_field_info((pointer)->member, 5 /* BPF_FIELD_RSHIFT_U64 */);      \
		value;                                                                                         \
	})

// Whether the kernel's structure has the member.
#define HAS_MEMBER(pointer, member) __builtin_preserve_field_info((pointer)->member, 2 /* BPF_FIELD_EXISTS */)
// Whether the kernel has the type.
#define HAS_TYPE(type) __builtin_preserve_type_info(*(type *)0, 0 /* BPF_TYPE_EXISTS */)

// What an enumerator is in the kernel.
#define ENUMERATOR(type, name) __builtin_preserve_enum_value(*(type *)name, 1 /* BPF_ENUMVAL_VALUE */)

// Networks

struct ns_common {
	unsigned int inum;
} OF_KERNEL;

struct net {
	struct ns_common ns;
} OF_KERNEL;

typedef struct {
	struct net *net;
} OF_KERNEL possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} OF_KERNEL;

// Sockets

// enum in include/net/tcp_states.h
enum tcp_state {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

enum sock_flags {
	SOCK_DEAD,
	SOCK_DONE,  // its FIN has come
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	unsigned long skc_flags;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} OF_KERNEL;

typedef struct {
	unsigned int val;
} OF_KERNEL kuid_t;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	__u8 sk_shutdown;
	__u16 sk_type;
	__u16 sk_protocol;
	unsigned int sk_ack_backlog;
	unsigned int sk_max_ack_backlog;
	kuid_t sk_uid;
} OF_KERNEL;

struct inet_sock {
	__be16 inet_sport;
} OF_KERNEL;

typedef struct {
	int counter;
} OF_KERNEL atomic_t;

struct request_sock_queue {
	atomic_t qlen;
} OF_KERNEL;

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
} OF_KERNEL;

struct tcp_sock {
	__u32 segs_in;
	__u32 segs_out;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u32 srtt_us;
	__u32 total_retrans;
} OF_KERNEL;

// A connection before its third segment.
struct request_sock {
	struct sock_common __req_common;
	__u8 num_timeout : 7;
} OF_KERNEL;

struct tcp_request_sock {
	__u64 snt_synack;
} OF_KERNEL;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned char *head, *data;
	unsigned int len, data_len;
	__u16 transport_header;
	__u16 network_header;
} OF_KERNEL;

// Tasks and their files

struct cred {
	kuid_t uid;
} OF_KERNEL;

struct inode {
	__u16 i_mode;
} OF_KERNEL;

struct file {
	struct inode *f_inode;
	void *private_data;
} OF_KERNEL;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} OF_KERNEL;

struct files_struct {
	struct fdtable *fdt;
} OF_KERNEL;

struct kernfs_node {
	__u64 id;
} OF_KERNEL;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} OF_KERNEL;

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
} OF_KERNEL;

struct css_set {
	struct cgroup *dfl_cgrp;  // in hierarchy 2
} OF_KERNEL;

struct task_struct {
	int tgid;
	char comm[16];
	const struct cred *real_cred;
	struct files_struct *files;
	struct css_set *cgroups;
} OF_KERNEL;

struct socket {
	struct sock *sk;
} OF_KERNEL;

// The registers at a probe

struct pt_regs___x86 {
	unsigned long ax;
	unsigned long di, si, dx, cx;
} OF_KERNEL;

struct user_pt_regs___arm {
	__u64 regs[31];
} OF_KERNEL;

// What a function was given in its registers.
#define ARGUMENT(number, x86_register)                                               \
	static __always_inline void *argument##number(void *registers)               \
	{                                                                            \
		struct pt_regs___x86 *x86 = registers;                               \
		struct user_pt_regs___arm *arm = registers;                          \
		if (HAS_MEMBER(x86, x86_register))                                   \
			return (void *)READ(x86, x86_register);                      \
		return (void *)READ(arm, regs[number]);                              \
	}

ARGUMENT(0, di)
ARGUMENT(1, si)
ARGUMENT(2, dx)
ARGUMENT(3, cx)

// What it returns.
static __always_inline __u64 returned(void *registers)
{
	struct pt_regs___x86 *x86 = registers;
	struct user_pt_regs___arm *arm = registers;
	if (HAS_MEMBER(x86, ax))
		return READ(x86, ax);
	return READ(arm, regs[0]);
}

#endif
