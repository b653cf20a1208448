#ifndef MEROPS_SPAWN_PROGRAM_H
#define MEROPS_SPAWN_PROGRAM_H

// posix_spawn(3) of a path, in a working directory, with three descriptors as 0, 1 and 2 and no others, and without blocked or
// ignored signals. Arguments and environment end with NULL. Returns the process or `-errno`.
int spawn_program(char *const arguments[], char *const environment[], const char *directory, const int descriptors[3]);

#endif
