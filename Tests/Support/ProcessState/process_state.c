#define _GNU_SOURCE
#include "process_state.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>

size_t heap_use(void)
{
	struct mallinfo2 all = mallinfo2();
	return all.uordblks + all.hblkhd;
}

int enter_network_namespace(int descriptor)
{
	return setns(descriptor, CLONE_NEWNET) == 0 ? 0 : -errno;
}
