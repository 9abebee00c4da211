/* Which ticks are due. Called by the keeper for each schedule whose time has come. Nothing here can fail; a step costs one or two cron_next(). */
#include "job/tick.h"

static bool due(const struct cron *c, const struct zone *z, int64_t after_ms, int64_t now_ms, int64_t *tick_ms)
{
	return cron_next(c, z, after_ms, tick_ms) && *tick_ms <= now_ms;
}

bool tick_back(const struct cron *c, int64_t upto_ms, int64_t now_ms)
{
	int64_t back = upto_ms - now_ms;

	return back >= TICK_BACK_MS || (c->real_time && back > TICK_LATE_MS);
}

bool tick_step(const struct cron *c, const struct zone *z, enum tick_missed missed, int64_t upto_ms, int64_t now_ms, unsigned done, struct tick_step *out)
{
	int64_t first, recent;

	if (!due(c, z, upto_ms, now_ms, &first))
		return false;
	*out = (struct tick_step){ .run = true, .late = now_ms - first > TICK_LATE_MS, .upto_ms = now_ms };
	if (missed == TICK_ALL && done < TICK_ALL_MAX) {
		out->upto_ms = first;
	} else if (missed == TICK_ALL) {
		out->run = out->late = false;
		out->dropped = true;
	} else if (missed == TICK_SKIP && out->late) {
		/* one that is just due is run all the same; cron_next() gives what comes after, so a tick at the very edge counts */
		out->run = due(c, z, now_ms - TICK_LATE_MS - 1, now_ms, &recent);
		out->late = false;
		out->dropped = true;
	}
	return true;
}
