/* A map that is full to its last page: nothing that was committed is lost, and by batches that are small enough it empties again, without being opened anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <string.h>

#include "store/store.h"
#include "tests/os/scratch.h"

#define TRIES 50

static struct store *s;
static int64_t now_us = 1800000000000000;
static uint64_t grants;
static char why[512];

static bool counted_random(void *p, size_t n)
{
	static uint32_t seed = 99;
	uint8_t *b = p;

	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		b[i] = (uint8_t)(seed >> 24);
	}
	return true;
}

static bool everywhere(void *arg, struct job_text type)
{
	(void)arg;
	(void)type;
	return true;
}

static int setup(void **state)
{
	struct store_options o = { .map_size = 1u << 20, .epoch = 5, .random = counted_random };
	enum store_rc rc;

	if (scratch_setup(state) != 0)
		return -1;
	o.path = scratch_dir;
	s = store_open(&o, &rc, why, sizeof(why));
	if (!s)
		return -1;
	store_rules(s, &(struct store_rules){ .runs_here = everywhere, .retain_succeeded_ms = 1, .retain_failed_ms = 1 });
	return 0;
}

static int teardown(void **state)
{
	store_close(s);
	return scratch_teardown(state);
}

/* --- batches: what is to be done in one, and whether it was committed --- */

static struct job_spec spec;
static uint8_t bytes[RECORD_SPEC_MAX];
static struct store_claimed claimed;

static enum store_rc do_submit(unsigned n)
{
	size_t len = record_spec_encode(&spec, bytes, sizeof(bytes));
	enum store_rc rc = STORE_OK;
	struct job j;

	for (unsigned i = 0; i < n && rc == STORE_OK; i++)
		rc = store_submit(s, &spec, bytes, len, &j);
	return rc;
}

static enum store_rc do_run_one(unsigned n)
{
	struct store_owner owner = { 7, 1, 1 };
	struct job j;

	(void)n;
	enum store_rc rc = store_claim(s, &owner, grants + 1, true, &claimed);
	struct store_finish f = { .id = claimed.job.id, .token = claimed.job.lease_token, .outcome = JOB_OUTCOME_SUCCEEDED, .started_ms = 1, .retry_in_ms = -1 };
	return rc == STORE_OK ? store_finish(s, &f, &j) : rc;
}

static enum store_rc do_purge_one(unsigned n)
{
	bool more;

	(void)n;
	return store_retain(s, 1, &more);
}

static enum store_rc do_touch(unsigned n)
{
	(void)n;
	return store_touch(s);
}

static enum store_rc batch(enum store_rc (*what)(unsigned n), unsigned n)
{
	now_us += 10000;
	enum store_rc rc = store_begin(s, now_us);
	if (rc != STORE_OK)
		return rc;
	rc = what(n);
	if (rc == STORE_OK)
		return store_commit(s);
	assert_true(rc != STORE_NO_SPACE || store_spoilt(s));
	store_abort(s);
	return rc;
}

/* As the keeper does it: where there is no room a touch, then again. */
static enum store_rc insist(enum store_rc (*what)(unsigned n))
{
	enum store_rc rc = STORE_NO_SPACE;

	for (unsigned i = 0; i < TRIES && rc == STORE_NO_SPACE; i++) {
		rc = batch(what, 1);
		if (rc == STORE_NO_SPACE)
			batch(do_touch, 1);
	}
	return rc;
}

static struct store_tally totals(void)
{
	struct store_tally t;

	assert_int_equal(store_begin(s, now_us), STORE_OK);     /* loads anew what an aborted batch has left */
	assert_int_equal(store_commit(s), STORE_OK);
	store_totals(s, &t);
	return t;
}

static void fill(unsigned at_once)
{
	uint64_t stored = totals().state[JOB_QUEUED];
	enum store_rc rc;

	while ((rc = batch(do_submit, at_once)) == STORE_OK)
		stored += at_once;
	assert_int_equal(rc, STORE_NO_SPACE);
	assert_int_equal(totals().state[JOB_QUEUED], stored);
}

static void test_full_and_empty_again(void **state)
{
	static char payload[1500];
	static const unsigned sizes[] = { 64, 7, 1 };

	(void)state;
	memset(payload, 'x', sizeof(payload));
	spec = (struct job_spec){ .type = { "t", 1 }, .queue = { "q", 1 }, .payload = { payload, sizeof(payload) }, .payload_len = sizeof(payload) };
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 3; i++)
			fill(sizes[i]);
		uint64_t n = totals().state[JOB_QUEUED];
		assert_in_range(n, 100, 600);
		for (uint64_t i = 0; i < n; i++, grants++)
			assert_int_equal(insist(do_run_one), STORE_OK);
		assert_int_equal(batch(do_run_one, 1), STORE_NOT_FOUND);
		for (uint64_t i = 0; i < n; i++)
			assert_int_equal(insist(do_purge_one), STORE_OK);
		struct store_tally t = totals();
		assert_int_equal(t.state[JOB_SUCCEEDED] + t.state[JOB_QUEUED] + t.state[JOB_RUNNING], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full_and_empty_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
