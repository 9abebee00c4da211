/* What store.h promises of leases, tokens and those who held them, over every engine. */
#include "tests/store/contract.h"

#include <string.h>

static void test_an_old_token_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct store_claimed c;

	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.token++;
	assert_int_equal(finish(f, &m, NULL), STORE_STALE);
	assert_int_equal(look(f, j.id).state, JOB_RUNNING);
	m.token--;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(finish(f, &m, NULL), STORE_STALE);
	assert_int_equal(totals(f).succeeded, 1);
	m.outcome = JOB_OUTCOME_CRASHED;                /* not for a worker to say */
	assert_int_equal(finish(f, &m, NULL), STORE_INVALID);
	memset(&m.id, 9, sizeof(m.id));
	m.outcome = JOB_OUTCOME_FAILED;
	assert_int_equal(finish(f, &m, NULL), STORE_NOT_FOUND);
}

static void test_released_uses_no_retry_and_keeps_its_place(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job a = submit(f, &s);
	submit(f, &s);
	struct store_claimed c;

	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_RELEASED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	a = look(f, a.id);
	assert_int_equal(a.state, JOB_QUEUED);
	assert_int_equal(a.retry_count, 0);
	assert_int_equal(a.crashes, 0);
	assert_true(claim(f, 2, &c));
	assert_memory_equal(&c.job.id, &a.id, sizeof(a.id));
	assert_int_equal(c.job.attempts, 2);
	recount(f);
}

struct pair { uint64_t token; };

static bool started_is(void *arg, uint64_t token)
{
	return token == ((struct pair *)arg)->token;
}

static void test_abandoned_leases(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job a = submit(f, &s), b = submit(f, &s);
	struct store_claimed ca, cb;
	bool more;

	assert_true(claim(f, 1, &ca));
	assert_true(claim(f, 2, &cb));
	struct pair p = { ca.job.lease_token };
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 2, started_is, &p, 100, &more), STORE_OK);       /* another incarnation's: none */
	assert_int_equal(store_abandon(f->store, SLOT + 1, 3, started_is, &p, 100, &more), STORE_OK);
	commit(f);
	assert_int_equal(look(f, a.id).state, JOB_RUNNING);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, started_is, &p, 1, &more), STORE_OK);
	assert_true(more);
	assert_int_equal(store_abandon(f->store, SLOT, 3, started_is, &p, 100, &more), STORE_OK);
	assert_false(more);
	commit(f);
	a = look(f, a.id);
	b = look(f, b.id);
	assert_int_equal(a.state, JOB_QUEUED);
	assert_int_equal(a.last_outcome, JOB_OUTCOME_CRASHED);
	assert_int_equal(a.crashes, 1);
	assert_int_equal(a.retry_count, 0);
	assert_int_equal(b.last_outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(b.crashes, 0);
	/* the old tokens are dead */
	struct store_finish m = finish_of(&ca.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_STALE);
	assert_int_equal(totals(f).recovered, 1);
	recount(f);
}

static bool always(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return true;
}

static void test_a_killer_runs_alone_and_ends_dead(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct store_owner owner = OWNER;
	struct store_claimed c;
	bool more;

	for (uint64_t i = 1; i <= 3; i++) {
		begin(f);
		enum store_rc rc = store_claim(f->store, &owner, i, false, &c);
		if (i < 3) {
			assert_int_equal(rc, STORE_OK);
			assert_false(c.alone);
		} else {                /* two crashes: only an idle worker gets it */
			assert_int_equal(rc, STORE_NOT_FOUND);
			assert_false(store_has_ready(f->store));
			assert_true(store_has_alone(f->store));
			assert_int_equal(store_claim(f->store, &owner, i, true, &c), STORE_OK);
			assert_true(c.alone);
		}
		commit(f);
		begin(f);
		assert_int_equal(store_abandon(f->store, SLOT, 3, always, NULL, 100, &more), STORE_OK);
		commit(f);
	}
	j = look(f, j.id);
	assert_int_equal(j.state, JOB_DEAD);
	assert_int_equal(j.crashes, 3);
	assert_int_equal(j.retry_count, 0);
	assert_false(store_has_alone(f->store));
	recount(f);
}

static void test_leases_of_an_older_run(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct store_claimed c;
	bool more;

	assert_true(claim(f, 1, &c));
	if (!fixture_persists(f))
		return;
	fixture_reopen(f, 78);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, always, NULL, 100, &more), STORE_OK);
	commit(f);
	assert_int_equal(look(f, j.id).state, JOB_RUNNING);     /* not this epoch's */
	begin(f);
	assert_int_equal(store_abandon_old(f->store, 100, &more), STORE_OK);
	commit(f);
	assert_false(more);
	assert_int_equal(look(f, j.id).state, JOB_QUEUED);
	assert_true(claim(f, 1, &c));
	recount(f);
}

struct seen { uint64_t seq[8]; unsigned n; };

static bool note_seq(void *arg, uint64_t seq, const struct store_claimed *c)
{
	struct seen *s = arg;

	(void)c;
	s->seq[s->n++] = seq;
	return s->n < 8;
}

static void test_regrant(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_owner owner = OWNER, other = { SLOT, 4, 1 };
	struct store_claimed c[4];
	struct seen seen = { .n = 0 };

	for (uint64_t i = 0; i < 4; i++) {
		submit(f, &s);
		assert_true(claim(f, 10 + i, &c[i]));
	}
	struct store_finish m = finish_of(&c[2].job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	begin(f);
	assert_int_equal(store_regrant(f->store, &owner, 10, note_seq, &seen), STORE_OK);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.seq[0], 11);
	assert_int_equal(seen.seq[1], 13);
	seen.n = 0;
	assert_int_equal(store_regrant(f->store, &other, 0, note_seq, &seen), STORE_OK);
	assert_int_equal(seen.n, 0);
	commit(f);
}

static void test_tokens(void **state)
{
	struct fixture *f = *state;
	bool seen;

	begin(f);
	assert_int_equal(store_token_seen(f->store, 5, 1, &seen), STORE_OK);
	assert_false(seen);
	assert_int_equal(store_token_put(f->store, 5, 1), STORE_OK);
	commit(f);
	begin(f);
	assert_int_equal(store_token_put(f->store, 6, 9), STORE_OK);
	store_abort(f->store);
	begin(f);
	assert_int_equal(store_token_seen(f->store, 5, 1, &seen), STORE_OK);
	assert_true(seen);
	assert_int_equal(store_token_seen(f->store, 5, 2, &seen), STORE_OK);
	assert_false(seen);
	assert_int_equal(store_token_seen(f->store, 6, 9, &seen), STORE_OK);
	assert_false(seen);
	commit(f);
	if (!fixture_persists(f))
		return;
	fixture_reopen(f, 78);          /* another segment counts anew: its tokens are not those */
	begin(f);
	assert_int_equal(store_token_seen(f->store, 5, 1, &seen), STORE_OK);
	assert_false(seen);
	commit(f);
}
#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_an_old_token_changes_nothing),
		BOTH(test_released_uses_no_retry_and_keeps_its_place),
		BOTH(test_abandoned_leases),
		BOTH(test_a_killer_runs_alone_and_ends_dead),
		BOTH(test_leases_of_an_older_run),
		BOTH(test_regrant),
		BOTH(test_tokens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
