/* What store.h promises of what is done to a queue: pause and resume; and of its max_queued; over every engine. */
#include "tests/store/limits.h"

static void test_pause(void **state)
{
	struct fixture *f = *state;
	struct store_claimed a, b;

	rules(f);
	assert_int_equal(pause_queue(f, "q0", true), STORE_OK); /* before its first job */
	assert_true(queue_of(f, "q0").paused);
	put(f, "t0", "q0");
	put(f, "t0", "q1");
	assert_true(claimed(f, &a));
	assert_true(is(a.spec.queue, "q1"));
	assert_false(store_has_ready(f->store));
	assert_false(claimed(f, &b));
	fixture_reopen(f, f->epoch);
	assert_false(claimed(f, &b));
	assert_true(queue_of(f, "q0").paused);
	assert_int_equal(pause_queue(f, "q0", true), STORE_OK);
	assert_int_equal(pause_queue(f, "q0", false), STORE_OK);
	assert_false(queue_of(f, "q0").paused);
	assert_true(claimed(f, &b));
	assert_int_equal(pause_queue(f, "q0", true), STORE_OK); /* what runs goes on */
	put(f, "t0", "q0");
	end(f, &b, JOB_OUTCOME_FAILED);
	assert_false(claimed(f, &a));
	begin(f);
	assert_int_equal(store_pause(f->store, (struct job_text){ "q0", 2 }, false), STORE_OK);
	store_abort(f->store);
	assert_false(claimed(f, &a));                           /* what was not committed did not happen */
	assert_int_equal(pause_queue(f, "", true), STORE_INVALID);
	assert_int_equal(pause_queue(f, "nobody", false), STORE_OK);
	recount(f);
}

static void test_resume_does_not_make_it(void **state)
{
	struct fixture *f = *state;
	struct store_figure out;

	assert_int_equal(pause_queue(f, "nobody", false), STORE_OK);
	assert_int_equal(store_read_begin(f->reader), STORE_OK);
	assert_int_equal(store_queue(f->reader, (struct job_text){ "nobody", 6 }, true, &out), STORE_NOT_FOUND);
	store_read_end(f->reader);
}

static void test_max_queued_of_a_queue(void **state)
{
	struct fixture *f = *state;
	struct job_spec full = spec_of("t0", "q0", 0, "1"), other = spec_of("t0", "q1", 0, "1"), later = full;
	struct store_claimed c;
	struct job j;

	queue_rule[0].max_queued = 2;
	rules(f);
	later.run_at_ms = f->now_us / 1000 + 3600000;
	submit(f, &full);
	submit(f, &later);                                      /* it waits as well */
	begin(f);
	assert_int_equal(try_submit(f, &full, &j), STORE_QUEUE_LIMIT);
	assert_int_equal(try_submit(f, &other, &j), STORE_OK);
	commit(f);
	assert_true(claimed(f, &c));
	assert_true(claimed(f, &c));
	submit(f, &full);
	begin(f);
	assert_int_equal(try_submit(f, &full, &j), STORE_QUEUE_LIMIT);
	commit(f);
	recount(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_pause), BOTH(test_resume_does_not_make_it), BOTH(test_max_queued_of_a_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
