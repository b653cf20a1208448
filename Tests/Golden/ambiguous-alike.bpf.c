#include "core.h"
struct like { int value; } CORE;
SEC("raw_tp/x") int alike(struct like *like) { return like->value; }
