/* cli/work_job: from a claim's answer to a report that was answered. The lines to the server, the claims and the programs are stand-ins that write down what they were asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <cmocka.h>

#include "cli/work.h"

#define ID(n) "01930000-0000-7000-8000-00000000000" #n
#define JOB(n, more) SLICE("{\"id\":\"" ID(n) "\",\"lease\":\"1" #n "\",\"type\":\"t\",\"queue\":\"q\",\"attempt\":2,\"max_attempts\":4,\"timeout\":1.5" more "}")

/* --- stand-ins --- */

static struct { char target[100], body[4000]; unsigned n; } posted;
static unsigned claims, starts;
static struct { unsigned n; enum run_stop how; } stops;

void link_post(struct link *l, const char *target, struct slice json, int64_t timeout_ms)
{
	(void)timeout_ms;
	assert_int_equal(l->stage, LINK_IDLE);
	l->stage = LINK_BUSY;
	posted.n++;
	snprintf(posted.target, sizeof(posted.target), "%s", target);
	snprintf(posted.body, sizeof(posted.body), "%.*s", (int)json.n, json.p);
}

void work_claim(struct work *w)
{
	(void)w;
	claims++;
}

int64_t work_pause(unsigned tries)
{
	return (int64_t)tries * 1000000000;
}

static void start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	(void)h;
	(void)t;
	starts++;
	*out = (struct run_attempt *)&starts;
}

static void stop(struct run_host *h, struct run_attempt *a, enum run_stop how, int64_t grace_ms)
{
	(void)h;
	(void)grace_ms;
	assert_ptr_equal(a, &starts);
	stops.n++;
	stops.how = how;
}

const struct run_kind run_exec = { "exec", start, stop, NULL };

/* --- */

static struct work w;

static int set_up(void **unused)
{
	static const char text[] = "handler \"*\" { exec = {\"/bin/true\"} }";
	struct conf_report report = { 0 };

	(void)unused;
	memset(&w, 0, sizeof(w));
	memset(&posted, 0, sizeof(posted));
	memset(&stops, 0, sizeof(stops));
	claims = starts = 0;
	w.loop = loop_new();
	w.jobs = 3;
	w.batch = WORK_BATCH;
	w.job = calloc(3, sizeof(*w.job));
	w.conf = conf_parse("a test", text, sizeof(text) - 1, &report);
	w.results.arg = w.beats.arg = &w;
	conf_report_free(&report);
	return w.loop && w.job && w.conf ? 0 : -1;
}

static int tear_down(void **unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		buf_free(&w.job[i].texts);
		buf_free(&w.job[i].payload);
		buf_free(&w.job[i].report);
	}
	free(w.job);
	conf_free(w.conf);
	loop_free(w.loop);
	return 0;
}

static void result(int status, const char *body)
{
	w.results.stage = LINK_IDLE;
	work_reported(&w.results, status, slice_of(body), NULL);
}

static void end(unsigned i, enum job_outcome outcome, const char *error)
{
	struct run_result r = { .outcome = outcome, .exit_code = -1, .retry_in_ms = -1 };

	snprintf(r.error, sizeof(r.error), "%s", error);
	work_ended(&w, &w.job[i].task, &r);
}

static void a_job_is_read_and_started(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ",\"payload\":{\"a\": [1, 2.50]},\"name\":\"a \\\"name\\\"\",\"trace\":\"00-x\""));
	work_take(&w, JOB(2, ",\"payload_base64\":\"AP8K\",\"content_type\":\"image/png\""));
	work_take(&w, JOB(3, ""));
	assert_int_equal(starts, 3);
	assert_int_equal(w.running, 3);
	assert_int_equal(w.held, 3);
	const struct run_task *t = &w.job[0].task;
	assert_string_equal(t->type, "t");
	assert_string_equal(t->queue, "q");
	assert_string_equal(t->name, "a \"name\"");
	assert_string_equal(t->trace, "00-x");
	assert_string_equal(t->content_type, "");
	assert_int_equal(t->attempt, 2);
	assert_int_equal(t->max_attempts, 4);
	assert_int_equal(t->timeout_ms, 1500);
	assert_true(t->deadline_ms > 0);
	assert_int_equal(t->payload_len, 16);
	assert_memory_equal(t->payload, "{\"a\": [1, 2.50]}", 16);
	assert_string_equal(w.job[0].id, ID(1));
	assert_string_equal(w.job[0].lease, "11");
	assert_int_equal(w.job[1].task.payload_len, 3);
	assert_memory_equal(w.job[1].task.payload, "\0\xff\n", 3);
	assert_string_equal(w.job[1].task.content_type, "image/png");
	assert_int_equal(w.job[2].task.payload_len, 0);
	work_take(&w, JOB(4, ""));              /* more than were asked for */
	assert_int_equal(starts, 3);
	assert_int_equal(w.held, 3);
}

static void one_that_cannot_be_read_is_left_alone(void **unused)
{
	(void)unused;
	work_take(&w, SLICE("{\"id\":\"1\",\"lease\":\"1\",\"type\":\"t\"}"));
	work_take(&w, SLICE("{\"lease\":\"1\",\"type\":\"t\"}"));
	work_take(&w, JOB(1, ",\"payload_base64\":\"?\""));
	assert_int_equal(starts, 0);
	assert_int_equal(w.held, 0);
	assert_int_equal(claims, 3);
	assert_int_equal(posted.n, 0);
}

static void one_that_comes_too_late_is_given_back(void **unused)
{
	(void)unused;
	w.stops = 1;
	work_take(&w, JOB(1, ""));
	assert_int_equal(starts, 0);
	assert_string_equal(posted.target, "/claims/results");
	assert_string_equal(posted.body, "[{\"id\":\"" ID(1) "\",\"lease\":\"11\",\"outcome\":\"release\"}]");
	result(200, "{\"results\":[{\"id\":\"" ID(1) "\",\"status\":200}]}");
	assert_int_equal(w.held, 0);
}

static void a_success_has_its_bytes(void **unused)
{
	struct run_result r = { .outcome = JOB_OUTCOME_SUCCEEDED, .retry_in_ms = -1, .output_cut = true };

	(void)unused;
	work_take(&w, JOB(1, ""));
	buf_add(&r.output, "\0\xff\n", 3);
	buf_str(&r.log, "said \"this\"\n");
	work_ended(&w, &w.job[0].task, &r);
	assert_string_equal(posted.body, "[{\"id\":\"" ID(1) "\",\"lease\":\"11\",\"outcome\":\"complete\",\"exit_code\":0,\"result_base64\":\"AP8K\",\"result_truncated\":true,\"log\":\"said \\\"this\\\"\\n\"}]");
	assert_int_equal(w.running, 0);
	assert_int_equal(w.held, 1);            /* until the server has answered */
	buf_free(&r.output);
	buf_free(&r.log);
}

static void a_failure_says_all_it_knows(void **unused)
{
	struct run_result r = { .outcome = JOB_OUTCOME_FAILED, .exit_code = 65, .retry_in_ms = 90000, .no_retry = true, .error = "bad \"data\"" };
	struct run_result killed = { .outcome = JOB_OUTCOME_TIMED_OUT, .exit_code = -1, .term_signal = 9, .retry_in_ms = -1, .error = "too long" };

	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	work_ended(&w, &w.job[0].task, &r);
	assert_string_equal(posted.body,
		"[{\"id\":\"" ID(1) "\",\"lease\":\"11\",\"outcome\":\"fail\",\"error\":\"bad \\\"data\\\"\",\"retry\":false,\"retry_in\":\"90000ms\",\"exit_code\":65}]");
	work_ended(&w, &w.job[1].task, &killed);
	assert_int_equal(posted.n, 1);          /* one call at a time */
	result(200, "{\"results\":[{\"id\":\"" ID(1) "\",\"status\":200}]}");
	assert_string_equal(posted.body, "[{\"id\":\"" ID(2) "\",\"lease\":\"12\",\"outcome\":\"fail\",\"error\":\"too long\",\"signal\":9}]");
}

static void what_says_nothing_of_the_job_gives_it_back(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	end(0, JOB_OUTCOME_RELEASED, "no room");
	assert_non_null(strstr(posted.body, "\"outcome\":\"release\""));
	result(200, "{\"results\":[{\"id\":\"" ID(1) "\",\"status\":409}]}");           /* not ours any more: that is that */
	assert_int_equal(w.held, 0);
}

static void what_is_not_answered_is_said_again(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	end(0, JOB_OUTCOME_SUCCEEDED, "");
	end(1, JOB_OUTCOME_SUCCEEDED, "");
	result(0, "");                          /* the server is away */
	assert_int_equal(posted.n, 1);
	assert_int_not_equal(w.result_timer.place, 0);
	loop_timer_stop(w.loop, &w.result_timer);
	work_report(&w);
	assert_int_equal(posted.n, 2);
	assert_non_null(strstr(posted.body, ID(1)));
	assert_non_null(strstr(posted.body, "},{\"id\":\"" ID(2)));
	result(200, "{\"results\":[{\"id\":\"" ID(1) "\",\"status\":200},{\"id\":\"" ID(2) "\",\"status\":503}]}");
	assert_int_equal(w.held, 1);
	loop_timer_stop(w.loop, &w.result_timer);
	work_report(&w);
	assert_null(strstr(posted.body, ID(1)));
	result(200, "{\"results\":[{\"id\":\"" ID(2) "\",\"status\":404}]}");
	assert_int_equal(w.held, 0);
	assert_int_equal(w.result_timer.place, 0);
}

/* Its token is not known any more: nothing is left to wait for. */
static void one_who_may_not_report_ends(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	end(0, JOB_OUTCOME_SUCCEEDED, "");
	result(401, "");
	assert_false(w.over);
	w.stops = 1;                            /* a claim was refused as well */
	loop_timer_stop(w.loop, &w.result_timer);
	work_report(&w);
	result(401, "");
	assert_false(w.over);                   /* one runs */
	loop_timer_stop(w.loop, &w.result_timer);
	end(1, JOB_OUTCOME_SUCCEEDED, "");
	result(401, "");
	assert_true(w.over);
	assert_int_equal(w.code, EX_NOPERM);
	w.over = false;
}

static void what_is_not_taken_is_said_alone_then_plainly_then_no_more(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	w.results.stage = LINK_BUSY;            /* so that both go in one call */
	end(0, JOB_OUTCOME_SUCCEEDED, "");
	end(1, JOB_OUTCOME_SUCCEEDED, "");
	w.results.stage = LINK_IDLE;
	work_report(&w);
	result(413, "");
	assert_int_equal(posted.n, 2);
	assert_non_null(strstr(posted.body, ID(1)));
	assert_null(strstr(posted.body, ID(2)));
	result(413, "");
	assert_string_equal(posted.body, "[{\"id\":\"" ID(1) "\",\"lease\":\"11\",\"outcome\":\"fail\",\"error\":\"its result or log was not taken: the server answered 413\"}]");
	result(413, "");
	assert_int_equal(w.held, 1);            /* the first is given up, the second's turn comes */
	assert_non_null(strstr(posted.body, ID(2)));
	result(200, "{\"results\":[{\"id\":\"" ID(2) "\",\"status\":200}]}");
	assert_int_equal(w.held, 0);
	/* and the next ones go together again */
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	w.results.stage = LINK_BUSY;
	end(0, JOB_OUTCOME_SUCCEEDED, "");
	end(1, JOB_OUTCOME_SUCCEEDED, "");
	w.results.stage = LINK_IDLE;
	work_report(&w);
	assert_non_null(strstr(posted.body, ID(1)));
	assert_non_null(strstr(posted.body, ID(2)));
}

static void a_lease_is_extended_and_its_loss_ends_the_job(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	work_beat(&w);
	assert_int_equal(posted.n, 0);          /* not yet */
	w.job[0].beat_ns = 2;
	w.job[1].beat_ns = 1;
	work_beat(&w);
	assert_string_equal(posted.target, "/jobs/" ID(2) "/extend");
	assert_string_equal(posted.body, "{\"lease\":\"12\"}");
	w.beats.stage = LINK_IDLE;
	work_beaten(&w.beats, 200, SLICE("{}"), NULL);
	assert_string_equal(posted.target, "/jobs/" ID(1) "/extend");
	w.beats.stage = LINK_IDLE;
	work_beaten(&w.beats, 409, SLICE("{}"), NULL);
	assert_int_equal(stops.n, 1);
	assert_int_equal(stops.how, RUN_STOP_CANCEL);
	end(0, JOB_OUTCOME_CANCELLED, "cancelled");
	assert_int_equal(posted.n, 2);          /* nothing is said of it */
	assert_int_equal(w.held, 1);
}

static void progress_is_told_when_nothing_is_due(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_progress(&w, &w.job[0].task, 40, SLICE("so \"far\""));
	work_beat(&w);
	assert_string_equal(posted.target, "/jobs/" ID(1) "/progress");
	assert_string_equal(posted.body, "{\"lease\":\"11\",\"percent\":40,\"message\":\"so \\\"far\\\"\"}");
	w.beats.stage = LINK_IDLE;
	work_beaten(&w.beats, 200, SLICE("{}"), NULL);
	assert_int_equal(posted.n, 1);          /* said once */
	w.job[0].beat_ns = 1;
	work_beat(&w);
	w.beats.stage = LINK_IDLE;
	work_beaten(&w.beats, 0, SLICE(""), "no answer in time");
	assert_true(w.job[0].beat_ns > 1);      /* again, but not at once */
	assert_int_equal(stops.n, 0);
}

static void a_second_signal_stops_what_runs(void **unused)
{
	(void)unused;
	work_take(&w, JOB(1, ""));
	work_take(&w, JOB(2, ""));
	end(1, JOB_OUTCOME_SUCCEEDED, "");
	work_stop_all(&w, 1000);
	assert_int_equal(stops.n, 1);
	assert_int_equal(stops.how, RUN_STOP_RELEASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_job_is_read_and_started, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_cannot_be_read_is_left_alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_comes_too_late_is_given_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_success_has_its_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_failure_says_all_it_knows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_says_nothing_of_the_job_gives_it_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_answered_is_said_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_who_may_not_report_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_taken_is_said_alone_then_plainly_then_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lease_is_extended_and_its_loss_ends_the_job, set_up, tear_down),
		cmocka_unit_test_setup_teardown(progress_is_told_when_nothing_is_due, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_second_signal_stops_what_runs, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("cli/work_job", tests, NULL, NULL);
}
