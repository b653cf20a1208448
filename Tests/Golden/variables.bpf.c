// Variables of all forms, to be set before loading.
#include "core.h"
volatile const short small = 1;
volatile const u64 wide = 2;
volatile const _Bool is_on = 0;
enum choice { FIRST = 2, SECOND = 7 };
volatile const enum choice chosen = FIRST;
volatile const char text[8] = "";
volatile const int numbers[3] = {};
volatile const struct { int first; struct { u16 port, more; } inner; union { int unnamed; }; u32 bits : 3; } nested = {};
SEC("socket") int entry(void *context) {
  return small + wide + is_on + chosen + text[0] + numbers[1] + nested.inner.port + nested.unnamed + nested.bits;
}
