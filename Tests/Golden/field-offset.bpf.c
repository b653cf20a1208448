#include "core.h"
struct list { struct list *next; } CORE;
struct inner { u32 number; struct list links; } CORE;
struct task___flavoured { int pid; struct inner inner; struct task___flavoured *parent; u64 array[4]; char name[16]; } CORE;
SEC("raw_tp/x") int offsets(struct task___flavoured **context)
{
	struct task___flavoured *task = *context; int sum = 0; u64 value;
	probe_read(&sum, 4, &task->pid);
	probe_read(&value, 8, &task->inner.number); sum += value;
	probe_read(&value, 8, &task->inner.links.next); sum += value;
	probe_read(&value, 8, &task->array[2]); sum += value;
	probe_read(&value, 8, &task->name[3]);
	return sum + value;
}
