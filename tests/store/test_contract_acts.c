/* What store.h promises of what is done by hand: cancel, retry, run now, delete; over every engine. */
#include "tests/store/contract.h"

#include <string.h>

static enum store_rc act(struct fixture *f, struct job_id id, enum store_act what, struct job *out)
{
	struct job spare;

	begin(f);
	enum store_rc rc = store_act(f->store, id, what, out ? out : &spare);
	commit(f);
	return rc;
}

static struct job running(struct fixture *f, uint64_t seq)
{
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	submit(f, &s);
	assert_true(claim(f, seq, &c));
	return c.job;
}

static void test_cancel_before_it_started(void **state)
{
	struct fixture *f = *state;
	struct job_spec now = spec_of("t", "q", 0, "1"), later = now;
	struct store_claimed c;

	later.run_at_ms = f->now_us / 1000 + 60000;
	struct job a = submit(f, &now), b = submit(f, &later), kept = submit(f, &now);
	assert_int_equal(act(f, a.id, STORE_ACT_CANCEL, &a), STORE_OK);
	assert_int_equal(a.state, JOB_CANCELLED);
	assert_int_equal(act(f, b.id, STORE_ACT_CANCEL, &b), STORE_OK);
	assert_int_equal(look(f, b.id).state, JOB_CANCELLED);
	assert_int_equal(act(f, a.id, STORE_ACT_CANCEL, NULL), STORE_STATE);
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &kept.id, sizeof(kept.id));
	assert_false(claim(f, 2, &c));
	f->now_us += 120000000;
	bool more;
	begin(f);
	assert_int_equal(store_due(f->store, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look(f, b.id).state, JOB_CANCELLED);
	recount(f);
}

struct told { struct job_id id; uint64_t token; unsigned n; };

static void tell(void *arg, struct job_id id, uint64_t token)
{
	struct told *t = arg;

	t->id = id;
	t->token = token;
	t->n++;
}

static void test_cancel_while_it_runs(void **state)
{
	struct fixture *f = *state;
	struct job j = running(f, 1), other = running(f, 2), out;
	struct store_owner owner = OWNER;
	struct told t = { .n = 0 };

	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL, &out), STORE_OK);
	assert_int_equal(out.state, JOB_RUNNING);       /* final only when its handler is gone */
	assert_true(out.cancel_asked);
	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL, &out), STORE_OK);
	begin(f);
	assert_int_equal(store_cancels(f->store, &owner, tell, &t), STORE_OK);
	commit(f);
	assert_int_equal(t.n, 1);
	assert_memory_equal(&t.id, &j.id, sizeof(j.id));
	assert_int_equal(t.token, j.lease_token);
	struct store_finish m = finish_of(&j, JOB_OUTCOME_CANCELLED);
	assert_int_equal(finish(f, &m, &out), STORE_OK);
	assert_int_equal(out.state, JOB_CANCELLED);
	assert_int_equal(look(f, other.id).state, JOB_RUNNING);
	recount(f);
}

/* Whatever ends an attempt that was to be cancelled, the job does not run again; but what had succeeded has succeeded. */
static void test_cancel_races_the_end(void **state)
{
	static const struct { enum job_outcome outcome; enum job_state end; } race[] = {
		{ JOB_OUTCOME_FAILED, JOB_CANCELLED }, { JOB_OUTCOME_TIMED_OUT, JOB_CANCELLED }, { JOB_OUTCOME_RELEASED, JOB_CANCELLED }, { JOB_OUTCOME_SUCCEEDED, JOB_SUCCEEDED },
	};
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 4; i++) {
		struct job j = running(f, i + 1), out;
		assert_int_equal(act(f, j.id, STORE_ACT_CANCEL, NULL), STORE_OK);
		struct store_finish m = finish_of(&j, race[i].outcome);
		assert_int_equal(finish(f, &m, &out), STORE_OK);
		assert_int_equal(out.state, race[i].end);
	}
	assert_false(store_has_ready(f->store));
	recount(f);
}

static bool always(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return true;
}

static void test_cancelled_and_its_worker_died(void **state)
{
	struct fixture *f = *state;
	struct job j = running(f, 1);
	bool more;

	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL, NULL), STORE_OK);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, always, NULL, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look(f, j.id).state, JOB_CANCELLED);
	recount(f);
}

static void test_retry_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct job j = running(f, 1), out;
	struct store_claimed c;
	struct store_finish m = finish_of(&j, JOB_OUTCOME_FAILED);

	assert_int_equal(act(f, j.id, STORE_ACT_RETRY, NULL), STORE_STATE);
	m.no_retry = true;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(act(f, j.id, STORE_ACT_RETRY, &out), STORE_OK);
	assert_int_equal(out.state, JOB_QUEUED);
	assert_int_equal(out.attempts, 0);
	assert_int_equal(out.retry_count, 0);
	assert_int_equal(out.finished_ms, 0);
	assert_true(claim(f, 2, &c));
	assert_memory_equal(&c.job.id, &j.id, sizeof(j.id));
	assert_int_equal(c.job.attempts, 1);
	assert_true(c.job.lease_token > j.lease_token);         /* old tokens stay dead */
	m.token = j.lease_token;
	assert_int_equal(finish(f, &m, NULL), STORE_STALE);
	m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(act(f, j.id, STORE_ACT_RETRY, NULL), STORE_STATE);
	recount(f);
}

struct lives { unsigned attempts, notes; uint64_t token[4]; };

static bool count_attempt(void *arg, const struct record_attempt *a)
{
	struct lives *l = arg;

	l->token[l->attempts++ & 3] = a->token;
	return true;
}

static bool count_note(void *arg, const struct store_note *n)
{
	struct lives *l = arg;

	assert_true(n->event == JOB_EV_REQUEUE || n->event == JOB_EV_FAIL_DEAD);
	l->notes++;
	return true;
}

static void test_an_earlier_life_is_not_forgotten(void **state)
{
	struct fixture *f = *state;
	struct job j = running(f, 1);
	struct store_claimed c;
	struct lives l = { .attempts = 0 };

	for (uint64_t i = 0; i < 2; i++) {
		struct store_finish m = finish_of(&j, JOB_OUTCOME_FAILED);
		m.no_retry = true;
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
		if (i == 1)
			break;
		assert_int_equal(act(f, j.id, STORE_ACT_RETRY, NULL), STORE_OK);
		assert_true(claim(f, 2, &c));
		j = c.job;
	}
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_attempts(f->reader, j.id, count_attempt, &l), STORE_OK);
	assert_int_equal(store_notes(f->reader, j.id, count_note, &l), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(l.attempts, 2);
	assert_true(l.token[0] < l.token[1]);
	assert_int_equal(l.notes, 2);
	recount(f);
}

static void test_run_now(void **state)
{
	struct fixture *f = *state;
	struct job_spec later = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job out;

	later.run_at_ms = f->now_us / 1000 + 3600000;
	struct job j = submit(f, &later), r = running(f, 1);
	struct store_finish m = finish_of(&r, JOB_OUTCOME_FAILED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(act(f, j.id, STORE_ACT_RUN_NOW, &out), STORE_OK);
	assert_int_equal(out.state, JOB_QUEUED);
	assert_int_equal(act(f, j.id, STORE_ACT_RUN_NOW, NULL), STORE_STATE);
	assert_int_equal(act(f, r.id, STORE_ACT_RUN_NOW, &out), STORE_OK);
	assert_int_equal(out.retry_count, 1);           /* it was a retry all the same */
	assert_true(claim(f, 2, &c));
	assert_true(claim(f, 3, &c));
	bool more;
	f->now_us += 7200000000LL;
	begin(f);
	assert_int_equal(store_due(f->store, 10, &more), STORE_OK);     /* nothing is left of it in the index of times */
	commit(f);
	recount(f);
}

static void test_delete(void **state)
{
	struct fixture *f = *state;
	struct job j = running(f, 1);
	struct job_id nobody;

	assert_int_equal(act(f, j.id, STORE_ACT_DELETE, NULL), STORE_STATE);
	struct store_finish m = finish_of(&j, JOB_OUTCOME_FAILED);
	m.no_retry = true;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(act(f, j.id, STORE_ACT_DELETE, NULL), STORE_OK);
	assert_int_equal(look_rc(f, j.id), STORE_NOT_FOUND);
	assert_int_equal(act(f, j.id, STORE_ACT_DELETE, NULL), STORE_NOT_FOUND);
	memset(&nobody, 7, sizeof(nobody));
	assert_int_equal(act(f, nobody, STORE_ACT_CANCEL, NULL), STORE_NOT_FOUND);
	assert_int_equal(act(f, j.id, (enum store_act)0, NULL), STORE_INVALID);
	assert_int_equal(act(f, j.id, (enum store_act)99, NULL), STORE_INVALID);
	recount(f);
}

static void test_an_expired_one_is_not_retried(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	s.expires_at_ms = f->now_us / 1000 + 1000;
	struct job j = submit(f, &s);
	f->now_us += 5000000;
	assert_false(claim(f, 1, &c));
	assert_int_equal(act(f, j.id, STORE_ACT_RETRY, NULL), STORE_STATE);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_cancel_before_it_started), BOTH(test_cancel_while_it_runs), BOTH(test_cancel_races_the_end), BOTH(test_cancelled_and_its_worker_died), BOTH(test_retry_begins_anew),
		BOTH(test_an_earlier_life_is_not_forgotten), BOTH(test_run_now), BOTH(test_delete), BOTH(test_an_expired_one_is_not_retried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
