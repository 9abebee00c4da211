/* What store.h promises of how leases with a time go on and end, over every engine. */
#include "tests/store/remote.h"

static enum store_rc extend(struct fixture *f, struct job_id id, uint64_t token, int64_t by_ms, int64_t *left)
{
	begin(f);
	enum store_rc rc = store_extend(f->store, id, token, by_ms, boot_ms, left);
	commit(f);
	return rc;
}

static void test_extending(void **state)
{
	struct fixture *f = *state;
	struct job_id none = { { 9 } };
	struct store_claimed c, here;
	int64_t left;

	rules(f, true);
	struct job j = submit_to(f, "hidden", "q", 0);
	assert_true(take(f, &c));
	boot_ms += 20000;
	assert_int_equal(extend(f, j.id, c.job.lease_token, 0, &left), STORE_OK);
	assert_int_equal(left, LEASE_MS);
	assert_int_equal(extend(f, j.id, c.job.lease_token, 5000, &left), STORE_OK);
	assert_int_equal(left, LEASE_MS);       /* never to less */
	assert_int_equal(extend(f, j.id, c.job.lease_token, 90000, &left), STORE_OK);
	assert_int_equal(left, 90000);
	assert_int_equal(expire(f, boot_ms + 89999, 10), 0);
	assert_int_equal(extend(f, j.id, c.job.lease_token + 1, 0, &left), STORE_STALE);
	assert_int_equal(extend(f, none, c.job.lease_token, 0, &left), STORE_NOT_FOUND);
	assert_int_equal(extend(f, j.id, c.job.lease_token, -1, &left), STORE_INVALID);
	struct job local = submit_to(f, "t", "q", 0);
	assert_true(claim(f, 1, &here));
	assert_int_equal(extend(f, local.id, here.job.lease_token, 0, &left), STORE_STALE);
	assert_int_equal(expire(f, boot_ms + 90000, 10), 1);
	assert_int_equal(extend(f, j.id, c.job.lease_token, 0, &left), STORE_STALE);
	assert_int_equal(look(f, j.id).state, JOB_QUEUED);
	assert_int_equal(look(f, local.id).state, JOB_RUNNING);
}

static void test_an_end_that_is_said_again(void **state)
{
	struct fixture *f = *state;
	struct store_ended first, then;
	struct store_claimed c, d;

	rules(f, true);
	struct job a = submit_to(f, "hidden", "q", 0);
	assert_true(take(f, &c));
	f->now_us += 2000000;
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &first), STORE_OK);
	assert_int_equal(first.state, JOB_SUCCEEDED);
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_REPLAYED);
	assert_int_equal(then.state, JOB_SUCCEEDED);
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_FAILED, &then), STORE_STALE);
	assert_in_range(look(f, a.id).duration_us, 2000000, 2010000);
	assert_int_equal(totals(f).succeeded, 1);
	struct job b = submit_to(f, "hidden", "q", 0);
	assert_true(take(f, &c));
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_FAILED, &first), STORE_OK);
	assert_int_equal(first.state, JOB_RETRYING);
	assert_true(first.run_at_ms > 0);
	begin(f);
	assert_int_equal(store_act(f->store, b.id, STORE_ACT_RUN_NOW, &b), STORE_OK);
	commit(f);
	assert_true(take(f, &d));               /* it has gone on, and another holds it */
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_FAILED, &then), STORE_REPLAYED);
	assert_int_equal(then.state, JOB_RETRYING);
	assert_true(then.run_at_ms == first.run_at_ms);
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_STALE);
	assert_int_equal(look(f, b.id).state, JOB_RUNNING);
	assert_int_equal(end_as(f, &d.job, JOB_OUTCOME_RELEASED, &then), STORE_OK);
	assert_int_equal(then.state, JOB_QUEUED);
	assert_int_equal(end_as(f, &d.job, JOB_OUTCOME_RELEASED, &then), STORE_REPLAYED);
	assert_int_equal(look(f, b.id).retry_count, 1);
	assert_int_equal(end_as(f, &d.job, JOB_OUTCOME_CANCELLED, &then), STORE_INVALID);
	assert_int_equal(totals(f).failed, 1);
	recount(f);
}

static void test_a_workers_own_finish_is_not_repeated_so(void **state)
{
	struct fixture *f = *state;
	struct store_ended then;
	struct store_claimed c;

	submit_to(f, "t", "q", 0);
	assert_true(claim(f, 1, &c));
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_STALE);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_FAILED, &then), STORE_STALE);
}

static void test_cancelled_at_once(void **state)
{
	struct fixture *f = *state;
	struct store_bulk all = { .act = STORE_ACT_CANCEL };
	struct store_bulk_limit left = { 100, 100 };
	struct store_cursor at = { 0 };
	struct store_ended then;
	struct store_claimed c, d;
	uint64_t count;
	struct job out;

	rules(f, true);
	struct job j = submit_to(f, "hidden", "q", 0);
	submit_to(f, "hidden", "q", 0);
	assert_true(take(f, &c));
	assert_true(take(f, &d));
	begin(f);
	assert_int_equal(store_act(f->store, j.id, STORE_ACT_CANCEL, &out), STORE_OK);
	commit(f);
	assert_int_equal(out.state, JOB_CANCELLED);
	assert_int_equal(look(f, j.id).state, JOB_CANCELLED);
	assert_int_equal(outcome_of_last(f, j.id), JOB_OUTCOME_CANCELLED);
	assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_STALE);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_bulk_limits(f->reader, &all), STORE_OK);
	store_read_end(f->reader);
	begin(f);
	assert_int_equal(store_bulk(f->store, &all, &left, &at, &count, NULL, NULL), STORE_OK);
	commit(f);
	assert_int_equal(count, 1);
	assert_int_equal(look(f, d.job.id).state, JOB_CANCELLED);
	assert_int_equal(expire(f, boot_ms + 10 * LEASE_MS, 10), 0);
	recount(f);
}

static bool count_listed(void *arg, struct job_id id)
{
	(void)id;
	++*(unsigned *)arg;
	return true;
}

static void test_running_jobs_are_listed(void **state)
{
	struct fixture *f = *state;
	struct store_filter running = { .states = 1u << JOB_RUNNING };
	struct store_cursor at = { 0 };
	struct store_claimed c;
	unsigned n = 0, pieces = 0;

	rules(f, true);
	for (int i = 0; i < 3; i++) {
		submit_to(f, "hidden", "q", 0);
		submit_to(f, "t", "q", 0);
		assert_true(take(f, &c));
		assert_true(claim(f, (uint64_t)i + 1, &c));
	}
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	for (; at.part != STORE_CURSOR_END && pieces < 100; pieces++)
		assert_int_equal(store_list(f->reader, &running, 2, &at, count_listed, &n), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(n, 6);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_extending),
		BOTH(test_an_end_that_is_said_again),
		BOTH(test_a_workers_own_finish_is_not_repeated_so),
		BOTH(test_cancelled_at_once),
		BOTH(test_running_jobs_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
