// Which connections are told of: what user space puts into the lists.
#ifndef MEROPS_CONNECTION_FILTER_H
#define MEROPS_CONNECTION_FILTER_H

#include "bpf.h"
#include "connection_record.h"

#define LIST_MAX 16

// What is wanted: each list that is not empty has to have one that fits.
struct prefix {
	__u64 address[2], mask[2];
};
struct name {
	char text[16];
};
CONSTANT __u32 port_count, host_count, process_count, user_count, name_count, cgroup_count, namespace_count;
CONSTANT __u16 ports[LIST_MAX];
CONSTANT struct prefix hosts[LIST_MAX];
CONSTANT __u32 processes[LIST_MAX];
CONSTANT __u32 users[LIST_MAX];
CONSTANT struct name names[LIST_MAX];
CONSTANT __u64 cgroups[LIST_MAX];
CONSTANT __u32 namespaces[LIST_MAX];

static __always_inline bool is_same_prefix(const __u8 *address, const volatile struct prefix *prefix)
{
	__u64 words[2];
	__builtin_memcpy(words, address, sizeof words);
	return !(((words[0] ^ prefix->address[0]) & prefix->mask[0]) | ((words[1] ^ prefix->address[1]) & prefix->mask[1]));
}

// Whether the addresses, ports and the namespace are wanted.
static __always_inline bool is_wanted_place(const struct connection_record *record)
{
	bool found = !port_count;
	for (__u32 i = 0; i < LIST_MAX && i < port_count && !found; i++)
		found = ports[i] == record->local_port || ports[i] == record->remote_port;
	if (!found)
		return false;
	found = !host_count;
	for (__u32 i = 0; i < LIST_MAX && i < host_count && !found; i++)
		found = is_same_prefix(record->local, &hosts[i]) || is_same_prefix(record->remote, &hosts[i]);
	if (!found)
		return false;
	found = !namespace_count;
	for (__u32 i = 0; i < LIST_MAX && i < namespace_count && !found; i++)
		found = namespaces[i] == record->namespace;
	return found;
}

static __always_inline bool is_same_name(const char *name, const volatile struct name *other)
{
	__u64 words[2];
	__builtin_memcpy(words, name, sizeof words);
	const volatile __u64 *others = (const volatile __u64 *)other;
	return words[0] == others[0] && words[1] == others[1];
}

static __always_inline bool is_wanted_owner(const struct connection_owner_task *owner)
{
	bool found = !process_count;
	for (__u32 i = 0; i < LIST_MAX && i < process_count && !found; i++)
		found = processes[i] == owner->process;
	if (!found)
		return false;
	found = !user_count;
	for (__u32 i = 0; i < LIST_MAX && i < user_count && !found; i++)
		found = users[i] == owner->user;
	if (!found)
		return false;
	found = !name_count;
	for (__u32 i = 0; i < LIST_MAX && i < name_count && !found; i++)
		found = is_same_name(owner->name, &names[i]);
	if (!found)
		return false;
	return !cgroup_count || owner->is_below;
}

static __always_inline bool is_wanted_cgroup(__u64 cgroup)
{
	for (__u32 i = 0; i < LIST_MAX && i < cgroup_count; i++)
		if (cgroups[i] == cgroup)
			return true;
	return false;
}

#endif
