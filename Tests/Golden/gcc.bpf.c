// What gcc makes: data by symbol and section, calls within .text, no .BTF.ext for some of it.
#include "core.h"
static volatile int hits;
volatile const int limit = 5;
__attribute__((noinline)) int count(int value) { hits += value; return hits > limit; }
struct { __uint(type, 1); __uint(max_entries, 16); __type(key, u32); __type(value, u64); } seen SEC(".maps");
SEC("xdp") int entry(void *context) { u32 key = 1; u64 *value = lookup(&seen, &key); return count(value ? 2 : 1); }
SEC("?tc") int other(void *context) { return count(3); }
