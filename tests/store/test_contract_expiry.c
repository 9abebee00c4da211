/* Jobs that expire by themselves: from every state in which they wait, at their time and not before, in slices, through aborted batches and reopenings. */
#include "tests/store/contract.h"

#include <string.h>

static uint64_t seq = 1;

static int64_t soon_ms(const struct fixture *f)
{
	return f->now_us / 1000 + 60000;
}

/* Lets the time of the jobs come. */
static void its_time(struct fixture *f)
{
	f->now_us += 61000000;
}

/* All slices of what is due, each in a batch of its own; how many there were. */
static unsigned due(struct fixture *f, unsigned limit)
{
	bool more = true;
	unsigned n = 0;

	for (; more; n++) {
		begin(f);
		assert_int_equal(store_due(f->store, limit, &more), STORE_OK);
		commit(f);
	}
	return n;
}

/* What the indexes say, read anew: the store may remember an earlier time of a job that is gone. */
static int64_t next_ms(struct fixture *f)
{
	begin(f);
	store_abort(f->store);
	begin(f);
	commit(f);
	return store_next_due_ms(f->store);
}

static enum store_rc act(struct fixture *f, struct job_id id, enum store_act what)
{
	struct job out;

	begin(f);
	enum store_rc rc = store_act(f->store, id, what, &out);
	commit(f);
	return rc;
}

static struct job_spec soon_over(const struct fixture *f)
{
	struct job_spec s = spec_of("hidden", "q", 0, "1");     /* nobody claims it */

	s.expires_at_ms = soon_ms(f);
	return s;
}

static struct job retrying(struct fixture *f)
{
	struct job_spec s = spec_of("t", "r", 0, "1");
	struct store_claimed c;
	struct job out;

	s.expires_at_ms = soon_ms(f);
	submit(f, &s);
	assert_true(claim(f, seq++, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	m.retry_in_ms = 3600000;
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	assert_int_equal(out.state, JOB_RETRYING);
	return out;
}

static void test_from_every_state(void **state)
{
	struct fixture *f = *state;
	struct job_spec s, plain = spec_of("hidden", "q", 0, "1"), child = plain;
	struct store_tally t;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	plain.run_at_ms = f->now_us / 1000 + 7200000;
	struct job parent = submit(f, &plain);
	assert_true(store_next_due_ms(f->store) == plain.run_at_ms);
	s = soon_over(f);
	struct job queued = submit(f, &s);
	assert_true(store_next_due_ms(f->store) == s.expires_at_ms);
	s.run_at_ms = f->now_us / 1000 + 3600000;       /* as a submission may not ask, but a job can come to wait so */
	struct job scheduled = submit(f, &s);
	struct job again = retrying(f);
	child.depends = parent.id.b;
	child.ndepends = 1;
	child.expires_at_ms = soon_ms(f);
	struct job waiting = submit(f, &child);
	assert_int_equal(waiting.state, JOB_WAITING);
	fixture_reopen(f, f->epoch);
	f->now_us = (s.expires_at_ms - 10) * 1000;
	due(f, 10);
	t = totals(f);
	assert_int_equal(t.state[JOB_EXPIRED], 0);
	its_time(f);
	due(f, 10);
	t = totals(f);
	assert_int_equal(t.state[JOB_EXPIRED], 4);
	assert_int_equal(t.state[JOB_SCHEDULED], 1);
	assert_int_equal(t.state[JOB_QUEUED] + t.state[JOB_RETRYING] + t.state[JOB_WAITING], 0);
	const struct job_id all[] = { queued.id, scheduled.id, again.id, waiting.id };
	for (size_t i = 0; i < 4; i++) {
		struct job j = look(f, all[i]);
		assert_int_equal(j.state, JOB_EXPIRED);
		assert_true(j.finished_ms >= j.expires_at_ms);
	}
	assert_true(next_ms(f) == plain.run_at_ms);     /* nothing of them is left in an index */
	assert_int_equal(act(f, parent.id, STORE_ACT_RUN_NOW), STORE_OK);
	recount(f);
}

static void test_what_hangs_on_it(void **state)
{
	struct fixture *f = *state;
	struct job_spec s, child = spec_of("t", "q", 0, "1");
	struct job out;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	s = soon_over(f);
	s.unique_key = (struct job_text){ "one", 3 };
	struct job parent = submit(f, &s);
	child.depends = parent.id.b;
	child.ndepends = 1;
	struct job waits = submit(f, &child);
	begin(f);
	assert_int_equal(try_submit(f, &s, &out), STORE_LIVE);
	commit(f);
	its_time(f);
	due(f, 10);
	begin(f);
	assert_int_equal(store_spread(f->store, 100), STORE_OK);
	commit(f);
	assert_int_equal(look(f, waits.id).state, JOB_CANCELLED);
	s.expires_at_ms = 0;
	struct job next = submit(f, &s);                /* the unique key is free */
	assert_true(memcmp(&next.id, &parent.id, sizeof(next.id)) != 0);
	assert_int_equal(act(f, parent.id, STORE_ACT_RETRY), STORE_STATE);
	assert_int_equal(act(f, parent.id, STORE_ACT_DELETE), STORE_OK);
	recount(f);
}

static void test_one_that_runs_may_end(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed ends, fails, returns;
	struct job out;

	s.expires_at_ms = soon_ms(f);
	for (int i = 0; i < 3; i++)
		submit(f, &s);
	assert_true(claim(f, seq++, &ends) && claim(f, seq++, &fails) && claim(f, seq++, &returns));
	its_time(f);
	due(f, 10);
	assert_int_equal(totals(f).state[JOB_RUNNING], 3);
	struct store_finish m = finish_of(&ends.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	assert_int_equal(out.state, JOB_SUCCEEDED);
	/* but it is not tried again, nor begun again */
	m = finish_of(&fails.job, JOB_OUTCOME_FAILED);
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	m = finish_of(&returns.job, JOB_OUTCOME_RELEASED);
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	assert_true(store_next_due_ms(f->store) <= f->now_us / 1000);
	fixture_reopen(f, f->epoch);
	due(f, 10);
	assert_int_equal(look(f, fails.job.id).state, JOB_EXPIRED);
	assert_int_equal(look(f, returns.job.id).state, JOB_EXPIRED);
	assert_true(next_ms(f) == INT64_MAX);
	recount(f);
}

static void test_by_hand(void **state)
{
	struct fixture *f = *state;
	struct job_spec s;
	struct job out;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	s = soon_over(f);
	struct job cancelled = submit(f, &s), again = submit(f, &s);
	assert_int_equal(act(f, cancelled.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(act(f, again.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(act(f, again.id, STORE_ACT_RETRY), STORE_OK);
	its_time(f);
	due(f, 10);
	out = look(f, cancelled.id);
	assert_int_equal(out.state, JOB_CANCELLED);
	assert_int_equal(look(f, again.id).state, JOB_EXPIRED);
	assert_true(next_ms(f) == INT64_MAX);
	recount(f);
}

#define MANY 300u

/* Slices are as long as was asked, one that is lost is done again, and jobs that are due are not held up by those that expire. */
static void test_in_slices(void **state)
{
	struct fixture *f = *state;
	struct job_spec s, late = spec_of("t", "q", 0, "1");
	struct job j;
	bool more;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	s = soon_over(f);
	begin(f);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	commit(f);
	late.run_at_ms = s.expires_at_ms + 1;
	struct job is_due = submit(f, &late);
	its_time(f);
	begin(f);
	assert_int_equal(store_due(f->store, 50, &more), STORE_OK);
	assert_true(more);
	commit(f);
	assert_int_equal(look(f, is_due.id).state, JOB_QUEUED);
	assert_int_equal(totals(f).state[JOB_EXPIRED], 50);
	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	store_abort(f->store);
	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	commit(f);
	assert_int_equal(totals(f).state[JOB_EXPIRED], 150);
	fixture_reopen(f, f->epoch + 1);
	assert_true(store_next_due_ms(f->store) <= f->now_us / 1000);
	assert_int_equal(due(f, 100), 2);
	assert_int_equal(totals(f).state[JOB_EXPIRED], MANY);
	assert_true(next_ms(f) == INT64_MAX);
	recount(f);
}

/* A clock that is set back brings nothing back to life, and does not let what is left expire too early. */
static void test_clock_set_back(void **state)
{
	struct fixture *f = *state;
	struct job_spec s;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	s = soon_over(f);
	struct job first = submit(f, &s);
	int64_t began = f->now_us;
	its_time(f);
	due(f, 10);
	f->now_us = began;
	struct job second = submit(f, &s);
	due(f, 10);
	assert_int_equal(look(f, first.id).state, JOB_EXPIRED);
	assert_int_equal(look(f, second.id).state, JOB_QUEUED);
	recount(f);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_from_every_state), BOTH(test_what_hangs_on_it), BOTH(test_one_that_runs_may_end), BOTH(test_by_hand), BOTH(test_in_slices), BOTH(test_clock_set_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
