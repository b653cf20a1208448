#include "usdt_fixture.h"

// The note that tracers look for (SystemTap's "User-Space Probe Implementation"): three addresses and three strings. The
// empty section .stapsdt.base tells them how far the file has been moved since.
#define PROBE(name, semaphore, arguments, ...)                                  \
  __asm__ volatile(                                                            \
      "770: nop\n"                                                             \
      ".pushsection .note.stapsdt,\"\",%%note\n"                               \
      ".balign 4\n"                                                            \
      ".4byte 772f - 771f, 775f - 773f, 3\n"                                   \
      "771: .asciz \"stapsdt\"\n"                                              \
      "772: .balign 4\n"                                                       \
      "773: .8byte 770b, _.stapsdt.base, " semaphore "\n"                      \
      ".asciz \"merops\"\n"                                                    \
      ".asciz \"" name "\"\n"                                                  \
      ".asciz \"" arguments "\"\n"                                             \
      "775: .balign 4\n"                                                       \
      ".popsection\n"                                                          \
      ".ifndef _.stapsdt.base\n"                                               \
      ".pushsection .stapsdt.base,\"aG\",%%progbits,.stapsdt.base,comdat\n"    \
      ".weak _.stapsdt.base\n"                                                 \
      ".hidden _.stapsdt.base\n"                                               \
      "_.stapsdt.base: .space 1\n"                                             \
      ".size _.stapsdt.base, 1\n"                                              \
      ".popsection\n"                                                          \
      ".endif\n" ::__VA_ARGS__)

// Kept from being merged, cloned or inlined, which would make more places or fewer.
#define MARKED __attribute__((noinline))

MARKED void usdt_fixture_call(int number, const long *memory) {
  PROBE("call", "0", "-4@%0 8@%1 4@%2", "r"(number), "m"(*memory), "n"(7));
}

MARKED void usdt_fixture_call_there(int number, const long *memory) {
  PROBE("call", "0", "-4@%0 8@%1 -4@%2", "r"(number), "r"(*memory), "n"(-9));
}

MARKED void usdt_fixture_indexed(const long *numbers, long index) {
#if defined(__x86_64__)
  PROBE("indexed", "0", "8@(%0,%1,8)", "r"(numbers), "r"(index));
#else
  PROBE("indexed", "0", "8@%0", "r"(numbers[index]));
#endif
}

MARKED void usdt_fixture_plain(void) { PROBE("plain", "0", "", "n"(0)); }

// The kernel raises it in each process where somebody listens.
__attribute__((section(".probes"), used)) volatile unsigned short usdt_fixture_listeners;

MARKED int usdt_fixture_guarded(void) {
  if (!usdt_fixture_listeners) return 0;
  PROBE("guarded", "usdt_fixture_listeners", "8@%0", "n"(1));
  return 1;
}
