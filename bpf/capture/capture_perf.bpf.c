// SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause)
//
// The programs of capture.bpf.c, with perf events instead of the ring buffer. An object of its own, so that neither pays for
// the other, and this one loads where the kernel has no ring buffer.

#define USES_PERF_EVENTS
#include "capture.bpf.c"
