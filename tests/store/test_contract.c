/* What store.h promises, over every engine. */
#include "tests/store/contract.h"

#include <string.h>

static void test_submit_and_get(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("img.scale", "media", 7, "{\"n\":1}"), got;
	s.name = (struct job_text){ "a label", 7 };
	s.tag[0] = (struct job_text){ "one", 3 };
	s.ntags = 1;
	struct job j = submit(f, &s), stored;
	struct buf payload = { 0 };

	assert_int_equal(j.state, JOB_QUEUED);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_get(f->reader, j.id, &stored, &got), STORE_OK);
	assert_int_equal(stored.state, JOB_QUEUED);
	assert_int_equal(stored.priority, 7);
	assert_int_equal(stored.created_ms, f->now_us / 1000);
	assert_true(got.type.n == 9 && memcmp(got.type.p, "img.scale", 9) == 0);
	assert_true(got.queue.n == 5 && memcmp(got.queue.p, "media", 5) == 0);
	assert_int_equal(got.ntags, 1);
	assert_int_equal(store_payload(f->reader, j.id, &payload), STORE_OK);
	store_read_end(f->reader);
	assert_true(payload.len == 7 && memcmp(payload.data, "{\"n\":1}", 7) == 0);
	buf_free(&payload);
	recount(f);
}

static void test_ids_increase_even_when_the_clock_goes_back(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job a = submit(f, &s);
	f->now_us -= 3600LL * 1000000;
	struct job b = submit(f, &s);
	struct store_claimed c;

	assert_true(memcmp(&a.id, &b.id, sizeof(a.id)) < 0);
	/* and arrival order holds */
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &a.id, sizeof(a.id));
}

static void test_order_by_priority_then_arrival(void **state)
{
	struct fixture *f = *state;
	struct job_spec low = spec_of("t", "q", -5, "1"), high = spec_of("t", "q", 5, "1"), other = spec_of("u", "q", 0, "1");
	struct job l = submit(f, &low), h1 = submit(f, &high), o = submit(f, &other), h2 = submit(f, &high);
	const struct job *want[] = { &h1, &h2, &o, &l };

	for (uint64_t i = 0; i < 4; i++) {
		struct store_claimed c;
		assert_true(claim(f, i + 1, &c));
		assert_memory_equal(&c.job.id, &want[i]->id, sizeof(c.job.id));
	}
	struct store_claimed c;
	assert_false(claim(f, 9, &c));
}

static void test_aging_lets_an_old_job_pass(void **state)
{
	struct fixture *f = *state;
	struct job_spec low = spec_of("t", "q", 0, "1"), high = spec_of("t", "q", 1, "1");
	struct job l = submit(f, &low);
	f->now_us += 61LL * 1000000;            /* one step of aging and a second */
	submit(f, &high);
	struct store_claimed c;

	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &l.id, sizeof(l.id));
}

static void test_queues_take_turns_by_weight(void **state)
{
	struct fixture *f = *state;
	struct job_spec light = spec_of("t", "light", 0, "1"), heavy = spec_of("t", "heavy", 0, "1");
	unsigned from_heavy = 0;

	for (int i = 0; i < 40; i++) {
		submit(f, &light);
		submit(f, &heavy);
	}
	for (uint64_t i = 0; i < 40; i++) {
		struct store_claimed c;
		assert_true(claim(f, i + 1, &c));
		from_heavy += c.spec.queue.n == 5 && memcmp(c.spec.queue.p, "heavy", 5) == 0;
	}
	assert_in_range(from_heavy, 29, 31);    /* three of four */
}

static void test_success(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s), done;
	struct store_claimed c;
	struct buf out = { 0 };

	assert_true(claim(f, 1, &c));
	assert_int_equal(c.job.state, JOB_RUNNING);
	assert_int_equal(c.job.attempts, 1);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.result = (struct job_text){ "{\"ok\":true}", 11 };
	m.result_json = true;
	assert_int_equal(finish(f, &m, &done), STORE_OK);
	j = look(f, j.id);
	assert_int_equal(j.state, JOB_SUCCEEDED);
	assert_int_equal(j.retry_count, 0);
	assert_int_equal(j.duration_us, 2500);
	assert_int_equal(j.cpu_us, 1200);
	assert_int_equal(j.max_rss_kb, 4096);
	assert_true(j.result_json);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_result(f->reader, &j, &out), STORE_OK);
	store_read_end(f->reader);
	assert_true(out.len == 11 && memcmp(out.data, "{\"ok\":true}", 11) == 0);
	buf_free(&out);
	struct store_tally t = totals(f);
	assert_int_equal(t.succeeded, 1);
	assert_int_equal(t.processed, 1);
	assert_int_equal(t.exec_us_sum, 2500);
	recount(f);
}

static bool last_attempt(void *arg, const struct record_attempt *a)
{
	*(struct record_attempt *)arg = *a;
	return true;
}

static void test_failures_back_off_and_end_dead(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	s.max_retries = 2;
	struct job j = submit(f, &s);
	int64_t want_delay[] = { 1000, 2000 };

	for (unsigned i = 0; i < 3; i++) {
		struct store_claimed c;
		struct record_attempt a;
		bool more;
		assert_true(claim(f, i + 1, &c));
		assert_int_equal(c.job.attempts, i + 1);
		struct store_finish m = finish_of(&c.job, i == 1 ? JOB_OUTCOME_TIMED_OUT : JOB_OUTCOME_FAILED);
		m.error = (struct job_text){ "no luck", 7 };
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
		j = look(f, j.id);
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		assert_int_equal(store_attempts(f->reader, j.id, last_attempt, &a), STORE_OK);
		assert_true(a.error.n == 7 && memcmp(a.error.p, "no luck", 7) == 0);
		store_read_end(f->reader);
		assert_int_equal(a.attempt, i + 1);
		assert_int_equal(a.exit_code, 1);
		if (i == 2)
			break;
		assert_int_equal(j.state, JOB_RETRYING);
		assert_int_equal(j.retry_count, i + 1);
		assert_int_equal(j.run_at_ms - f->now_us / 1000, want_delay[i]);
		assert_int_equal(store_next_due_ms(f->store), j.run_at_ms);
		assert_int_equal(a.retry_at_ms, j.run_at_ms);
		f->now_us = j.run_at_ms * 1000 - 3000;
		begin(f);               /* a moment too early */
		assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
		commit(f);
		assert_int_equal(look(f, j.id).state, JOB_RETRYING);
		f->now_us += 3000;
		begin(f);
		assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
		commit(f);
		assert_false(more);
		assert_int_equal(look(f, j.id).state, JOB_QUEUED);
		assert_int_equal(store_next_due_ms(f->store), INT64_MAX);
	}
	assert_int_equal(j.state, JOB_DEAD);
	assert_int_equal(j.retry_count, 2);
	assert_int_equal(j.attempts, 3);
	struct store_tally t = totals(f);
	assert_int_equal(t.failed, 3);
	assert_int_equal(t.retried, 2);
	assert_int_equal(t.dead, 1);
	recount(f);
}

static void test_failed_for_good_and_asked_delay(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job a = submit(f, &s), b = submit(f, &s);
	struct store_claimed c;

	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	m.no_retry = true;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(look(f, a.id).state, JOB_DEAD);
	assert_true(claim(f, 2, &c));
	m = finish_of(&c.job, JOB_OUTCOME_FAILED);
	m.retry_in_ms = 90000;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(look(f, b.id).run_at_ms, f->now_us / 1000 + 90000);
}

static void test_scheduled(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	bool more;

	s.run_at_ms = f->now_us / 1000 + 5000;
	struct job j = submit(f, &s);
	assert_int_equal(j.state, JOB_SCHEDULED);
	assert_false(claim(f, 1, &c));
	fixture_reopen(f, f->epoch);
	assert_int_equal(store_next_due_ms(f->store), s.run_at_ms);
	f->now_us += 5000000;
	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	commit(f);
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &j.id, sizeof(j.id));
	recount(f);
}

static void test_expired_is_not_started(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	s.expires_at_ms = f->now_us / 1000 + 1000;
	struct job j = submit(f, &s);
	f->now_us += 2000000;
	assert_false(claim(f, 1, &c));
	assert_int_equal(look(f, j.id).state, JOB_EXPIRED);
	recount(f);
}

static void test_expiring_many_takes_more_than_one_batch(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j;
	unsigned batches = 0;

	s.expires_at_ms = f->now_us / 1000 + 1000;
	begin(f);
	for (int i = 0; i < 600; i++)
		assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	s.expires_at_ms = 0;
	assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	commit(f);
	f->now_us += 2000000;
	while (!claim(f, 1, &c)) {
		assert_true(store_has_ready(f->store));         /* so the keeper goes on */
		assert_true(++batches < 10);
	}
	assert_in_range(batches, 1, 3);
	assert_memory_equal(&c.job.id, &j.id, sizeof(j.id));
	assert_int_equal(totals(f).state[JOB_EXPIRED], 600);
	recount(f);
}

static void test_times_out_of_this_world(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j;
	static const int64_t bad[] = { INT64_MAX, INT64_MAX / 1000 + 1, -1, INT64_MIN };

	for (size_t i = 0; i < 4; i++) {
		begin(f);
		s.run_at_ms = bad[i];
		assert_int_equal(try_submit(f, &s, &j), STORE_INVALID);
		s.run_at_ms = 0;
		s.expires_at_ms = bad[i];
		assert_int_equal(try_submit(f, &s, &j), STORE_INVALID);
		s.expires_at_ms = 0;
		commit(f);
	}
	s.backoff = (struct job_backoff){ .base_ms = INT64_MAX, .max_ms = INT64_MAX, .factor_milli = 1000 };
	for (uint64_t i = 0; i < 2; i++) {
		submit(f, &s);
		assert_true(claim(f, i + 1, &c));
		struct store_finish m = finish_of(&c.job, JOB_OUTCOME_FAILED);
		m.retry_in_ms = i ? INT64_MAX : -1;
		assert_int_equal(finish(f, &m, &j), STORE_OK);
		assert_int_equal(j.state, JOB_RETRYING);
		assert_true(j.run_at_ms > f->now_us / 1000);
	}
}

static void test_an_aborted_batch_left_nothing(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "new-queue", 0, "1");
	struct job kept = submit(f, &s), lost;
	struct store_claimed c;

	begin(f);
	s.type = (struct job_text){ "other", 5 };
	assert_int_equal(try_submit(f, &s, &lost), STORE_OK);
	store_abort(f->store);
	assert_int_equal(look_rc(f, lost.id), STORE_NOT_FOUND);
	assert_int_equal(totals(f).submitted, 1);
	assert_true(claim(f, 1, &c));
	assert_memory_equal(&c.job.id, &kept.id, sizeof(kept.id));
	assert_false(claim(f, 2, &c));
	recount(f);
}

static void test_everything_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 3, "[1,2]"), u = spec_of("u", "p", 0, "null");
	struct store_claimed c;

	struct job a = submit(f, &s), b = submit(f, &u);
	assert_true(claim(f, 1, &c));
	if (!fixture_persists(f))
		return;
	fixture_reopen(f, f->epoch);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_true(claim(f, 2, &c));
	assert_int_equal(look(f, a.id).state + look(f, b.id).state, JOB_SUCCEEDED + JOB_RUNNING);
	struct job d = submit(f, &s);
	assert_true(memcmp(&d.id, &b.id, sizeof(d.id)) > 0);
	recount(f);
}

static void test_types_that_run_nowhere_wait(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("hidden", "q", 9, "1"), t = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	f->hide_type = true;
	store_rules(f->store, &f->rules);
	struct job h = submit(f, &s);
	assert_false(store_has_ready(f->store));
	submit(f, &t);
	assert_true(claim(f, 1, &c));
	assert_true(c.spec.type.n == 1);
	assert_false(claim(f, 2, &c));
	f->hide_type = false;
	store_rules(f->store, &f->rules);
	assert_true(store_has_ready(f->store));
	assert_true(claim(f, 3, &c));
	assert_memory_equal(&c.job.id, &h.id, sizeof(h.id));
}

static void test_max_queued(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j;

	f->rules.max_queued = 2;
	store_rules(f->store, &f->rules);
	submit(f, &s);
	submit(f, &s);
	begin(f);
	assert_int_equal(try_submit(f, &s, &j), STORE_QUEUE_FULL);
	commit(f);                      /* the batch goes on */
	assert_true(claim(f, 1, &c));
	submit(f, &s);
	recount(f);
}

static void test_changes_are_told(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;

	submit(f, &s);
	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_int_equal(f->nheard, 3);
	assert_int_equal(f->heard[0].event, JOB_EV_SUBMIT_NOW);
	assert_int_equal(f->heard[1].event, JOB_EV_CLAIM);
	assert_int_equal(f->heard[2].event, JOB_EV_SUCCEED);
	assert_int_equal(f->heard[2].outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(f->heard[2].state, JOB_SUCCEEDED);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_submit_and_get),
		BOTH(test_ids_increase_even_when_the_clock_goes_back),
		BOTH(test_order_by_priority_then_arrival),
		BOTH(test_aging_lets_an_old_job_pass),
		BOTH(test_queues_take_turns_by_weight),
		BOTH(test_success),
		BOTH(test_failures_back_off_and_end_dead),
		BOTH(test_failed_for_good_and_asked_delay),
		BOTH(test_scheduled),
		BOTH(test_expired_is_not_started),
		BOTH(test_expiring_many_takes_more_than_one_batch),
		BOTH(test_times_out_of_this_world),
		BOTH(test_an_aborted_batch_left_nothing),
		BOTH(test_everything_is_there_after_reopening),
		BOTH(test_types_that_run_nowhere_wait),
		BOTH(test_max_queued),
		BOTH(test_changes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
