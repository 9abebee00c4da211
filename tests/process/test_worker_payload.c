/* Payloads too large to travel with their grant: read from a real store, and what becomes of the job where that fails. */
#include "process/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "worker_fixture.h"

static bool random_bytes(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n;
}

/* A store beside the segment with one staged blob of `n` bytes. */
static uint64_t store_with_blob(size_t n)
{
	const struct store_options o = { .path = scratch("store"), .map_size = 64u << 20, .epoch = 42, .random = random_bytes };
	char why[256] = "", *bytes = malloc(n);
	uint64_t blob = 0;
	enum store_rc rc;
	assert_int_equal(mkdir(scratch("store"), 0700), 0);
	struct store *s = store_open(&o, &rc, why, sizeof(why));

	assert_string_equal(why, "");
	assert_non_null(s);
	memset(bytes, 'P', n);
	bytes[n - 1] = '.';
	assert_int_equal(store_begin(s, 1800000000000), STORE_OK);
	for (size_t at = 0; at < n; at += 48000) {
		size_t part = n - at < 48000 ? n - at : 48000;
		assert_int_equal(store_stage(s, 2, 1, blob, at, (struct job_text){ bytes + at, part }, &blob), STORE_OK);
	}
	assert_int_equal(store_commit(s), STORE_OK);
	store_close(s);
	free(bytes);
	return blob;
}

static void point_conf_at_store(void)
{
	char **path = &((struct conf *)(uintptr_t)process.conf)->store.path;

	free(*path);
	*path = strdup(scratch("store"));
}

static void test_large_payload_is_read_from_the_store(void **state)
{
	size_t n = (2u << 20) + 12345;
	uint64_t blob = store_with_blob(n);
	char why[256] = "";
	struct buf b = { 0 };

	(void)state;
	point_conf_at_store();
	assert_int_equal(worker_payload(&w, blob, n, &b, why, sizeof(why)), STORE_OK);
	assert_int_equal(b.len, n);
	assert_int_equal(b.data[0], 'P');
	assert_int_equal(b.data[n - 1], '.');
	buf_free(&b);
	grant_with("cat", "", blob, n);
	run_down();
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_SUCCEEDED);
	assert_memory_equal(asked.result[0], "PPPP", 4);
	assert_int_equal(asked.finish[0].result_len, 64);
	assert_all_free();
}

static void test_payload_that_is_not_there_fails_the_job(void **state)
{
	uint64_t blob = store_with_blob(10000);

	(void)state;
	point_conf_at_store();
	grant_with("cat", "", blob + 1, 10000);
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_FAILED);
	assert_non_null(strstr(asked.error[0], "its payload cannot be read from the store: "));
	grant_with("cat", "", blob, 20000);                             /* shorter than it was said to be */
	keep_all();
	assert_int_equal(asked.finish[1].outcome, JOB_OUTCOME_FAILED);
	assert_all_free();
}

static void test_store_that_cannot_be_read_gives_the_job_back(void **state)
{
	(void)state;
	point_conf_at_store();          /* there is none */
	grant_with("cat", "", 1, 10000);
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_RELEASED);
	assert_true(w.short_until_ns > 0);
	assert_all_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_large_payload_is_read_from_the_store),
		TEST(test_payload_that_is_not_there_fails_the_job),
		TEST(test_store_that_cannot_be_read_gives_the_job_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
