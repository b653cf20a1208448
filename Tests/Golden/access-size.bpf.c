#include "core.h"
struct task { u64 was_long; struct task *parent; } CORE;
struct shrunk { unsigned short small; } CORE;
SEC("raw_tp/x") u64 sizes(struct task *task) { return task->was_long + (u64)task->parent; }
SEC("raw_tp/y") u64 signs(struct shrunk *shrunk) { return shrunk->small; }
