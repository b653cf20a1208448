// libbpf-relocate OBJECT [PROGRAM…]   makes all that bpf(2) would get to load OBJECT on this kernel without these programs,
//                                     and loads nothing
//
// The peer of `merops inspect --relocated` in the benchmarks. bpf(2) and perf_event_open(2) are answered here: every object
// that libbpf asks for is an empty file in memory, every feature is there. Prints each program's name and how many
// instructions it has.

#define _GNU_SOURCE
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Takes the place of the C library's, by which libbpf calls the kernel.
long syscall(long number, ...)
{
	va_list arguments;
	va_start(arguments, number);
	long command = va_arg(arguments, long);
	union bpf_attr *attribute = va_arg(arguments, union bpf_attr *);
	va_end(arguments);
	if (number != SYS_bpf) {
		errno = ENOSYS;
		return -1;
	}
	switch (command) {
	case BPF_MAP_CREATE: {
		int file = memfd_create("map", MFD_CLOEXEC);
		// libbpf maps the values of data sections.
		if (file >= 0 && ftruncate(file, ((off_t)attribute->value_size + 4095) & ~4095L))
			return -1;
		return file;
	}
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
		return memfd_create("bpf", MFD_CLOEXEC);
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_FREEZE:
	case BPF_PROG_BIND_MAP:
		return 0;
	default:
		errno = EINVAL;
		return -1;
	}
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

int main(int count, char **arguments)
{
	if (count < 2) {
		fprintf(stderr, "usage: libbpf-relocate OBJECT [PROGRAM…]\n");
		return 2;
	}
	libbpf_set_print(quiet);
	struct bpf_object *object = bpf_object__open(arguments[1]);
	if (!object) {
		fprintf(stderr, "libbpf-relocate: open %s: %s\n", arguments[1], strerror(errno));
		return 1;
	}
	struct bpf_program *program;
	for (int index = 2; index < count; index++) {
		program = bpf_object__find_program_by_name(object, arguments[index]);
		if (program)
			bpf_program__set_autoload(program, false);
	}
	if (bpf_object__load(object)) {
		fprintf(stderr, "libbpf-relocate: load %s: %s\n", arguments[1], strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(program, object)
		printf("%s %zu\n", bpf_program__name(program), bpf_program__insn_cnt(program));
	bpf_object__close(object);
	return 0;
}
