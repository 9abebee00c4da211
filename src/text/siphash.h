/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein): short, and without its key nobody can make two texts that collide. */
#ifndef STINT_TEXT_SIPHASH_H
#define STINT_TEXT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_BYTES 16

/* `out` may be `key`: so texts are chained, each under the hash of those before it. */
void siphash(const uint8_t key[SIPHASH_BYTES], const void *p, size_t n, uint8_t out[SIPHASH_BYTES]);

#endif
