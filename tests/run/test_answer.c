/* Every status there can be, and every Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/answer.h"

static void test_statuses(void **state)
{
	(void)state;
	for (long status = 0; status < 1000; status++) {
		bool success = status >= 200 && status <= 299;
		bool again = status < 200 || status >= 500 || status == 408 || status == 409 || status == 425 || status == 429;
		struct run_result r = { .no_retry = true };
		answer_judge(status, &r);
		if (r.outcome != (success ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_FAILED) || r.no_retry != (!success && !again))
			fail_msg("%ld: outcome %d, no retry %d", status, (int)r.outcome, r.no_retry);
	}
	assert_string_equal(answer_phrase(429), "Too Many Requests");
	assert_null(answer_phrase(299));
}

static void test_retry_after(void **state)
{
	static const int64_t now = 784111777000;        /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct { const char *value; int64_t ms; } cases[] = {
		{ "0", 0 }, { "1", 1000 }, { "120", 120000 }, { "0120", 120000 }, { "86400", 86400000 }, { "86401", 86400000 }, { "99999999999999999999999999", 86400000 },
		{ "Sun, 06 Nov 1994 08:49:38 GMT", 1000 }, { "Sun, 06 Nov 1994 08:49:37 GMT", 0 }, { "Sun, 06 Nov 1994 08:49:00 GMT", 0 }, { "Sunday, 06-Nov-94 08:50:37 GMT", 60000 }, { "Sun Nov  6 08:49:47 1994", 10000 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 86400000 }, { "", -1 }, { "-1", -1 }, { "+5", -1 }, { "1.5", -1 }, { "5s", -1 }, { "soon", -1 }, { "Sun, 06 Nov 1994", -1 }, { "Sun, 06 Nov 1994 08:49:38 GMT x", -1 },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789x", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = answer_retry_after(slice_of(cases[i].value), now, 86400000);
		if (ms != cases[i].ms)
			fail_msg("%s: %lld", cases[i].value, (long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_statuses), cmocka_unit_test(test_retry_after) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
