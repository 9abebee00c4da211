/* Coprocesses from the worker's side: answers, instances and pipelines, time limits, cancelling, programs that do not read. */
#include "co_bench.h"

/* --- what it answers --- */

static void test_one_program_for_many_jobs(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	assert_int_equal(coprocess_room(&bench.handler), 1);
	pid_t pid = instance(0)->family.pid;
	for (unsigned i = 0; i < 50; i++) {
		char payload[32];
		snprintf(payload, sizeof(payload), "{\"n\":%u}", i);
		struct attempt *at = run(payload);
		assert_int_equal(at->started, 1);
		assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
		assert_string_equal(attempt_output(at), payload);
		assert_true(at->r.started_ms > 0 && at->r.duration_us >= 0 && at->r.exit_code == -1);
	}
	assert_int_equal(instance(0)->family.pid, pid);
	assert_int_equal(bench.host.spawns, 1);
}

static void test_what_it_may_answer(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	struct attempt *at = run("\"fail-for-good\"");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_true(at->r.no_retry);
	assert_string_equal(at->r.error, "no such order");
	at = run("\"fail-later\"");
	assert_false(at->r.no_retry);
	assert_int_equal(at->r.retry_in_ms, 90000);
	assert_string_equal(at->r.error, "busy");
	at = run("\"fail-silently\"");
	assert_string_equal(at->r.error, "failed without a word");
	at = run("\"no-result\"");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.output.len, 0);
	assert_int_equal(bench.host.spawns, 1);
}

static void test_progress_and_stderr(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	struct attempt *at = run("\"say-progress say-stderr\"");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->percent, 40);
	assert_string_equal(at->message, "half \xc3\xbc way");
	assert_string_equal(buf_cstr(&at->r.log), "::progress 10 not for coprocesses\nworking on it\n");
	assert_int_equal(at->r.log_total, 48);
	at = run("1");
	assert_int_equal(at->r.log.len, 0);             /* it was the other job's */
}

static void test_a_long_result_is_cut(void **state)
{
	static char payload[9000];

	(void)state;
	bench.handler.max_output = 1000;
	begin("obey", 1, 1);
	memset(payload, 'y', sizeof(payload) - 1);
	payload[0] = payload[sizeof(payload) - 2] = '"';
	struct attempt *at = run(payload);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(at->r.output.len, 1000);
	assert_true(at->r.output_cut);
	assert_int_equal(at->r.output_total, sizeof(payload) - 1);
}

/* However long it is: nobody else of the pipeline is the worse for it. */
static void test_a_very_long_result_is_cut(void **state)
{
	size_t line = sizeof(co_line) - 1;

	(void)state;
	bench.handler.max_output = 70000;
	begin("obey", 1, 4);
	go(0, "1");
	go(1, "\"long-result\"");
	go(2, "\"long-result\"");
	go(3, "\"after them\"");
	bench_wait();
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(bench.at[i].r.output.len, 70000);
		assert_true(bench.at[i].r.output_cut);
		assert_int_equal(bench.at[i].r.output_total, (3u << 20) / line * line + 2);
		assert_memory_equal(bench.at[i].r.output.data, "\"zzzz", 5);
	}
	assert_false(bench.at[3].r.output_cut);
	assert_string_equal(attempt_output(&bench.at[3]), "\"after them\"");
	assert_int_equal(bench.host.spawns, 1);
}

static void test_its_environment(void **state)
{
	(void)state;
	begin("env", 1, 1);
	struct attempt *at = run("1");
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "[\"%s\",\"none\"]", strchr(instance(0)->family.mark, '=') + 1);
	assert_string_equal(attempt_output(at), wanted);
}

/* --- instances and pipelines --- */

static void test_the_least_busy_instance_is_next(void **state)
{
	(void)state;
	begin("obey", 3, 2);
	assert_int_equal(coprocess_room(&bench.handler), 6);
	for (unsigned i = 0; i < 6; i++) {
		go(i, "\"never\"");
		assert_int_equal(coprocess_room(&bench.handler), 5 - i);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(instance(i)->njobs, 2);
	struct attempt *at = go(6, "1");
	assert_int_equal(at->ended, 1);
	assert_int_equal(at->started, 0);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(crowded, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct attempt *first = &bench.at[i];
		run_coprocess.stop(&bench.host, first->a, RUN_STOP_RELEASE, 0);
	}
	bench_wait();
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_RELEASED);
}

static void test_answers_in_another_order(void **state)
{
	(void)state;
	begin("two-at-once", 1, 2);
	go(0, "1");
	go(1, "\"second\"");
	until_ended(&bench.at[1]);
	until_ended(&bench.at[0]);
	assert_string_equal(attempt_output(&bench.at[0]), "\"first\"");
	assert_string_equal(attempt_output(&bench.at[1]), "\"second\"");
}

/* --- time limits and cancelling --- */

static void test_one_that_times_out_takes_its_program_alone(void **state)
{
	(void)state;
	begin("obey", 1, 3);
	pid_t pid = instance(0)->family.pid;
	struct attempt *at = bench_begin(0, "\"never\"", 7);
	at->task.timeout_ms = 1;
	bench_start(at);
	go(1, "1");
	go(2, "2");
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_TIMED_OUT);
	assert_string_equal(at->r.error, "timed out after 1ms");
	for (unsigned i = 1; i < 3; i++) {
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_RELEASED);
		assert_non_null(strstr(bench.at[i].r.error, "another job timed out"));
	}
	assert_gone(pid);
	assert_int_equal(instance(0)->life, COPROCESS_UP);      /* the next one, at once */
	assert_int_equal(run("3")->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_a_cancelled_job_takes_its_program(void **state)
{
	(void)state;
	begin("obey", 1, 2);
	pid_t pid = instance(0)->family.pid;
	struct attempt *at = go(0, "\"never\"");
	go(1, "1");
	run_coprocess.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);
	assert_int_equal(bench.at[1].r.outcome, JOB_OUTCOME_RELEASED);
	assert_gone(pid);
}

static void test_one_that_ignores_term_is_killed(void **state)
{
	(void)state;
	bench.handler.kill_grace = 1;
	begin("stubborn", 1, 1);
	assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);   /* it has begun to ignore it */
	pid_t pid = instance(0)->family.pid;
	struct attempt *at = go(0, "\"never\"");
	run_coprocess.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	until_ended(at);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);
	assert_gone(pid);
}

/* A program that reads nothing holds up nobody; what it has not seen a byte of is dropped without it. */
static void test_one_that_never_reads(void **state)
{
	static char payload[200000];

	(void)state;
	begin("never-read", 1, 4);
	memset(payload, 'z', sizeof(payload) - 1);
	payload[0] = payload[sizeof(payload) - 2] = '"';
	pid_t pid = instance(0)->family.pid;
	for (unsigned i = 0; i < 4; i++)
		go(i, payload);
	assert_true(instance(0)->out.len < 2 * sizeof(payload) + 65536);        /* no more than it may wait for */
	assert_false(coprocess_unwritten((struct coprocess_job *)(void *)bench.at[0].a));
	for (unsigned i = 1; i < 3; i++) {
		assert_true(coprocess_unwritten((struct coprocess_job *)(void *)bench.at[i].a));
		run_coprocess.stop(&bench.host, bench.at[i].a, RUN_STOP_CANCEL, 0);
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_CANCELLED);
	}
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(instance(0)->life, COPROCESS_UP);
	run_coprocess.stop(&bench.host, bench.at[0].a, RUN_STOP_CANCEL, 0);
	bench_wait();
	assert_int_equal(bench.at[0].r.outcome, JOB_OUTCOME_CANCELLED);
	assert_int_equal(bench.at[3].r.outcome, JOB_OUTCOME_RELEASED);
	assert_gone(pid);
}

/* What is taken out of the stream leaves the others whole. */
static void test_a_dropped_line_leaves_the_others_whole(void **state)
{
	static char payload[100000];
	char gate[] = "/tmp/stint-co-XXXXXX";

	(void)state;
	int fd = mkstemp(gate);
	assert_true(fd >= 0);
	close(fd);
	unlink(gate);
	char env[64];
	snprintf(env, sizeof(env), "CO_GO=%s", gate);
	bench.handler.max_output = 1 << 20;
	bench.handler.env = (struct conf_list){ (char *[]){ env }, 1 };
	begin("obey", 1, 6);
	memset(payload, 'w', sizeof(payload) - 1);
	payload[0] = payload[sizeof(payload) - 2] = '"';
	go(0, "\"wait-for-go\"");
	for (unsigned i = 1; i < 6; i++)
		go(i, i % 2 ? payload : "\"small\"");
	run_coprocess.stop(&bench.host, bench.at[3].a, RUN_STOP_CANCEL, 0);
	assert_int_equal(bench.at[3].r.outcome, JOB_OUTCOME_CANCELLED);
	fd = open(gate, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	bench_wait();
	unlink(gate);
	for (unsigned i = 0; i < 6; i++)
		if (i != 3)
			assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(attempt_output(&bench.at[4]), "\"small\"");
	assert_int_equal(bench.host.spawns, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_program_for_many_jobs),
		TEST(test_what_it_may_answer),
		TEST(test_progress_and_stderr),
		TEST(test_a_long_result_is_cut), TEST(test_a_very_long_result_is_cut),
		TEST(test_its_environment),
		TEST(test_the_least_busy_instance_is_next),
		TEST(test_answers_in_another_order),
		TEST(test_one_that_times_out_takes_its_program_alone),
		TEST(test_a_cancelled_job_takes_its_program),
		TEST(test_one_that_ignores_term_is_killed),
		TEST(test_one_that_never_reads),
		TEST(test_a_dropped_line_leaves_the_others_whole),
	};

	if (argc > 1)
		return co_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
