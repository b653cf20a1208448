// The types of a made-up kernel, against which the golden objects are relocated.
typedef unsigned int u32; typedef unsigned long long u64;
enum state { STATE_NEW = 3, STATE_OLD = 9 };
enum wide { WIDE_SMALL = 1, WIDE_LARGE = 0x123456789abcULL };
struct list { struct list *next, *prev; };
struct inner { int before; union { u32 number; char bytes[4]; }; struct list links; };
struct task { u64 padding; int pid; struct inner inner; struct task *parent; unsigned flag : 3, level : 5; int sign : 7; u64 array[8]; char name[16]; u32 was_long; enum state state; int tail[]; };
struct twice___one { int value; int same; }; struct twice___two { int other, value, same; }; struct like___one { int value; }; struct like___two { int value; int more; };
struct shrunk { short small; int *pointer; };
union either { int number; struct list list; };
typedef int (*callback)(struct task *, int);
struct forward;
struct user { struct forward *forward; callback call; };
int kernel_variable; struct task kernel_task;
int kernel_function(struct task *task, int number) { return task->pid + number; }
int other_function(u64 number) { return number; }
struct btf_root { struct task a; struct inner b; struct shrunk d; union either e; enum state f; enum wide g; struct user h; struct twice___one t; struct twice___two u; struct like___one v; struct like___two w; } root;
typedef void (*btf_trace_happening)(void *, struct task *);
btf_trace_happening tracepoint;
int bpf_lsm_decide(struct task *task) { return 0; }
int bpf_iter_things(struct task *task) { return 0; }
