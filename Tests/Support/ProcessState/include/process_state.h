// What Swift does not see of glibc.
#ifndef MEROPS_PROCESS_STATE_H
#define MEROPS_PROCESS_STATE_H

#include <stddef.h>

// How many bytes this process has allocated and not freed.
size_t heap_use(void);

// setns(2) of the calling thread. Returns 0 or a negative errno.
int enter_network_namespace(int descriptor);

#endif
