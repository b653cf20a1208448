// Whose connections and listening sockets are.
#ifndef MEROPS_CONNECTION_OWNER_H
#define MEROPS_CONNECTION_OWNER_H

#include "connection_maps.h"
#include "kernel.h"

#define CGROUP_DEPTH_MAX 16

static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
static __u64 (*const bpf_get_current_uid_gid)(void) = (void *)BPF_FUNC_get_current_uid_gid;
static long (*const bpf_get_current_comm)(void *to, __u32 size) = (void *)BPF_FUNC_get_current_comm;
static __u64 (*const bpf_get_current_task)(void) = (void *)BPF_FUNC_get_current_task;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;

static __always_inline void set_cgroup(struct connection_owner_task *owner, struct task_struct *task)
{
	struct cgroup *cgroup = READ(READ(task, cgroups), dfl_cgrp);
	owner->cgroup = READ(READ(cgroup, kn), id);
	for (int i = 0; i < CGROUP_DEPTH_MAX && cgroup_count && cgroup && !owner->is_below; i++) {
		owner->is_below = is_wanted_cgroup(READ(READ(cgroup, kn), id));
		cgroup = READ(READ(cgroup, self.parent), cgroup);
	}
}

static __always_inline void set_current_task(struct connection_owner_task *owner, __u8 known_by)
{
	owner->process = bpf_get_current_pid_tgid() >> 32;
	owner->user = bpf_get_current_uid_gid();
	bpf_get_current_comm(owner->name, sizeof owner->name);
	owner->known_by = known_by;
	set_cgroup(owner, (struct task_struct *)bpf_get_current_task());
}

// Listening sockets

static __always_inline __u64 listener_key(__u32 namespace, __u16 port)
{
	return (__u64)namespace << 16 | port;
}

static __always_inline void begin_listening(struct sock *socket, struct connection_owner_task *owner)
{
	__u64 key = (__u64)socket;
	if (bpf_map_update_elem(&listeners, &key, owner, BPF_ANY))
		COUNT(listeners_untracked);
	__u16 port = READ(socket, __sk_common.skc_num);
	if (!port)
		return;
	key = listener_key(READ(READ(socket, __sk_common.skc_net.net), ns.inum), port);
	struct connection_owner_task *other = bpf_map_lookup_elem(&listeners, &key);
	// Of several who listen on one port nobody knows whose a connection will be.
	if (other && other->process != owner->process)
		other->known_by = OWNER_UNKNOWN;
	else if (bpf_map_update_elem(&listeners, &key, owner, BPF_ANY))
		COUNT(listeners_untracked);
}

static __always_inline void end_listening(struct sock *socket)
{
	__u64 key = (__u64)socket;
	bpf_map_delete_elem(&listeners, &key);
	key = listener_key(READ(READ(socket, __sk_common.skc_net.net), ns.inum),
			   network16(READ((struct inet_sock *)socket, inet_sport)));
	bpf_map_delete_elem(&listeners, &key);
}

static __always_inline void set_listener(const struct connection_record *record, struct connection_owner_task *owner)
{
	__u64 key = listener_key(record->namespace, record->local_port);
	struct connection_owner_task *listener = bpf_map_lookup_elem(&listeners, &key);
	if (listener && listener->known_by) {
		*owner = *listener;
		owner->known_by = OWNER_LISTENED;
	}
}

// Where nobody is known to have it, there is the user whom it was made for.
static __always_inline void set_recorded_owner(struct connection_record *record, struct sock *socket)
{
	if (!record->owner.known_by) {
		record->owner.user = READ(socket, sk_uid.val);
		record->owner.known_by = OWNER_RECORDED;
	}
}

#endif
