/* Backoff arithmetic in integers: milliseconds, thousandths, no overflow whatever the conf says. */
#include "job/retry.h"

static int64_t times_factor(int64_t ms, uint32_t factor_milli, int64_t cap)
{
	/* ms <= cap on entry; a product beyond cap is cap */
	__int128 next = (__int128)ms * factor_milli / 1000;

	return next > cap ? cap : (int64_t)next;
}

int64_t retry_delay_ms(const struct job_backoff *b, uint32_t failures, uint32_t random)
{
	int64_t cap = b->max_ms > 0 ? b->max_ms : 0;
	int64_t ms = b->base_ms < cap ? b->base_ms : cap;

	if (ms < 0)
		ms = 0;
	for (uint32_t i = 1; i < failures && ms < cap; i++) {
		int64_t next = times_factor(ms, b->factor_milli, cap);
		if (next == ms)
			break;
		ms = next;
	}
	/* 1 - jitter .. 1 + jitter, in 2^32 steps */
	uint32_t pct = b->jitter_pct > 100 ? 100 : b->jitter_pct;
	__int128 spread = (__int128)ms * pct / 100;
	__int128 jittered = ms + spread * 2 * random / UINT32_MAX - spread;
	if (jittered > INT64_MAX)
		return INT64_MAX;
	return jittered < b->base_ms ? b->base_ms : (int64_t)jittered;
}
