/* The part of libelf that BPFObjectFile uses; the system's own header, from libelf-dev. */
#include <libelf.h>
#include <gelf.h>
