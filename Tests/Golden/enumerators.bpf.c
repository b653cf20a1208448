#include "core.h"
enum state { STATE_OLD = 1, STATE_NEW = 2, STATE_GONE = 5 };
enum wide { WIDE_LARGE = 0xfffffffffffULL, WIDE_SMALL = 7 };
#define VALUE(type, name, kind) __builtin_preserve_enum_value((type *)(typeof(type) *)name, kind)
#define E(type, name, kind) __builtin_preserve_enum_value(({ type *p = (type *)name; p; }), kind)
SEC("raw_tp/x") u64 enumerators(void *context)
{
	return __builtin_preserve_enum_value(*(enum state *)STATE_OLD, 1) + __builtin_preserve_enum_value(*(enum state *)STATE_NEW, 1) * 3
		+ __builtin_preserve_enum_value(*(enum state *)STATE_OLD, 0) * 5 + __builtin_preserve_enum_value(*(enum state *)STATE_GONE, 0) * 7
		+ __builtin_preserve_enum_value(*(enum wide *)WIDE_LARGE, 1);
}
