/* noop, print, sleep, fail. */
#include "attempt.h"

#include "os/log.h"
#include "tests/os/scratch.h"

static int setup(void **state)
{
	int bad = scratch_setup(state) || bench_setup(state);

	bench.handler.kind = CONF_HANDLER_BUILTIN;
	return bad;
}

static int teardown(void **state)
{
	int bad = bench_teardown(state);

	return scratch_teardown(state) || bad;
}

static struct attempt *run(enum conf_builtin which, const char *payload)
{
	bench.handler.builtin = (int)which;
	return bench_run(payload);
}

static void test_noop_ends_where_it_begins(void **state)
{
	struct attempt *at = bench_begin(0, "{}", 2);

	(void)state;
	bench.handler.builtin = CONF_BUILTIN_NOOP;
	bench_start(at);
	assert_int_equal(at->ended, 1);
	assert_int_equal(at->started, 1);
	assert_null(at->a);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.exit_code, -1);
	assert_true(at->r.started_ms > 0);
	assert_int_equal(at->r.output.len, 0);
	assert_int_equal(at->r.retry_in_ms, -1);
	assert_int_equal(bench.host.spawns, 0);
}

/* What print wrote to the log of a payload. */
static char *printed(const char *payload, size_t n, enum log_level level)
{
	const struct log_options o = { .dest = scratch("log"), .level = level, .format = LOG_FORMAT_TEXT }, none = { .dest = "stderr", .level = LOG_LEVEL_INFO };
	struct attempt *at = bench_begin(0, payload, n);

	assert_int_equal(log_open(&o), 0);
	bench.handler.builtin = CONF_BUILTIN_PRINT;
	bench_start(at);
	assert_int_equal(at->ended, 1);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	log_flush();
	assert_int_equal(log_open(&none), 0);
	free(at->task.payload);
	at->task.payload = NULL;
	at->ended = at->started = 0;
	return scratch_read(scratch("log"));
}

static void test_print_writes_the_payload_to_the_log(void **state)
{
	const char payload[] = "{\"message\":\"hello w\xc3\xb6rld\"}\n\x1b[31m\xff\0.";
	char *log = printed(payload, sizeof(payload) - 1, LOG_LEVEL_INFO);

	(void)state;
	assert_non_null(strstr(log, "hello w\xc3\xb6rld"));
	assert_non_null(strstr(log, "{\"message\":"));
	assert_non_null(strstr(log, "\\n\\u001b[31m\xef\xbf\xbd?."));
	assert_non_null(strstr(log, "01935a10-0000-7000-8000-000000000000"));
	assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);             /* one line */
	free(log);
}

static void test_print_cuts_long_payloads(void **state)
{
	char payload[5000];

	(void)state;
	memset(payload, 'y', sizeof(payload));
	char *log = printed(payload, sizeof(payload), LOG_LEVEL_INFO);
	char *y = strstr(log, "yyyy");
	assert_non_null(y);
	assert_int_equal(strspn(y, "y"), 1024);
	assert_memory_equal(y + 1024, "...", 3);
	free(log);
	assert_int_equal(unlink(scratch("log")), 0);
	log = printed(payload, 1024, LOG_LEVEL_INFO);
	assert_non_null(strstr(log, "yyyy"));
	assert_null(strstr(log, "..."));
	free(log);
}

static void test_print_keeps_quiet_below_its_level(void **state)
{
	char *log = printed("secret", 6, LOG_LEVEL_WARN);

	(void)state;
	assert_string_equal(log, "");
	free(log);
}

static void test_sleep_succeeds_after_its_time(void **state)
{
	struct attempt *at = bench_begin(0, "{\"ms\":20}", 9);

	(void)state;
	bench.handler.builtin = CONF_BUILTIN_SLEEP;
	bench_start(at);
	assert_int_equal(at->ended, 0);
	assert_int_equal(at->started, 1);
	assert_non_null(at->a);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_true(at->r.duration_us >= 20000);
	assert_string_equal(at->r.error, "");
}

static void test_sleep_of_nothing(void **state)
{
	(void)state;
	assert_int_equal(run(CONF_BUILTIN_SLEEP, "{\"ms\":0,\"more\":[]}")->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_sleep_times_out(void **state)
{
	struct attempt *at = bench_begin(0, "{\"ms\":3600000}", 14);

	(void)state;
	at->task.timeout_ms = 30;
	bench.handler.builtin = CONF_BUILTIN_SLEEP;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	assert_string_equal(at->r.error, "timed out after 30ms");
}

static void test_sleep_without_a_limit(void **state)
{
	struct attempt *at = bench_begin(0, "{\"ms\":10}", 9);

	(void)state;
	at->task.timeout_ms = 0;
	bench.handler.builtin = CONF_BUILTIN_SLEEP;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_sleep_refuses_what_is_no_length(void **state)
{
	static const struct { const char *payload, *why; } bad[] = {
		{ "null", "it is no JSON object" }, { "", "it is no JSON object" }, { "[1]", "it is no JSON object" }, { "{\"ms\":", "it is no JSON object" },
		{ "{}", "it has no \"ms\"" }, { "{\"MS\":1}", "it has no \"ms\"" }, { "{\"ms\":\"100\"}", "\"ms\" is not a whole number" }, { "{\"ms\":1.5}", "\"ms\" is not a whole number" },
		{ "{\"ms\":-1}", "\"ms\" is out of range" }, { "{\"ms\":86400001}", "\"ms\" is out of range" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct attempt *at = &bench.at[0];
		free(at->task.payload);
		at->ended = 0;
		at = run(CONF_BUILTIN_SLEEP, bad[i].payload);
		assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
		assert_true(at->r.no_retry);
		assert_non_null(strstr(at->r.error, bad[i].why));
		assert_non_null(strstr(at->r.error, "sleep takes {\"ms\": N} with N from 0 to 86400000"));
	}
}

static struct attempt *stopped(enum run_stop how)
{
	struct attempt *at = bench_begin(0, "{\"ms\":3600000}", 14);

	bench.handler.builtin = CONF_BUILTIN_SLEEP;
	bench_start(at);
	run_builtin.stop(&bench.host, at->a, how, 1000);
	assert_int_equal(at->ended, 1);
	return at;
}

static void test_sleep_is_cancelled(void **state)
{
	(void)state;
	assert_int_equal(stopped(RUN_STOP_CANCEL)->r.outcome, JOB_OUTCOME_CANCELLED);
}

static void test_sleep_is_released(void **state)
{
	(void)state;
	assert_int_equal(stopped(RUN_STOP_RELEASE)->r.outcome, JOB_OUTCOME_RELEASED);
}

static void test_fail_fails(void **state)
{
	struct attempt *at = run(CONF_BUILTIN_FAIL, "null");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_false(at->r.no_retry);
	assert_string_equal(at->r.error, "failed, as asked for");
	assert_int_equal(at->started, 1);
}

static void test_fail_says_what_it_is_told(void **state)
{
	struct attempt *at = run(CONF_BUILTIN_FAIL, "{\"message\":\"no \\u00fcber\",\"permanent\":true}");

	(void)state;
	assert_true(at->r.no_retry);
	assert_string_equal(at->r.error, "no \xc3\xbc" "ber");
}

static void test_fail_with_a_message_that_is_none(void **state)
{
	struct attempt *at = run(CONF_BUILTIN_FAIL, "{\"message\":7,\"permanent\":\"yes\"}");

	(void)state;
	assert_false(at->r.no_retry);
	assert_string_equal(at->r.error, "failed, as asked for");
}

static void test_kinds(void **state)
{
	struct conf_handler h = { .kind = CONF_HANDLER_EXEC };

	(void)state;
	assert_ptr_equal(run_kind_of(&h), &run_exec);
	h.kind = CONF_HANDLER_BUILTIN;
	assert_ptr_equal(run_kind_of(&h), &run_builtin);
	h.kind = CONF_HANDLER_NONE;
	assert_null(run_kind_of(&h));
	h.kind = CONF_HANDLER_REMOTE;
	assert_null(run_kind_of(&h));
	h.kind = 1000;
	assert_null(run_kind_of(&h));
	h.kind = -1;
	assert_null(run_kind_of(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_noop_ends_where_it_begins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print_writes_the_payload_to_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print_cuts_long_payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_print_keeps_quiet_below_its_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_succeeds_after_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_times_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_without_a_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_refuses_what_is_no_length, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_is_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_is_released, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_says_what_it_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fail_with_a_message_that_is_none, setup, teardown),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
