#include "core.h"
struct twice { int same; } CORE;
SEC("raw_tp/x") int same(struct twice *twice) { return twice->same; }
