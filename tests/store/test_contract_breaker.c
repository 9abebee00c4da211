/* What store.h promises of the breaker of a type, over every engine. */
#include "limits.h"

#include <stdio.h>

static const char *const breaker_word[] = { "", "rests", "again", "closed" };
static char said[256];                  /* what the ends of attempts meant, in order */

static void hear(void *arg, const struct store_change *c)
{
	(void)arg;
	if (c->breaker != STORE_BREAKER_SILENT)
		snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s ", breaker_word[c->breaker]);
}

/* Type t1 rests after three failures, for ten seconds. */
static void watch(struct fixture *f)
{
	said[0] = '\0';
	store_watch(f->store, hear, NULL);
	type_rule[1] = (struct store_limit){ .breaker_failures = 3, .breaker_cooldown_ms = 10000 };
	rules(f);
}

static void many(struct fixture *f, const char *type, unsigned n)
{
	while (n--)
		put(f, type, "q0");
}

static struct store_claimed got(struct fixture *f)
{
	struct store_claimed c;

	assert_true(claimed(f, &c));
	return c;
}

static bool nothing(struct fixture *f)
{
	struct store_claimed c;

	return !claimed(f, &c) && !store_has_ready(f->store);
}

static void run(struct fixture *f, enum job_outcome outcome)
{
	struct store_claimed c = got(f);

	end(f, &c, outcome);
}

static bool find(void *arg, const struct store_figure *fig)
{
	struct store_figure *want = arg;

	if (!is(fig->name, want->name.p))
		return true;
	want->breaker = fig->breaker;
	return false;
}

static struct store_breaker breaker_of(struct fixture *f, const char *type)
{
	struct store_figure want = { .name = { type, strlen(type) } };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_types(f->reader, find, &want), STORE_OK);
	store_read_end(f->reader);
	return want.breaker;
}

/* Batches take their time: until within the last of it. */
static int64_t rests(struct fixture *f, int64_t ms)
{
	int64_t until = breaker_of(f, "t1").rest_until_us;

	assert_in_range(until, f->now_us + ms * 1000 - 100000, f->now_us + ms * 1000);
	return until;
}

static void pass(struct fixture *f, int64_t ms)
{
	f->now_us += ms * 1000;
	store_clock(f->store, f->now_us);
}

static void opened(struct fixture *f)
{
	watch(f);
	many(f, "t1", 10);
	for (unsigned i = 0; i < 3; i++)
		run(f, i == 1 ? JOB_OUTCOME_TIMED_OUT : JOB_OUTCOME_FAILED);
}

static void test_it_opens_rests_and_tries_one(void **state)
{
	struct fixture *f = *state;

	opened(f);
	assert_string_equal(said, "rests ");
	assert_int_equal(breaker_of(f, "t1").failures, 3);
	int64_t until = rests(f, 10000);
	assert_true(nothing(f));
	put(f, "t2", "q0");             /* of the same queue, and behind them */
	run(f, JOB_OUTCOME_SUCCEEDED);
	assert_true(nothing(f));
	assert_int_equal(store_next_token_us(f->store), until);
	f->now_us = until - 1;
	store_clock(f->store, f->now_us);
	assert_false(store_has_ready(f->store));
	store_clock(f->store, ++f->now_us);
	assert_true(store_has_ready(f->store));
	struct store_claimed trial = got(f);
	assert_true(nothing(f));        /* one alone */
	assert_true(breaker_of(f, "t1").trial);
	assert_int_equal(store_next_token_us(f->store), INT64_MAX);
	pass(f, 100000);
	assert_true(nothing(f));
	end(f, &trial, JOB_OUTCOME_FAILED);
	assert_string_equal(said, "rests again ");
	assert_true(nothing(f));
	pass(f, 10000);
	run(f, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(said, "rests again closed ");
	assert_int_equal(breaker_of(f, "t1").failures, 0);
	assert_int_equal(breaker_of(f, "t1").rest_until_us, 0);
	got(f);                         /* as before: more than one at a time */
	got(f);
	recount(f);
}

static void test_a_success_begins_the_count_anew(void **state)
{
	struct fixture *f = *state;

	watch(f);
	many(f, "t1", 9);
	for (unsigned i = 0; i < 3; i++) {
		run(f, JOB_OUTCOME_FAILED);
		run(f, JOB_OUTCOME_FAILED);
		run(f, JOB_OUTCOME_SUCCEEDED);
	}
	assert_string_equal(said, "");
	many(f, "t3", 9);               /* no breaker */
	for (unsigned i = 0; i < 9; i++)
		run(f, JOB_OUTCOME_FAILED);
	assert_string_equal(said, "");
	recount(f);
}

/* Neither fault nor merit of the type: nothing is counted, and as a trial nothing is decided. */
static void test_other_ends(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct job out;

	watch(f);
	many(f, "t1", 20);
	run(f, JOB_OUTCOME_FAILED);
	run(f, JOB_OUTCOME_FAILED);
	run(f, JOB_OUTCOME_RELEASED);
	run(f, JOB_OUTCOME_CANCELLED);
	got(f);
	abandon(f, true);
	c = got(f);
	begin(f);
	assert_int_equal(store_act(f->store, c.job.id, STORE_ACT_CANCEL, &out), STORE_OK);
	commit(f);
	end(f, &c, JOB_OUTCOME_FAILED);         /* it was to end */
	assert_int_equal(breaker_of(f, "t1").failures, 2);
	assert_string_equal(said, "");
	run(f, JOB_OUTCOME_FAILED);
	assert_string_equal(said, "rests ");
	pass(f, 10000);
	for (unsigned i = 0; i < 4; i++) {
		c = got(f);
		assert_true(nothing(f));
		if (i == 0)
			abandon(f, true);
		else if (i == 1)
			abandon(f, false);
		else
			end(f, &c, i == 2 ? JOB_OUTCOME_RELEASED : JOB_OUTCOME_CANCELLED);
		assert_string_equal(said, "rests ");
	}
	run(f, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(said, "rests closed ");
	recount(f);
}

static void test_ends_of_what_began_before_say_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_claimed early[4];

	watch(f);
	many(f, "t1", 20);
	for (unsigned i = 0; i < 4; i++)
		early[i] = got(f);
	for (unsigned i = 0; i < 3; i++)
		run(f, JOB_OUTCOME_FAILED);
	assert_string_equal(said, "rests ");
	end(f, &early[0], JOB_OUTCOME_SUCCEEDED);
	end(f, &early[1], JOB_OUTCOME_FAILED);
	assert_true(nothing(f));
	rests(f, 10000);
	pass(f, 10000);
	struct store_claimed trial = got(f);
	end(f, &early[2], JOB_OUTCOME_SUCCEEDED);
	end(f, &early[3], JOB_OUTCOME_FAILED);
	assert_string_equal(said, "rests ");
	assert_true(nothing(f));
	end(f, &trial, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(said, "rests closed ");
	recount(f);
}

static void test_it_outlives_the_store(void **state)
{
	struct fixture *f = *state;

	opened(f);
	if (!fixture_persists(f))
		return;
	fixture_reopen(f, f->epoch);
	watch(f);
	assert_true(nothing(f));
	pass(f, 10000);
	struct store_claimed trial = got(f);
	fixture_reopen(f, f->epoch + 1);        /* everything was killed, and its leases are an older run's */
	watch(f);
	assert_true(nothing(f));
	bool more;
	begin(f);
	assert_int_equal(store_abandon_old(f->store, 100, &more), STORE_OK);
	commit(f);
	struct store_claimed next = got(f);     /* which is a trial again */
	assert_true(nothing(f));
	assert_true(next.job.lease_token != trial.job.lease_token);
	end(f, &next, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(said, "closed ");
	recount(f);
}

static void test_an_aborted_batch_has_not_been(void **state)
{
	struct fixture *f = *state;

	watch(f);
	many(f, "t1", 10);
	run(f, JOB_OUTCOME_FAILED);
	run(f, JOB_OUTCOME_FAILED);
	struct store_claimed c = got(f);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	struct job out;
	begin(f);
	assert_int_equal(store_finish(f->store, &m, &out), STORE_OK);
	store_abort(f->store);
	begin(f);
	commit(f);
	assert_int_equal(breaker_of(f, "t1").failures, 2);
	assert_true(store_has_ready(f->store));
	end(f, &c, JOB_OUTCOME_FAILED);
	assert_true(nothing(f));
	recount(f);
}

static void test_clocks_and_rules_change(void **state)
{
	struct fixture *f = *state;

	opened(f);
	pass(f, -3600000);              /* an hour back: it rests as long as is said, not an hour more */
	assert_true(nothing(f));
	assert_in_range(store_next_token_us(f->store), f->now_us, f->now_us + 10000000);
	type_rule[1].breaker_cooldown_ms = 1000;
	rules(f);
	assert_in_range(store_next_token_us(f->store), f->now_us, f->now_us + 1000000);
	type_rule[1].breaker_failures = 0;
	rules(f);
	assert_true(store_has_ready(f->store));
	run(f, JOB_OUTCOME_FAILED);
	assert_int_equal(breaker_of(f, "t1").failures, 0);
	assert_int_equal(breaker_of(f, "t1").rest_until_us, 0);
	/* together with a rate: the later of the two counts */
	type_rule[1] = (struct store_limit){ .breaker_failures = 1, .breaker_cooldown_ms = 10000, .rate = 0.01 };
	rules(f);
	run(f, JOB_OUTCOME_FAILED);
	pass(f, 10000);
	assert_true(nothing(f));
	pass(f, 100000);
	run(f, JOB_OUTCOME_SUCCEEDED);
	recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_it_opens_rests_and_tries_one), BOTH(test_a_success_begins_the_count_anew), BOTH(test_other_ends), BOTH(test_ends_of_what_began_before_say_nothing),
		BOTH(test_it_outlives_the_store), BOTH(test_an_aborted_batch_has_not_been), BOTH(test_clocks_and_rules_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
