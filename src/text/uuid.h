/* UUID version 7 (RFC 9562, 5.7): 48 bits of milliseconds, then randomness that also counts within one millisecond. */
#ifndef STINT_TEXT_UUID_H
#define STINT_TEXT_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_BYTES 16
#define UUID_TEXT_BYTES 37              /* 36 characters and a NUL */

/* Writes the successor of `last`: strictly greater bytewise (memcmp), version and variant bits right, its time the greater of wall_ms and
 * that of `last`. Within the millisecond of `last` the 74 random bits of `last` are increased by 1 + (random & 0xffffff); in a newer
 * millisecond they are taken from rnd[10]. `last` of all zeroes starts a sequence. last and out may be the same. */
void uuid7_next(const uint8_t last[UUID_BYTES], int64_t wall_ms, const uint8_t rnd[10], uint8_t out[UUID_BYTES]);

void uuid_format(const uint8_t id[UUID_BYTES], char out[UUID_TEXT_BYTES]);      /* lower case */
bool uuid_parse(const char *p, size_t n, uint8_t out[UUID_BYTES]);              /* exactly 36 characters; upper case is accepted */
int64_t uuid7_ms(const uint8_t id[UUID_BYTES]);

#endif
