/* The part of zlib that LinuxCalls uses; the system's own header, from zlib1g-dev. */
#include <zlib.h>
