/* The static key against what it stands for: at any moment the job with the highest aged priority is the one with the least key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/order.h"

#define T 1800000000000LL

static uint32_t seed = 99;

static uint32_t next(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void test_equals_brute_force(void **state)
{
	static const int64_t steps[] = { 1, 250, 1000, 60000, 3600000 };

	(void)state;
	for (unsigned round = 0; round < 4000; round++) {
		int64_t step = steps[next(5)], queued[12];
		int32_t priority[12];
		unsigned best_key = 0, best_age = 0;
		int64_t now = T + 10000000;
		for (unsigned i = 0; i < 12; i++) {
			queued[i] = T + next(10000000);
			priority[i] = (int32_t)next(40) - 20;
			if (order_key(queued[i], priority[i], step) < order_key(queued[best_key], priority[best_key], step))
				best_key = i;
			/* priority + waited / step, exactly, by multiplying out */
			if ((int64_t)priority[i] * step + (now - queued[i]) > (int64_t)priority[best_age] * step + (now - queued[best_age]))
				best_age = i;
		}
		assert_int_equal(best_key, best_age);
	}
}

static void test_strict(void **state)
{
	(void)state;
	assert_true(order_key(T + 1000000000, 1, 0) < order_key(T, 0, 0));
	assert_true(order_key(T, 0, 0) < order_key(T + 1, 0, 0));
	assert_true(order_key(T, 32767, 0) < order_key(0, 32766, 0));
	assert_true(order_key(T, -32767, 0) < order_key(0, -32768, 0));
}

static void test_no_overflow_at_the_ends(void **state)
{
	(void)state;
	assert_true(order_key(0, 32767, INT64_MAX) < order_key(0, 0, INT64_MAX));
	assert_true(order_key(0, 0, INT64_MAX) < order_key((INT64_C(1) << 47), -32768, INT64_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equals_brute_force), cmocka_unit_test(test_strict), cmocka_unit_test(test_no_overflow_at_the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
