#include "core.h"
struct task { int gone; int pid; } CORE;
struct absent { int x; } CORE;
enum state { STATE_GONE = 5 };
SEC("raw_tp/x") u64 poison(struct task *task)
{
	if (__builtin_preserve_field_info(task->gone, 2)) { int value; probe_read(&value, 4, &task->gone); return value; }
	return task->pid;
}
SEC("raw_tp/y") u64 absent(struct absent *absent) { return absent->x; }
SEC("raw_tp/z") u64 wide(void *context) { return __builtin_preserve_enum_value(*(enum state *)STATE_GONE, 1); }
