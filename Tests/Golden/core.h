typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64; typedef long long s64;
#define SEC(name) __attribute__((section(name), used))
#define CORE __attribute__((preserve_access_index))
#define __uint(name, value) int (*name)[value]
#define __type(name, type) type *name
#define __array(name, type) typeof(type) *name[]
char licence[] SEC("license") = "GPL";
static long (*probe_read)(void *, u32, const void *) = (void *)113;
static void *(*lookup)(void *, const void *) = (void *)1;
