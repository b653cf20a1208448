#include "core.h"
struct inner { u32 number; int missing; } CORE;
struct task { int pid; unsigned flag : 3, level : 5; int sign : 7; u64 array[8]; struct inner inner; } CORE;
#define INFO(field, kind) __builtin_preserve_field_info(field, kind)
SEC("raw_tp/x") u64 information(struct task *task)
{
	return INFO(task->flag, 0) + INFO(task->level, 1) * 3 + INFO(task->level, 4) * 5 + INFO(task->level, 5) * 7
		+ INFO(task->sign, 3) * 11 + INFO(task->sign, 4) * 13 + INFO(task->sign, 5) * 17 + INFO(task->pid, 3) * 19
		+ INFO(task->inner.missing, 2) * 23 + INFO(task->inner.number, 2) * 29 + INFO(task->array[3], 0) * 31 + INFO(task->array, 1) * 37;
}
