/* Concurrency, pause and the token bucket alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/limit.h"

#define T0 1800000000000000LL

static struct limits all;

static int setup(void **state)
{
	(void)state;
	limit_clock(&all, T0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	limit_free(&all);
	return 0;
}

static bool blocked(struct limit *l, uint64_t running)
{
	assert_true(limit_check(&all, l, running));
	return l->blocked;
}

static unsigned starts(struct limit *l)
{
	unsigned n = 0;

	for (; n < 10000 && !blocked(l, 0); n++)
		limit_started(&all, l);
	return n;
}

static void test_concurrency_and_pause(void **state)
{
	struct limit l = { .rule = { .concurrency = 2 } };

	(void)state;
	assert_false(blocked(&l, 1));
	assert_true(blocked(&l, 2));
	assert_true(blocked(&l, 3));
	l.paused = true;
	assert_true(blocked(&l, 0));
	l.paused = false;
	assert_false(blocked(&l, 0));
	l.rule.concurrency = 0;
	assert_false(blocked(&l, 1000000));
	assert_int_equal(limit_next_us(&all), INT64_MAX);
}

static void test_bursts(void **state)
{
	static const struct { double rate; unsigned burst; } row[] = { { 0.001, 1 }, { 0.5, 1 }, { 1, 1 }, { 1.5, 1 }, { 2, 2 }, { 3, 3 }, { 7, 7 }, { 99.9, 99 }, { 1000, 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct limit l = { .rule = { .rate = row[i].rate } };
		assert_int_equal(starts(&l), row[i].burst);
		int64_t next = limit_next_us(&all);
		assert_true(next > T0 && (double)(next - T0) <= 1e6 / row[i].rate + 1);
		limit_clock(&all, next - 1 > T0 ? next - 1 : T0);
		assert_null(limit_due(&all));
		limit_clock(&all, next);
		assert_ptr_equal(limit_due(&all), &l);
		assert_int_equal(starts(&l), 1);
		l.rule.rate = 0;
		assert_false(blocked(&l, 0));
		limit_clock(&all, T0);
	}
}

/* So slow that its next token comes in some other age, and so quick that nobody can be: neither overflows. */
static void test_extremes(void **state)
{
	struct limit slow = { .rule = { .rate = 1e-300 } }, quick = { .rule = { .rate = 1e12 } };

	(void)state;
	assert_int_equal(starts(&slow), 1);
	assert_int_equal(limit_next_us(&all), INT64_MAX - 1);
	limit_clock(&all, T0 * 4);
	assert_null(limit_due(&all));
	assert_int_equal(starts(&quick), 10000);
}

static void test_a_paused_one_waits_for_no_token(void **state)
{
	struct limit l = { .rule = { .rate = 1 } };

	(void)state;
	assert_int_equal(starts(&l), 1);
	l.paused = true;
	assert_true(blocked(&l, 0));
	assert_int_equal(limit_next_us(&all), INT64_MAX);
	l.paused = false;
	assert_true(blocked(&l, 0));
	assert_in_range(limit_next_us(&all), T0 + 1000000, T0 + 1000001);
}

static void test_another_rate(void **state)
{
	struct limit l = { .rule = { .rate = 100 } };

	(void)state;
	assert_false(blocked(&l, 0));
	l.rule.rate = 2;                        /* a full bucket of the old one is no burst of the new */
	l.since_us = T0;
	l.tokens = 100;
	assert_int_equal(starts(&l), 2);
	l.rule.rate = 1000;
	limit_clock(&all, T0 + 10000);
	assert_int_equal(starts(&l), 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_concurrency_and_pause), TEST(test_bursts), TEST(test_extremes), TEST(test_a_paused_one_waits_for_no_token), TEST(test_another_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
