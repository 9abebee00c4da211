/* Breakers of types, plainly: after so many failures in a row a type rests, then one job of it is tried. Called by the rules of history_model.c, by starts and by ends of attempts. */
#include "tests/store/history.h"

#include "store/embedded.h"

static const struct store_limit *rule_of(unsigned type)
{
	return &h.rules.limit[QUEUES + type];
}

static int64_t cooled_us(unsigned type)
{
	return h.f->now_us + rule_of(type)->breaker_cooldown_ms * 1000;
}

/* Nothing rests longer than the cooldown, also where the clock was set back or the conf has another; but the store looks at it only when it has to. Nor need it notice that a rest which was over is not any more. */
void breakers_clock(void)
{
	for (unsigned t = 0; t < TYPES; t++) {
		struct mbreaker *b = &h.m.breaker[t];
		if (b->rests && rule_of(t)->breaker_failures && b->from_us > cooled_us(t))
			b->from_us = cooled_us(t);
		if (b->rests && h.seen_us >= b->from_us && h.f->now_us < b->from_us)
			b->from_us = h.f->now_us;
	}
}

enum yes breaker_lets(unsigned type)
{
	const struct mbreaker *b = &h.m.breaker[type];

	if (!rule_of(type)->breaker_failures || !b->rests)
		return YES;
	if (b->trial || h.f->now_us < b->from_us)
		return NO;
	return h.f->now_us < b->until_us ? MAYBE : YES;
}

void breaker_start(const struct mjob *j)
{
	struct mbreaker *b = &h.m.breaker[j->type];

	if (!rule_of(j->type)->breaker_failures || !b->rests)
		return;
	if (h.f->now_us < b->until_us) {
		const struct turn_named *type = turn_type(h.f->store->turn, text_of(type_names[j->type]), false);
		if (type->limit.trial != j->token)
			return;                 /* by the clock it still rests: it is none */
		b->until_us = h.f->now_us;
	}
	covered(C_TRIAL, j->state);
	b->trial = j->token;
}

static enum store_breaker_said failure(struct mbreaker *b, const struct mjob *j)
{
	uint64_t most = rule_of(j->type)->breaker_failures;
	bool again = b->rests;

	if (again && b->trial != j->token)
		return STORE_BREAKER_SILENT;    /* it began before the rest */
	b->failures++;
	if (!again && b->failures < most)
		return STORE_BREAKER_SILENT;
	b->rests = true;
	b->from_us = b->until_us = cooled_us(j->type);
	covered(again ? C_TRIAL_FAILED : C_BREAKS, j->state);
	return again ? STORE_BREAKER_RESTS_AGAIN : STORE_BREAKER_RESTS;
}

static enum store_breaker_said success(struct mbreaker *b, const struct mjob *j)
{
	bool closes = b->rests;

	if (closes && b->trial != j->token)
		return STORE_BREAKER_SILENT;
	*b = (struct mbreaker){ .failures = 0 };
	if (closes)
		covered(C_CLOSES, j->state);
	return closes ? STORE_BREAKER_CLOSED : STORE_BREAKER_SILENT;
}

/* An attempt has ended; only what its program did of itself says anything of the type: one that was asked to end may fail for that. Before the model's job has changed. */
void breaker_end(const struct mjob *j, enum job_outcome outcome)
{
	struct mbreaker *b = &h.m.breaker[j->type];
	bool failed = !j->cancel_asked && (outcome == JOB_OUTCOME_FAILED || outcome == JOB_OUTCOME_TIMED_OUT);

	h.said = STORE_BREAKER_SILENT;
	if ((failed || outcome == JOB_OUTCOME_SUCCEEDED) && !rule_of(j->type)->breaker_failures)
		*b = (struct mbreaker){ .failures = 0 };
	else if (failed)
		h.said = failure(b, j);
	else if (outcome == JOB_OUTCOME_SUCCEEDED)
		h.said = success(b, j);
	if (b->trial == j->token)
		b->trial = 0;
}

void breaker_check(unsigned type, const struct store_breaker *s)
{
	const struct mbreaker *b = &h.m.breaker[type];

	assert_int_equal(s->failures, b->failures);
	assert_int_equal(s->rest_until_us != 0, b->rests);
	assert_true(!b->rests || (s->rest_until_us >= b->from_us && s->rest_until_us <= b->until_us));
	assert_int_equal(s->trial, b->trial != 0);
}
