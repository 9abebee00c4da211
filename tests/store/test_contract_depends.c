/* What store.h promises of jobs that wait for others: released by the last success, cancelled by any other end and so on down the chain, in slices that survive a death; over every engine. */
#include "tests/store/contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/uuid.h"

static uint64_t seq = 1;

static struct job_spec child_spec(const struct job *parent, unsigned n)
{
	static uint8_t ids[JOB_DEPENDS_MAX * sizeof(struct job_id)];
	struct job_spec s = spec_of("t", "q", 0, "1");

	for (unsigned i = 0; i < n; i++)
		memcpy(ids + i * sizeof(struct job_id), &parent[i].id, sizeof(struct job_id));
	s.depends = ids;
	s.ndepends = n;
	return s;
}

static struct job child_of(struct fixture *f, const struct job *parent, unsigned n)
{
	struct job_spec s = child_spec(parent, n);

	return submit(f, &s);
}

/* What the keeper does with every batch. Returns how many slices it took. */
static unsigned spread(struct fixture *f, unsigned rows)
{
	unsigned n = 0;

	for (; store_has_spread(f->store); n++) {
		begin(f);
		assert_int_equal(store_spread(f->store, rows), STORE_OK);
		commit(f);
		assert_true(n < 10000);
	}
	recount(f);
	return n;
}

static void end(struct fixture *f, const struct job *j, enum job_outcome outcome)
{
	struct store_claimed c;

	assert_true(claim(f, seq++, &c));
	assert_memory_equal(&c.job.id, &j->id, sizeof(j->id));
	struct store_finish m = finish_of(&c.job, outcome);
	m.no_retry = true;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
}

static enum store_rc act(struct fixture *f, struct job_id id, enum store_act what)
{
	struct job j;

	begin(f);
	enum store_rc rc = store_act(f->store, id, what, &j);
	commit(f);
	return rc;
}

static struct job fresh(struct fixture *f)
{
	struct job_spec s = spec_of("t", "q", 0, "1");

	return submit(f, &s);
}

static void test_waits_for_all(void **state)
{
	struct fixture *f = *state;
	struct job parent[3] = { fresh(f), fresh(f), fresh(f) };
	struct job c = child_of(f, parent, 3);
	struct store_claimed got;
	struct buf ids = { 0 };

	assert_int_equal(c.state, JOB_WAITING);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(look(f, c.id).state, JOB_WAITING);
		end(f, &parent[i], JOB_OUTCOME_SUCCEEDED);
		spread(f, 1000);
	}
	assert_int_equal(look(f, c.id).state, JOB_QUEUED);
	assert_true(claim(f, seq++, &got));
	assert_memory_equal(&got.job.id, &c.id, sizeof(c.id));
	assert_int_equal(got.spec.payload.n, 1);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_depends(f->reader, c.id, &ids), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(ids.len, 3 * sizeof(c.id));
	for (unsigned i = 0; i < 3; i++)
		assert_memory_equal(ids.data + i * sizeof(c.id), &parent[i].id, sizeof(c.id));
	buf_free(&ids);
	/* it has ended, and all that was there of the waiting goes with it */
	struct store_finish m = finish_of(&got.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(act(f, c.id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(act(f, parent[0].id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_depends(f->reader, c.id, &ids), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(ids.len, 0);
	recount(f);
}

static void test_parents_that_have_ended(void **state)
{
	struct fixture *f = *state;
	struct job good = fresh(f), bad, out, nobody = { .attempts = 0 };

	end(f, &good, JOB_OUTCOME_SUCCEEDED);
	bad = fresh(f);
	end(f, &bad, JOB_OUTCOME_FAILED);
	assert_int_equal(child_of(f, &good, 1).state, JOB_QUEUED);
	struct job_spec later = child_spec(&good, 1);
	later.run_at_ms = f->now_us / 1000 + 60000;
	assert_int_equal(submit(f, &later).state, JOB_SCHEDULED);
	struct job_spec s = child_spec((struct job[]){ good, bad }, 2);
	begin(f);
	assert_int_equal(try_submit(f, &s, &out), STORE_PARENT);
	assert_memory_equal(&out.id, &bad.id, sizeof(bad.id));
	assert_int_equal(out.state, JOB_DEAD);
	memset(&nobody.id, 9, sizeof(nobody.id));
	s = child_spec(&nobody, 1);
	assert_int_equal(try_submit(f, &s, &out), STORE_PARENT);
	assert_memory_equal(&out.id, &nobody.id, sizeof(out.id));
	assert_int_equal(out.state, JOB_NONE);
	s = child_spec((struct job[]){ good, good }, 2);
	assert_int_equal(try_submit(f, &s, &out), STORE_INVALID);
	commit(f);
	recount(f);
}

static void test_run_at_still_counts(void **state)
{
	struct fixture *f = *state;
	struct job parent = fresh(f);
	struct job_spec s = child_spec(&parent, 1);
	bool more;

	s.run_at_ms = f->now_us / 1000 + 60000;
	struct job c = submit(f, &s);
	assert_int_equal(c.state, JOB_WAITING);
	end(f, &parent, JOB_OUTCOME_SUCCEEDED);
	spread(f, 1000);
	assert_int_equal(look(f, c.id).state, JOB_SCHEDULED);
	f->now_us += 120000000;
	begin(f);
	assert_int_equal(store_due(f->store, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look(f, c.id).state, JOB_QUEUED);
	recount(f);
}

static bool find_reason(void *arg, const struct store_note *n)
{
	if (n->event == JOB_EV_CANCEL)
		snprintf(arg, 200, "%.*s", (int)n->detail.n, n->detail.p);
	return true;
}

static void test_an_end_goes_down_the_chain(void **state)
{
	struct fixture *f = *state;
	struct job chain[6], other = fresh(f);
	char why[200] = "", id[UUID_TEXT_BYTES];

	assert_int_equal(act(f, other.id, STORE_ACT_CANCEL), STORE_OK);
	chain[0] = fresh(f);
	for (unsigned i = 1; i < 6; i++)
		chain[i] = child_of(f, &chain[i - 1], 1);
	end(f, &chain[0], JOB_OUTCOME_FAILED);
	spread(f, 1);
	for (unsigned i = 1; i < 6; i++)
		assert_int_equal(look(f, chain[i].id).state, JOB_CANCELLED);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_notes(f->reader, chain[1].id, find_reason, why), STORE_OK);
	store_read_end(f->reader);
	uuid_format(chain[0].id.b, id);
	assert_non_null(strstr(why, id));
	assert_non_null(strstr(why, "dead"));
	/* by hand again: only as its parents stand */
	assert_int_equal(act(f, chain[2].id, STORE_ACT_RETRY), STORE_STATE);
	assert_int_equal(act(f, chain[0].id, STORE_ACT_RETRY), STORE_OK);
	assert_int_equal(act(f, chain[1].id, STORE_ACT_RETRY), STORE_OK);
	assert_int_equal(look(f, chain[1].id).state, JOB_WAITING);
	assert_int_equal(act(f, chain[1].id, STORE_ACT_RUN_NOW), STORE_STATE);
	end(f, &chain[0], JOB_OUTCOME_SUCCEEDED);
	spread(f, 1000);
	assert_int_equal(look(f, chain[1].id).state, JOB_QUEUED);
	end(f, &chain[1], JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(act(f, chain[2].id, STORE_ACT_RETRY), STORE_OK);
	assert_int_equal(look(f, chain[2].id).state, JOB_QUEUED);
	why[0] = '\0';
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_notes(f->reader, chain[1].id, find_reason, why), STORE_OK);
	store_read_end(f->reader);
	assert_non_null(strstr(why, id));       /* the reason of the first life is kept */
	recount(f);
}

static void test_every_way_to_end(void **state)
{
	struct fixture *f = *state;
	struct job_spec soon = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	struct job parent = fresh(f), child = child_of(f, &parent, 1);
	assert_int_equal(act(f, parent.id, STORE_ACT_CANCEL), STORE_OK);
	spread(f, 1000);
	assert_int_equal(look(f, child.id).state, JOB_CANCELLED);
	soon.expires_at_ms = f->now_us / 1000 + 1000;
	parent = submit(f, &soon);
	child = child_of(f, &parent, 1);
	f->now_us += 5000000;
	assert_false(claim(f, seq++, &c));
	spread(f, 1000);
	assert_int_equal(look(f, child.id).state, JOB_CANCELLED);
	assert_int_equal(look(f, parent.id).state, JOB_EXPIRED);
	/* a failure with a retry left is no end */
	parent = fresh(f);
	child = child_of(f, &parent, 1);
	assert_true(claim(f, seq++, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(spread(f, 1000), 0);
	assert_int_equal(look(f, child.id).state, JOB_WAITING);
	/* a child that was cancelled itself is not told any more */
	assert_int_equal(act(f, child.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(act(f, parent.id, STORE_ACT_RUN_NOW), STORE_OK);
	end(f, &parent, JOB_OUTCOME_SUCCEEDED);
	spread(f, 1000);
	assert_int_equal(look(f, child.id).state, JOB_CANCELLED);
}

#define MANY 300u

/* Many children, a slice at a time; every second slice is lost, the writer dies now and then, and the parent is deleted in the middle. */
static void test_many_children_and_deaths(void **state)
{
	struct fixture *f = *state;
	struct job parent = fresh(f), *child = calloc(MANY, sizeof(*child));
	unsigned slices = 0;

	for (unsigned i = 0; i < MANY; i++)
		child[i] = child_of(f, &parent, 1);
	end(f, &parent, JOB_OUTCOME_SUCCEEDED);
	for (; store_has_spread(f->store); slices++) {
		uint64_t before = totals(f).state[JOB_QUEUED];
		begin(f);
		assert_int_equal(store_spread(f->store, 50), STORE_OK);
		if (slices % 2 == 0) {
			store_abort(f->store);
			assert_int_equal(totals(f).state[JOB_QUEUED], before);
			if (slices % 4 == 0)
				fixture_reopen(f, f->epoch + 1);
			begin(f);       /* memory is what the store says again */
			commit(f);
			assert_true(store_has_spread(f->store));
		} else {
			commit(f);
			assert_true(totals(f).state[JOB_QUEUED] - before <= 50);
		}
		if (slices == 5)
			assert_int_equal(act(f, parent.id, STORE_ACT_DELETE), STORE_OK);
		assert_true(slices < 1000);
		recount(f);
	}
	assert_true(slices > 20);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(look(f, child[i].id).state, JOB_QUEUED);
	free(child);
}

/* A parent that is retried before all were told: those that were not told wait on. */
static void test_a_parent_retried_in_between(void **state)
{
	struct fixture *f = *state;
	struct job parent = fresh(f), child[20];
	unsigned waiting = 0;

	for (unsigned i = 0; i < 20; i++)
		child[i] = child_of(f, &parent, 1);
	end(f, &parent, JOB_OUTCOME_FAILED);
	begin(f);
	assert_int_equal(store_spread(f->store, 10), STORE_OK);
	commit(f);
	assert_int_equal(act(f, parent.id, STORE_ACT_RETRY), STORE_OK);
	spread(f, 1000);
	for (unsigned i = 0; i < 20; i++)
		waiting += look(f, child[i].id).state == JOB_WAITING;
	assert_in_range(waiting, 10, 19);
	end(f, &parent, JOB_OUTCOME_SUCCEEDED);
	spread(f, 1000);
	assert_int_equal(totals(f).state[JOB_QUEUED], waiting);
	assert_int_equal(totals(f).state[JOB_CANCELLED], 20 - waiting);
}

static void test_a_fan_in(void **state)
{
	struct fixture *f = *state;
	struct job *parent = calloc(JOB_DEPENDS_MAX, sizeof(*parent));
	static char big[JOB_INLINE_MAX + 1];
	struct buf back = { 0 };

	for (unsigned i = 0; i < JOB_DEPENDS_MAX; i++)
		parent[i] = fresh(f);
	memset(big, 'x', JOB_INLINE_MAX);
	struct job_spec s = child_spec(parent, JOB_DEPENDS_MAX);
	s.payload = (struct job_text){ big, JOB_INLINE_MAX };
	s.payload_len = JOB_INLINE_MAX;
	struct job c = submit(f, &s);
	assert_int_equal(c.state, JOB_WAITING);
	for (unsigned i = 0; i < JOB_DEPENDS_MAX; i++) {
		end(f, &parent[i], JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(look(f, c.id).state, JOB_WAITING);
	}
	spread(f, 100);
	assert_int_equal(look(f, c.id).state, JOB_QUEUED);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_payload(f->reader, c.id, &back), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(back.len, JOB_INLINE_MAX);
	buf_free(&back);
	free(parent);
}

static void never(void *arg, const struct job *j)
{
	(void)arg;
	(void)j;
	fail_msg("nothing runs");
}

static void test_bulk_cancel_of_waiting_ones(void **state)
{
	struct fixture *f = *state;
	struct job parent = fresh(f), a = child_of(f, &parent, 1), b = child_of(f, &a, 1);
	struct store_bulk bulk = { .act = STORE_ACT_CANCEL, .filter.states = 1u << JOB_WAITING };
	struct store_bulk_seen seen = { .n = 0 };
	struct store_cursor at = { .part = 0 };
	struct store_bulk_limit left = { 100, 1000 };
	uint64_t n;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_bulk_limits(f->reader, &bulk), STORE_OK);
	assert_int_equal(store_bulk_count(f->reader, &bulk, f->now_us / 1000, 100, &seen, &at, &n), STORE_OK);
	store_bulk_seen_free(&seen);
	store_read_end(f->reader);
	assert_int_equal(n, 2);
	at = (struct store_cursor){ .part = 0 };
	begin(f);
	assert_int_equal(store_bulk(f->store, &bulk, &left, &at, &n, never, NULL), STORE_OK);
	commit(f);
	assert_int_equal(n, 2);
	spread(f, 10);
	assert_int_equal(look(f, a.id).state, JOB_CANCELLED);
	assert_int_equal(look(f, b.id).state, JOB_CANCELLED);
	assert_int_equal(look(f, parent.id).state, JOB_QUEUED);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_waits_for_all), BOTH(test_parents_that_have_ended), BOTH(test_run_at_still_counts), BOTH(test_an_end_goes_down_the_chain), BOTH(test_every_way_to_end),
		BOTH(test_many_children_and_deaths), BOTH(test_a_parent_retried_in_between), BOTH(test_a_fan_in), BOTH(test_bulk_cancel_of_waiting_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
