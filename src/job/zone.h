/* A time zone as data: how far its local time is from UTC, and since when. Pure. job/tzif.h fills one from a file's bytes; all zeroes is UTC.
 *
 * Times are seconds since 1970, local ones as if they were UTC. Look-ups are good for ZONE_TIME_MIN to ZONE_TIME_MAX and answer as at the nearer end
 * beyond. Each costs a binary search, or a few dates of the rule where the time is after the last known change. */
#ifndef STINT_JOB_ZONE_H
#define STINT_JOB_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/zone_rule.h"

#define ZONE_TIME_MAX (INT64_C(1) << 40)        /* the year 36812 */
#define ZONE_TIME_MIN (-ZONE_TIME_MAX)
#define ZONE_OFFSET_MAX 93599                   /* less than 26 hours ahead of UTC and less than 25 behind: the bounds of RFC 8536 */
#define ZONE_OFFSET_MIN (-89999)
#define ZONE_CHANGES_MAX 2000                   /* what the reference implementation takes; real zones have fewer than 400 */

struct zone {
	size_t nchanges;
	int64_t at[ZONE_CHANGES_MAX];           /* ascending: from this second on ... */
	int32_t offset[ZONE_CHANGES_MAX];       /* ... local time is UTC plus this */
	int32_t first_offset;                   /* before the first change */
	bool has_rule;                          /* from the last change on, this says it; else the last offset stays */
	struct zone_rule rule;
};

/* A run of time with one offset. Its neighbour may have the same one. */
struct zone_span {
	int64_t from, until;                    /* from <= t < until */
	int32_t offset;
};

enum zone_local {
	ZONE_ONCE,                              /* the local time comes once */
	ZONE_TWICE,                             /* it comes again, as clocks are put back */
	ZONE_GAP,                               /* it never comes, as clocks are put forward */
};

struct zone_moment {
	enum zone_local how;
	int64_t utc;                            /* the first second at which local time has reached it: in a gap, the first after the gap */
	int64_t again;                          /* ZONE_TWICE: when it comes for the second time */
};

struct zone_span zone_span_at(const struct zone *z, int64_t utc);
struct zone_moment zone_moment_of(const struct zone *z, int64_t local);
/* The latest local time that has been shown by then, which is later than the present one for a while after clocks were put back. */
int64_t zone_reached(const struct zone *z, int64_t utc);

#endif
