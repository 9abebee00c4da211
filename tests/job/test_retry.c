/* Backoff: the formula, its limits, and numbers that would overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "job/retry.h"

static const struct job_backoff plain = { .base_ms = 1000, .max_ms = 1048576000, .factor_milli = 2000, .jitter_pct = 0 };
static const struct job_backoff jittered = { .base_ms = 1000, .max_ms = 1048576000, .factor_milli = 2000, .jitter_pct = 25 };

static void test_doubles_to_the_limit(void **state)
{
	int64_t want = 1000;

	(void)state;
	for (uint32_t n = 1; n <= 21; n++, want *= 2)
		assert_int_equal(retry_delay_ms(&plain, n, 12345), want);
	assert_int_equal(retry_delay_ms(&plain, 22, 0), 1048576000);
	assert_int_equal(retry_delay_ms(&plain, UINT32_MAX, 0), 1048576000);
}

static void test_jitter_stays_in_its_band(void **state)
{
	(void)state;
	/* never under base, so the first failure is 1..1.25 s; later ones are +-25 % */
	assert_int_equal(retry_delay_ms(&jittered, 1, 0), 1000);
	assert_int_equal(retry_delay_ms(&jittered, 1, UINT32_MAX), 1250);
	assert_int_equal(retry_delay_ms(&jittered, 3, 0), 3000);
	assert_int_equal(retry_delay_ms(&jittered, 3, UINT32_MAX), 5000);
	int64_t middle = retry_delay_ms(&jittered, 3, UINT32_MAX / 2);
	assert_in_range(middle, 3999, 4001);
	for (uint32_t r = 0; r < 0xf0000000u; r += 0x1234567u)
		assert_in_range(retry_delay_ms(&jittered, 5, r), 12000, 20000);
}

static void test_odd_policies(void **state)
{
	struct job_backoff b = { .base_ms = 500, .max_ms = 100, .factor_milli = 3000 };

	(void)state;
	assert_int_equal(retry_delay_ms(&b, 4, 0), 500);                /* never under base, whatever max says */
	b = (struct job_backoff){ .base_ms = 0, .max_ms = 1000, .factor_milli = 2000 };
	assert_int_equal(retry_delay_ms(&b, 9, 0), 0);
	b = (struct job_backoff){ .base_ms = 1000, .max_ms = 60000, .factor_milli = 1000 };
	assert_int_equal(retry_delay_ms(&b, 1000000000, 0), 1000);      /* constant, and quickly so */
	b = (struct job_backoff){ .base_ms = 1000, .max_ms = 60000, .factor_milli = 500 };
	assert_int_equal(retry_delay_ms(&b, 30, 0), 1000);
	b = (struct job_backoff){ .base_ms = INT64_MAX / 2, .max_ms = INT64_MAX, .factor_milli = UINT32_MAX, .jitter_pct = 100 };
	assert_true(retry_delay_ms(&b, 50, UINT32_MAX) >= b.base_ms);
	b = (struct job_backoff){ .base_ms = 1000, .max_ms = INT64_MAX, .factor_milli = 1000 };
	assert_int_equal(retry_delay_ms(&b, 3, 0), 1000);
	b = (struct job_backoff){ .base_ms = 1000, .max_ms = INT64_MAX, .factor_milli = 10 };
	assert_int_equal(retry_delay_ms(&b, 3, 0), 1000);
	b = (struct job_backoff){ .base_ms = 7, .max_ms = 1000, .factor_milli = 1500 };
	assert_int_equal(retry_delay_ms(&b, 3, 0), 15);                 /* 7, 10, 15 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles_to_the_limit), cmocka_unit_test(test_jitter_stays_in_its_band), cmocka_unit_test(test_odd_policies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
