/* What store.h promises of schedules: a row by name, in the same batch as the job of its tick; over every engine. */
#include "tests/store/contract.h"

#include <string.h>

static struct job_text name_of(const char *s)
{
	return (struct job_text){ s, strlen(s) };
}

static enum store_rc get(struct fixture *f, const char *name, struct store_schedule *out)
{
	begin(f);
	enum store_rc rc = store_schedule_get(f->store, name_of(name), out);
	assert_false(store_spoilt(f->store));
	commit(f);
	return rc;
}

static enum store_rc read_row(struct fixture *f, const char *name, struct store_schedule *out)
{
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	enum store_rc rc = store_schedule_read(f->reader, name_of(name), out);
	store_read_end(f->reader);
	return rc;
}

static void put(struct fixture *f, const char *name, int64_t upto_ms)
{
	struct store_schedule row = { .upto_ms = upto_ms, .print = 7 };

	begin(f);
	assert_int_equal(store_schedule_put(f->store, name_of(name), &row), STORE_OK);
	commit(f);
}

static void test_row(void **state)
{
	struct fixture *f = *state;
	struct store_schedule row = { .upto_ms = 1800000000123, .run_ms = 1799999999000, .print = 0xfedcba98 }, got;

	memset(row.job.b, 0xa5, sizeof(row.job.b));
	assert_int_equal(get(f, "nightly", &got), STORE_NOT_FOUND);
	assert_int_equal(read_row(f, "nightly", &got), STORE_NOT_FOUND);
	for (int i = 0; i < 2; i++) {           /* and again over the old one */
		row.upto_ms += i;
		begin(f);
		assert_int_equal(store_schedule_put(f->store, name_of("nightly"), &row), STORE_OK);
		assert_true(store_changed(f->store));
		commit(f);
		assert_int_equal(get(f, "nightly", &got), STORE_OK);
		assert_memory_equal(&got, &row, sizeof(row));
		assert_int_equal(read_row(f, "nightly", &got), STORE_OK);
		assert_memory_equal(&got, &row, sizeof(row));
	}
	fixture_reopen(f, 78);
	assert_int_equal(get(f, "nightly", &got), STORE_OK);
	assert_memory_equal(&got, &row, sizeof(row));
	assert_int_equal(get(f, "nightl", &got), STORE_NOT_FOUND);
	assert_int_equal(get(f, "nightly2", &got), STORE_NOT_FOUND);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct store_schedule row = { .upto_ms = -1 };
	char name[257];

	memset(name, 'x', sizeof(name) - 1);
	name[256] = '\0';
	begin(f);
	assert_int_equal(store_schedule_put(f->store, name_of("a"), &row), STORE_INVALID);
	row.upto_ms = 1;
	assert_int_equal(store_schedule_put(f->store, name_of(""), &row), STORE_INVALID);
	assert_int_equal(store_schedule_put(f->store, name_of(name), &row), STORE_INVALID);
	assert_int_equal(store_schedule_get(f->store, name_of(""), &row), STORE_INVALID);
	assert_int_equal(store_schedule_get(f->store, name_of(name), &row), STORE_INVALID);
	assert_false(store_changed(f->store));
	assert_false(store_spoilt(f->store));
	name[255] = '\0';
	assert_int_equal(store_schedule_put(f->store, name_of(name), &row), STORE_OK);
	commit(f);
	assert_int_equal(get(f, name, &row), STORE_OK);
}

/* The row and the job of its tick are there together, or neither is. */
static void test_with_its_job(void **state)
{
	struct fixture *f = *state;
	struct job_spec s = spec_of("t", "q", 0, "1");
	struct store_schedule row = { .upto_ms = 5, .run_ms = 5 }, got;
	struct job j;

	begin(f);
	assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	row.job = j.id;
	assert_int_equal(store_schedule_put(f->store, name_of("n"), &row), STORE_OK);
	store_abort(f->store);
	assert_int_equal(get(f, "n", &got), STORE_NOT_FOUND);
	assert_int_equal(look_rc(f, j.id), STORE_NOT_FOUND);

	begin(f);
	assert_int_equal(try_submit(f, &s, &j), STORE_OK);
	row.job = j.id;
	assert_int_equal(store_schedule_put(f->store, name_of("n"), &row), STORE_OK);
	commit(f);
	assert_int_equal(read_row(f, "n", &got), STORE_OK);
	assert_int_equal(look(f, got.job).state, JOB_QUEUED);
	recount(f);
}

static bool keep_b(void *arg, struct job_text name)
{
	unsigned *asked = arg;

	(*asked)++;
	return name.n && name.p[0] == 'b';
}

static void test_prune(void **state)
{
	static const char *const names[] = { "a", "a2", "b", "b/x", "c", "d" };
	struct fixture *f = *state;
	struct store_schedule got;
	unsigned asked = 0;

	for (int i = 0; i < 6; i++)
		put(f, names[i], i + 1);
	begin(f);
	assert_int_equal(store_schedules_prune(f->store, keep_b, &asked, 3), STORE_OK);
	commit(f);
	assert_int_equal(asked, 5);             /* a, a2, b, b/x, c: and then it had removed three */
	assert_int_equal(get(f, "d", &got), STORE_OK);
	begin(f);
	assert_int_equal(store_schedules_prune(f->store, keep_b, &asked, 3), STORE_OK);
	commit(f);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(get(f, names[i], &got), names[i][0] == 'b' ? STORE_OK : STORE_NOT_FOUND);
		if (names[i][0] == 'b')
			assert_int_equal(got.upto_ms, i + 1);
	}
	begin(f);
	assert_int_equal(store_schedules_prune(f->store, keep_b, &asked, 3), STORE_OK);
	assert_false(store_changed(f->store));
	commit(f);
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_row), BOTH(test_refused), BOTH(test_with_its_job), BOTH(test_prune) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
