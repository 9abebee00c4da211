/* A program an attempt: what it is given, what is made of its output and its exit, and every way in which it may not start. */
#include "attempt.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/os/scratch.h"
#include "fixture.h"
#include "run/exec.h"

static int setup(void **state)
{
	return scratch_setup(state) || bench_setup(state);
}

static int teardown(void **state)
{
	int bad = bench_teardown(state);

	return scratch_teardown(state) || bad;
}

/* --- how it ends --- */

static void test_exit_0_succeeds(void **state)
{
	struct attempt *at = bench_fixture("no-read");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.exit_code, 0);
	assert_int_equal(at->r.term_signal, 0);
	assert_string_equal(at->r.error, "");
	assert_string_equal(attempt_output(at), "done");
	assert_int_equal(at->started, 1);
	assert_true(at->r.started_ms > 0);
	assert_true(at->r.duration_us > 0);
	assert_true(at->r.max_rss_kb > 0);
	assert_true(at->r.cpu_us >= 0);
	assert_int_equal(at->r.retry_in_ms, -1);
	assert_false(at->r.no_retry);
	assert_int_equal(bench.host.spawns, 1);
	assert_int_equal(exec_running(), 0);
}

static void test_exit_1_fails_with_its_code(void **state)
{
	struct attempt *at = bench_fixture("exit-1");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_int_equal(at->r.exit_code, 1);
	assert_false(at->r.no_retry);
	assert_string_equal(at->r.error, "exited with code 1");
}

static void test_exit_65_fails_for_good_with_its_last_line(void **state)
{
	struct attempt *at = bench_fixture("exit-65");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_int_equal(at->r.exit_code, 65);
	assert_true(at->r.no_retry);
	assert_string_equal(at->r.error, "this order does not exist");
	assert_string_equal(buf_cstr(&at->r.log), "first\nthis order does not exist\n\n");
}

static void test_exit_75_may_say_when_to_retry(void **state)
{
	struct attempt *at = bench_fixture("exit-75");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_false(at->r.no_retry);
	assert_int_equal(at->r.retry_in_ms, 90000);
	assert_int_equal(at->percent, 40);
	assert_string_equal(at->message, "half way");
	assert_string_equal(at->r.error, "busy");
	assert_string_equal(buf_cstr(&at->r.log), "busy\n");
}

static void test_death_by_signal_fails_with_it(void **state)
{
	struct attempt *at = bench_fixture("kill-itself");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_int_equal(at->r.exit_code, -1);
	assert_int_equal(at->r.term_signal, SIGKILL);
	assert_string_equal(at->r.error, "killed by signal 9 (SIGKILL)");
}

static void test_abort_is_told_by_name(void **state)
{
	bench_exec("/bin/sh", "-c", "kill -ABRT $$", NULL);
	struct attempt *at = bench_run("");

	(void)state;
	assert_int_equal(at->r.term_signal, SIGABRT);
	assert_string_equal(at->r.error, "killed by signal 6 (SIGABRT)");
}

static void test_timeout_asks_then_reports(void **state)
{
	bench_exec(bench.exe, "hang", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	at->task.timeout_ms = 50;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	assert_int_equal(at->r.term_signal, SIGTERM);
	assert_string_equal(at->r.error, "timed out after 50ms");
}

static void test_timeout_kills_who_ignores_it(void **state)
{
	bench_exec(bench.exe, "ignore-term", NULL);
	bench.handler.kill_grace = 20;
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	at->task.timeout_ms = 100;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	assert_int_equal(at->r.term_signal, SIGKILL);
}

static void test_a_stopped_program_is_ended_too(void **state)
{
	bench_exec(bench.exe, "stopped", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	at->task.timeout_ms = 50;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	assert_int_equal(at->r.term_signal, SIGTERM);
}

/* Stops it once it runs, which its first line of output shows. */
static struct attempt *stopped(const char *what, enum run_stop how, int64_t grace_ms)
{
	bench_exec(bench.exe, what, NULL);
	struct attempt *at = bench_begin(0, "", 0);

	bench_start(at);
	while (bench.host.output_bytes == 0)
		loop_turn(bench.loop, -1);
	run_exec.stop(&bench.host, at->a, how, grace_ms);
	bench_wait();
	return at;
}

static void test_cancelling(void **state)
{
	struct attempt *at = stopped("hang", RUN_STOP_CANCEL, 0);

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);
	assert_int_equal(at->r.term_signal, SIGTERM);
}

static void test_releasing_cuts_the_grace(void **state)
{
	struct attempt *at = stopped("ignore-term", RUN_STOP_RELEASE, 10);

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(at->r.term_signal, SIGKILL);
	assert_true(at->r.duration_us < bench.handler.kill_grace * 1000);
}

static void test_releasing_one_that_is_timing_out(void **state)
{
	bench_exec(bench.exe, "ignore-term", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	bench_start(at);
	while (bench.host.output_bytes == 0)
		loop_turn(bench.loop, -1);
	run_exec.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);          /* 20 s of grace */
	run_exec.stop(&bench.host, at->a, RUN_STOP_RELEASE, 10);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);         /* the first reason stands */
	assert_true(at->r.duration_us < bench.handler.kill_grace * 1000);
}

/* --- what it says --- */

static void test_flood_is_cut_counted_and_drained(void **state)
{
	struct attempt *at = bench_fixture("flood");

	(void)state;
	assert_int_equal(at->r.exit_code, 1);
	assert_int_equal(at->r.output.len, 65536);
	assert_int_equal(at->r.output_total, 20u << 20);
	assert_true(at->r.output_cut);
	assert_int_equal(at->r.log.len, 65536);
	assert_int_equal(at->r.log_total, (20u << 20) + strlen("the last line\n"));
	assert_string_equal(at->r.error, "the last line");
	assert_int_equal(bench.host.output_bytes, at->r.output_total + at->r.log_total);
}

static void test_binary_output_is_kept_as_it_came(void **state)
{
	struct attempt *at = bench_fixture("binary");

	(void)state;
	assert_int_equal(at->r.exit_code, 4);
	assert_int_equal(at->r.output.len, 5);
	assert_memory_equal(at->r.output.data, "a\0b\xff\n", 5);
	assert_string_equal(at->r.error, "\xff\xfe broken \x80");
}

static void test_closed_stdio_does_not_end_it(void **state)
{
	struct attempt *at = bench_fixture("close-stdio-end");

	(void)state;
	assert_int_equal(at->r.exit_code, 3);
	assert_string_equal(attempt_output(at), "bye");
}

/* A pipe at its end would otherwise wake the loop for ever. */
static void test_closed_stdio_is_not_watched_any_more(void **state)
{
	bench_exec(bench.exe, "close-stdio", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	bench_start(at);
	const struct exec_attempt *inside = (const struct exec_attempt *)(const void *)at->a;
	while (inside->out.fd >= 0 || inside->err.fd >= 0)
		loop_turn(bench.loop, -1);
	assert_int_equal(at->ended, 0);
	assert_int_equal(loop_turn(bench.loop, 0), 0);
	run_exec.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	bench_wait();
	assert_int_equal(at->r.term_signal, SIGTERM);
}

static void test_closed_stdio_is_timed_out_as_others(void **state)
{
	bench_exec(bench.exe, "close-stdio", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	at->task.timeout_ms = 100;
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
}

/* --- what it is given --- */

static void test_payload_is_stdin_byte_for_byte(void **state)
{
	size_t n = 3u << 20;
	char *payload = malloc(n), want[128];
	unsigned long long sum = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		payload[i] = (char)(i * 7 + (i >> 9));
		sum = sum * 31 + (unsigned char)payload[i];
	}
	bench_exec(bench.exe, "stdin", NULL);
	struct attempt *at = bench_begin(0, payload, n);
	bench_start(at);
	bench_wait();
	snprintf(want, sizeof(want), "%zu %llu sealed fixed", n, sum);
	assert_string_equal(attempt_output(at), want);
	free(payload);
}

static void test_large_payload_need_not_be_read(void **state)
{
	size_t n = 8u << 20;
	char *payload = calloc(1, n);

	(void)state;
	bench_exec(bench.exe, "no-read", NULL);
	struct attempt *at = bench_begin(0, payload, n);
	bench_start(at);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	free(payload);
}

static void test_descriptors_are_0_1_2(void **state)
{
	int leak = open("/dev/null", O_RDWR), high = fcntl(leak, F_DUPFD, 700);         /* as LMDB opens its file: inherited by exec */

	(void)state;
	assert_true(leak > 2 && high >= 700);
	struct attempt *at = bench_fixture("fds");
	assert_string_equal(attempt_output(at), "0 1 2 ");
	close(leak);
	close(high);
}

static void test_descriptors_where_ours_were_closed(void **state)
{
	int saved = dup(0);

	(void)state;
	close(0);                       /* the payload's file will be 0 here */
	struct attempt *at = bench_fixture("fds");
	assert_string_equal(attempt_output(at), "0 1 2 ");
	dup2(saved, 0);
	close(saved);
}

static void test_environment_is_exactly_ours(void **state)
{
	char *env[] = { (char *)(uintptr_t)"SMTP_HOST=mail.example", (char *)(uintptr_t)"STINT_TEST_PASSED_ON", (char *)(uintptr_t)"STINT_TEST_NOT_SET",
		(char *)(uintptr_t)"STINT_ATTEMPT=99", (char *)(uintptr_t)"LANG=de_DE.UTF-8", (char *)(uintptr_t)"EMPTY=" };

	(void)state;
	setenv("STINT_TEST_PASSED_ON", "ours", 1);
	setenv("STINT_TEST_SECRET", "not theirs", 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	bench.handler.env = (struct conf_list){ env, sizeof(env) / sizeof(env[0]) };
	bench_exec(bench.exe, "env", NULL);
	struct attempt *at = bench_run("{}");
	char *home = strstr((char *)(uintptr_t)attempt_output(at), "HOME=/");
	assert_non_null(home);
	memmove(home, strchr(home, '\n') + 1, strlen(strchr(home, '\n') + 1) + 1);
	assert_string_equal(at->r.output.data,
		"STINT_JOB_ID=01935a10-0000-7000-8000-000000000000\nSTINT_TYPE=email\nSTINT_QUEUE=default\nSTINT_ATTEMPT=2\nSTINT_MAX_ATTEMPTS=4\n"
		"STINT_DEADLINE=2025-11-21T22:40:59.123Z\nSTINT_NAME=Weekly mail\nTRACEPARENT=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n"
		"SMTP_HOST=mail.example\nSTINT_TEST_PASSED_ON=ours\nLANG=de_DE.UTF-8\nEMPTY=\nPATH=/usr/bin:/bin\n");
	unsetenv("STINT_TEST_PASSED_ON");
	unsetenv("STINT_TEST_SECRET");
}

static void test_environment_without_name_trace_deadline(void **state)
{
	bench_exec(bench.exe, "env", NULL);
	struct attempt *at = bench_begin(0, "", 0);

	(void)state;
	at->task.name = at->task.trace = (char *)(uintptr_t)"";
	at->task.deadline_ms = at->task.timeout_ms = 0;
	bench_start(at);
	bench_wait();
	assert_non_null(strstr(attempt_output(at), "STINT_DEADLINE=\nSTINT_NAME=\n"));
	assert_null(strstr(attempt_output(at), "TRACEPARENT"));
}

static void test_process_state(void **state)
{
	sigset_t mask, old;
	char want[512];

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGPIPE);
	sigprocmask(SIG_BLOCK, &mask, &old);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	spawn_signals_changed();
	bench.handler.cwd = scratch_dir;
	bench.handler.umask = 027;
	bench.handler.nice = 3;
	bench.handler.rlimit_files = 64;
	bench.handler.rlimit_cpu = 12500;
	struct attempt *at = bench_fixture("state");
	snprintf(want, sizeof(want), "cwd=%s umask=027 nice=%d blocked=0 ignored=0 session=1 group=1 newprivs=1 death=9 files=64 cpu=13 offset=0", scratch_dir,
		getpriority(PRIO_PROCESS, 0) + 3);    /* whoever runs the tests may be nice already */
	assert_string_equal(attempt_output(at), want);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* --- many --- */

static void test_many_at_once_do_not_mix(void **state)
{
	(void)state;
	bench_exec("/bin/sh", "-c", "read n; echo $STINT_JOB_ID; exit $n", NULL);
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		char n[8];
		snprintf(n, sizeof(n), "%u\n", i);
		bench_start(bench_begin(i, n, strlen(n)));
	}
	assert_int_equal(exec_running(), ATTEMPTS);
	bench_wait();
	for (unsigned i = 0; i < ATTEMPTS; i++) {
		char id[64];
		snprintf(id, sizeof(id), "01935a10-0000-7000-8000-0000000000%02x\n", i);
		assert_int_equal(bench.at[i].ended, 1);
		assert_int_equal(bench.at[i].r.exit_code, i);
		assert_string_equal(attempt_output(&bench.at[i]), id);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exit_0_succeeds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_1_fails_with_its_code, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_65_fails_for_good_with_its_last_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_75_may_say_when_to_retry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_death_by_signal_fails_with_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abort_is_told_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout_asks_then_reports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout_kills_who_ignores_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_stopped_program_is_ended_too, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelling, setup, teardown),
		cmocka_unit_test_setup_teardown(test_releasing_cuts_the_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_releasing_one_that_is_timing_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood_is_cut_counted_and_drained, setup, teardown),
		cmocka_unit_test_setup_teardown(test_binary_output_is_kept_as_it_came, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_stdio_does_not_end_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_stdio_is_not_watched_any_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed_stdio_is_timed_out_as_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_payload_is_stdin_byte_for_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_payload_need_not_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_are_0_1_2, setup, teardown),
		cmocka_unit_test_setup_teardown(test_descriptors_where_ours_were_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment_is_exactly_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment_without_name_trace_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_process_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once_do_not_mix, setup, teardown),
	};

	if (argc > 1)
		return fixture_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
