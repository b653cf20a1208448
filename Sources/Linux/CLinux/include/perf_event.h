// `struct perf_event_attr` (include/uapi/linux/perf_event.h) up to what Merops uses, with the kernel's names. The kernel
// takes any length that it has had; this is PERF_ATTR_SIZE_VER5 (4.1).
#ifndef MEROPS_PERF_EVENT_H
#define MEROPS_PERF_EVENT_H

#include <stdint.h>

struct linux_perf_event {
  uint32_t type;
  uint32_t size;
  uint64_t config;
  uint64_t sample_period;  // or sample_freq
  uint64_t sample_type;
  uint64_t read_format;
  uint64_t flags;          // the bit field that begins with `disabled`
  uint32_t wakeup_events;  // or wakeup_watermark
  uint32_t bp_type;
  uint64_t config1;        // kprobe_func, uprobe_path
  uint64_t config2;        // kprobe_addr, probe_offset
  uint64_t branch_sample_type;
  uint64_t sample_regs_user;
  uint32_t sample_stack_user;
  int32_t clockid;
  uint64_t sample_regs_intr;
  uint32_t aux_watermark;
  uint16_t sample_max_stack;
  uint16_t reserved;
};

#endif
