/* Every way in which a program may not start, told apart; whose fault it was; and nothing left of it. */
#include "attempt.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "os/timeslice.h"
#include "tests/os/scratch.h"
#include "fixture.h"
#include "run/exec.h"
#include "run/spawn.h"

static int setup(void **state)
{
	return scratch_setup(state) || bench_setup(state);
}

static int teardown(void **state)
{
	int bad = bench_teardown(state);

	return scratch_teardown(state) || bad;
}

/* Runs what does not start, and gives the reason. */
static const char *refused(enum job_outcome outcome, bool started)
{
	struct attempt *at = bench_run("{}");

	assert_int_equal(at->r.outcome, outcome);
	assert_int_equal(at->r.started_ms, 0);
	assert_int_equal(at->r.exit_code, -1);
	assert_false(at->r.no_retry);
	assert_int_equal(at->started, started);
	assert_null(at->a);
	assert_int_equal(bench.host.spawns, 0);
	assert_int_equal(bench.host.spawn_failures, 1);
	assert_int_equal(exec_running(), 0);
	return at->r.error;
}

static const char *file_with(const char *text, mode_t mode)
{
	const char *path = scratch("program");

	scratch_write(path, text);
	chmod(path, mode);
	return path;
}

static void assert_says(const char *error, const char *file, const char *reason)
{
	char want[JOB_ERROR_MAX];

	snprintf(want, sizeof(want), "cannot run \"%s\": %s", file, reason);
	assert_string_equal(error, want);
}

static void test_missing_program(void **state)
{
	(void)state;
	bench_exec("/nowhere/at/all", NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), "/nowhere/at/all", "no such file");
}

static void test_missing_interpreter(void **state)
{
	const char *path = file_with("#!/nowhere/sh\n", 0755);

	(void)state;
	bench_exec(path, NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), path, "the interpreter that it names in its first line, or its loader, does not exist");
}

static void test_not_executable(void **state)
{
	const char *path = file_with("#!/bin/sh\n", 0644);

	(void)state;
	bench_exec(path, NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), path, "permission denied (it must be a regular file with its execute bit set, in directories that the handler's user may enter)");
}

static void test_not_a_program(void **state)
{
	const char *path = file_with("echo no first line\n", 0755);

	(void)state;
	bench_exec(path, NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), path, "it is no program: neither a binary of this machine nor a script that begins with #!");
}

static void test_program_being_written(void **state)
{
	const char *path = file_with("#!/bin/sh\n", 0755);
	int fd = open(path, O_WRONLY);

	(void)state;
	bench_exec(path, NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), path, "the file is open for writing");
	close(fd);
}

static void test_arguments_too_long(void **state)
{
	size_t n = 256u << 10;
	char *arg = malloc(n);

	(void)state;
	memset(arg, 'a', n);
	arg[n - 1] = '\0';
	bench_exec("/bin/true", arg, NULL);
	assert_says(refused(JOB_OUTCOME_FAILED, true), "/bin/true", "its arguments and environment are too long");
	free(arg);
}

static void test_missing_cwd(void **state)
{
	(void)state;
	bench_exec("/bin/true", NULL);
	bench.handler.cwd = (char *)(uintptr_t)"/nowhere";
	assert_says(refused(JOB_OUTCOME_FAILED, true), "/bin/true", "cannot enter its directory \"/nowhere\" (cwd of handler \"test\"): No such file or directory");
}

static void test_unknown_user(void **state)
{
	(void)state;
	bench_exec("/bin/true", NULL);
	bench.handler.user = (char *)(uintptr_t)"no-such-user";
	assert_string_equal(refused(JOB_OUTCOME_FAILED, false), "handler \"test\" is to run as user \"no-such-user\", which this host does not have");
}

static void test_unknown_group(void **state)
{
	(void)state;
	bench_exec("/bin/true", NULL);
	bench.handler.group = (char *)(uintptr_t)"no-such-group";
	assert_string_equal(refused(JOB_OUTCOME_FAILED, false), "handler \"test\" is to run in group \"no-such-group\", which this host does not have");
}

static void test_another_user(void **state)
{
	const gid_t extra[] = { 0, 4 };
	gid_t old[64];
	int nold = getgroups(64, old);

	(void)state;
	if (geteuid() == 0)
		assert_int_equal(setgroups(2, extra), 0);       /* which are not to be theirs */
	bench_exec("/usr/bin/id", NULL);
	bench.handler.user = (char *)(uintptr_t)(geteuid() == 0 ? "nobody" : "root");
	struct attempt *at = bench_run("");
	if (geteuid() == 0) {
		assert_int_equal(setgroups((size_t)nold, old), 0);
		assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
		assert_non_null(strstr(attempt_output(at), "(nobody)"));
		assert_null(strstr(attempt_output(at), "root"));
	} else {
		assert_int_equal(at->r.outcome, JOB_OUTCOME_FAILED);
		assert_non_null(strstr(at->r.error, "the server must be started as root for that"));
	}
}

static void test_another_user_keeps_the_death_signal(void **state)
{
	char copy[PATH_MAX + 1024];

	(void)state;
	if (geteuid() != 0)
		return;
	/* the test's own file may lie where nobody may not go */
	snprintf(copy, sizeof(copy), "cp %s %s && chmod 755 %s %s", bench.exe, scratch("fixture"), scratch_dir, scratch("fixture"));
	assert_int_equal(system(copy), 0);
	bench_exec(scratch("fixture"), "state", NULL);
	bench.handler.user = (char *)(uintptr_t)"nobody";
	struct attempt *at = bench_run("");
	assert_non_null(strstr(attempt_output(at), "newprivs=1 death=9"));
}

static void test_program_on_path(void **state)
{
	char path[700];

	(void)state;
	file_with("#!/bin/sh\necho found\n", 0755);
	snprintf(path, sizeof(path), "PATH=relative::/nowhere:%s:/bin", scratch_dir);
	char *env[] = { path };
	bench.handler.env = (struct conf_list){ env, 1 };
	bench_exec("program", NULL);
	struct attempt *at = bench_run("");
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
	assert_string_equal(attempt_output(at), "found\n");
}

static void test_program_that_is_not_on_path(void **state)
{
	char *env[] = { (char *)(uintptr_t)"PATH=/nowhere:/bin" };

	(void)state;
	bench.handler.env = (struct conf_list){ env, 1 };
	bench_exec("no-such-program", NULL);
	assert_string_equal(refused(JOB_OUTCOME_FAILED, false), "cannot run \"no-such-program\": no such program on PATH (/nowhere:/bin)");
}

/* A program that is moved between two attempts is found again, and one that is removed is missed. */
static void test_path_is_searched_again(void **state)
{
	char path[700];

	(void)state;
	assert_int_equal(mkdir(scratch("a"), 0755) | mkdir(scratch("b"), 0755), 0);
	snprintf(path, sizeof(path), "PATH=%s/a:%s/b:/bin", scratch_dir, scratch_dir);
	char *env[] = { path };
	bench.handler.env = (struct conf_list){ env, 1 };
	file_with("#!/bin/sh\n", 0755);
	assert_int_equal(rename(scratch("program"), scratch("a/program")), 0);
	bench_exec("program", NULL);
	assert_int_equal(bench_run("")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	free(bench.at[0].task.payload);
	bench.at[0].ended = 0;
	assert_int_equal(rename(scratch("a/program"), scratch("b/program")), 0);
	assert_int_equal(bench_run("")->r.outcome, JOB_OUTCOME_SUCCEEDED);
	free(bench.at[0].task.payload);
	bench.at[0].ended = 0;
	assert_int_equal(unlink(scratch("b/program")), 0);
	assert_int_equal(bench_run("")->r.outcome, JOB_OUTCOME_FAILED);
}

/* One descriptor more at a time: it fails at the payload's file, at either pipe, halfway, and at last it runs. */
static void test_no_descriptors_gives_the_job_back(void **state)
{
	struct attempt *at = &bench.at[0];
	unsigned failures = 0;
	struct rlimit old;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	bench_exec("/bin/true", NULL);
	int next = dup(0);
	close(next);
	for (rlim_t limit = (rlim_t)next; limit < (rlim_t)next + 100; limit++) {
		bench_begin(0, "{}", 2);
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ limit, old.rlim_max });
		bench_start(at);
		setrlimit(RLIMIT_NOFILE, &old);
		if (!at->ended)
			break;
		assert_int_equal(at->r.outcome, JOB_OUTCOME_RELEASED);
		assert_non_null(strstr(at->r.error, "Too many open files"));
		assert_int_equal(at->started, 0);
		assert_int_equal(dup(0), next);                 /* none is left open */
		close(next);
		failures++;
		free(at->task.payload);
		at->ended = 0;
	}
	bench_wait();
	assert_int_equal(bench.host.spawn_failures, failures);
	assert_true(failures >= 5);
	assert_int_equal(at->started, 1);
	assert_int_equal(at->r.outcome, JOB_OUTCOME_SUCCEEDED);
}

static void test_what_counts_as_short(void **state)
{
	static const int ours[] = { EAGAIN, ENOMEM, EMFILE, ENFILE }, theirs[] = { ENOENT, EACCES, ENOEXEC, ETXTBSY, E2BIG, EPERM, EINVAL };

	(void)state;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		assert_true(spawn_short(&(struct spawn_error){ SPAWN_CLONE, ours[i] }));
	for (size_t i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++)
		assert_false(spawn_short(&(struct spawn_error){ SPAWN_EXEC, theirs[i] }));
	assert_true(spawn_short(&(struct spawn_error){ SPAWN_EXEC, EAGAIN }));
	assert_false(spawn_short(&(struct spawn_error){ SPAWN_CWD, ENOENT }));
}

/* A limit of ours that is lower already stays. */
static void test_limits_never_rise(void **state)
{
	struct spawn_plan p = { .file = "" };
	struct rlimit own;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &own);
	spawn_limit_add(&p, RLIMIT_NOFILE, own.rlim_max, own.rlim_max);
	if (own.rlim_max != RLIM_INFINITY)
		spawn_limit_add(&p, RLIMIT_NOFILE, own.rlim_max + 1, own.rlim_max + 2);
	spawn_limit_add(&p, RLIMIT_NOFILE, 10, 20);
	assert_int_equal(p.limit[0].value.rlim_max, own.rlim_max);
	assert_int_equal(p.limit[p.nlimit - 1].value.rlim_cur, 10);
	assert_int_equal(p.limit[p.nlimit - 1].value.rlim_max, 20);
	if (own.rlim_max != RLIM_INFINITY)
		assert_int_equal(p.limit[1].value.rlim_cur, own.rlim_max);
	for (unsigned i = 0; i < 10; i++)
		spawn_limit_add(&p, RLIMIT_CPU, 1, 1);
	assert_int_equal(p.nlimit, SPAWN_LIMITS);
}

static void test_limits_are_felt(void **state)
{
	(void)state;
	bench.handler.rlimit_file_size = 4096;
	bench_exec("/bin/sh", "-c", "ulimit -f; ulimit -v; exec head -c 100000 /dev/zero > big", NULL);
	bench.handler.rlimit_memory = 1u << 30;
	bench.handler.cwd = scratch_dir;
	struct attempt *at = bench_run("");
	assert_int_equal(at->r.term_signal, SIGXFSZ);
	assert_string_equal(attempt_output(at), "8\n1048576\n");
}

/* The server's own processes have one; what they start is like any other program, and as nice as it is to be. */
static void test_a_short_time_slice_is_not_the_programs(void **state)
{
	struct timeslice_attr usual, own, its;

	(void)state;
	assert_true(timeslice_of(0, &usual));
	bool known = timeslice_short();
	assert_true(timeslice_of(0, &own));
	bench_exec(bench.exe, "ignore-term", NULL);
	bench.handler.nice = 3;
	struct attempt *at = bench_begin(0, "", 0);
	bench_start(at);
	while (bench.host.output_bytes == 0)
		loop_turn(bench.loop, -1);
	assert_true(timeslice_of(((struct exec_attempt *)(void *)at->a)->family.pid, &its));
	assert_int_equal(its.nice, usual.nice + 3 < 19 ? usual.nice + 3 : 19);
	assert_int_equal(its.policy, usual.policy);
	assert_int_equal(its.runtime, usual.runtime);
	assert_int_equal(own.runtime == TIMESLICE_SHORT_NS, known);
	family_kill(&((struct exec_attempt *)(void *)at->a)->family);
	bench_wait();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_missing_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_interpreter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_executable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_a_program, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_being_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_cwd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_group, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_user_keeps_the_death_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_on_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_program_that_is_not_on_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_is_searched_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors_gives_the_job_back, setup, teardown),
		cmocka_unit_test(test_what_counts_as_short),
		cmocka_unit_test_setup_teardown(test_a_short_time_slice_is_not_the_programs, setup, teardown),
		cmocka_unit_test(test_limits_never_rise),
		cmocka_unit_test_setup_teardown(test_limits_are_felt, setup, teardown),
	};

	if (argc > 1)
		return fixture_main(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
