#include "core.h"
extern int nowhere(void) __attribute__((section(".ksyms")));
SEC("tc") int entry(void *c) { return nowhere(); }
