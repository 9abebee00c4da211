/* os/proc: what one process's line says, whatever its name, and that all are listed. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/proc.h"

static void a_line_is_read_past_any_name(void **unused)
{
	struct proc p;
	int status;

	(void)unused;
	assert_true(proc_read(getpid(), &p));
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.pgrp, getpgrp());
	assert_int_equal(p.session, getsid(0));
	assert_int_equal(p.threads, 1);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, ") R 1 2 3 (x");
		if (setsid() < 0 || !proc_read(getpid(), &p))
			_exit(1);
		_exit(p.pgrp == getpid() && p.session == getpid() && p.ppid == getppid() ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(proc_read(child, &p));
}

static void states_are_told_apart(void **unused)
{
	siginfo_t info;
	struct proc p;

	(void)unused;
	pid_t child = fork();
	if (child == 0) {
		alarm(60);
		for (;;)
			pause();
	}
	assert_true(proc_read(child, &p));
	assert_false(proc_stopped(&p));
	kill(child, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WSTOPPED), 0);
	assert_true(proc_read(child, &p));
	assert_true(proc_stopped(&p) && !proc_ended(&p));
	kill(child, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_true(proc_read(child, &p));
	assert_true(proc_stopped(&p) && proc_ended(&p));
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static bool is_entry(void *arg, const char *entry)
{
	return strcmp(entry, arg) == 0;
}

static void an_environment_is_gone_through(void **unused)
{
	static char one[] = "STINT_TEST_ONE=1", two[] = "STINT_TEST_TWO=two words";
	char *const argv[] = { (char[]){ "sleep" }, (char[]){ "60" }, NULL }, *const env[] = { one, two, NULL };
	bool found = false;
	int status;

	(void)unused;
	pid_t child = fork();
	if (child == 0) {
		execve("/bin/sleep", argv, env);
		_exit(1);
	}
	while (!found && waitpid(child, &status, WNOHANG) == 0)         /* until it is another program */
		found = proc_environ(child, is_entry, two);
	assert_true(found);
	assert_true(proc_environ(child, is_entry, one));
	assert_false(proc_environ(child, is_entry, (char[]){ "STINT_TEST_TWO=two" }));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_false(proc_environ(child, is_entry, one));
}

static void our_own_memory_is_measured(void **unused)
{
	(void)unused;
	uint64_t before = proc_resident_kb();
	assert_true(before > 100 && before < 64u << 20);
	char *p = malloc(32u << 20);
	assert_non_null(p);
	memset(p, 1, 32u << 20);
	assert_int_equal(p[12345], 1);
	assert_true(proc_resident_kb() > before + (16u << 10));
	free(p);
}

static void processor_time_of_reaped_children_is_told(void **unused)
{
	struct proc before, after;
	clock_t begin;

	(void)unused;
	assert_true(proc_read(getpid(), &before));
	pid_t child = fork();
	if (child == 0) {
		begin = clock();
		while (clock() - begin < CLOCKS_PER_SEC / 20)
			;
		_exit(0);
	}
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_true(proc_read(getpid(), &after));
	assert_true(after.ticks == before.ticks);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(proc_read(getpid(), &after));
	assert_true(after.ticks >= before.ticks + sysconf(_SC_CLK_TCK) / 20 - 2);
}

static void the_most_memory_is_told(void **unused)
{
	size_t size = 32u << 20;
	int64_t before = proc_peak_kb(getpid());

	(void)unused;
	assert_true(before > 0);
	char *p = malloc(size);
	assert_non_null(p);
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)p)[i] = 1;
	assert_true(proc_peak_kb(getpid()) >= (int64_t)(size >> 10));
	free(p);
	assert_true(proc_peak_kb(getpid()) >= (int64_t)(size >> 10));
	assert_int_equal(proc_peak_kb(0), -1);
}

static void everybody_is_listed_once(void **unused)
{
	unsigned self = 0, child_seen = 0;
	pid_t pid, child = fork();

	(void)unused;
	if (child == 0) {
		alarm(60);
		for (;;)
			pause();
	}
	int proc = proc_open();
	assert_true(proc >= 0);
	while ((pid = proc_next(proc)) != 0) {
		assert_true(pid > 0);
		self += pid == getpid();
		child_seen += pid == child;
	}
	close(proc);
	assert_int_equal(self, 1);
	assert_int_equal(child_seen, 1);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_read_past_any_name),
		cmocka_unit_test(states_are_told_apart),
		cmocka_unit_test(an_environment_is_gone_through),
		cmocka_unit_test(our_own_memory_is_measured),
		cmocka_unit_test(processor_time_of_reaped_children_is_told),
		cmocka_unit_test(the_most_memory_is_told),
		cmocka_unit_test(everybody_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
