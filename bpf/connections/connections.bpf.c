// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// Follows the kernel's TCP sockets from state to state and tells user space of each connection: when it is open, and what
// it was when it is over.

#include "connection_ends.h"
#include "connection_owner.h"

#define SEND_SHUTDOWN 2

static __u64 (*const bpf_get_socket_cookie)(void *socket) = (void *)BPF_FUNC_get_socket_cookie;
struct seq_file;
static struct socket *(*const bpf_sock_from_file)(struct file *file) = (void *)BPF_FUNC_sock_from_file;
static long (*const bpf_seq_write)(struct seq_file *to, const void *data, __u32 size) = (void *)BPF_FUNC_seq_write;

static __always_inline void set_known(struct connection_record *record, const struct connection *known)
{
	record->flags = known->flags;
	record->opened = known->opened;
	record->established = known->established;
	record->cookie = known->cookie;
	record->owner = known->owner;
}

// Tells more of a connection that has been told of, or will be.
static __always_inline void tell_step(void *context, struct sock *socket, const struct connection *known, __u8 event)
{
	struct connection_record record = {.event = event};
	set_socket(&record, socket);
	set_known(&record, known);
	record.state = READ(socket, __sk_common.skc_state);
	deliver(context, &record);
}

// From state to state

// Only for programs that have the socket as an argument.
static __always_inline __u64 cookie_of(struct sock *socket)
{
	return has_cookie ? bpf_get_socket_cookie(socket) : 0;
}

static __always_inline void begin(struct sock *socket, __u32 flags)
{
	struct connection new = {.opened = bpf_ktime_get_ns(), .flags = flags};
	if (flags & FLAG_ACTIVE) {
		set_current_task(&new.owner, OWNER_CONNECTED);
		new.cookie = cookie_of(socket);
	}
	__u64 key = (__u64)socket;
	if (bpf_map_update_elem(&connections, &key, &new, BPF_ANY))
		COUNT(untracked);
}

static __always_inline struct half_open_key half_open_key(const struct connection_record *record)
{
	struct half_open_key key = {.local_port = record->local_port,
				    .remote_port = record->remote_port,
				    .namespace = record->namespace};
	__builtin_memcpy(key.local, record->local, sizeof key.local);
	__builtin_memcpy(key.remote, record->remote, sizeof key.remote);
	return key;
}

// What began with a SYN from the other side is seen with the third segment only. How long ago the second one went out, the
// kernel has just measured; where that had to be sent more than once, it has been written down.
static __always_inline void set_beginning(struct connection *connection, const struct connection_record *record,
					  struct sock *socket)
{
	struct half_open_key key = half_open_key(record);
	struct half_open *before = bpf_map_lookup_elem(&half_open, &key);
	if (before) {
		connection->opened = before->opened;
		bpf_map_delete_elem(&half_open, &key);
		return;
	}
	__u32 measured = READ((struct tcp_sock *)socket, srtt_us);
	__u64 round_trip = (__u64)(measured >> 3) * 1000;
	// 0 is what it is before it has been measured, and never afterwards.
	if (!measured)
		connection->flags |= FLAG_SYN_FORGOTTEN;
	else if (record->time - connection->opened < round_trip)
		connection->opened = record->time - round_trip;
}

static __always_inline void establish(void *context, struct sock *socket)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	if (!known)
		return;
	struct connection_record record = {.event = CONNECTION_OPENED, .state = READ(socket, __sk_common.skc_state)};
	set_socket(&record, socket);
	known->established = record.time;
	// The kernel gives one that others began its own only now.
	known->cookie = cookie_of(socket);
	if (known->flags & FLAG_PASSIVE) {
		set_beginning(known, &record, socket);
		set_listener(&record, &known->owner);
	}
	if (!is_wanted_place(&record)) {
		// Never will be.
		bpf_map_delete_elem(&connections, &key);
		return;
	}
	if (!tells_opened)
		return;
	set_known(&record, known);
	set_counts(&record, socket);
	set_recorded_owner(&record, socket);
	deliver(context, &record);
}

static __always_inline void end(void *context, struct sock *socket, __u8 state)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	struct connection_record record = {.event = CONNECTION_CLOSED, .state = state};
	set_socket(&record, socket);
	if (known)
		set_known(&record, known);
	else
		record.flags = FLAG_UNTRACKED;
	record.cookie = cookie_of(socket);
	record.error = READ(socket, sk_err);
	if (READ(socket, sk_shutdown) & SEND_SHUTDOWN)
		record.flags |= FLAG_SHUT_DOWN;
	set_counts(&record, socket);
	set_recorded_owner(&record, socket);
	if (known)
		bpf_map_delete_elem(&connections, &key);
	if (tells_closed)
		deliver(context, &record);
}

static __always_inline void add_flag(struct sock *socket, __u32 flag)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	if (known)
		known->flags |= flag;
}

// shutdown() and close() come from a task, mostly one that has the socket.
static __always_inline void begin_closing(struct sock *socket)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	if (known && !known->owner.known_by)
		set_current_task(&known->owner, OWNER_CLOSED);
}

SEC("tp_btf/inet_sock_set_state")
int merops_state(__u64 *arguments)
{
	struct sock *socket = (struct sock *)arguments[0];
	int old = arguments[1], new = arguments[2];
	if (READ(socket, sk_protocol) != IPPROTO_TCP)
		return 0;
	switch (new) {
	case TCP_SYN_SENT:
		begin(socket, FLAG_ACTIVE);
		break;
	case TCP_SYN_RECV:
		if (old == TCP_LISTEN)
			begin(socket, FLAG_PASSIVE);
		break;
	case TCP_ESTABLISHED:
		establish(arguments, socket);
		break;
	case TCP_FIN_WAIT1:
	case TCP_LAST_ACK:
		begin_closing(socket);
		break;
	case TCP_LISTEN: {
		struct connection_owner_task owner = {};
		set_current_task(&owner, OWNER_LISTENED);
		begin_listening(socket, &owner);
		break;
	}
	case TCP_CLOSE:
		if (old == TCP_LISTEN)
			end_listening(socket);
		else if (old != TCP_CLOSE)
			end(arguments, socket, old);
		break;
	}
	return 0;
}

// The local port is chosen when the state is SYN_SENT already, and the first SYN goes out.

static __always_inline int begun(void *context, struct sock *socket)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	if (known && !known->is_told) {
		known->is_told = 1;
		tell_step(context, socket, known, CONNECTION_BEGUN);
	}
	return 0;
}

SEC("fentry/tcp_connect")
int merops_begun_call(__u64 *arguments)
{
	return begun(arguments, (struct sock *)arguments[0]);
}

SEC("kprobe/tcp_connect")
int merops_begun_probe(void *registers)
{
	return begun(registers, argument0(registers));
}

// Where functions cannot be probed, the SYN itself is seen on its way to the interface.
SEC("tp_btf/net_dev_queue")
int merops_begun_packet(__u64 *arguments)
{
	struct sk_buff *skb = (struct sk_buff *)arguments[0];
	struct sock *socket = READ(skb, sk);
	return socket && READ(socket, __sk_common.skc_state) == TCP_SYN_SENT ? begun(arguments, socket) : 0;
}

SEC("tp_btf/tcp_receive_reset")
int merops_reset_received(__u64 *arguments)
{
	add_flag((struct sock *)arguments[0], FLAG_RESET_RECEIVED);
	return 0;
}

// A SYN that nobody wanted.
static __always_inline void refuse(void *context, struct sk_buff *skb)
{
	struct connection_record record = {
		.event = CONNECTION_REFUSED,
		.state = TCP_LISTEN,
		.flags = FLAG_PASSIVE | FLAG_RESET_SENT,
		.namespace = READ(READ(READ(skb, dev), nd_net.net), ns.inum),
		.segments_sent = 1,
		.segments_received = 1,
	};
	if (tells_closed && set_ends_of_syn(&record, skb))
		deliver(context, &record);
}

static __always_inline void send_reset(void *context, struct sock *socket)
{
	__u64 key = (__u64)socket;
	if (bpf_map_lookup_elem(&connections, &key)) {
		add_flag(socket, FLAG_RESET_SENT);
		return;
	}
	if (READ(socket, __sk_common.skc_state) != TCP_CLOSE)
		return;
	struct connection_record record = {.event = CONNECTION_ABORTED, .flags = FLAG_RESET_SENT};
	set_socket(&record, socket);
	add_to_delivered(context, &record);
}

// Linux 6.10 tells of resets without a socket, too.
SEC("tp_btf/tcp_send_reset")
int merops_reset_sent(__u64 *arguments)
{
	struct sock *socket = (struct sock *)arguments[0];
	struct sk_buff *skb = (struct sk_buff *)arguments[1];
	if (socket)
		send_reset(arguments, socket);
	else if (skb)
		refuse(arguments, skb);
	return 0;
}

// Before, only the functions that send them do.
#define RESETS(section, name, first, second)                                          \
	SEC(section)                                                                  \
	int name(void *context)                                                       \
	{                                                                             \
		struct sk_buff *skb = second(context);                                \
		if (!first(context) && skb)                                           \
			refuse(context, skb);                                         \
		return 0;                                                             \
	}

static __always_inline void *call0(void *context)
{
	return (void *)((__u64 *)context)[0];
}
static __always_inline void *call1(void *context)
{
	return (void *)((__u64 *)context)[1];
}
static __always_inline void *call2(void *context)
{
	return (void *)((__u64 *)context)[2];
}
static __always_inline void *call3(void *context)
{
	return (void *)((__u64 *)context)[3];
}

RESETS("fentry/tcp_v4_send_reset", merops_refused4_call, call0, call1)
RESETS("fentry/tcp_v6_send_reset", merops_refused6_call, call0, call1)
RESETS("kprobe/tcp_v4_send_reset", merops_refused4_probe, argument0, argument1)
RESETS("kprobe/tcp_v6_send_reset", merops_refused6_probe, argument0, argument1)

// The first answer to a SYN has to be sent again.
SEC("tp_btf/tcp_retransmit_synack")
int merops_synack_again(__u64 *arguments)
{
	struct sock *listener = (struct sock *)arguments[0];
	struct request_sock *request = (struct request_sock *)arguments[1];
	struct connection_record record = {.time = bpf_ktime_get_ns()};
	set_ends(&record, &request->__req_common);
	record.local_port = READ(request, __req_common.skc_num);
	if (!is_wanted_place(&record))
		return 0;
	struct half_open_key key = half_open_key(&record);
	struct half_open *known = bpf_map_lookup_elem(&half_open, &key);
	if (known) {
		known->last = record.time;
		known->retransmits++;
		known->timeouts = READ_BITS(request, num_timeout);
		return 0;
	}
	__u64 first = READ((struct tcp_request_sock *)request, snt_synack) * 1000;
	struct half_open new = {
		.opened = first,
		.last = record.time,
		.retransmits = 1,
		.family = record.family,
		.timeouts = READ_BITS(request, num_timeout),
	};
	set_listener(&record, &record.owner);
	set_recorded_owner(&record, listener);
	if (!is_wanted_owner(&record.owner))
		return 0;
	new.owner = record.owner;
	if (bpf_map_update_elem(&half_open, &key, &new, BPF_ANY))
		COUNT(half_open_untracked);
	return 0;
}

// Who accepts

static __always_inline void accepted(void *context, struct sock *socket)
{
	__u64 key = (__u64)socket;
	struct connection *known = bpf_map_lookup_elem(&connections, &key);
	// Nobody accepts a connection twice, but it may have been found with the system call already under way.
	if (!known || known->flags & FLAG_FOUND)
		return;
	set_current_task(&known->owner, OWNER_ACCEPTED);
	if (tells_steps)
		tell_step(context, socket, known, CONNECTION_ACCEPTED);
}

// Linux 6.10 gives it two arguments, older ones four; what it returns comes behind them.
struct proto_accept_arg {
	int flags;
} OF_KERNEL;

SEC("fexit/inet_csk_accept")
int merops_accepted_call(void *context)
{
	struct sock *socket;
	if (HAS_TYPE(struct proto_accept_arg)) {
		socket = call2(context);
		// One load from an address worked out before would not be allowed.
		asm volatile("" : "+r"(socket));
	} else {
		socket = (struct sock *)((__u64 *)context)[4];
	}
	if (socket)
		accepted(context, socket);
	return 0;
}

SEC("kretprobe/inet_csk_accept")
int merops_accepted_probe(void *context)
{
	struct sock *socket = (struct sock *)returned(context);
	if (socket)
		accepted(context, socket);
	return 0;
}

// Where functions cannot be probed, the system call's answer leads to the socket. See syscall_trace_exit in
// include/trace/events/syscalls.h.
struct system_call_exit {
	__u64 common;
	int number;
	long answer;
};

static __always_inline int accepted_descriptor(struct system_call_exit *call)
{
	long descriptor = call->answer;
	if (descriptor < 0)
		return 0;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = READ(READ(task, files), fdt);
	if (descriptor >= READ(table, max_fds))
		return 0;
	struct file **place = READ(table, fd) + descriptor, *file = 0;
	bpf_probe_read_kernel(&file, sizeof file, place);
	struct socket *socket = READ(file, private_data);
	accepted(call, READ(socket, sk));
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_accept")
int merops_accept_exit(struct system_call_exit *call)
{
	return accepted_descriptor(call);
}

SEC("tracepoint/syscalls/sys_exit_accept4")
int merops_accept4_exit(struct system_call_exit *call)
{
	return accepted_descriptor(call);
}

// What is there already. Runs for each open file of each task.

struct bpf_iter_meta {
	struct seq_file *output;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 descriptor;
	struct file *file;
};

// The helper takes a pointer only from where the verifier knows its type.
static __always_inline __u64 cookie_of_file(struct file *file)
{
	if (!has_cookie)
		return 0;
	struct socket *socket = bpf_sock_from_file(file);
	struct sock *sock = socket ? socket->sk : 0;
	return sock ? cookie_of(sock) : 0;
}

#define S_IFMT 0170000
#define S_IFSOCK 0140000

SEC("iter/task_file")
int merops_found(struct bpf_iter__task_file *context)
{
	struct task_struct *task = context->task;
	struct file *file = context->file;
	if (!task || !file || (READ(READ(file, f_inode), i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	struct sock *socket = READ((struct socket *)READ(file, private_data), sk);
	__u16 family = READ(socket, __sk_common.skc_family);
	__u8 state = READ(socket, __sk_common.skc_state);
	if (READ(socket, sk_protocol) != IPPROTO_TCP || (family != AF_INET && family != AF_INET6) || state == TCP_CLOSE)
		return 0;
	struct connection_owner_task owner = {
		.process = READ(task, tgid),
		.user = READ(READ(task, real_cred), uid.val),
		.known_by = OWNER_HELD,
	};
	bpf_probe_read_kernel(owner.name, sizeof owner.name, task->comm);
	set_cgroup(&owner, task);
	if (state == TCP_LISTEN) {
		begin_listening(socket, &owner);
		return 0;
	}
	struct connection new = {.owner = owner, .flags = FLAG_FOUND, .cookie = cookie_of_file(file)};
	__u64 key = (__u64)socket;
	// Another task may have the same socket.
	if (bpf_map_update_elem(&connections, &key, &new, BPF_NOEXIST)) {
		if (!bpf_map_lookup_elem(&connections, &key))
			COUNT(untracked);
		return 0;
	}
	if (tells_steps) {
		// The file that user space reads has room for any number of them.
		struct connection_record record = {.event = CONNECTION_FOUND, .state = state};
		set_socket(&record, socket);
		set_known(&record, &new);
		bpf_seq_write(context->meta->output, &record, sizeof record);
	}
	return 0;
}

// SYNs

static __always_inline void tell_syn(void *context, struct sock *listener, struct sk_buff *skb)
{
	struct connection_record record = {
		.event = CONNECTION_SYN,
		.state = TCP_LISTEN,
		.flags = FLAG_PASSIVE,
		.namespace = READ(READ(listener, __sk_common.skc_net.net), ns.inum),
		.waiting = READ(listener, sk_ack_backlog),
		.waiting_limit = READ(listener, sk_max_ack_backlog),
		.half_open = READ((struct inet_connection_sock *)listener, icsk_accept_queue.qlen.counter),
	};
	if (!set_ends_of_syn(&record, skb))
		return;
	__u64 key = (__u64)listener;
	struct connection_owner_task *owner = bpf_map_lookup_elem(&listeners, &key);
	if (owner)
		record.owner = *owner;
	set_recorded_owner(&record, listener);
	deliver(context, &record);
}

#define SYNS(section, name, listener, skb)                     \
	SEC(section)                                           \
	int name(void *context)                                \
	{                                                      \
		tell_syn(context, listener(context), skb(context)); \
		return 0;                                      \
	}

SYNS("fentry/tcp_conn_request", merops_syn_call, call2, call3)
SYNS("kprobe/tcp_conn_request", merops_syn_probe, argument2, argument3)

char licence[] SEC("license") = "Dual BSD/GPL";
