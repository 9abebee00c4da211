/* What store.h promises of concurrency and rate of queues and types; over every engine, at last against a count by hand. */
#include "tests/store/limits.h"

static void test_concurrency_of_a_queue(void **state)
{
	struct fixture *f = *state;
	struct store_claimed a, b, c;

	queue_rule[0].concurrency = 2;
	rules(f);
	for (int i = 0; i < 4; i++)
		put(f, "t0", "q0");
	assert_true(claimed(f, &a));
	assert_true(claimed(f, &b));
	assert_false(store_has_ready(f->store));                /* nobody looks in vain */
	assert_false(claimed(f, &c));
	put(f, "t0", "q1");
	assert_true(store_has_ready(f->store));
	assert_true(claimed(f, &c));                            /* it holds up nobody else */
	assert_true(is(c.spec.queue, "q1"));
	assert_false(claimed(f, &c));
	end(f, &a, JOB_OUTCOME_SUCCEEDED);
	assert_true(claimed(f, &c));
	assert_false(claimed(f, &a));
	end(f, &b, JOB_OUTCOME_RELEASED);                       /* back in its queue, and one may run again */
	assert_true(claimed(f, &b));
	assert_false(claimed(f, &a));
	assert_int_equal(queue_of(f, "q0").tally.state[JOB_RUNNING], 2);
	recount(f);
}

static void test_concurrency_of_a_type(void **state)
{
	struct fixture *f = *state;
	struct store_claimed a, b;

	type_rule[0].concurrency = 1;
	rules(f);
	put(f, "t0", "q0");
	put(f, "t0", "q1");
	put(f, "t0", "q0");
	put(f, "t1", "q0");
	assert_true(claimed(f, &a));
	assert_true(is(a.spec.type, "t0"));
	assert_true(claimed(f, &b));                            /* past those that are blocked */
	assert_true(is(b.spec.type, "t1"));
	assert_false(store_has_ready(f->store));
	assert_false(claimed(f, &b));
	end(f, &a, JOB_OUTCOME_SUCCEEDED);
	assert_true(claimed(f, &b));
	assert_false(claimed(f, &a));
	end(f, &b, JOB_OUTCOME_FAILED);
	assert_true(claimed(f, &a));
	recount(f);
}

/* Limits of a reload: fewer than run are waited for, more start at once. */
static void test_limits_change(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c[3], d;

	rules(f);
	for (int i = 0; i < 6; i++)
		put(f, "t0", "q0");
	for (int i = 0; i < 3; i++)
		assert_true(claimed(f, &c[i]));
	queue_rule[0].concurrency = 2;
	rules(f);
	assert_false(claimed(f, &d));
	end(f, &c[0], JOB_OUTCOME_SUCCEEDED);
	assert_false(claimed(f, &d));
	end(f, &c[1], JOB_OUTCOME_SUCCEEDED);
	assert_true(claimed(f, &d));
	assert_false(claimed(f, &d));
	queue_rule[0].concurrency = 3;
	rules(f);
	assert_true(claimed(f, &d));
	assert_false(claimed(f, &d));
	queue_rule[0].concurrency = 0;
	rules(f);
	assert_true(claimed(f, &d));
	recount(f);
}

static void test_a_death_frees_its_places(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;

	queue_rule[0].concurrency = 2;
	type_rule[0].concurrency = 2;
	rules(f);
	for (int i = 0; i < 4; i++)
		put(f, "t0", "q0");
	assert_true(claimed(f, &c));
	assert_true(claimed(f, &c));
	assert_false(claimed(f, &c));
	abandon(f, false);
	assert_true(claimed(f, &c));
	assert_true(claimed(f, &c));
	assert_false(claimed(f, &c));
	fixture_reopen(f, f->epoch);                            /* what runs is counted from what is stored */
	assert_false(claimed(f, &c));
	abandon(f, true);
	assert_true(claimed(f, &c));
	assert_true(claimed(f, &c));
	assert_false(claimed(f, &c));
	recount(f);
}

/* A job that must run with no neighbours waits for its queue and its type like any other. */
static void test_alone_is_no_way_round(void **state)
{
	struct fixture *f = *state;
	struct store_owner owner = OWNER;
	struct store_claimed c, d;

	f->max_crashes = 10;
	rules(f);
	put(f, "t0", "q0");
	for (int i = 0; i < 2; i++) {
		assert_true(claimed(f, &c));
		abandon(f, true);
	}
	assert_true(store_has_alone(f->store));
	put(f, "t0", "q1");
	put(f, "t1", "q0");
	assert_true(claimed(f, &c));
	assert_true(claimed(f, &d));
	type_rule[0].concurrency = 1;
	rules(f);
	assert_false(store_has_alone(f->store));
	end(f, is(c.spec.type, "t0") ? &c : &d, JOB_OUTCOME_SUCCEEDED);
	assert_true(store_has_alone(f->store));
	queue_rule[0].concurrency = 1;                          /* the other one still runs there */
	rules(f);
	assert_false(store_has_alone(f->store));
	end(f, is(c.spec.type, "t0") ? &d : &c, JOB_OUTCOME_SUCCEEDED);
	assert_true(store_has_alone(f->store));
	assert_int_equal(pause_queue(f, "q0", true), STORE_OK);
	assert_false(store_has_alone(f->store));
	assert_int_equal(pause_queue(f, "q0", false), STORE_OK);
	begin(f);
	assert_int_equal(store_claim(f->store, &owner, ++grant, true, &c), STORE_OK);
	commit(f);
	assert_true(c.alone);
	recount(f);
}

static unsigned claim_all(struct fixture *f)
{
	struct store_claimed c;
	unsigned n = 0;

	while (claimed(f, &c))
		n++;
	return n;
}

static void test_rate_of_a_queue(void **state)
{
	struct fixture *f = *state;

	queue_rule[0].rate = 5;
	rules(f);
	for (int i = 0; i < 20; i++)
		put(f, "t0", "q0");
	put(f, "t0", "q1");
	f->now_us += 60000000;                                  /* however long nothing started: one second's worth */
	assert_int_equal(claim_all(f), 6);                      /* and the other queue's */
	assert_false(store_has_ready(f->store));
	int64_t next = store_next_token_us(f->store);
	assert_in_range(next, f->now_us + 100000, f->now_us + 200000);
	store_clock(f->store, next - 1000);
	assert_false(store_has_ready(f->store));
	store_clock(f->store, next);                            /* no batch is needed to know */
	assert_true(store_has_ready(f->store));
	assert_int_equal(store_next_token_us(f->store), INT64_MAX);
	f->now_us = next;
	assert_int_equal(claim_all(f), 1);
	f->now_us += 400000;
	assert_int_equal(claim_all(f), 2);
	queue_rule[0].rate = 0;
	rules(f);
	assert_int_equal(store_next_token_us(f->store), INT64_MAX);
	assert_int_equal(claim_all(f), 12);
	recount(f);
}

static void test_rate_below_one(void **state)
{
	struct fixture *f = *state;

	type_rule[0].rate = 0.1;
	rules(f);
	for (int i = 0; i < 4; i++)
		put(f, "t0", "q0");
	put(f, "t1", "q0");
	assert_int_equal(claim_all(f), 2);                      /* the first, and the other type's */
	f->now_us += 9000000;
	assert_int_equal(claim_all(f), 0);
	f->now_us += 1000000;
	assert_int_equal(claim_all(f), 1);
	f->now_us += 30000000;
	assert_int_equal(claim_all(f), 1);
	assert_false(store_has_ready(f->store));
}

/* What is in the bucket is stored with each start: neither a restart nor a batch that failed fills or empties it. */
static void test_rate_outlives_the_store(void **state)
{
	struct fixture *f = *state;
	struct store_owner owner = OWNER;
	struct store_claimed c;

	queue_rule[0].rate = 2;
	type_rule[0].rate = 3;
	rules(f);
	for (int i = 0; i < 6; i++)
		put(f, "t0", "q0");
	assert_true(claimed(f, &c));
	begin(f);
	assert_int_equal(store_claim(f->store, &owner, ++grant, false, &c), STORE_OK);
	assert_int_equal(store_claim(f->store, &owner, ++grant, false, &c), STORE_NOT_FOUND);
	store_abort(f->store);
	assert_int_equal(claim_all(f), 1);
	fixture_reopen(f, f->epoch);
	assert_int_equal(claim_all(f), 0);
	f->now_us += 500000;
	assert_int_equal(claim_all(f), 1);
	recount(f);
}

static void test_rate_and_a_clock_set_back(void **state)
{
	struct fixture *f = *state;

	queue_rule[0].rate = 1;
	queue_rule[1].rate = 4;
	rules(f);
	for (int i = 0; i < 20; i++) {
		put(f, "t0", "q0");
		put(f, "t0", "q1");
	}
	assert_int_equal(claim_all(f), 5);
	f->now_us -= 3600000000LL;
	assert_int_equal(claim_all(f), 0);
	assert_in_range(store_next_token_us(f->store), f->now_us, f->now_us + 250000);
	f->now_us += 1000000;
	assert_int_equal(claim_all(f), 5);
	f->now_us -= 3600000000LL;
	fixture_reopen(f, f->epoch);                            /* and while nobody looked */
	assert_int_equal(claim_all(f), 0);
	f->now_us += 1000000;
	assert_int_equal(claim_all(f), 5);
}

/* --- by hand ---
 *
 * Submissions, claims, ends, deaths, pauses, other limits and restarts at random, held against a plain count: never more than a limit run, and none is left waiting that may run. */

#define KINDS 4
struct model {
	struct store_claimed run[64];
	unsigned nrun, running_q[KINDS], running_t[KINDS], queued[KINDS][KINDS];
	bool paused[KINDS];
	uint32_t seed;
};

static uint32_t roll(struct model *m, uint32_t below)
{
	m->seed = m->seed * 1664525u + 1013904223u;
	return (m->seed >> 16) % below;
}

static bool may_start(const struct model *m, int q, int t)
{
	return m->queued[q][t] && !m->paused[q] && (!queue_rule[q].concurrency || m->running_q[q] < queue_rule[q].concurrency)
		&& (!type_rule[t].concurrency || m->running_t[t] < type_rule[t].concurrency);
}

static bool any_may_start(const struct model *m)
{
	for (int q = 0; q < KINDS; q++)
		for (int t = 0; t < KINDS; t++)
			if (may_start(m, q, t))
				return true;
	return false;
}

static void model_ends(struct model *m, unsigned i, bool requeued)
{
	int q = m->run[i].spec.queue.p[1] - '0', t = m->run[i].spec.type.p[1] - '0';

	m->running_q[q]--;
	m->running_t[t]--;
	m->queued[q][t] += requeued;
	m->run[i] = m->run[--m->nrun];
}

static const char *const queues[] = { "q0", "q1", "q2", "q3" }, *const types[] = { "t0", "t1", "t2", "t3" };

static void model_claim(struct fixture *f, struct model *m)
{
	struct store_claimed *c = &m->run[m->nrun];

	if (m->nrun == sizeof(m->run) / sizeof(m->run[0]))
		return;
	if (!claimed(f, c)) {
		assert_false(any_may_start(m));
		assert_false(store_has_ready(f->store));
		return;
	}
	int q = c->spec.queue.p[1] - '0', t = c->spec.type.p[1] - '0';
	assert_true(may_start(m, q, t));
	c->spec.queue = (struct job_text){ queues[q], 2 };
	c->spec.type = (struct job_text){ types[t], 2 };
	m->nrun++;
	m->running_q[q]++;
	m->running_t[t]++;
	m->queued[q][t]--;
}

static void model_submit(struct fixture *f, struct model *m)
{
	uint32_t q = roll(m, KINDS), t = roll(m, KINDS);
	struct job_spec s = spec_of(types[t], queues[q], (int)roll(m, 3), "1");

	submit(f, &s);
	m->queued[q][t]++;
}

static void model_step(struct fixture *f, struct model *m)
{
	uint32_t what = roll(m, 100), q = roll(m, KINDS);
	bool back = roll(m, 2);

	if (what < 35) {
		model_submit(f, m);
	} else if (what < 68) {
		model_claim(f, m);
	} else if (what < 90 && m->nrun) {
		uint32_t i = roll(m, m->nrun);
		end(f, &m->run[i], back ? JOB_OUTCOME_RELEASED : JOB_OUTCOME_SUCCEEDED);
		model_ends(m, i, back);
	} else if (what < 93) {
		m->paused[q] = !m->paused[q];
		assert_int_equal(pause_queue(f, queues[q], m->paused[q]), STORE_OK);
	} else if (what < 95) {
		abandon(f, false);
		while (m->nrun)
			model_ends(m, 0, true);
	} else if (what < 97) {
		queue_rule[q].concurrency = roll(m, 4);
		type_rule[roll(m, KINDS)].concurrency = roll(m, 4);
		rules(f);
	} else if (what < 98) {
		begin(f);
		store_abort(f->store);
	} else {
		fixture_reopen(f, f->epoch);
	}
	assert_int_equal(store_has_ready(f->store), any_may_start(m));
}

static void test_against_a_count_by_hand(void **state)
{
	struct fixture *f = *state;
	struct model m = { .seed = 20251122 };

	queue_rule[1].concurrency = 1;
	queue_rule[2].concurrency = 3;
	type_rule[1].concurrency = 2;
	rules(f);
	for (int i = 0; i < 4000; i++) {
		if (i % 4 == 0 && store_has_ready(f->store) != any_may_start(&m))
			fail_msg("step %d", i);
		if (store_has_ready(f->store) || i % 2)
			model_step(f, &m);
		else
			model_submit(f, &m);
	}
	recount(f);
}

/* In no stretch of time more than its rate and one burst; and after a wait as long as is said, one more. */
static void test_rate_against_a_count_by_hand(void **state)
{
	static int64_t at[400];
	struct fixture *f = *state;
	struct model m = { .seed = 7 };
	unsigned n = 0;

	queue_rule[0].rate = 7.5;
	rules(f);
	for (unsigned i = 0; i < 400; i++)
		put(f, "t0", "q0");
	while (n < 400) {
		int64_t next = store_next_token_us(f->store);
		if (next != INT64_MAX && roll(&m, 3)) {
			f->now_us = next > f->now_us ? next : f->now_us;
			store_clock(f->store, f->now_us);
			assert_true(store_has_ready(f->store));
		} else {
			f->now_us += roll(&m, 300000);
		}
		struct store_claimed c;
		while (n < 400 && claimed(f, &c))
			at[n++] = f->now_us;
	}
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = i; j < n; j++)
			assert_true((double)(j - i + 1) <= 7.5 + 7.5 * (double)(at[j] - at[i]) / 1e6 + 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_concurrency_of_a_queue), BOTH(test_concurrency_of_a_type), BOTH(test_limits_change), BOTH(test_a_death_frees_its_places), BOTH(test_alone_is_no_way_round),
		BOTH(test_rate_of_a_queue), BOTH(test_rate_below_one), BOTH(test_rate_outlives_the_store), BOTH(test_rate_and_a_clock_set_back),
		BOTH(test_against_a_count_by_hand), BOTH(test_rate_against_a_count_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
