/* The rule at the end of a time zone's file, for all years after the last change that it lists: a TZ string of POSIX (IEEE 1003.1, 8.3) with the hours
 * from -167 to 167 of RFC 8536. Pure. */
#ifndef STINT_JOB_ZONE_RULE_H
#define STINT_JOB_ZONE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zone_day {
	ZONE_DAY_WEEK,          /* Mm.w.d: the w-th (5: the last) weekday of a month */
	ZONE_DAY_JULIAN,        /* Jn: 1 to 365, February 29 is never counted */
	ZONE_DAY_OF_YEAR,       /* n: 0 to 365, it is */
};

/* A moment that comes every year. */
struct zone_turn {
	enum zone_day kind;
	int month, week, weekday;
	int day;
	int32_t time;           /* seconds after the midnight with which the day begins, in the local time before the change; may be negative */
};

struct zone_rule {
	int32_t standard;       /* seconds ahead of UTC */
	bool has_daylight;      /* without it, the standard offset all the year round */
	int32_t daylight;
	struct zone_turn begin, end;    /* of daylight-saving time */
};

/* Reads p[0..n), as "CET-1CEST,M3.5.0,M10.5.0/3". False where it is not such a rule, or leaves the days of change to the implementation. */
bool zone_rule_parse(const char *p, size_t n, struct zone_rule *out);

/* The offset in force at `utc`, and from when until when it is (bounds that lie within two years). */
int32_t zone_rule_offset(const struct zone_rule *rule, int64_t utc, int64_t *from, int64_t *until);

#endif
