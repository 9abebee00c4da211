/* The jobs a worker holds, against a keeper that this test plays over a real segment: every lease taken ends in a finish that was answered. */
#include "process/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "worker_fixture.h"

static void test_noop_is_finished_in_the_same_turn(void **state)
{
	struct held *j = grant("noop", "{}");

	(void)state;
	assert_int_equal(w.running, 0);
	assert_int_equal(run_state(j), SHM_RUN_STARTED);                /* until its end is recorded */
	assert_int_equal(w.run[j->index].token, next_token);
	assert_string_equal(w.run[j->index].type, "noop");
	assert_int_equal(w.nidle, w.capacity - 1);
	keep(STORE_OK, STORE_OK);
	assert_int_equal(asked.finishes, 1);
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(asked.finish[0].token, next_token);
	assert_int_equal(asked.finish[0].id.b[0], 7);
	assert_int_equal(asked.finish[0].exit_code, -1);
	assert_int_equal(asked.finish[0].retry_in_ms, -1);
	assert_true(asked.finish[0].started_ms > 0);
	assert_all_free();
}

static void test_result_that_is_json_says_so(void **state)
{
	(void)state;
	grant("json", "{}");
	run_down();
	keep_all();
	assert_string_equal(asked.result[0], "{\"a\":1}\n");
	assert_int_equal(asked.finish[0].flags, REQUEST_FINISH_RESULT_JSON);
	assert_int_equal(asked.finish[0].exit_code, 0);
	assert_all_free();
}

static void test_payload_reaches_the_program_and_a_cut_result_says_so(void **state)
{
	char payload[101];

	(void)state;
	memset(payload, 'p', sizeof(payload));
	payload[100] = '\0';
	grant("cat", payload);
	run_down();
	keep_all();
	assert_int_equal(asked.finish[0].result_len, 64);
	assert_memory_equal(asked.result[0], payload, 64);
	assert_int_equal(asked.finish[0].flags, REQUEST_FINISH_RESULT_CUT);
}

static void test_long_result_and_log_go_up_first(void **state)
{
	(void)state;
	grant("long", "{}");
	run_down();
	assert_int_equal(asked.finishes, 0);
	keep_all();
	assert_int_equal(asked.finishes, 1);
	assert_int_equal(asked.finish[0].result_blob, 1);
	assert_int_equal(asked.finish[0].result_len, 50000);
	assert_int_equal(asked.blob[1].len, 50000);
	assert_int_equal(asked.blob[1].data[49999], 'r');
	assert_int_equal(asked.finish[0].log_blob, 2);
	assert_int_equal(asked.finish[0].log_len, 9000);
	assert_int_equal(asked.blob[2].len, 9000);
	assert_all_free();
}

static void test_what_could_not_be_staged_is_staged_again(void **state)
{
	struct held *j = grant("long", "{}");

	(void)state;
	run_down();
	keep(STORE_OK, STORE_IO);
	assert_int_equal(j->state, HELD_LATER);
	assert_int_equal(asked.finishes, 0);
	loop_timer_stop(process.loop, &w.later);
	w.later.fire(&w.later);
	keep_all();
	assert_int_equal(asked.finishes, 1);
	assert_int_equal(asked.blob[asked.finish[0].result_blob].len, 50000);
	assert_all_free();
}

static void test_failure_keeps_its_error_and_no_result(void **state)
{
	(void)state;
	grant("fail", "{\"message\":\"no such order\",\"permanent\":true}");
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_FAILED);
	assert_int_equal(asked.finish[0].flags, REQUEST_FINISH_NO_RETRY);
	assert_string_equal(asked.error[0], "no such order");
	assert_int_equal(asked.finish[0].result_len, 0);
	grant("missing", "{}");
	keep_all();
	assert_int_equal(asked.finish[1].outcome, JOB_OUTCOME_FAILED);
	assert_string_equal(asked.error[1], "cannot run \"/nowhere\": no such file");
	assert_all_free();
}

static void test_a_finish_that_cannot_be_recorded_now_is_asked_again(void **state)
{
	static const enum store_rc later[] = { STORE_IO, STORE_BUSY, STORE_NO_SPACE, STORE_NO_MEMORY };
	struct held *j = grant("fail", "{\"message\":\"kept\"}");

	(void)state;
	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
		keep(later[i], STORE_OK);
		assert_int_equal(asked.finishes, i + 1);
		assert_int_equal(j->state, HELD_LATER);
		assert_int_equal(run_state(j), SHM_RUN_STARTED);
		assert_true(w.later.place > 0);
		loop_timer_stop(process.loop, &w.later);
		w.later.fire(&w.later);
	}
	keep(STORE_OK, STORE_OK);
	assert_string_equal(asked.error[4], "kept");
	assert_int_equal(asked.finish[4].token, asked.finish[0].token);
	assert_all_free();
}

static void test_a_stale_finish_is_dropped(void **state)
{
	static const enum store_rc over[] = { STORE_STALE, STORE_NOT_FOUND, STORE_STATE, STORE_DAMAGED };

	(void)state;
	for (size_t i = 0; i < sizeof(over) / sizeof(over[0]); i++) {
		grant("noop", "{}");
		keep(over[i], STORE_OK);
		assert_all_free();
	}
}

static void test_a_malformed_finish_is_asked_once_more_without_its_output(void **state)
{
	struct held *j = grant("json", "{}");

	(void)state;
	run_down();
	keep(STORE_INVALID, STORE_OK);
	assert_int_equal(j->state, HELD_LATER);
	loop_timer_stop(process.loop, &w.later);
	w.later.fire(&w.later);
	keep(STORE_INVALID, STORE_OK);
	assert_int_equal(asked.finish[1].result_len, 0);
	assert_int_equal(asked.finish[1].outcome, JOB_OUTCOME_SUCCEEDED);
	assert_all_free();
}

/* A kind that the conf of this version does not let through. */
static void set_kind(const char *type, enum conf_handler_kind kind)
{
	((struct conf_handler *)(uintptr_t)conf_handler_of(process.conf, slice_of(type)))->kind = (int)kind;
}

static void test_types_that_do_not_run_here(void **state)
{
	(void)state;
	set_kind("far", CONF_HANDLER_REMOTE);
	set_kind("web", CONF_HANDLER_REMOTE + 1);                         /* of a conf that a newer build has handed over */
	grant("far", "{}");
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(asked.finish[0].started_ms, 0);
	assert_true(w.short_until_ns > 0);                              /* it would come again at once */
	grant("unknown", "{}");
	keep_all();
	assert_int_equal(asked.finish[1].outcome, JOB_OUTCOME_RELEASED);
	grant("web", "{}");
	keep_all();
	assert_int_equal(asked.finish[2].outcome, JOB_OUTCOME_FAILED);
	assert_string_equal(asked.error[2], "handler \"web\" is of a kind that this build of stintd cannot run");
	assert_all_free();
}

static void test_what_comes_while_draining_is_given_back(void **state)
{
	(void)state;
	w.draining = true;
	struct held *j = grant("noop", "{}");
	assert_int_equal(run_state(j), SHM_RUN_GRANTED);
	keep_all();
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(asked.finish[0].started_ms, 0);
	assert_int_equal(w.short_until_ns, 0);
	assert_all_free();
}

static void test_stopping_gives_back_what_runs(void **state)
{
	(void)state;
	grant("sleep", "{\"ms\":3600000}");
	grant("sleep", "{\"ms\":3600000}");
	assert_int_equal(w.running, 2);
	held_stop_all(&w, 1000);
	assert_int_equal(w.running, 0);
	keep_all();
	assert_int_equal(asked.finishes, 2);
	assert_int_equal(asked.finish[0].outcome, JOB_OUTCOME_RELEASED);
	assert_true(asked.finish[1].started_ms > 0);
	assert_all_free();
}

static void test_progress_is_reported_once_a_second(void **state)
{
	struct held *j = grant("sleep", "{\"ms\":3600000}");

	(void)state;
	for (int i = 0; i < 50; i++)
		held_progress(&w, &j->task, i, SLICE("going on"));
	keep(STORE_OK, STORE_STALE);                                    /* whatever is answered to it */
	assert_int_equal(asked.progresses, 1);
	assert_int_equal(j->percent, 49);
	j->reported_ns -= 2000000000;
	loop_timer_stop(process.loop, &w.progress_timer);
	w.progress_timer.fire(&w.progress_timer);
	keep(STORE_OK, STORE_OK);
	assert_int_equal(asked.progresses, 2);
	assert_int_equal(j->percent, -1);
	held_stop_all(&w, 0);
	keep_all();
	assert_all_free();
}

static void test_the_last_progress_goes_with_the_end(void **state)
{
	struct held *j = grant("sleep", "{\"ms\":3600000}");

	(void)state;
	held_progress(&w, &j->task, 1, SLICE("first"));
	held_progress(&w, &j->task, 100, SLICE("last"));
	held_stop_all(&w, 0);
	assert_int_equal(j->percent, -1);
	keep_all();
	assert_int_equal(asked.progresses, 2);
	assert_int_equal(asked.finishes, 1);
	assert_all_free();
}

static void test_log_tells_of_begin_and_end_but_not_of_payloads(void **state)
{
	(void)state;
	grant("noop", "{\"secret\":1}");
	grant("fail", "{\"message\":\"secret\"}");
	grant("missing", "secret");
	keep_all();
	log_flush();
	char *log = scratch_read(scratch("log"));
	char *begin = strstr(log, "processing job="), *end = strstr(log, "finished job=");
	assert_non_null(begin);
	assert_true(begin < end);
	assert_non_null(strstr(begin, " type=noop queue=default attempt=2 worker=1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 priority=0\n"));
	assert_non_null(strstr(end, "outcome=succeeded"));
	assert_non_null(strstr(end, "outcome=failed"));
	assert_non_null(strstr(log, "warn"));
	assert_non_null(strstr(log, "not started: cannot run \"/nowhere\": no such file job="));
	assert_null(strstr(log, "secret"));
	free(log);
}

static void test_indexes_are_used_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3 * w.capacity; i++) {
		grant("noop", "{}");
		keep(STORE_OK, STORE_OK);
		asked.finishes = 0;
	}
	assert_all_free();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_noop_is_finished_in_the_same_turn),
		TEST(test_result_that_is_json_says_so),
		TEST(test_payload_reaches_the_program_and_a_cut_result_says_so),
		TEST(test_long_result_and_log_go_up_first),
		TEST(test_what_could_not_be_staged_is_staged_again),
		TEST(test_failure_keeps_its_error_and_no_result),
		TEST(test_a_finish_that_cannot_be_recorded_now_is_asked_again),
		TEST(test_a_stale_finish_is_dropped),
		TEST(test_a_malformed_finish_is_asked_once_more_without_its_output),
		TEST(test_types_that_do_not_run_here),
		TEST(test_what_comes_while_draining_is_given_back),
		TEST(test_stopping_gives_back_what_runs),
		TEST(test_progress_is_reported_once_a_second),
		TEST(test_the_last_progress_goes_with_the_end),
		TEST(test_log_tells_of_begin_and_end_but_not_of_payloads),
		TEST(test_indexes_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
