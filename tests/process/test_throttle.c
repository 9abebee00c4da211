/* The restart policy: who waits, how long, and that work done forgives. */
#include "process/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define SECOND 1000000000LL

static void test_pause_doubles_up_to_its_limit(void **state)
{
	static const int64_t tenths[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300 };
	struct throttle t = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(tenths) / sizeof(tenths[0]); i++)
		assert_int_equal(throttle_death(&t, false, (int64_t)i * 60 * SECOND), tenths[i] * SECOND / 10);
}

static void test_one_that_worked_is_replaced_at_once(void **state)
{
	struct throttle t = { 0 };

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		assert_int_equal(throttle_death(&t, true, i * SECOND / 5), 0);
}

static void test_work_forgives(void **state)
{
	struct throttle t = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		throttle_death(&t, false, i);
	assert_int_equal(throttle_death(&t, true, 10), 0);
	assert_int_equal(throttle_death(&t, false, 20), THROTTLE_FIRST_NS);
}

static void test_a_burst_of_working_deaths_is_slowed(void **state)
{
	struct throttle t = { 0 };
	int64_t now = 5 * SECOND;

	(void)state;
	for (unsigned i = 0; i < THROTTLE_BURST; i++)
		assert_int_equal(throttle_death(&t, true, now + i), 0);
	assert_int_equal(throttle_death(&t, true, now + 20), THROTTLE_FIRST_NS);
	assert_int_equal(throttle_death(&t, true, now + THROTTLE_WINDOW_NS - 1), THROTTLE_FIRST_NS);
	/* the next window counts anew */
	assert_int_equal(throttle_death(&t, true, now + THROTTLE_WINDOW_NS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause_doubles_up_to_its_limit),
		cmocka_unit_test(test_one_that_worked_is_replaced_at_once),
		cmocka_unit_test(test_work_forgives),
		cmocka_unit_test(test_a_burst_of_working_deaths_is_slowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
