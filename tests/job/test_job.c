/* Names: of states and outcomes, and what may be one of a type or a queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/job.h"

static struct job_text text(const char *s) { return (struct job_text){ s, strlen(s) }; }

static void states(void **state)
{
	(void)state;
	for (int s = JOB_SCHEDULED; s < JOB_STATES; s++) {
		const char *name = job_state_name((enum job_state)s);
		assert_int_equal(job_state_of(name, strlen(name)), s);
		assert_int_equal(job_state_of(name, strlen(name) - 1), JOB_NONE);
	}
	assert_int_equal(job_state_of("none", 4), JOB_NONE);
	assert_int_equal(job_state_of("Queued", 6), JOB_NONE);
	assert_int_equal(job_state_of("", 0), JOB_NONE);
	assert_string_equal(job_state_name((enum job_state)77), "none");
	assert_string_equal(job_outcome_name(JOB_OUTCOME_LEASE_EXPIRED), "lease_expired");
	assert_string_equal(job_outcome_name((enum job_outcome)77), "none");
	assert_false(job_state_final(JOB_RETRYING) || job_state_final(JOB_NONE) || job_state_final(JOB_STATES));
	assert_true(job_state_final(JOB_SUCCEEDED) && job_state_final(JOB_EXPIRED));
}

static void types(void **state)
{
	static const char *const good[] = { "a", "email", "A.b_c:D/e-9", "...", "-" }, *const bad[] = { "", "a b", " a", "a\n", "a*", "a,b", "b\xc3\xa4r", "a\x7f", "a\"" };
	char at_most[JOB_TYPE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(job_type_is(text(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(job_type_is(text(bad[i])));
	assert_false(job_type_is((struct job_text){ "a\0b", 3 }));
	memset(at_most, 'a', sizeof(at_most));
	assert_true(job_type_is((struct job_text){ at_most, JOB_TYPE_MAX }));
	assert_false(job_type_is((struct job_text){ at_most, JOB_TYPE_MAX + 1 }));
}

static void queues(void **state)
{
	char at_most[JOB_QUEUE_MAX + 1];

	(void)state;
	assert_true(job_queue_is(text("a")) && job_queue_is(text("two words / \xc3\xa4 *")));
	assert_false(job_queue_is(text("")) || job_queue_is(text("a\n")) || job_queue_is(text("\x1f")) || job_queue_is(text("a\x7f")));
	assert_false(job_queue_is((struct job_text){ "a\0b", 3 }));
	memset(at_most, 'a', sizeof(at_most));
	assert_true(job_queue_is((struct job_text){ at_most, JOB_QUEUE_MAX }));
	assert_false(job_queue_is((struct job_text){ at_most, JOB_QUEUE_MAX + 1 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(states), cmocka_unit_test(types), cmocka_unit_test(queues) };

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
