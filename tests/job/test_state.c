/* The transition table against the picture in doc/job-states.md, and what may never happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/state.h"

static const char *const event_ids[JOB_EVENTS] = {
	[JOB_EV_SUBMIT_NOW] = "submit_now", [JOB_EV_SUBMIT_LATER] = "submit_later", [JOB_EV_SUBMIT_WAITING] = "submit_waiting", [JOB_EV_PARENTS_DONE] = "parents_done",
	[JOB_EV_DUE] = "due", [JOB_EV_CLAIM] = "claim", [JOB_EV_SUCCEED] = "succeed", [JOB_EV_FAIL_RETRY] = "fail_retry", [JOB_EV_FAIL_DEAD] = "fail_dead",
	[JOB_EV_GIVE_BACK] = "give_back", [JOB_EV_CANCEL] = "cancel", [JOB_EV_EXPIRE] = "expire", [JOB_EV_REQUEUE] = "requeue", [JOB_EV_RUN_NOW] = "run_now",
	[JOB_EV_PARENTS_LATER] = "parents_later", [JOB_EV_REQUEUE_WAITING] = "requeue_waiting", [JOB_EV_PROGRESS] = "progress",
};

static int event_of(const char *id)
{
	for (int e = 0; e < JOB_EVENTS; e++)
		if (strcmp(event_ids[e], id) == 0)
			return e;
	return -1;
}

/* The document's lines "    from --event--> to" are all transitions that the table has, and no other. */
static void test_the_table_is_the_picture(void **state)
{
	const char *top = getenv("srcdir");
	bool drawn[JOB_EVENTS][JOB_STATES] = { { false } };
	char path[1024], line[256], from[32], event[32], to[32];
	unsigned n = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/doc/job-states.md", top ? top : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %31[a-z] --%31[a-z_]--> %31[a-z]", from, event, to) != 3)
			continue;
		int e = event_of(event);
		enum job_state s = strcmp(from, "none") == 0 ? JOB_NONE : job_state_of(from, strlen(from));
		if (e < 0 || (s == JOB_NONE && strcmp(from, "none") != 0))
			fail_msg("unknown names in: %s", line);
		assert_int_equal(job_state_next(s, (enum job_event)e), job_state_of(to, strlen(to)));
		assert_false(drawn[e][s]);
		drawn[e][s] = true;
		n++;
	}
	fclose(f);
	assert_true(n > 20);
	for (int e = 0; e < JOB_EVENTS; e++)
		for (int s = 0; s < JOB_STATES; s++)
			if ((job_state_next((enum job_state)s, (enum job_event)e) != JOB_NONE) != drawn[e][s])
				fail_msg("%s --%s--> is in the table and not in the picture", job_state_name((enum job_state)s), event_ids[e]);
}

static void test_what_is_over_stays_over(void **state)
{
	(void)state;
	for (int e = 0; e < JOB_EVENTS; e++) {
		assert_int_equal(job_state_next(JOB_SUCCEEDED, (enum job_event)e), JOB_NONE);
		for (int s = JOB_SUCCEEDED; s < JOB_STATES; s++)
			if (e != JOB_EV_REQUEUE && e != JOB_EV_REQUEUE_WAITING)
				assert_int_equal(job_state_next((enum job_state)s, (enum job_event)e), JOB_NONE);
	}
}

static void test_refused_changes_nothing(void **state)
{
	struct job j = { .state = JOB_SUCCEEDED };

	(void)state;
	assert_false(job_state_apply(&j, JOB_EV_CLAIM));
	assert_int_equal(j.state, JOB_SUCCEEDED);
	assert_false(job_state_apply(&j, (enum job_event)99));
	j.state = (enum job_state)99;
	assert_false(job_state_apply(&j, JOB_EV_CLAIM));
	j.state = JOB_QUEUED;
	assert_true(job_state_apply(&j, JOB_EV_CLAIM));
	assert_int_equal(j.state, JOB_RUNNING);
}

static void test_names(void **state)
{
	(void)state;
	for (int s = JOB_SCHEDULED; s < JOB_STATES; s++) {
		const char *name = job_state_name((enum job_state)s);
		assert_int_equal(job_state_of(name, strlen(name)), s);
	}
	assert_int_equal(job_state_of("none", 4), JOB_NONE);
	assert_int_equal(job_state_of("queue", 5), JOB_NONE);
	assert_string_equal(job_state_name((enum job_state)77), "none");
	assert_string_equal(job_outcome_name(JOB_OUTCOME_TIMED_OUT), "timed_out");
	assert_string_equal(job_outcome_name((enum job_outcome)77), "none");
	assert_true(job_state_final(JOB_DEAD));
	assert_false(job_state_final(JOB_RETRYING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_is_the_picture), cmocka_unit_test(test_what_is_over_stays_over), cmocka_unit_test(test_refused_changes_nothing), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
