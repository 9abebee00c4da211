/* What store.h promises of idempotency keys and unique keys, over every engine. */
#include "tests/store/keys.h"

#include <stdio.h>
#include <string.h>

static enum store_rc act(struct fixture *f, struct job_id id, enum store_act what)
{
	struct job spare;

	begin(f);
	enum store_rc rc = store_act(f->store, id, what, &spare);
	assert_false(store_spoilt(f->store));
	commit(f);
	return rc;
}

static void run_to(struct fixture *f, uint64_t seq, enum job_outcome outcome, bool no_retry)
{
	struct store_claimed c;

	assert_true(claim(f, seq, &c));
	struct store_finish m = finish_of(&c.job, outcome);
	m.no_retry = no_retry;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
}

/* --- idempotency keys --- */

static void test_the_first_job_is_the_answer(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), changed = keyed("a", 2), other = keyed("b", 1), none = spec_of("t", "q", 0, "1");
	struct job first, again, second;

	window(f, 24 * HOUR_MS, 100);
	assert_int_equal(ask(f, &a, &first), STORE_OK);
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);
	assert_true(same(&first, &again));
	assert_int_equal(ask(f, &changed, &again), STORE_KEY_REUSED);
	assert_int_equal(ask(f, &other, &second), STORE_OK);
	assert_false(same(&first, &second));
	submit(f, &none);
	submit(f, &none);
	assert_int_equal(totals(f).submitted, 4);
	run_to(f, 1, JOB_OUTCOME_SUCCEEDED, false);
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);   /* as it is now */
	assert_int_equal(again.state, JOB_SUCCEEDED);
	recount(f);
}

static void test_within_one_batch(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), changed = keyed("a", 2);
	struct job first, again;

	window(f, HOUR_MS, 100);
	begin(f);
	assert_int_equal(try_submit(f, &a, &first), STORE_OK);
	assert_int_equal(try_submit(f, &a, &again), STORE_REPLAYED);
	assert_true(same(&first, &again));
	assert_int_equal(try_submit(f, &changed, &again), STORE_KEY_REUSED);
	commit(f);
	recount(f);
}

/* An aborted batch leaves nothing of its keys, and takes nothing from those before it. */
static void test_an_abort_forgets(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), b = keyed("b", 1), b2 = keyed("b", 2);
	struct job kept, lost, again;
	bool more;

	window(f, HOUR_MS, 2);
	assert_int_equal(ask(f, &a, &kept), STORE_OK);
	begin(f);
	assert_int_equal(try_submit(f, &b, &lost), STORE_OK);
	assert_int_equal(try_submit(f, &a, &again), STORE_REPLAYED);
	store_abort(f->store);
	assert_int_equal(ask(f, &b2, &lost), STORE_OK);         /* nobody has it, and there is room for it */
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);
	assert_true(same(&kept, &again));
	/* what had gone with the aborted batch is there again: too old, but counted */
	f->now_us += 2 * HOUR_US;
	begin(f);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	assert_int_equal(try_submit(f, &a, &again), STORE_OK);
	store_abort(f->store);
	f->now_us -= 2 * HOUR_US;
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);
	assert_true(same(&kept, &again));
	assert_int_equal(ask(f, &b2, &again), STORE_REPLAYED);
	assert_true(same(&lost, &again));
	recount(f);
}

static void test_the_window_ends(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), changed = keyed("a", 2);
	struct job first, second, again;

	window(f, HOUR_MS, 100);
	assert_int_equal(ask(f, &a, &first), STORE_OK);
	f->now_us += HOUR_US - 10000;
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);
	f->now_us += 10000;
	assert_int_equal(ask(f, &changed, &second), STORE_OK);
	assert_false(same(&first, &second));
	assert_int_equal(ask(f, &a, &again), STORE_KEY_REUSED);
	f->now_us += HOUR_US - 100000;
	assert_int_equal(ask(f, &changed, &again), STORE_REPLAYED);     /* its window is its own, not the first one's */
	retain(f);
	assert_int_equal(ask(f, &changed, &again), STORE_REPLAYED);
	assert_true(same(&second, &again));
	window(f, 0, 100);
	assert_int_equal(ask(f, &changed, &again), STORE_OK);           /* switched off */
	recount(f);
}

/* The clock was years ahead, and has been put right: what was remembered then does not keep what came afterwards. */
static void test_a_clock_that_was_ahead(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), b = keyed("b", 1), c = keyed("c", 1), d = keyed("d", 1);
	struct job first, again;

	window(f, HOUR_MS, 3);
	f->now_us += 100000 * HOUR_US;
	assert_int_equal(ask(f, &a, &first), STORE_OK);
	f->now_us -= 100000 * HOUR_US;
	assert_int_equal(ask(f, &b, &again), STORE_OK);
	assert_int_equal(ask(f, &c, &again), STORE_OK);
	assert_int_equal(ask(f, &d, &again), STORE_KEYS_FULL);
	f->now_us += 2 * HOUR_US;
	assert_int_equal(ask(f, &d, &again), STORE_OK);
	assert_int_equal(ask(f, &c, &again), STORE_OK);
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);
	assert_true(same(&first, &again));
	f->now_us += 100000 * HOUR_US;
	retain(f);
	window(f, HOUR_MS, 2);
	assert_int_equal(ask(f, &b, &again), STORE_OK);         /* all are gone now */
	assert_int_equal(ask(f, &c, &again), STORE_OK);
	assert_int_equal(ask(f, &d, &again), STORE_KEYS_FULL);
	recount(f);
}

/* What lies between two of them and went with a batch that was aborted is found again. */
static void test_an_abort_with_a_clock_that_was_ahead(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), b = keyed("b", 1), c = keyed("c", 1), d = keyed("d", 1);
	struct job j;
	bool more;

	window(f, HOUR_MS, 3);
	f->now_us += 100000 * HOUR_US;
	assert_int_equal(ask(f, &a, &j), STORE_OK);
	f->now_us -= 100000 * HOUR_US;
	assert_int_equal(ask(f, &b, &j), STORE_OK);
	f->now_us += 100000 * HOUR_US;
	assert_int_equal(ask(f, &c, &j), STORE_OK);
	f->now_us -= 100000 * HOUR_US - 2 * HOUR_US;
	begin(f);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	assert_int_equal(try_submit(f, &d, &j), STORE_OK);
	store_abort(f->store);
	assert_int_equal(ask(f, &d, &j), STORE_OK);
	recount(f);
}

static void test_too_many(void **state)
{
	struct fixture *f = *state;
	struct job_spec none = spec_of("t", "q", 0, "1");
	struct job j;
	char name[16];

	window(f, HOUR_MS, 10);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "key %d", i);
		struct job_spec s = keyed(name, 1);
		assert_int_equal(ask(f, &s, &j), STORE_OK);
	}
	struct job_spec eleventh = keyed("key 10", 1), third = keyed("key 3", 1);
	assert_int_equal(ask(f, &eleventh, &j), STORE_KEYS_FULL);
	assert_int_equal(ask(f, &third, &j), STORE_REPLAYED);
	submit(f, &none);
	f->now_us += HOUR_US;
	assert_int_equal(ask(f, &eleventh, &j), STORE_OK);      /* the old ones make room at once, not only with the next retention */
	assert_int_equal(ask(f, &third, &j), STORE_OK);
	window(f, HOUR_MS, 0);
	struct job_spec more = keyed("more", 1);
	assert_int_equal(ask(f, &more, &j), STORE_KEYS_FULL);
	recount(f);
}

static void test_a_job_takes_its_key_with_it(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), changed = keyed("a", 2), b = keyed("b", 1);
	struct job first, second, third, again;

	window(f, HOUR_MS, 2);
	f->rules.retain_succeeded_ms = 1000;
	store_rules(f->store, &f->rules);
	assert_int_equal(ask(f, &a, &first), STORE_OK);
	assert_int_equal(act(f, first.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(ask(f, &a, &again), STORE_REPLAYED);   /* cancelled, not gone */
	assert_int_equal(again.state, JOB_CANCELLED);
	assert_int_equal(act(f, first.id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(ask(f, &changed, &second), STORE_OK);
	assert_int_equal(ask(f, &changed, &again), STORE_REPLAYED);
	assert_true(same(&second, &again));
	assert_int_equal(ask(f, &b, &third), STORE_OK);         /* the first one's place was given back */
	run_to(f, 1, JOB_OUTCOME_SUCCEEDED, false);
	f->now_us += 5000000;
	retain(f);
	assert_int_equal(look_rc(f, second.id), STORE_NOT_FOUND);
	assert_int_equal(ask(f, &changed, &again), STORE_OK);
	recount(f);
}

static void test_keys_are_bytes(void **state)
{
	struct fixture *f = *state;
	char longest[2][JOB_KEY_MAX];
	struct job a, b;

	window(f, HOUR_MS, 100);
	memset(longest, 'x', sizeof(longest));
	longest[1][JOB_KEY_MAX - 1] = '\0';
	for (size_t n = 1; n <= JOB_KEY_MAX; n += JOB_KEY_MAX - 1) {
		struct job_spec s = keyed("", 1), t = s;
		s.idempotency_key = (struct job_text){ longest[0] + JOB_KEY_MAX - n, n };
		t.idempotency_key = (struct job_text){ longest[1] + JOB_KEY_MAX - n, n };
		assert_int_equal(ask(f, &s, &a), STORE_OK);
		assert_int_equal(ask(f, &t, &b), STORE_OK);
		assert_int_equal(ask(f, &s, &b), STORE_REPLAYED);
		assert_true(same(&a, &b));
	}
}

/* Opened anew, also by a successor of a keeper that died: all keys are there, and those that had gone are not. */
static void test_rebuilt_at_open(void **state)
{
	struct fixture *f = *state;
	struct job jobs[300], j;
	char name[16];

	window(f, HOUR_MS, 1000);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "%d", i);
		struct job_spec s = keyed(name, (uint8_t)i);
		assert_int_equal(ask(f, &s, &jobs[i]), STORE_OK);
		f->now_us += 20000000;
		if (i == 250)
			retain(f);
	}
	struct job_spec mine = unique("t", "u");
	assert_int_equal(ask(f, &mine, &j), STORE_OK);
	fixture_reopen(f, 78);
	int replayed = 0;
	for (int i = 0; i < 300; i++) {
		struct job_spec s = keyed((snprintf(name, sizeof(name), "%d", i), name), (uint8_t)i), changed = keyed(name, (uint8_t)(i + 1));
		begin(f);
		enum store_rc rc = store_submit_known(f->store, &s, &j);
		assert_true(rc == STORE_REPLAYED || (rc == STORE_NOT_FOUND && replayed == 0));
		if (rc == STORE_REPLAYED) {
			assert_true(same(&j, &jobs[i]));
			assert_int_equal(store_submit_known(f->store, &changed, &j), STORE_KEY_REUSED);
			replayed++;
		}
		commit(f);
	}
	assert_in_range(replayed, 178, 181);            /* an hour of one each 20 s */
	assert_int_equal(ask(f, &mine, &j), STORE_LIVE);
	assert_int_equal(totals(f).submitted, 301);
	recount(f);
}

/* --- unique keys --- */

static void test_one_live_job(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = unique("t", "k"), other_type = unique("u", "k"), other_key = unique("t", "kk"), later = s, split = unique("tk", "");
	struct job first, j;

	later.run_at_ms = f->now_us / 1000 + HOUR_MS;
	assert_int_equal(ask(f, &later, &first), STORE_OK);     /* waiting for its time it is live */
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);
	assert_true(same(&first, &j));
	assert_int_equal(j.state, JOB_SCHEDULED);
	assert_int_equal(ask(f, &other_type, &j), STORE_OK);
	assert_int_equal(ask(f, &other_key, &j), STORE_OK);
	split.unique_key = (struct job_text){ "", 0 };
	assert_int_equal(ask(f, &split, &j), STORE_OK);
	assert_int_equal(ask(f, &split, &j), STORE_OK);         /* no key at all */
	begin(f);
	struct job_spec fresh = unique("fresh", "k");
	assert_int_equal(try_submit(f, &fresh, &first), STORE_OK);
	assert_int_equal(try_submit(f, &fresh, &j), STORE_LIVE);
	assert_true(same(&first, &j));
	store_abort(f->store);
	assert_int_equal(ask(f, &fresh, &j), STORE_OK);
	recount(f);
}

static bool begun(void *arg, uint64_t token)
{
	(void)arg;
	(void)token;
	return true;
}

/* Every way to end gives the key back; none that is not an end does. */
static void test_the_key_is_free_when_it_ends(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = unique("t", "k"), short_lived = s;
	struct store_claimed c;
	struct job j, first;
	uint64_t seq = 1;
	bool more;

	assert_int_equal(ask(f, &s, &first), STORE_OK);
	run_to(f, seq++, JOB_OUTCOME_FAILED, false);            /* it will be tried again */
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);
	assert_int_equal(act(f, first.id, STORE_ACT_RUN_NOW), STORE_OK);
	assert_true(claim(f, seq++, &c));
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);           /* it runs */
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_RELEASED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);
	run_to(f, seq++, JOB_OUTCOME_SUCCEEDED, false);
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* succeeded */
	run_to(f, seq++, JOB_OUTCOME_TIMED_OUT, true);
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* dead */
	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* cancelled before it began */
	assert_true(claim(f, seq++, &c));
	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL), STORE_OK);
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);           /* asked to end: not yet */
	m = finish_of(&c.job, JOB_OUTCOME_CANCELLED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	short_lived.expires_at_ms = f->now_us / 1000 + 1000;
	assert_int_equal(ask(f, &short_lived, &j), STORE_OK);   /* cancelled while it ran */
	f->now_us += 5000000;
	assert_false(claim(f, seq++, &c));
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* expired */
	for (unsigned i = 0; i < f->max_crashes; i++) {
		assert_int_equal(ask(f, &s, &j), STORE_LIVE);
		begin(f);
		struct store_owner owner = OWNER;
		assert_int_equal(store_claim(f->store, &owner, seq++, true, &c), STORE_OK);
		commit(f);
		begin(f);
		assert_int_equal(store_abandon(f->store, SLOT, 3, begun, NULL, 10, &more), STORE_OK);
		commit(f);
	}
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* crashed once too often */
	assert_true(claim(f, seq++, &c));
	assert_int_equal(act(f, j.id, STORE_ACT_CANCEL), STORE_OK);
	begin(f);
	assert_int_equal(store_abandon(f->store, SLOT, 3, begun, NULL, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(ask(f, &s, &j), STORE_OK);             /* cancelled, and its worker died */
	recount(f);
}

static uint64_t retry_all(struct fixture *f)
{
	struct store_bulk b = { .act = STORE_ACT_RETRY, .filter = { .states = 1u << JOB_DEAD } };
	struct store_bulk_limit left = { .looks = 1000, .rows = 1000 };
	struct store_cursor at = { 0 };
	uint64_t n;

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_bulk_limits(f->reader, &b), STORE_OK);
	store_read_end(f->reader);
	begin(f);
	assert_int_equal(store_bulk(f->store, &b, &left, &at, &n, NULL, NULL), STORE_OK);
	assert_false(store_spoilt(f->store));
	commit(f);
	return n;
}

static void test_retried_by_hand(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = unique("t", "k");
	struct job first, second, j;

	assert_int_equal(ask(f, &s, &first), STORE_OK);
	run_to(f, 1, JOB_OUTCOME_FAILED, true);
	assert_int_equal(ask(f, &s, &second), STORE_OK);
	assert_int_equal(act(f, first.id, STORE_ACT_RETRY), STORE_LIVE);
	assert_int_equal(look(f, first.id).state, JOB_DEAD);
	assert_int_equal(retry_all(f), 0);                      /* nor with many others */
	assert_int_equal(look(f, first.id).state, JOB_DEAD);
	run_to(f, 2, JOB_OUTCOME_SUCCEEDED, false);
	assert_int_equal(retry_all(f), 1);
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);
	assert_true(same(&first, &j));
	assert_int_equal(act(f, second.id, STORE_ACT_DELETE), STORE_OK);        /* one that does not hold it takes nothing along */
	assert_int_equal(ask(f, &s, &j), STORE_LIVE);
	run_to(f, 3, JOB_OUTCOME_FAILED, true);
	assert_int_equal(act(f, first.id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(ask(f, &s, &j), STORE_OK);
	recount(f);
}

/* --- both --- */

static void test_both_keys(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), b = keyed("b", 1), b2 = keyed("b", 2);
	struct job first, j;

	window(f, HOUR_MS, 100);
	a.unique_key = b.unique_key = b2.unique_key = (struct job_text){ "u", 1 };
	assert_int_equal(ask(f, &a, &first), STORE_OK);
	assert_int_equal(ask(f, &a, &j), STORE_REPLAYED);
	assert_int_equal(ask(f, &b, &j), STORE_LIVE);
	assert_true(same(&first, &j));
	fixture_reopen(f, 79);
	run_to(f, 1, JOB_OUTCOME_SUCCEEDED, false);
	assert_int_equal(ask(f, &b, &j), STORE_REPLAYED);       /* answered once is answered for the window */
	assert_true(same(&first, &j));
	assert_int_equal(ask(f, &b2, &j), STORE_KEY_REUSED);
	assert_int_equal(act(f, first.id, STORE_ACT_DELETE), STORE_OK);
	assert_int_equal(ask(f, &b2, &j), STORE_OK);
	recount(f);
}

static void test_a_replay_needs_no_room(void **state)
{
	struct fixture *f = *state;
	struct job_spec a = keyed("a", 1), u = unique("t", "u"), b = keyed("b", 1);
	struct job j;

	window(f, HOUR_MS, 100);
	f->rules.max_queued = 2;
	store_rules(f->store, &f->rules);
	assert_int_equal(ask(f, &a, &j), STORE_OK);
	assert_int_equal(ask(f, &u, &j), STORE_OK);
	assert_int_equal(ask(f, &b, &j), STORE_QUEUE_FULL);
	assert_int_equal(ask(f, &a, &j), STORE_REPLAYED);
	assert_int_equal(ask(f, &u, &j), STORE_LIVE);
	f->rules.max_queued = 3;
	store_rules(f->store, &f->rules);
	assert_int_equal(ask(f, &b, &j), STORE_OK);             /* the refusal was not remembered */
	recount(f);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_the_first_job_is_the_answer), BOTH(test_within_one_batch), BOTH(test_an_abort_forgets), BOTH(test_the_window_ends), BOTH(test_a_clock_that_was_ahead),
		BOTH(test_an_abort_with_a_clock_that_was_ahead), BOTH(test_too_many),
		BOTH(test_a_job_takes_its_key_with_it), BOTH(test_keys_are_bytes), BOTH(test_rebuilt_at_open), BOTH(test_one_live_job), BOTH(test_the_key_is_free_when_it_ends),
		BOTH(test_retried_by_hand), BOTH(test_both_keys), BOTH(test_a_replay_needs_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
