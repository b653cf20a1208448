// Kinds of types that kernels learned after 5.10: floats, tags, wide and signed enumerations.
#include "core.h"
#define TAG(text) __attribute__((btf_type_tag(text)))
enum wide { SMALL = 1, LARGE = 0x123456789abcULL };
enum below { NEGATIVE = -3, POSITIVE = 3 };
struct value { double number; float less; enum wide wide; enum below below; int TAG("user") *pointer; } __attribute__((btf_decl_tag("structure")));
struct { __uint(type, 1); __uint(max_entries, 8); __type(key, u32); __type(value, struct value); } values SEC(".maps");
__attribute__((noinline, btf_decl_tag("function"))) int look(struct value *value) { return value ? value->below : 0; }
SEC("socket") int entry(void *context) { u32 key = 0; struct value *value = lookup(&values, &key); return value && value->wide == LARGE; }
SEC("?tc") int other(void *context) { return look(0); }
