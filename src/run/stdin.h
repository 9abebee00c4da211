/* A payload as a handler's standard input: a sealed file in memory, whole, read from its first byte. */
#ifndef STINT_RUN_STDIN_H
#define STINT_RUN_STDIN_H

#include <stddef.h>

/* A descriptor (close-on-exec) on the n bytes at offset 0 that nobody can change any more; -1 with errno. */
int stdin_make(const void *p, size_t n);

#endif
