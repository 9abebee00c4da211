/* What store.h promises of leases with a time, over every engine. */
#include "tests/store/remote.h"

static void test_a_lane_is_local_or_remote(void **state)
{
	struct fixture *f = *state;
	struct store_pick both = { .type = (struct job_text[]){ TEXT("t"), TEXT("hidden") }, .ntypes = 2 };
	struct store_claimed c;

	rules(f, true);
	struct job here = submit_to(f, "t", "q", 0), there = submit_to(f, "hidden", "q", 5);
	assert_true(store_has_remote(f->store, &both));
	assert_true(take_of(f, &both, "far:1", &c));
	assert_memory_equal(&c.job.id, &there.id, sizeof(there.id));
	assert_int_equal(c.job.worker, STORE_REMOTE);
	assert_false(take_of(f, &both, "far:1", &c));
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &here.id, sizeof(here.id));
	assert_false(claim(f, 2, &c));
	submit_to(f, "hidden", "q", 0);
	assert_false(claim(f, 2, &c));
	rules(f, false);                /* a reload: what waits moves over */
	assert_false(take(f, &c));
	assert_true(claim(f, 2, &c));
	submit_to(f, "t", "q", 0);
	rules(f, true);
	assert_true(claim(f, 3, &c));
	recount(f);
}

static void test_order_and_filters(void **state)
{
	struct fixture *f = *state;
	struct job_text a = TEXT("a"), b = TEXT("b"), hidden = TEXT("hidden");
	struct store_claimed c;

	rules(f, true);
	struct job low = submit_to(f, "hidden", "a", 0), high = submit_to(f, "hidden", "a", 9), other = submit_to(f, "hidden", "b", 0);
	assert_false(take_of(f, &(struct store_pick){ .type = (struct job_text[]){ TEXT("t") }, .ntypes = 1 }, "", &c));
	assert_false(take_of(f, &(struct store_pick){ .type = &hidden, .ntypes = 1, .queue = (struct job_text[]){ TEXT("c") }, .nqueues = 1 }, "", &c));
	assert_true(take_of(f, &(struct store_pick){ .type = &hidden, .ntypes = 1, .queue = &b, .nqueues = 1 }, "", &c));
	assert_memory_equal(&c.job.id, &other.id, sizeof(other.id));
	assert_true(take_of(f, &(struct store_pick){ .type = &hidden, .ntypes = 1, .queue = &a, .nqueues = 1 }, "", &c));
	assert_memory_equal(&c.job.id, &high.id, sizeof(high.id));
	assert_true(take(f, &c));
	assert_memory_equal(&c.job.id, &low.id, sizeof(low.id));
	assert_string_equal(c.spec.payload.n ? "1" : "", "1");
}

static void test_queues_take_turns_by_weight(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	unsigned heavy = 0;

	rules(f, true);
	for (int i = 0; i < 40; i++)
		submit_to(f, "hidden", "light", 0);
	for (int i = 0; i < 40; i++)
		submit_to(f, "hidden", "heavy", 0);
	for (int i = 0; i < 40; i++) {
		assert_true(take(f, &c));
		heavy += c.spec.queue.n == 5 && memcmp(c.spec.queue.p, "heavy", 5) == 0;
	}
	assert_in_range(heavy, 29, 31);
}

static struct store_limit one_at_once(void *arg, struct job_text name)
{
	(void)arg;
	return (struct store_limit){ .concurrency = name.n == 3 && memcmp(name.p, "one", 3) == 0 };
}

static struct store_limit hidden_at_once(void *arg, struct job_text name)
{
	(void)arg;
	return (struct store_limit){ .concurrency = name.n == 6 ? 2 : 0 };
}

static void test_what_holds_a_queue_back(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct store_ended then;
	struct job first;

	f->rules.queue_limit = one_at_once;
	rules(f, true);
	submit_to(f, "hidden", "one", 0);
	submit_to(f, "hidden", "one", 0);
	submit_to(f, "hidden", "q", 0);
	begin(f);
	assert_int_equal(store_pause(f->store, TEXT("q"), true), STORE_OK);
	commit(f);
	assert_true(take(f, &c));
	first = c.job;
	uint64_t news = store_remote_news(f->store);
	assert_false(take(f, &c));
	assert_false(store_has_remote(f->store, &(struct store_pick){ .type = &TEXT("hidden"), .ntypes = 1 }));
	assert_int_equal(end_as(f, &first, JOB_OUTCOME_SUCCEEDED, &then), STORE_OK);
	assert_int_not_equal(store_remote_news(f->store), news);
	assert_true(take(f, &c));
	begin(f);
	assert_int_equal(store_pause(f->store, TEXT("q"), false), STORE_OK);
	commit(f);
	assert_true(take(f, &c));
	f->rules.type_limit = hidden_at_once;
	store_rules(f->store, &f->rules);
	submit_to(f, "hidden", "other", 0);
	assert_false(take(f, &c));              /* two run already */
	assert_int_equal(expire(f, boot_ms + LEASE_MS, 1), 1);
	assert_true(take(f, &c));
	recount(f);
}

static void test_a_lease_runs_out(void **state)
{
	struct fixture *f = *state;
	struct store_ended then;
	struct store_claimed c;

	rules(f, true);
	assert_int_equal(store_next_lease_ms(f->store), INT64_MAX);
	struct job j = submit_to(f, "hidden", "q", 0);
	for (uint32_t i = 1; i <= 3; i++) {
		assert_true(take(f, &c));
		assert_int_equal(c.job.attempts, i);
		assert_int_equal(store_next_lease_ms(f->store), boot_ms + LEASE_MS);
		assert_int_equal(expire(f, boot_ms + LEASE_MS - 1, 10), 0);
		assert_int_equal(look(f, j.id).state, JOB_RUNNING);
		f->nheard = 0;
		assert_int_equal(expire(f, boot_ms + LEASE_MS, 10), 1);
		assert_int_equal(f->nheard, 1);
		assert_int_equal(f->heard[0].outcome, JOB_OUTCOME_LEASE_EXPIRED);
		assert_int_equal(outcome_of_last(f, j.id), JOB_OUTCOME_LEASE_EXPIRED);
		j = look(f, j.id);
		assert_int_equal(j.retry_count, 0);
		assert_int_equal(j.crashes, i);
		assert_int_equal(j.state, i < f->max_crashes ? JOB_QUEUED : JOB_DEAD);
		assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_STALE);
		assert_int_equal(look(f, j.id).state, j.state);
	}
	assert_int_equal(store_next_lease_ms(f->store), INT64_MAX);
	assert_int_equal(totals(f).recovered, 2);
	recount(f);
}

static void test_leases_end_in_slices_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	bool more;

	rules(f, true);
	for (int i = 0; i < 5; i++)
		submit_to(f, "hidden", "q", 0);
	for (int i = 0; i < 5; i++) {
		assert_true(take(f, &c));
		boot_ms += 10;
	}
	begin(f);
	assert_int_equal(store_expire_leases(f->store, boot_ms + LEASE_MS - 20, 3, &more), STORE_OK);
	assert_true(more);
	commit(f);
	assert_int_equal(totals(f).recovered, 3);
	begin(f);
	assert_int_equal(store_expire_leases(f->store, boot_ms + LEASE_MS - 20, 3, &more), STORE_OK);
	assert_false(more);
	store_abort(f->store);          /* what was undone is done again */
	assert_int_equal(expire(f, boot_ms + LEASE_MS - 20, 3), 1);
	assert_int_equal(totals(f).state[JOB_RUNNING], 1);
	assert_int_equal(store_next_lease_ms(f->store), boot_ms + LEASE_MS - 10);
}

static void test_given_back(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;

	rules(f, true);
	struct job j = submit_to(f, "hidden", "q", 0);
	assert_true(take(f, &c));
	begin(f);
	assert_int_equal(store_give_back(f->store, j.id, c.job.lease_token + 1), STORE_STALE);
	assert_int_equal(store_give_back(f->store, j.id, c.job.lease_token), STORE_OK);
	commit(f);
	j = look(f, j.id);
	assert_int_equal(j.state, JOB_QUEUED);
	assert_int_equal(j.crashes, 0);
	assert_int_equal(j.retry_count, 0);
	begin(f);
	assert_int_equal(store_give_back(f->store, j.id, c.job.lease_token), STORE_STALE);
	commit(f);
	recount(f);
}

static void test_a_restart_gives_one_full_period(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c[3];
	struct store_ended then;
	bool more;

	if (!fixture_persists(f))
		return;
	rules(f, true);
	for (int i = 0; i < 3; i++) {
		submit_to(f, "hidden", "q", 0);
		assert_true(take(f, &c[i]));
	}
	fixture_reopen(f, 76);          /* an epoch may also be less: what counts is that it is another */
	assert_int_equal(store_next_lease_ms(f->store), INT64_MAX);
	begin(f);
	assert_int_equal(store_abandon_old(f->store, 100, &more), STORE_OK);
	assert_int_equal(store_renew_leases(f->store, 100, 2, &more), STORE_OK);        /* the boot clock begins anew, too */
	assert_true(more);
	assert_int_equal(store_renew_leases(f->store, 100, 2, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(totals(f).state[JOB_RUNNING], 3);
	assert_int_equal(store_next_lease_ms(f->store), 100 + LEASE_MS);
	assert_int_equal(end_as(f, &c[0].job, JOB_OUTCOME_SUCCEEDED, &then), STORE_OK);
	assert_int_equal(expire(f, 100 + LEASE_MS, 10), 2);
	recount(f);
}

static void test_who_it_was(void **state)
{
	struct fixture *f = *state;
	struct store_claimed c;
	struct store_ended then;
	struct job_text name;

	rules(f, true);
	struct job j = submit_to(f, "hidden", "q", 0);
	assert_true(take_of(f, &(struct store_pick){ .type = &TEXT("hidden"), .ntypes = 1 }, "box:77", &c));
	for (int i = 0; i < 2; i++) {
		j = look(f, j.id);
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		assert_int_equal(store_worker(f->reader, &j, &name), STORE_OK);
		assert_int_equal(name.n, 6);
		assert_memory_equal(name.p, "box:77", 6);
		store_read_end(f->reader);
		if (i == 0)
			assert_int_equal(end_as(f, &c.job, JOB_OUTCOME_SUCCEEDED, &then), STORE_OK);
	}
}

static void test_an_abort_takes_claims_back(void **state)
{
	struct fixture *f = *state;
	struct store_lease l = { .lease_ms = LEASE_MS, .boot_ms = boot_ms };
	struct store_pick p = { .type = &TEXT("hidden"), .ntypes = 1 };
	struct store_claimed c;

	rules(f, true);
	struct job j = submit_to(f, "hidden", "q", 0);
	begin(f);
	assert_int_equal(store_claim_remote(f->store, &p, &l, &c), STORE_OK);
	store_abort(f->store);
	assert_int_equal(look(f, j.id).state, JOB_QUEUED);
	assert_true(take(f, &c));
	l.lease_ms = 0;
	begin(f);
	assert_int_equal(store_claim_remote(f->store, &p, &l, &c), STORE_INVALID);
	commit(f);
}

/* Random work and random pickers: each job is handed out once, the least of its lane first, and nothing is left. */
static void test_random_pickers(void **state)
{
	static const char *const queues[] = { "a", "b", "heavy", "d", "e" };
	struct fixture *f = *state;
	unsigned seed = 7, handed = 0, made = 0;
	uint64_t last[5] = { 0 };

	rules(f, true);
	for (unsigned i = 0; i < 300; i++) {
		seed = seed * 1103515245u + 12345u;
		unsigned q = (seed >> 16) % 5, w = (seed >> 20) % 5;
		struct job_text only = { queues[w], strlen(queues[w]) };
		struct store_pick p = { .type = &TEXT("hidden"), .ntypes = 1, .queue = &only, .nqueues = (seed >> 24) % 2 };
		struct store_claimed c;
		if ((seed >> 26) % 2 || i < 50) {
			submit_to(f, (seed >> 25) % 4 ? "hidden" : "t", queues[q], 0);
			made++;
		} else if (take_of(f, &p, "", &c)) {
			handed++;
			for (unsigned k = 0; k < 5; k++) {
				if (c.spec.queue.n != strlen(queues[k]) || memcmp(c.spec.queue.p, queues[k], c.spec.queue.n) != 0)
					continue;
				assert_true(!p.nqueues || k == w);
				assert_true(c.job.sortkey >= last[k]);
				last[k] = c.job.sortkey;
			}
		}
	}
	struct store_claimed c;
	while (take(f, &c))
		handed++;
	while (claim(f, handed + 1000, &c))
		handed++;
	assert_int_equal(handed, made);
	recount(f);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_a_lane_is_local_or_remote),
		BOTH(test_order_and_filters),
		BOTH(test_queues_take_turns_by_weight),
		BOTH(test_what_holds_a_queue_back),
		BOTH(test_a_lease_runs_out),
		BOTH(test_leases_end_in_slices_and_in_order),
		BOTH(test_given_back),
		BOTH(test_a_restart_gives_one_full_period),
		BOTH(test_who_it_was),
		BOTH(test_an_abort_takes_claims_back),
		BOTH(test_random_pickers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
