#include "heap_use.h"

#include <malloc.h>

size_t heap_use(void)
{
	struct mallinfo2 all = mallinfo2();
	return all.uordblks + all.hblkhd;
}
