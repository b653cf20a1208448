#include "core.h"
struct list { struct list *next, *prev; };
struct inner { int before; struct list links; };
struct absent { int x; };
union either { int number; struct list list; };
enum state { STATE_NEW = 1 };
typedef struct { int a; } anonymous;
#define TYPE(type, kind) __builtin_preserve_type_info(*(typeof(type) *)0, kind)
SEC("raw_tp/x") u64 types(void *context)
{
	return TYPE(struct list, 0) + TYPE(struct list, 1) * 3 + TYPE(struct absent, 0) * 5 + TYPE(struct absent, 1) * 7 + TYPE(union either, 1) * 11
		+ TYPE(struct inner, 2) * 13 + TYPE(struct list, 2) * 17 + TYPE(struct absent, 2) * 19 + TYPE(enum state, 2) * 23
		+ __builtin_btf_type_id(*(struct list *)0, 0) * 29 + __builtin_btf_type_id(*(struct list *)0, 1) * 31 + __builtin_btf_type_id(*(struct absent *)0, 1) * 37;
}
