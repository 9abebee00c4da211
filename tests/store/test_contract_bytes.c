/* What store.h promises of bytes and of time: payloads and results of every length, staging, retention, progress; over every engine. */
#include "tests/store/contract.h"

#include <stdlib.h>
#include <string.h>

static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i % 23);
}

static void test_payloads_of_every_length(void **state)
{
	struct fixture *f = *state;
	static const size_t sizes[] = { 1, 1500, 1760, 1900, 2000, 2001, 3999, 4000, 4096 };
	char text[JOB_INLINE_MAX + 1];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buf out = { 0 };
		fill(text, sizes[i]);
		text[sizes[i]] = '\0';
		struct job_spec s = spec_of("t", "q", 0, text);
		struct job j = submit(f, &s);
		assert_int_equal(store_read_begin(f->reader), STORE_OK);
		assert_int_equal(store_payload(f->reader, j.id, &out), STORE_OK);
		store_read_end(f->reader);
		assert_int_equal(out.len, sizes[i]);
		assert_memory_equal(out.data, text, sizes[i]);
		buf_free(&out);
	}
}

static uint64_t stage(struct fixture *f, const char *p, size_t n, size_t chunk)
{
	uint64_t blob = 0;

	for (size_t at = 0; at < n; at += chunk) {
		size_t left = n - at < chunk ? n - at : chunk;
		begin(f);
		assert_int_equal(store_stage(f->store, SLOT, 3, blob, at, (struct job_text){ p + at, left }, &blob), STORE_OK);
		commit(f);
	}
	return blob;
}

static void test_staged_payload_result_and_log(void **state)
{
	struct fixture *f = *state;
	size_t n = 123456;
	char *big = malloc(n);
	struct buf out = { 0 };
	struct store_claimed c;
	bool more;

	assert_non_null(big);
	fill(big, n);
	uint64_t blob = stage(f, big, n, 48000);
	struct job_spec s = spec_of("t", "q", 0, "");
	s.payload_blob = blob;
	s.payload_len = n + 1;          /* not what was staged */
	struct job j;
	begin(f);
	assert_int_equal(try_submit(f, &s, &j), STORE_INVALID);
	commit(f);
	s.payload_len = n;
	j = submit(f, &s);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_payload(f->reader, j.id, &out), STORE_OK);
	store_read_end(f->reader);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.data, big, n);
	begin(f);               /* it has an owner: no longer its stager's to lose, nor to be used twice */
	assert_int_equal(store_stage_drop(f->store, SLOT, 3, 100, &more), STORE_OK);
	struct job again;
	assert_int_equal(try_submit(f, &s, &again), STORE_INVALID);
	commit(f);
	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.result_blob = stage(f, big, 50000, 48000);
	m.result_len = 50000;
	m.log_blob = stage(f, big, 9000, 48000);
	m.log_len = 9000;
	assert_int_equal(finish(f, &m, &j), STORE_OK);
	buf_clear(&out);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_result(f->reader, &j, &out), STORE_OK);
	assert_int_equal(out.len, 50000);
	assert_memory_equal(out.data, big, 50000);
	buf_clear(&out);
	assert_int_equal(store_blob(f->reader, m.log_blob, 1999, 3000, &out), STORE_OK);
	assert_int_equal(out.len, 3000);
	assert_memory_equal(out.data, big + 1999, 3000);
	store_read_end(f->reader);
	buf_free(&out);
	free(big);
}

static void test_staging_must_go_on_where_it_stopped(void **state)
{
	struct fixture *f = *state;
	uint64_t blob = stage(f, "0123456789", 10, 48000), other;

	begin(f);
	assert_int_equal(store_stage(f->store, SLOT, 3, blob, 0, (struct job_text){ "x", 1 }, &other), STORE_INVALID);
	assert_int_equal(store_stage(f->store, SLOT, 4, blob, 10, (struct job_text){ "x", 1 }, &other), STORE_INVALID);
	assert_int_equal(store_stage(f->store, SLOT, 3, blob + 100, 2000, (struct job_text){ "x", 1 }, &other), STORE_NOT_FOUND);
	commit(f);
}

static void test_staged_bytes_of_the_dead_go(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "");
	struct job j;
	bool more;

	s.payload_blob = stage(f, "0123456789", 10, 48000);
	s.payload_len = 10;
	begin(f);
	assert_int_equal(store_stage_drop(f->store, SLOT, 2, 100, &more), STORE_OK);
	assert_int_equal(store_stage_drop(f->store, SLOT + 1, 3, 100, &more), STORE_OK);
	commit(f);
	begin(f);
	assert_int_equal(store_stage_drop(f->store, SLOT, 3, 100, &more), STORE_OK);
	assert_false(more);
	assert_int_equal(try_submit(f, &s, &j), STORE_INVALID);
	commit(f);
}

/* The rows of a blob that can still be read, from its number alone. */
static bool blob_there(struct fixture *f, uint64_t blob)
{
	struct buf out = { 0 };

	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	for (uint64_t row = 0; row < 200 && out.len == 0; row++)
		assert_int_equal(store_blob(f->reader, blob, row * 2000, 1, &out), STORE_OK);
	store_read_end(f->reader);
	bool there = out.len > 0;
	buf_free(&out);
	return there;
}

static unsigned sweep(struct fixture *f, unsigned limit)
{
	unsigned batches = 0;

	for (bool more = true; more; batches++) {
		begin(f);
		assert_int_equal(store_sweep(f->store, limit, &more), STORE_OK);
		commit(f);
		assert_true(batches < 1000);
	}
	return batches;
}

static void test_what_nobody_owns_is_swept_bit_by_bit(void **state)
{
	struct fixture *f = *state;
	static char big[100000];
	struct job_spec s = spec_of("t", "q", 0, "");
	struct job j;
	bool more;

	fill(big, sizeof(big));
	assert_int_equal(sweep(f, 10), 1);
	uint64_t dropped = stage(f, big, sizeof(big), 48000), dead = stage(f, big, 5000, 48000), kept = stage(f, big, sizeof(big), 48000);
	begin(f);
	assert_int_equal(store_unstage(f->store, SLOT, 4, dropped), STORE_NOT_FOUND);           /* not whose it is */
	assert_int_equal(store_unstage(f->store, SLOT + 1, 3, dropped), STORE_NOT_FOUND);
	assert_int_equal(store_unstage(f->store, SLOT, 3, dropped), STORE_OK);
	assert_int_equal(store_unstage(f->store, SLOT, 3, dropped), STORE_NOT_FOUND);
	s.payload_blob = kept;
	s.payload_len = sizeof(big);
	assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	assert_int_equal(store_stage_drop(f->store, SLOT, 3, 100, &more), STORE_OK);
	commit(f);
	assert_in_range(sweep(f, 10), 5, 7);    /* 53 rows */
	assert_false(blob_there(f, dropped));
	assert_false(blob_there(f, dead));
	assert_true(blob_there(f, kept));
	assert_int_equal(sweep(f, 10), 1);
	if (!fixture_persists(f))
		return;
	uint64_t old = stage(f, big, 9000, 48000);
	fixture_reopen(f, 78);
	uint64_t ours = stage(f, big, 9000, 48000);
	fixture_reopen(f, 78);
	sweep(f, 3);
	assert_false(blob_there(f, old));
	assert_true(blob_there(f, ours));
	assert_true(blob_there(f, kept));
}

static void test_purging_a_long_job_takes_more_than_one_batch(void **state)
{
	struct fixture *f = *state;
	static char big[200000];
	struct job_spec s = spec_of("t", "q", 0, "");
	struct store_claimed c;
	bool more;

	f->rules.retain_succeeded_ms = 1000;
	store_rules(f->store, &f->rules);
	fill(big, sizeof(big));
	s.payload_blob = stage(f, big, sizeof(big), 48000);
	s.payload_len = sizeof(big);
	submit(f, &s);
	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.result_blob = stage(f, big, sizeof(big), 48000);
	m.result_len = sizeof(big);
	m.log_blob = stage(f, big, 9000, 48000);
	m.log_len = 9000;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	f->now_us += 5000000;
	begin(f);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look_rc(f, c.job.id), STORE_NOT_FOUND);
	assert_true(blob_there(f, m.result_blob));
	assert_in_range(sweep(f, 30), 7, 8);    /* 200 rows; the log's were few enough to go at once */
	assert_false(blob_there(f, m.result_blob));
	assert_false(blob_there(f, s.payload_blob));
	assert_false(blob_there(f, m.log_blob));
}

static void test_bytes_have_one_owner(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	struct job j;

	submit(f, &s);
	assert_true(claim(f, 1, &c));
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	m.result_blob = m.log_blob = stage(f, "0123456789", 10, 48000);
	m.result_len = m.log_len = 10;
	begin(f);
	assert_int_equal(store_finish(f->store, &m, &j), STORE_INVALID);
	assert_false(store_spoilt(f->store));
	commit(f);
	assert_int_equal(look(f, c.job.id).state, JOB_RUNNING);
	m.log_blob = 0;
	m.log_len = 0;
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
}

static void test_retention(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j[3];
	struct store_claimed c;
	bool more;

	f->rules.retain_succeeded_ms = 10000;
	f->rules.retain_failed_ms = 100000;
	store_rules(f->store, &f->rules);
	for (uint64_t i = 0; i < 3; i++) {
		j[i] = submit(f, &s);
		assert_true(claim(f, i + 1, &c));
		struct store_finish m = finish_of(&c.job, i == 2 ? JOB_OUTCOME_FAILED : JOB_OUTCOME_SUCCEEDED);
		m.no_retry = true;
		m.error = (struct job_text){ "why", i == 2 ? 3 : 0 };
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
	}
	begin(f);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look_rc(f, j[0].id), STORE_OK);
	f->now_us += 20000000;
	begin(f);
	assert_int_equal(store_retain(f->store, 1, &more), STORE_OK);
	assert_true(more);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	assert_false(more);
	commit(f);
	assert_int_equal(look_rc(f, j[0].id), STORE_NOT_FOUND);
	assert_int_equal(look_rc(f, j[1].id), STORE_NOT_FOUND);
	assert_int_equal(look_rc(f, j[2].id), STORE_OK);
	recount(f);
	f->now_us += 100000000;
	begin(f);
	assert_int_equal(store_retain(f->store, 10, &more), STORE_OK);
	commit(f);
	assert_int_equal(look_rc(f, j[2].id), STORE_NOT_FOUND);
	struct store_tally t = totals(f);
	assert_int_equal(t.submitted, 3);       /* totals stay, gauges go */
	assert_int_equal(t.state[JOB_SUCCEEDED] + t.state[JOB_DEAD], 0);
	recount(f);
}

static void test_retention_by_count(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_claimed c;
	bool more;

	f->rules.retain_count = 3;
	store_rules(f->store, &f->rules);
	for (uint64_t i = 0; i < 8; i++) {
		submit(f, &s);
		assert_true(claim(f, i + 1, &c));
		struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(finish(f, &m, NULL), STORE_OK);
	}
	begin(f);
	assert_int_equal(store_retain(f->store, 100, &more), STORE_OK);
	commit(f);
	assert_int_equal(totals(f).state[JOB_SUCCEEDED], 3);
	recount(f);
}

static void test_progress(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct store_claimed c;
	struct store_progress said;

	assert_true(claim(f, 1, &c));
	begin(f);
	assert_int_equal(store_progress(f->store, j.id, c.job.lease_token, 40, (struct job_text){ "half", 4 }), STORE_OK);
	assert_int_equal(store_progress(f->store, j.id, c.job.lease_token + 1, 50, (struct job_text){ "x", 1 }), STORE_STALE);
	assert_int_equal(store_progress(f->store, j.id, c.job.lease_token, 101, (struct job_text){ "x", 1 }), STORE_INVALID);
	commit(f);
	assert_int_equal(look(f, j.id).progress_pct, 40);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_progress_get(f->reader, j.id, &said), STORE_OK);
	assert_int_equal(said.percent, 40);
	assert_int_equal(said.attempt, 1);
	assert_int_equal(said.at_ms, f->now_us / 1000);
	assert_true(said.message.n == 4 && memcmp(said.message.p, "half", 4) == 0);
	assert_int_equal(f->heard[f->nheard - 1].event, JOB_EV_PROGRESS);
	assert_int_equal(f->heard[f->nheard - 1].state, JOB_RUNNING);
	assert_int_equal(f->nheard, 3);         /* submitted, claimed, and the one that was taken */
	store_read_end(f->reader);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_payloads_of_every_length),
		BOTH(test_staged_payload_result_and_log),
		BOTH(test_staging_must_go_on_where_it_stopped),
		BOTH(test_staged_bytes_of_the_dead_go),
		BOTH(test_what_nobody_owns_is_swept_bit_by_bit),
		BOTH(test_purging_a_long_job_takes_more_than_one_batch),
		BOTH(test_bytes_have_one_owner),
		BOTH(test_retention),
		BOTH(test_retention_by_count),
		BOTH(test_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
