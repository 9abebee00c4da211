/* Coprocesses that end: for what they said, by themselves, because they are asked to; and when the next one is started. */
#include "co_bench.h"

/* --- what it may not say --- */

static void broken(const char *payload, const char *error)
{
	struct attempt *at = run(payload);

	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_false(at->r.no_retry);
	if (!strstr(at->r.error, error))
		fail_msg("%s: \"%s\" instead of \"%s\"", payload, at->r.error, error);
	until_room(1);                                  /* and it is started again */
	assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_lines_that_break_the_protocol(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	broken("\"not-json\"", "its coprocess broke the protocol: it is not JSON: ");
	broken("\"not-json\"", ": this is no JSON ? at all");
	broken("\"unknown-member\"", "it has a member \"reslut\", which is none of id, ok,");
	broken("\"half-a-line\"", "its coprocess exited with code 0 within a line: {\"id\":\"01935a10-0000");
	broken("\"flood\"", "a line has more than 16K besides its \"result\", which alone may be longer: xxxx");
	broken("\"die-3\"", "its coprocess exited with code 3: cannot go on");
	broken("\"die-by-signal\"", "its coprocess was killed by signal 9 (SIGKILL)");
	assert_int_equal(run("\"die-3\"")->r.exit_code, 3);
	until_room(1);
	assert_int_equal(run("\"die-by-signal\"")->r.term_signal, SIGKILL);
}

static void test_pipes_that_are_closed(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	broken("\"close-output\"", "its coprocess closed its standard output and did not end: it was ended");
	broken("\"close-input\"", "its coprocess closed its standard input and did not end: it was ended");
}

/* A first answer stands; what comes after it costs those that are in flight then. */
static void test_a_second_answer(void **state)
{
	(void)state;
	begin("two-at-once", 1, 2);
	go(0, "1");
	go(1, "\"answer-twice\"");
	bench_wait();
	assert_int_equal(bench.at[1].r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(attempt_output(&bench.at[1]), "1");
	assert_int_equal(bench.at[0].r.outcome, JOB_OUTCOME_FAILED);
	assert_non_null(strstr(bench.at[0].r.error, "it has answered this job before: {\"id\":\"01935a10-0000-7000-8000-000000000001\""));
}

static void test_an_answer_for_an_old_job(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	struct attempt *at = go(1, "\"answer-first-again\"");
	until_ended(at);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
	assert_non_null(strstr(at->r.error, "it has answered this job before: {\"id\":\"01935a10-0000-7000-8000-000000000000\""));
}

static void test_talking_before_any_job(void **state)
{
	(void)state;
	begin("talk-first", 1, 1);
	pid_t pid = instance(0)->family.pid;
	while (instance(0)->life != COPROCESS_PAUSED)
		loop_turn(bench.loop, -1);
	assert_gone(pid);
	assert_int_equal(instance(0)->failures, 1);
	assert_int_equal(coprocess_room(&bench.handler), 0);
}

/* --- its end and its successor --- */

static void test_pauses_grow_until_it_answers(void **state)
{
	(void)state;
	begin("die-first", 1, 1);
	int64_t last = 0;
	for (unsigned i = 1; i < 4; i++) {
		while (instance(0)->life != COPROCESS_PAUSED)
			loop_turn(bench.loop, -1);
		assert_int_equal(instance(0)->failures, i);
		int64_t pause = instance(0)->timer.due_ns - loop_now(bench.loop);
		assert_true(pause > last + last / 2);
		last = pause;
		coprocess_again(&instance(0)->timer);   /* as if it were over */
		loop_timer_stop(bench.loop, &instance(0)->timer);
		assert_int_equal(instance(0)->life, COPROCESS_UP);
	}
}

static void test_an_answer_ends_the_row_of_failures(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(run("\"die-3\"")->r.outcome, JOB_OUTCOME_FAILED);
		assert_int_equal(instance(0)->failures, 1);
		until_room(1);
		assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);
		assert_int_equal(instance(0)->failures, 0);
	}
}

static void test_one_that_leaves_in_peace_is_followed_at_once(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	for (unsigned i = 0; i < 3; i++) {
		pid_t pid = instance(0)->family.pid;
		assert_string_equal(attempt_output(run("\"leave\"")), "\"bye\"");
		while (instance(0)->family.pid == pid)
			loop_turn(bench.loop, -1);
		assert_int_equal(instance(0)->life, COPROCESS_UP);
		assert_int_equal(instance(0)->failures, 0);
	}
}

static void test_a_program_that_is_not_there(void **state)
{
	(void)state;
	bench_exec("/nowhere/to/be/found", NULL);
	bench.handler.kind = CONF_HANDLER_COPROCESS;
	bench.handler.coprocess = bench.handler.exec;
	assert_int_equal(coprocess_begin(&bench.host, &bench.handler, 2), 0);
	coprocess_warm();
	assert_int_equal(coprocess_room(&bench.handler), 2);
	for (unsigned i = 0; i < 3; i++) {
		struct attempt *at = run("1");
		assert_int_equal(at->started, 0);
		assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
		assert_string_equal(at->r.error, "cannot run \"/nowhere/to/be/found\": no such file");
	}
	/* until it is */
	bench.argv[0] = (char *)(uintptr_t)bench.exe;
	bench.argv[1] = (char *)(uintptr_t)"obey";
	bench.handler.coprocess.n = 2;
	program_forget();
	assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_nothing_it_forked_is_left(void **state)
{
	(void)state;
	begin("obey", 1, 1);
	struct attempt *at = go(0, "\"fork-away\"");
	pid_t pid[8] = { 0 };
	while (descend_children(pid, 8) < 2)            /* the child is ours by adoption */
		loop_turn(bench.loop, 1000000);
	run_coprocess.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	until_ended(at);
	all_gone();
	for (unsigned i = 0; i < 2; i++)
		assert_gone(pid[i]);
	assert_int_equal(descend_children(NULL, 0), 0);
}

static void test_a_drain_lets_it_finish(void **state)
{
	(void)state;
	begin("two-at-once", 2, 2);
	go(0, "1");
	go(1, "2");                                     /* one each: neither is answered before the second comes */
	go(2, "3");
	go(3, "4");
	coprocess_drain();
	assert_int_equal(coprocess_room(&bench.handler), 0);
	while (!coprocess_gone())
		loop_turn(bench.loop, -1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(descend_children(NULL, 0), 0);
	assert_int_equal(bench.host.spawns, 2);
}

static void test_a_drain_ends_one_that_stays(void **state)
{
	(void)state;
	bench.handler.kill_grace = 10;
	begin("stubborn", 1, 1);
	assert_int_equal(run("1")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	all_gone();
	assert_int_equal(WTERMSIG(instance(0)->family.status), SIGKILL);
}

static void test_a_stop_gives_jobs_back(void **state)
{
	(void)state;
	begin("stubborn", 2, 1);
	struct attempt *at = go(0, "\"never\"");
	run_coprocess.stop(&bench.host, at->a, RUN_STOP_RELEASE, 1);
	coprocess_stop(1);
	while (!coprocess_gone())
		loop_turn(bench.loop, -1);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_RELEASED);
	assert_int_equal(descend_children(NULL, 0), 0);
}

static void test_process_death_ends_them(void **state)
{
	(void)state;
	begin("stubborn", 3, 1);
	struct attempt *at = go(0, "\"never\"");
	family_kill_all(60000);
	assert_int_equal(at->ended, 0);
	assert_int_equal(descend_children(NULL, 0), 0);
	assert_true(coprocess_gone());
	bench.open = 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lines_that_break_the_protocol),
		TEST(test_pipes_that_are_closed),
		TEST(test_a_second_answer),
		TEST(test_an_answer_for_an_old_job),
		TEST(test_talking_before_any_job),
		TEST(test_pauses_grow_until_it_answers),
		TEST(test_an_answer_ends_the_row_of_failures),
		TEST(test_one_that_leaves_in_peace_is_followed_at_once),
		TEST(test_a_program_that_is_not_there),
		TEST(test_nothing_it_forked_is_left),
		TEST(test_a_drain_lets_it_finish),
		TEST(test_a_drain_ends_one_that_stays),
		TEST(test_a_stop_gives_jobs_back),
		TEST(test_process_death_ends_them),
	};

	if (argc > 1)
		return co_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
