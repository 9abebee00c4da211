/* Histories: what is derived, what is told, and their order. S4.14 S4.45 S4.46 S4.47 S4.48 S4.78. */
#include "api_test.h"

#include "http/history_json.h"

static const struct job_id id = { { 1 } };
static const struct job_spec spec_now = { .type = TEXT("email"), .queue = TEXT("default") };
static const struct job_spec spec_later = { .type = TEXT("email"), .queue = TEXT("default"), .run_at_ms = T0 + 1000 };

static json_t *end(struct history *h, int64_t running_since)
{
	struct buf b = { 0 };
	json_error_t err;
	json_t *j;

	assert_true(history_put(h, running_since, &b));
	j = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, &err);
	if (!j)
		fail_msg("%s: %.*s", err.text, (int)b.len, b.data);
	buf_free(&b);
	return j;
}

/* The events' names, comma-separated, are `want`. */
static void events_are(const json_t *j, const char *want)
{
	char have[512] = "";
	size_t i, n = 0;
	json_t *e;

	json_array_foreach(at(j, "history"), i, e)
		n += (size_t)snprintf(have + n, sizeof(have) - n, "%s%s", i ? "," : "", json_string_value(at(e, "event")));
	assert_string_equal(have, want);
}

static const json_t *event(const json_t *j, size_t i)
{
	return json_array_get(at(j, "history"), i);
}

static void just_queued(void **state)
{
	struct job job = { .id = id, .state = JOB_QUEUED, .created_ms = T0, .queued_ms = T0 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_now);
	j = end(&h, 0);
	string_is(j, "id", "01000000-0000-0000-0000-000000000000");
	events_are(j, "queued");
	string_is(event(j, 0), "at", "2025-11-21T20:40:59.123Z");
	json_decref(j);
}

static void waited_and_ran_in_one_millisecond(void **state)
{
	static const struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .ndepends = 1 };
	struct job job = { .id = id, .state = JOB_RUNNING, .created_ms = T0, .queued_ms = T0, .started_ms = T0, .attempts = 1, .worker = 7, .worker_pid = 4711 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec);
	history_note(&h, &(struct store_note){ .at_ms = T0, .event = JOB_EV_PARENTS_DONE });
	history_note(&h, &(struct store_note){ .at_ms = T0, .event = JOB_EV_SUBMIT_WAITING });
	j = end(&h, T0);
	events_are(j, "waiting,queued,claimed,started");
	json_decref(j);
}

static void said_how_far_it_is(void **state)
{
	static const struct store_progress half = { .percent = 50, .attempt = 1, .at_ms = T0 + 9, .message = TEXT("half") };
	struct job job = { .id = id, .state = JOB_RETRYING, .created_ms = T0, .queued_ms = T0, .started_ms = T0 + 1, .attempts = 1, .lease_token = 5 };
	struct record_attempt a = { .token = 5, .attempt = 1, .outcome = JOB_OUTCOME_FAILED, .claimed_ms = T0 + 1, .started_ms = T0 + 2, .ended_ms = T0 + 9, .retry_at_ms = T0 + 99, .exit_code = 1 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_now);
	history_progress(&h, &half);
	history_attempt(&h, &a);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,progress,failed,retry_scheduled");
	number_is(event(j, 3), "percent", 50);
	number_is(event(j, 3), "attempt", 1);
	string_is(event(j, 3), "detail", "half");
	json_decref(j);
	/* while it runs; and of one that simply succeeded */
	job = (struct job){ .id = id, .state = JOB_RUNNING, .created_ms = T0, .queued_ms = T0, .started_ms = T0 + 1, .attempts = 1 };
	history_begin(&h, &job, &spec_now);
	history_progress(&h, &half);
	j = end(&h, T0 + 2);
	events_are(j, "queued,claimed,started,progress");
	json_decref(j);
	job.state = JOB_SUCCEEDED;
	job.finished_ms = T0 + 9;
	history_begin(&h, &job, &spec_now);
	history_progress(&h, &half);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,progress,succeeded");
	json_decref(j);
}

static void cancelled_with_its_parent(void **state)
{
	static const struct job_spec spec = { .type = TEXT("email"), .queue = TEXT("default"), .ndepends = 1, .run_at_ms = T0 + 1000 };
	struct job job = { .id = id, .state = JOB_CANCELLED, .created_ms = T0, .run_at_ms = T0 + 1000, .finished_ms = T0 + 5000 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec);
	history_note(&h, &(struct store_note){ .at_ms = T0, .event = JOB_EV_SUBMIT_WAITING });
	history_note(&h, &(struct store_note){ .at_ms = T0 + 5000, .event = JOB_EV_CANCEL, .detail = TEXT("its parent died") });
	j = end(&h, 0);
	events_are(j, "waiting,cancelled");
	string_is(event(j, 1), "detail", "its parent died");
	json_decref(j);
}

static void scheduled_then_queued(void **state)
{
	struct job job = { .id = id, .state = JOB_SCHEDULED, .created_ms = T0 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_later);
	j = end(&h, 0);
	events_are(j, "scheduled");
	string_is(event(j, 0), "run_at", "2025-11-21T20:41:00.123Z");
	json_decref(j);
	job.state = JOB_QUEUED;
	history_begin(&h, &job, &spec_later);
	j = end(&h, 0);
	events_are(j, "scheduled,queued");
	string_is(event(j, 1), "at", "2025-11-21T20:41:00.123Z");
	json_decref(j);
	job.state = JOB_CANCELLED;
	job.finished_ms = T0 + 5;
	history_begin(&h, &job, &spec_later);
	j = end(&h, 0);
	events_are(j, "scheduled,cancelled");
	json_decref(j);
}

static void runs_now(void **state)
{
	struct job job = { .id = id, .state = JOB_RUNNING, .created_ms = T0, .started_ms = T0 + 1000, .attempts = 1, .worker = 6, .worker_pid = 4711 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_later);
	j = end(&h, 0);
	events_are(j, "scheduled,queued,claimed");      /* claimed in the very millisecond in which it was due */
	string_is(event(j, 2), "worker", "worker-6:4711");
	number_is(event(j, 2), "attempt", 1);
	json_decref(j);
	history_begin(&h, &job, &spec_later);
	j = end(&h, T0 + 1002);
	events_are(j, "scheduled,queued,claimed,started");
	string_is(event(j, 3), "at", "2025-11-21T20:41:00.125Z");
	json_decref(j);
}

static void succeeded_without_a_row(void **state)
{
	struct job job = { .id = id, .state = JOB_SUCCEEDED, .created_ms = T0, .started_ms = T0 + 1, .finished_ms = T0 + 4, .attempts = 1,
		.worker = 6, .worker_pid = 4711,
		.duration_us = 2500, .cpu_us = 1250, .max_rss_kb = 4096 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_now);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,succeeded");
	number_is(event(j, 3), "exit_code", 0);
	number_is(event(j, 3), "duration_ms", 2.5);
	number_is(event(j, 3), "cpu_ms", 1.25);
	number_is(event(j, 3), "max_rss_kb", 4096);
	assert_null(at(event(j, 3), "signal"));
	json_decref(j);
}

static void retries_and_death(void **state)
{
	struct job job = { .id = id, .state = JOB_DEAD, .created_ms = T0, .started_ms = T0 + 100, .finished_ms = T0 + 110, .attempts = 2, .worker_pid = 1 };
	struct record_attempt first = { .attempt = 1, .outcome = JOB_OUTCOME_FAILED, .claimed_ms = T0 + 1, .started_ms = T0 + 2,
		.ended_ms = T0 + 5, .retry_at_ms = T0 + 100, .exit_code = 3,
		.error = TEXT("it \"broke\""), .duration_us = 3000, .worker = 6, .worker_pid = 4711 };
	struct record_attempt second = { .attempt = 2, .outcome = JOB_OUTCOME_TIMED_OUT, .claimed_ms = T0 + 100, .started_ms = T0 + 100,
		.ended_ms = T0 + 110, .exit_code = -1, .term_signal = 9,
		.worker = 6, .worker_pid = 4711 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_now);
	history_attempt(&h, &first);
	history_attempt(&h, &second);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,failed,retry_scheduled,claimed,started,timed_out,dead");
	string_is(event(j, 3), "detail", "it \"broke\"");
	number_is(event(j, 3), "exit_code", 3);
	number_is(event(j, 3), "duration_ms", 3);
	string_is(event(j, 4), "run_at", "2025-11-21T20:40:59.223Z");
	number_is(event(j, 7), "signal", 9);
	assert_null(at(event(j, 7), "exit_code"));
	json_decref(j);
}

static void crashed_and_released(void **state)
{
	struct job job = { .id = id, .state = JOB_QUEUED, .created_ms = T0, .attempts = 2 };
	struct record_attempt first = { .attempt = 1, .outcome = JOB_OUTCOME_CRASHED, .claimed_ms = T0 + 1, .started_ms = T0 + 2,
		.ended_ms = T0 + 5, .exit_code = -1 };
	struct record_attempt second = { .attempt = 2, .outcome = JOB_OUTCOME_RELEASED, .claimed_ms = T0 + 6, .ended_ms = T0 + 7, .exit_code = -1 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_now);
	history_attempt(&h, &first);
	history_attempt(&h, &second);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,crashed,requeued,claimed,released,requeued");
	assert_null(at(event(j, 6), "duration_ms"));    /* it never began */
	json_decref(j);
	job.state = JOB_DEAD;
	job.attempts = 1;
	job.finished_ms = T0 + 5;
	history_begin(&h, &job, &spec_now);
	history_attempt(&h, &first);
	j = end(&h, 0);
	events_are(j, "queued,claimed,started,crashed,dead");
	json_decref(j);
}

static void notes(void **state)
{
	struct job job = { .id = id, .state = JOB_CANCELLED, .created_ms = T0, .finished_ms = T0 + 900 };
	struct store_note by_hand = { .at_ms = T0 + 500, .event = JOB_EV_RUN_NOW }, cancel = { .at_ms = T0 + 900, .event = JOB_EV_CANCEL,
		.detail = TEXT("by <admin>") },
		claim = { .at_ms = T0 + 600, .event = JOB_EV_CLAIM }, odd = { .at_ms = T0, .event = 999 };
	struct history h;
	json_t *j;

	(void)state;
	history_begin(&h, &job, &spec_later);
	history_note(&h, &cancel);
	history_note(&h, &by_hand);
	history_note(&h, &claim);
	history_note(&h, &odd);
	j = end(&h, 0);
	events_are(j, "scheduled,queued,cancelled");
	string_is(event(j, 2), "detail", "by <admin>");
	json_decref(j);
	job.state = JOB_EXPIRED;
	history_begin(&h, &job, &spec_now);
	j = end(&h, 0);
	events_are(j, "queued,expired");
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(just_queued),
		cmocka_unit_test(waited_and_ran_in_one_millisecond),
		cmocka_unit_test(said_how_far_it_is),
		cmocka_unit_test(cancelled_with_its_parent), cmocka_unit_test(scheduled_then_queued), cmocka_unit_test(runs_now), cmocka_unit_test(succeeded_without_a_row),
		cmocka_unit_test(retries_and_death), cmocka_unit_test(crashed_and_released), cmocka_unit_test(notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
