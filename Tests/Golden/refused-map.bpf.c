#include "core.h"
struct { __uint(type, 1); __uint(frobnicate, 1); } table SEC(".maps");
SEC("tc") int entry(void *c) { return lookup(&table, c) != 0; }
