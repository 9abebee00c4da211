/* Cron expressions: five fields as Vixie cron reads them, and the time of the next tick in a time zone. Pure, without allocation. */
#ifndef STINT_JOB_CRON_H
#define STINT_JOB_CRON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/zone.h"

#define CRON_TIME_MAX_MS INT64_C(253402300799999)       /* 9999-12-31T23:59:59.999Z, as text/duration.h has it */
#define CRON_HORIZON_S (INT64_C(36525) * 86400)         /* a tick further away than a hundred years is none */

/* Bit n of a set stands for the value n. */
struct cron {
	uint64_t minutes;       /* 0 to 59 */
	uint32_t hours;         /* 0 to 23 */
	uint32_t days;          /* of the month, 1 to 31 */
	uint16_t months;        /* 1 to 12 */
	uint8_t weekdays;       /* 0 (Sunday) to 6 */
	bool either_day;        /* days and weekdays are both restricted: one of them is enough */
	bool real_time;         /* the minutes or the hours begin with "*": every minute that the clock shows is looked at, also a second time */
};

/* Reads p[0..n): minute hour day-of-month month day-of-week, or one of @hourly @daily @midnight @weekly @monthly @yearly @annually. False where it is
 * not right, or can never match (February 30); why then has a phrase that names the field, the part and what would be right. */
bool cron_parse(const char *p, size_t n, struct cron *out, char *why, size_t why_size);

/* The first tick strictly after `after_ms` (since 1970; before that, 1970 begins), a whole second. Where clocks are put forward, fixed times within the gap
 * become one tick at the first moment after it; where they are put back, a time that comes twice ticks the first time only. With real_time neither: what
 * matches is a tick, as often as clocks show it. False where there is none in the next hundred years or before the year 10000. */
bool cron_next(const struct cron *c, const struct zone *z, int64_t after_ms, int64_t *next_ms);

#endif
