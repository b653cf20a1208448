#include "core.h"
SEC("fentry/nowhere") int entry(void *c) { return 0; }
