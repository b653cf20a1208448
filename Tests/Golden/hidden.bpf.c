// Variables that other objects may not use: static in BTF, and their sections not mappable.
#include "core.h"
#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN int concealed SEC(".bss.private") = 0;
HIDDEN u64 cut SEC(".bss.a_long_section_name") = 0;
HIDDEN int first SEC(".data.mixed") = 1;
int second SEC(".data.mixed") = 2;
static volatile int third SEC(".data.mixed") = 3;
SEC("xdp") int entry(void *context) { concealed += first + second + third; cut++; return 0; }
