/* What a schedule is to do now: which of its ticks are due, and what becomes of those that nobody was there for. Pure. */
#ifndef STINT_JOB_TICK_H
#define STINT_JOB_TICK_H

#include <stdbool.h>
#include <stdint.h>

#include "job/cron.h"

#define TICK_LATE_MS 60000      /* found later than this, a tick was missed; within it the server was only busy, or just restarted */
#define TICK_ALL_MAX 1000       /* jobs for the ticks that were missed, TICK_ALL */

enum tick_missed { TICK_ONCE, TICK_ALL, TICK_SKIP };    /* in the order of the conf's words: once, all, skip */

struct tick_step {
	bool run;               /* one job is to be submitted */
	bool late;              /* its tick was missed */
	bool dropped;           /* ticks were passed over without a job */
	int64_t upto_ms;        /* and then every tick up to this time is done */
};

#define TICK_BACK_MS INT64_C(10800000)  /* a clock put back by less is not believed by fixed times */

/* Whether the clock was put back behind upto_ms so far that the schedule goes by the new time from now on: every tick up to now_ms is then done. As cron has it: minutes and hours that begin with "*" follow the
 * clock, fixed times that have run do not run again unless it went back by three hours or more. One put back by no more than TICK_LATE_MS was only corrected. Where it is false no tick runs until the clock is past
 * upto_ms. */
bool tick_back(const struct cron *c, int64_t upto_ms, int64_t now_ms);

/* One step, where every tick up to and including upto_ms is done and `done` steps were taken just before. False: nothing is due, as also where the clock was put back behind upto_ms. Each step
 * goes forward, so that calling again until it is false ends: at once but for TICK_ALL, there after at most TICK_ALL_MAX + 1 steps. */
bool tick_step(const struct cron *c, const struct zone *z, enum tick_missed missed, int64_t upto_ms, int64_t now_ms, unsigned done, struct tick_step *out);

#endif
