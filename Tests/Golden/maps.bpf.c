#include "core.h"
struct pair { u32 one; u64 two; };
struct { __uint(type, 1); __uint(max_entries, 10); __type(key, struct pair); __type(value, u64); __uint(map_flags, 1); } table SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 5000); } ring SEC(".maps");
struct { __uint(type, 4); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
struct inner { __uint(type, 2); __uint(max_entries, 4); __type(key, u32); __type(value, u64); } first SEC(".maps"), second SEC(".maps");
struct { __uint(type, 12); __uint(max_entries, 8); __uint(key_size, 4); __array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &first, [5] = &second } };
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, u32); __type(value, u32); __uint(pinning, 1); } kept SEC(".maps");
struct { __uint(type, 30); __uint(max_entries, 100); __uint(value_size, 8); __uint(map_extra, 3); } bloom SEC(".maps");
int tail(void *context);
struct { __uint(type, 3); __uint(max_entries, 3); __uint(key_size, 4); __array(values, int(void *)); } jumps SEC(".maps") = { .values = { [2] = (void *)&tail } };
const volatile u32 setting = 7; u64 counter; static u32 hidden_counter; u16 data = 5; const volatile char text[] = "text"; u32 special SEC(".data.special") = 9;
SEC("socket") int tail(void *context) { return setting; }
SEC("socket") int entry(void *context)
{
	u32 key = 1;
	lookup(&table, &key); lookup(&ring, &key); lookup(&events, &key); lookup(&outer, &key); lookup(&kept, &key); lookup(&jumps, &key); lookup(&bloom, &key);
	hidden_counter++; counter += data + special;
	return text[key] + hidden_counter;
}
