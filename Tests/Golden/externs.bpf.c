#include "core.h"
#define KCONFIG __attribute__((section(".kconfig")))
#define KSYM __attribute__((section(".ksyms")))
#define WEAK __attribute__((weak))
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };
extern unsigned LINUX_KERNEL_VERSION KCONFIG; extern _Bool CONFIG_YES KCONFIG; extern _Bool CONFIG_ABSENT KCONFIG WEAK; extern enum libbpf_tristate CONFIG_MODULE KCONFIG; extern u64 CONFIG_NUMBER KCONFIG; extern int CONFIG_NEGATIVE KCONFIG; extern char CONFIG_TEXT[8] KCONFIG; extern char CONFIG_YES_CHAR KCONFIG; extern _Bool LINUX_HAS_BPF_COOKIE KCONFIG WEAK;
struct task { int pid; };
extern const int kernel_variable KSYM; extern const struct task kernel_task KSYM; extern const int missing_variable KSYM WEAK; extern const void some_symbol KSYM; extern const void missing_symbol KSYM WEAK;
extern int kernel_function(struct task *task, int) KSYM; extern int missing_function(int) KSYM WEAK; extern int other_function(int *) KSYM WEAK;
SEC("tc") u64 settings(void *context) { return LINUX_KERNEL_VERSION + CONFIG_YES + CONFIG_ABSENT + CONFIG_MODULE + CONFIG_NUMBER + CONFIG_NEGATIVE + CONFIG_TEXT[1] + CONFIG_YES_CHAR + LINUX_HAS_BPF_COOKIE; }
SEC("tc") u64 symbols(void *context) { return (u64)&kernel_variable + (u64)&kernel_task + (u64)&missing_variable + (u64)&some_symbol + (u64)&missing_symbol; }
SEC("tc") int functions(void *context) { struct task task = {}; int sum = kernel_function(&task, 3); if (missing_function) sum += missing_function(1); if (other_function) sum += other_function(0); return sum; }
