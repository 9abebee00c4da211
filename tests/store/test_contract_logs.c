/* What store.h promises of the logs of attempts, over every engine: the last ten are kept, whatever their length. */
#include "tests/store/contract.h"

#include <string.h>

#define LONG 9000u

static char text[LONG];

/* A long log goes up in pieces first. */
static uint64_t staged(struct fixture *f, size_t n)
{
	uint64_t blob = 0;

	begin(f);
	assert_int_equal(store_stage(f->store, SLOT, 3, 0, 0, (struct job_text){ text, n }, &blob), STORE_OK);
	commit(f);
	return blob;
}

/* One attempt that says `n` bytes of a letter and ends so. */
static void attempt(struct fixture *f, uint64_t grant, char letter, size_t n, enum job_outcome outcome)
{
	struct store_claimed c;
	bool more;

	begin(f);
	assert_int_equal(store_due(f->store, 100, &more), STORE_OK);
	commit(f);
	assert_true(claim(f, grant, &c));
	struct store_finish m = finish_of(&c.job, outcome);
	memset(text, letter, sizeof(text));
	m.retry_in_ms = 0;
	if (n > JOB_INLINE_MAX) {
		m.log_blob = staged(f, n);
		m.log_len = n;
	} else {
		m.log = (struct job_text){ text, n };
	}
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
}

static enum store_rc log_of(struct fixture *f, struct job_id id, uint32_t number, struct buf *out, bool *dropped)
{
	struct job j;

	buf_clear(out);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_get(f->reader, id, &j, NULL), STORE_OK);
	enum store_rc rc = store_log(f->reader, &j, number, out, dropped);
	store_read_end(f->reader);
	return rc;
}

static void assert_log(struct fixture *f, struct job_id id, uint32_t number, char letter, size_t n)
{
	struct buf b = { 0 };
	bool dropped;

	assert_int_equal(log_of(f, id, number, &b, &dropped), STORE_OK);
	assert_false(dropped);
	assert_int_equal(b.len, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(b.data[i], letter);
	buf_free(&b);
}

static void test_the_last_ten_are_kept(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct buf b = { 0 };
	bool dropped, more;

	s.max_retries = 20;
	struct job j = submit(f, &s);
	/* short, in a row of its own where it is longer, in pieces */
	static const size_t length[] = { 10, 3000, LONG };
	for (uint32_t i = 1; i <= 14; i++) {
		attempt(f, i, (char)('a' + i), length[i % 3], i < 14 ? JOB_OUTCOME_FAILED : JOB_OUTCOME_SUCCEEDED);
		assert_log(f, j.id, 0, (char)('a' + i), length[i % 3]);
		for (uint32_t k = i > 10 ? i - 9 : 1; k <= i; k++)
			assert_log(f, j.id, k, (char)('a' + k), length[k % 3]);
		for (uint32_t k = 1; k + 10 <= i; k++) {
			assert_int_equal(log_of(f, j.id, k, &b, &dropped), STORE_OK);
			assert_true(dropped);
			assert_int_equal(b.len, 0);
		}
	}
	assert_int_equal(log_of(f, j.id, 15, &b, &dropped), STORE_NOT_FOUND);
	begin(f);
	assert_int_equal(store_sweep(f->store, 1000, &more), STORE_OK);
	commit(f);
	assert_log(f, j.id, 5, (char)('a' + 5), LONG);          /* what was swept was nobody's */
	buf_free(&b);
	recount(f);
}

static void test_what_has_none(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job j = submit(f, &s);
	struct buf b = { 0 };
	struct store_claimed c;
	bool dropped;

	assert_int_equal(log_of(f, j.id, 0, &b, &dropped), STORE_NOT_FOUND);
	assert_int_equal(log_of(f, j.id, 1, &b, &dropped), STORE_NOT_FOUND);
	assert_true(claim(f, 1, &c));
	assert_int_equal(log_of(f, j.id, 0, &b, &dropped), STORE_NOT_FOUND);    /* it runs */
	assert_int_equal(log_of(f, j.id, 1, &b, &dropped), STORE_NOT_FOUND);
	struct store_finish m = finish_of(&c.job, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(finish(f, &m, NULL), STORE_OK);
	assert_log(f, j.id, 0, 0, 0);           /* succeeded without a word: no row tells of it */
	assert_log(f, j.id, 1, 0, 0);
	assert_int_equal(log_of(f, j.id, 2, &b, &dropped), STORE_NOT_FOUND);
	buf_free(&b);
}

static void test_numbers_mean_the_present_life(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct job out;

	s.max_retries = 1;
	struct job j = submit(f, &s);
	attempt(f, 1, 'a', 5, JOB_OUTCOME_FAILED);
	attempt(f, 2, 'b', 5, JOB_OUTCOME_FAILED);
	assert_int_equal(look(f, j.id).state, JOB_DEAD);
	begin(f);
	assert_int_equal(store_act(f->store, j.id, STORE_ACT_RETRY, &out), STORE_OK);
	commit(f);
	assert_log(f, j.id, 2, 'b', 5);
	attempt(f, 3, 'c', 5, JOB_OUTCOME_SUCCEEDED);
	assert_log(f, j.id, 0, 'c', 5);
	assert_log(f, j.id, 1, 'c', 5);
	assert_log(f, j.id, 2, 'b', 5);         /* of the first life: nothing has taken its number yet */
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_the_last_ten_are_kept),
		BOTH(test_what_has_none),
		BOTH(test_numbers_mean_the_present_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
