#ifndef MEROPS_HEAP_USE_H
#define MEROPS_HEAP_USE_H

#include <stddef.h>

// How many bytes this process has allocated and not freed.
size_t heap_use(void);

#endif
