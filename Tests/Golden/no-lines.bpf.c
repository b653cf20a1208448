// Built without types: maps of plain bytes cannot be, but programs and data can.
#include "core.h"
int counter;
SEC("xdp") int entry(void *context) { return counter++; }
