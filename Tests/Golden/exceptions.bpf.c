// A callback for what the program throws comes behind all that it calls.
#include "core.h"
void throw(u64 cookie) __attribute__((section(".ksyms"), weak));
static __attribute__((noinline)) int helper(int value) { return value * 3; }
__attribute__((noinline)) int caught(u64 cookie) { return helper((int)cookie) + 7; }
__attribute__((noinline)) int other(u64 cookie) { return 1; }
SEC("tc") __attribute__((btf_decl_tag("exception_callback:caught")))
int entry(void *context) { return helper((long)context) + 1; }
SEC("tc") int plain(void *context) { return other(3); }
