/* Failures in a row, the rest, and the trial. Pure memory; kept in the type's row of counters. */
#include "store/breaker.h"

static int64_t cooldown_us(const struct limit *l)
{
	return l->rule.breaker_cooldown_ms * 1000;
}

bool breaker_blocks(const struct limit *l, int64_t now_us, int64_t *wake_us)
{
	if (!l->rule.breaker_failures || !l->rest_until_us)
		return false;
	*wake_us = now_us < l->rest_until_us ? l->rest_until_us : INT64_MAX;
	return now_us < l->rest_until_us || l->trial;
}

void breaker_rebase(struct limit *l, int64_t now_us)
{
	if (now_us && l->rule.breaker_failures && l->rest_until_us > now_us + cooldown_us(l))
		l->rest_until_us = now_us + cooldown_us(l);
}

void breaker_started(struct limit *l, uint64_t token, int64_t now_us)
{
	if (l->rule.breaker_failures && l->rest_until_us && now_us >= l->rest_until_us)
		l->trial = token;
}

static void closed(struct limit *l)
{
	l->failures = 0;
	l->rest_until_us = 0;
	l->trial = 0;
}

enum store_breaker_said breaker_failed(struct limit *l, uint64_t token, int64_t now_us)
{
	bool tried = l->rest_until_us != 0;

	if (!l->rule.breaker_failures) {
		closed(l);
		return STORE_BREAKER_SILENT;
	}
	if (tried && token != l->trial)
		return STORE_BREAKER_SILENT;
	if (l->failures < UINT32_MAX)
		l->failures++;
	if (!tried && l->failures < l->rule.breaker_failures)
		return STORE_BREAKER_SILENT;
	l->rest_until_us = now_us + cooldown_us(l);
	return tried ? STORE_BREAKER_RESTS_AGAIN : STORE_BREAKER_RESTS;
}

enum store_breaker_said breaker_succeeded(struct limit *l, uint64_t token)
{
	bool tried = l->rest_until_us != 0;

	if (tried && l->rule.breaker_failures && token != l->trial)
		return STORE_BREAKER_SILENT;
	closed(l);
	return tried && l->rule.breaker_failures ? STORE_BREAKER_CLOSED : STORE_BREAKER_SILENT;
}

bool breaker_over(struct limit *l, uint64_t token)
{
	if (!l->trial || l->trial != token)
		return false;
	l->trial = 0;
	return true;
}
