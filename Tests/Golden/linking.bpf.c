#include "core.h"
static __attribute__((noinline)) int deepest(int value) { return value * value + 1; }
__attribute__((noinline)) int shared(int value) { return deepest(value) + 2; }
__attribute__((noinline, visibility("hidden"))) int concealed(int value) { return shared(value) - deepest(value + 1); }
static int callback(void *map, void *key, void *value, void *context) { return 0; }
static long (*for_each)(void *, void *, void *, u64) = (void *)164;
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, u32); __type(value, u64); } table SEC(".maps");
SEC("xdp") int first(void *context) { return shared((long)context) + concealed(3); }
SEC("xdp.frags") int second(void *context) { return concealed((long)context); }
SEC("?tc") int optional(void *context) { return deepest((long)context); }
SEC("socket") int walks(void *context) { for_each(&table, callback, 0, 0); return shared(1); }
