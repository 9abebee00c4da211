/* Idempotency keys after an opening: they are read batch by batch, only jobs with a key wait for it, and neither deaths, lost batches nor retention meanwhile lose one. Over every engine that is opened anew. */
#include "tests/store/keys.h"

#include <stdio.h>
#include <string.h>

static char names[100][8];

static struct job_spec nth(unsigned i)
{
	snprintf(names[i], sizeof(names[i]), "k%u", i);
	return keyed(names[i], 1);
}

static void test_only_jobs_with_a_key_wait_for_the_reading(void **state)
{
	struct fixture *f = *state;
	struct job_spec s, plain = spec_of("t", "q", 0, "1"), one = unique("t", "u");
	struct job made[100], out;
	unsigned bad, batches = 0;

	window(f, HOUR_MS, 1000);
	for (unsigned i = 0; i < 100; i++) {
		s = nth(i);
		assert_int_equal(ask(f, &s, &made[i]), STORE_OK);
	}
	assert_false(store_has_unread(f->store));
	if (!fixture_persists(f))
		return;
	f->idem_slice = 10;
	fixture_reopen(f, f->epoch);
	assert_true(store_has_unread(f->store));
	s = nth(3);
	assert_int_equal(ask(f, &s, &out), STORE_KEYS_LATER);
	begin(f);
	assert_int_equal(store_submit_known(f->store, &s, &out), STORE_KEYS_LATER);
	assert_int_equal(store_submit_check(f->store, (struct job_spec[]){ plain, s }, 2, &bad, &out), STORE_KEYS_LATER);
	assert_int_equal(bad, 1);
	commit(f);
	assert_int_equal(ask(f, &plain, &out), STORE_OK);
	assert_int_equal(ask(f, &one, &out), STORE_OK);         /* a unique key is a row of its own */
	fixture_reopen(f, f->epoch);                            /* its writer dies in the middle */
	for (; store_has_unread(f->store); batches++) {
		begin(f);
		if (batches % 3 == 1)
			store_abort(f->store);
		else
			commit(f);
	}
	assert_in_range(batches, 10, 12);
	for (unsigned i = 0; i < 100; i++) {
		s = nth(i);
		assert_int_equal(ask(f, &s, &out), STORE_REPLAYED);
		assert_true(same(&out, &made[i]));
	}
	s = keyed("another", 1);
	assert_int_equal(ask(f, &s, &made[0]), STORE_OK);
	fixture_reopen(f, f->epoch);
	while (store_has_unread(f->store)) {
		begin(f);
		commit(f);
	}
	assert_int_equal(ask(f, &s, &out), STORE_REPLAYED);
	assert_true(same(&out, &made[0]));
}

/* Old ones go from the log's head meanwhile, in batches of which some are lost: whatever is in the log at the end is found, and nothing else. */
static void test_retention_while_they_are_read(void **state)
{
	struct fixture *f = *state;
	struct job_spec s;
	struct job out;
	unsigned replayed = 0;
	bool more;

	if (!fixture_persists(f))
		return;
	for (unsigned round = 0; round < 12; round++) {
		window(f, HOUR_MS, 1000);
		for (unsigned i = 0; i < 100; i++) {
			s = nth(i);
			assert_int_equal(ask(f, &s, &out), STORE_OK);
			f->now_us += 20000000;
		}
		f->now_us += HOUR_US - 1000000000 - round * 20000000LL;         /* about half are past the window */
		f->idem_slice = 1 + round * 2;
		fixture_reopen(f, f->epoch);
		window(f, HOUR_MS, 1000);
		for (unsigned n = 0; store_has_unread(f->store); n++) {
			begin(f);
			assert_int_equal(store_retain(f->store, 1 + (n + round) % 2, &more), STORE_OK);
			if ((n + round) % 4 == 0)
				store_abort(f->store);
			else
				commit(f);
		}
		replayed = 0;
		for (unsigned i = 0; i < 100; i++) {
			s = nth(i);
			begin(f);
			enum store_rc rc = store_submit_known(f->store, &s, &out);
			assert_true(rc == STORE_REPLAYED || (rc == STORE_NOT_FOUND && replayed == 0));  /* the old ones first */
			replayed += rc == STORE_REPLAYED;
			commit(f);
		}
		assert_in_range(replayed, 20, 90);
		f->now_us += 2 * HOUR_US;
		retain(f);
	}
}

#define BOTH(t) { "memory: " #t, t, fixture_memory, fixture_end, NULL }, { "lmdb: " #t, t, fixture_lmdb, fixture_end, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = { BOTH(test_only_jobs_with_a_key_wait_for_the_reading), BOTH(test_retention_while_they_are_read) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
