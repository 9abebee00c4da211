/* Durations, sizes, rates and times as people write them. All parsers take the whole slice or fail; none allocates. */
#ifndef STINT_TEXT_DURATION_H
#define STINT_TEXT_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

/* Ten years, the longest that is taken of users anywhere: no sum of a time and a duration leaves four-digit years or 63 bits of nanoseconds. */
#define DURATION_LIMIT_MS (INT64_C(3650) * 86400 * 1000)

bool duration_parse(struct slice s, int64_t *ms);   /* "250ms" "30s" "5m" "2h" "7d"; a bare number is seconds, fractions allowed ("1.5", "0.5s"). 0 <= ms <= 2^53 */
bool size_parse(struct slice s, uint64_t *bytes);   /* "0" "64K" "1M" "8G" "2T": powers of 1024 */
bool rate_parse(struct slice s, double *per_second);/* "100/s" "6000/m" "1/h"; "0" is 0 */
void duration_put(struct buf *b, int64_t ms);       /* the shortest exact form that duration_parse reads: "30s", "1d", "1500ms" */
void size_put(struct buf *b, uint64_t bytes);       /* likewise: "64K", "1000" */

#define TIME_TEXT_BYTES 25                          /* "2026-11-21T20:40:59.123Z" and a NUL */
void time_format(int64_t wall_ms, char out[TIME_TEXT_BYTES]);   /* RFC 3339, UTC, milliseconds */
bool time_parse(struct slice s, int64_t *wall_ms);  /* RFC 3339 with any offset and 0..9 fraction digits; years 1970..9999 */

#endif
