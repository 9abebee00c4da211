/* Nothing of an attempt outlives it: groups, sessions of their own, swarms, held pipes; and nothing of anybody else is touched. */
#include "attempt.h"

#include "run/exec.h"
#include "run/family_inside.h"
#include "fixture.h"

/* The pids that the handler and what it forked wrote to stdout, one a line. */
static unsigned pids_of(struct attempt *at, pid_t *pids, unsigned max)
{
	unsigned n = 0;

	for (const char *p = attempt_output(at); *p && n < max; p = strchr(p, '\n') + 1)
		pids[n++] = (pid_t)atoi(p);
	return n;
}

static void test_child_holding_the_pipe_does_not_hold_the_attempt(void **state)
{
	struct attempt *at = bench_fixture("child-holds-pipe");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_child_in_the_group_is_ended(void **state)
{
	pid_t pid[4];

	(void)state;
	bench_exec("/bin/sh", "-c", "sleep 1000 & echo $!; sleep 1000 & echo $!; exit 5", NULL);
	struct attempt *at = bench_run("");
	assert_int_equal(at->r.exit_code, 5);
	assert_int_equal(pids_of(at, pid, 4), 2);
	assert_gone(pid[0]);
	assert_gone(pid[1]);
}

static void test_child_in_its_own_session_is_ended(void **state)
{
	struct attempt *at = bench_fixture("escape");
	pid_t pid[2];

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(pids_of(at, pid, 2), 1);
	assert_gone(pid[0]);
}

static void test_child_without_our_mark_is_ended(void **state)
{
	struct attempt *at = bench_fixture("escape-unmarked");
	pid_t pid[2];

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(pids_of(at, pid, 2), 1);
	assert_gone(pid[0]);
}

static void test_swarm_is_ended(void **state)
{
	struct attempt *at = bench_fixture("swarm");

	(void)state;
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_int_equal(descend_children(NULL, 0), 0);
}

static void test_escaped_child_of_one_that_timed_out(void **state)
{
	pid_t pid[2];

	(void)state;
	bench_exec(bench.exe, "escape-and-hang", NULL);
	struct attempt *at = bench_begin(0, "", 0);
	bench_start(at);
	while (bench.host.output_bytes == 0)
		loop_turn(bench.loop, -1);
	run_exec.stop(&bench.host, at->a, RUN_STOP_CANCEL, 0);
	bench_wait();
	assert_int_equal(at->r.outcome, JOB_OUTCOME_CANCELLED);
	assert_int_equal(pids_of(at, pid, 2), 1);
	assert_gone(pid[0]);
}

/* While one runs on with an escaped child, others that end around it leave both alone. */
/* A fork bomb leaves thousands that are dead: to look at each of them while more wait to be reaped is a worker's time for nothing. */
static void test_the_dead_are_taken_before_the_living_are_looked_for(void **state)
{
	enum { DEAD = 200, AT_ONCE = 4 };
	pid_t dead[DEAD];
	siginfo_t si;

	(void)state;
	bench_exec("/bin/true", NULL);
	struct attempt *at = bench_begin(0, "", 0);
	bench_start(at);
	assert_int_equal(waitid(P_PID, (id_t)((struct exec_attempt *)(void *)at->a)->family.pid, &si, WEXITED | WNOWAIT), 0);
	for (unsigned i = 0; i < DEAD; i++) {
		dead[i] = fork();
		if (dead[i] == 0)
			_exit(0);
		assert_int_equal(waitid(P_PID, (id_t)dead[i], &si, WEXITED | WNOWAIT), 0);
	}
	for (unsigned i = 0; i < 10; i++) {
		assert_true(family_reap(AT_ONCE));
		assert_false(family_sweeping());
		assert_int_equal(at->ended, 0);
	}
	bench_wait();
	assert_int_equal(at->ended, 1);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_what_still_runs_is_left_alone(void **state)
{
	pid_t pid[2];

	(void)state;
	bench_exec(bench.exe, "escape-and-hang", NULL);
	struct attempt *first = bench_begin(1, "", 0);
	bench_start(first);
	while (bench.host.output_bytes == 0)
		loop_turn(bench.loop, -1);
	bench_exec(bench.exe, "escape", NULL);
	for (unsigned i = 2; i < 5; i++) {
		bench_start(bench_begin(i, "", 0));
		while (!bench.at[i].ended)
			loop_turn(bench.loop, -1);
		assert_int_equal(bench.at[i].r.outcome, JOB_OUTCOME_SUCCEEDED);
	}
	assert_int_equal(first->ended, 0);
	const struct buf *said = &((struct exec_attempt *)(void *)first->a)->head.kept;
	assert_int_equal(kill((pid_t)strtol(said->data, NULL, 10), 0), 0);      /* its child too; the line ends with a newline */
	run_exec.stop(&bench.host, first->a, RUN_STOP_CANCEL, 0);
	bench_wait();
	assert_int_equal(first->r.term_signal, SIGTERM);        /* it was there to be asked */
	assert_int_equal(pids_of(first, pid, 2), 1);
	assert_gone(pid[0]);
}

static void test_process_death_ends_everything(void **state)
{
	(void)state;
	bench_exec(bench.exe, "escape-and-hang", NULL);
	for (unsigned i = 0; i < 4; i++)
		bench_start(bench_begin(i, "", 0));
	bench_exec(bench.exe, "ignore-term", NULL);
	bench_start(bench_begin(4, "", 0));
	for (unsigned i = 0; i < 5; i++)        /* each has said its pid, or that of the child that escaped */
		while (((struct exec_attempt *)(void *)bench.at[i].a)->head.total == 0)
			loop_turn(bench.loop, -1);
	family_kill_all(60000);
	assert_int_equal(exec_running(), 0);
	assert_int_equal(descend_children(NULL, 0), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(bench.at[i].ended, 0);
	bench.open = 0;
}

static void test_handlers_die_with_their_worker(void **state)
{
	int pipes[2];
	pid_t handler = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	pid_t worker = fork();
	if (worker == 0) {
		bench_setup(NULL);
		bench_exec(bench.exe, "ignore-term", NULL);
		struct attempt *at = bench_begin(0, "", 0);
		bench_start(at);
		while (bench.host.output_bytes == 0)
			loop_turn(bench.loop, -1);
		handler = exec_running() == 1 ? ((struct exec_attempt *)(void *)at->a)->family.pid : 0;
		if (write(pipes[1], &handler, sizeof(handler)) != sizeof(handler))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(pipes[0], &handler, sizeof(handler)), sizeof(handler));
	assert_int_equal(waitpid(worker, NULL, 0), worker);
	assert_int_equal(waitpid(handler, NULL, 0), handler);   /* ours by adoption; it has died of the death signal, or this would wait for ever */
	close(pipes[0]);
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_child_holding_the_pipe_does_not_hold_the_attempt, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_child_in_the_group_is_ended, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_child_in_its_own_session_is_ended, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_child_without_our_mark_is_ended, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_swarm_is_ended, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_escaped_child_of_one_that_timed_out, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_the_dead_are_taken_before_the_living_are_looked_for, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_what_still_runs_is_left_alone, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_process_death_ends_everything, bench_setup, bench_teardown),
		cmocka_unit_test_setup_teardown(test_handlers_die_with_their_worker, bench_setup, bench_teardown),
	};

	if (argc > 1)
		return fixture_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
