// Maps as they were defined before BTF; libbpf reads such objects up to its version 0.8.
#include "core.h"
struct map_definition { u32 type, key_size, value_size, max_entries, map_flags; };
struct map_definition SEC("maps") table = { 1, 4, 8, 1024, 1 };
struct map_definition SEC("maps") numbers = { 2, 4, 16, 3, 0 };
SEC("xdp") int entry(void *context) { u32 key = 1; return lookup(&table, &key) && lookup(&numbers, &key); }
