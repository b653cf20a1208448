// libbpf-loader OBJECT INTERFACE              loads and attaches, prints "ready", ends
// libbpf-loader OBJECT INTERFACE --first      the same, but prints "ready" when it has taken its first record
// libbpf-loader OBJECT INTERFACE --drain      the same, then takes every record and drops it until SIGINT or SIGTERM
//
// The peer of `merops capture` in the benchmarks: the same program of the same object file, loaded and attached in the same
// way by libbpf.

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RING_BYTES (8 << 20)

static volatile sig_atomic_t is_ending;

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

static void fail(const char *what)
{
	fprintf(stderr, "libbpf-loader: %s: %s\n", what, strerror(errno));
	exit(1);
}

// Where the object keeps a constant until it is loaded.
static void *constant(struct bpf_object *object, const char *name)
{
	struct btf *btf = bpf_object__btf(object);
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	if (!map || id < 0)
		fail(".rodata");
	size_t size;
	char *bytes = (char *)bpf_map__initial_value(map, &size);
	const struct btf_type *type = btf__type_by_id(btf, id);
	const struct btf_var_secinfo *entry = btf_var_secinfos(type);
	for (int i = 0; i < btf_vlen(type); i++, entry++)
		if (!strcmp(btf__name_by_offset(btf, btf__type_by_id(btf, entry->type)->name_off), name))
			return bytes + entry->offset;
	errno = ENOENT;
	fail(name);
	return NULL;
}

static int take(void *context, void *record, size_t size)
{
	(void)record;
	(void)size;
	++*(uint64_t *)context;
	return 0;
}

// Looks every 2 ms, so that the program never has to wake anyone: the least that reading can cost.
static void drain(struct ring_buffer *ring, uint64_t *taken)
{
	struct sigaction action = {.sa_handler = end};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!is_ending) {
		ring_buffer__consume(ring);
		usleep(2000);
	}
	ring_buffer__consume(ring);
	fprintf(stderr, "%llu records taken\n", (unsigned long long)*taken);
}

int main(int count, char **arguments)
{
	if (count < 3) {
		fprintf(stderr, "usage: libbpf-loader OBJECT INTERFACE [--first | --drain]\n");
		return 2;
	}
	const char *option = count > 3 ? arguments[3] : "";

	struct bpf_object *object = bpf_object__open_file(arguments[1], NULL);
	if (!object)
		fail("open");
	// What merops sets on a kernel from 5.18 on.
	*(_Bool *)constant(object, "has_fragments") = 1;
	*(uint32_t *)constant(object, "wake_bytes") = RING_BYTES / 4;
	// merops loads the program that it attaches, and no map but its.
	struct bpf_program *program = bpf_object__find_program_by_name(object, "merops_capture"), *other;
	bpf_object__for_each_program(other, object)
		bpf_program__set_autoload(other, other == program);
	struct bpf_map *frames = bpf_object__find_map_by_name(object, "frames");
	if (!frames || bpf_map__set_autocreate(frames, false))
		fail("frames");
	if (!program || bpf_program__set_flags(program, BPF_F_XDP_HAS_FRAGS))
		fail("merops_capture");
	if (bpf_object__load(object))
		fail("load");

	uint64_t taken = 0;
	int records = bpf_object__find_map_fd_by_name(object, "records");
	struct ring_buffer *ring = ring_buffer__new(records, take, &taken, NULL);
	if (!ring)
		fail("ring buffer");

	LIBBPF_OPTS(bpf_link_create_opts, native, .flags = XDP_FLAGS_DRV_MODE);
	int link = bpf_link_create(bpf_program__fd(program), if_nametoindex(arguments[2]), BPF_XDP, &native);
	if (link < 0)
		fail("attach");
	while (!strcmp(option, "--first") && !taken)
		if (ring_buffer__consume(ring) == 0)
			usleep(20);
	puts("ready");
	fflush(stdout);
	if (!strcmp(option, "--drain"))
		drain(ring, &taken);
	return 0;
}
