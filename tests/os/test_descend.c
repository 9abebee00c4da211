/* os/descend: who is below us, and that nobody there outlives it: chains, hopping and spreading processes, vfork(2) parents, zombie leaders.
 * The file itself is included, to ask both ways of finding children. Every process made here ends by itself after a minute. */
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "os/descend.c"

#define WALKS 1000

static struct shared {
	atomic_int hops, spread, live;
	atomic_int pids[8];
} *shared;

static int setup(void **unused)
{
	(void)unused;
	alarm(60);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED || descend_subreaper() != 0 ? -1 : 0;
}

static int teardown(void **unused)
{
	(void)unused;
	/* What a failed test has left. */
	for (unsigned i = 0; i < 8 && shared->pids[i]; i++)
		kill(shared->pids[i], SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return munmap(shared, sizeof(*shared));
}

_Noreturn static void stay(void)
{
	alarm(60);
	for (;;)
		pause();
}

static void wait_until(atomic_int *value, int at_least)
{
	while (atomic_load(value) < at_least)
		sched_yield();
}

/* Reaps a descendant and tells the signal that ended it, 0 where it was none. It is ours only once the one above it is dead. */
static int end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid) {
		assert_int_equal(errno, ECHILD);
		sched_yield();
	}
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* A chain of processes, each the child of the one before, the first of them ours. */
static void chain(unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		pid_t pid = fork();

		if (pid != 0) {
			if (i > 0)
				stay();
			wait_until(&shared->live, (int)length);
			return;
		}
		shared->pids[i] = getpid();
		atomic_fetch_add(&shared->live, 1);
	}
	stay();
}

static void children_are_found_both_ways(void **unused)
{
	pid_t made[3], found[8];
	siginfo_t info;

	(void)unused;
	assert_int_equal(descend_children(found, 8), 0);
	assert_int_equal(children_by_walk(found, 8), 0);
	for (unsigned i = 0; i < 3; i++) {
		made[i] = fork();
		if (made[i] == 0) {
			if (i == 1)
				_exit(0);
			stay();
		}
		shared->pids[i] = made[i];
	}
	/* A zombie counts: it wants to be reaped. */
	assert_int_equal(waitid(P_PID, (id_t)made[1], &info, WEXITED | WNOWAIT), 0);
	for (unsigned way = 0; way < 2; way++) {
		memset(found, 0, sizeof(found));
		assert_int_equal((way ? children_by_walk : descend_children)(found, 8), 3);
		for (unsigned i = 0; i < 3; i++)
			assert_true(found[0] == made[i] || found[1] == made[i] || found[2] == made[i]);
		memset(found, 0, sizeof(found));
		assert_int_equal((way ? children_by_walk : descend_children)(found, 2), 3);
		assert_int_equal(found[2], 0);
		assert_int_equal((way ? children_by_walk : descend_children)(NULL, 0), 3);
	}
	assert_int_equal(descend_signal(getpid(), SIGKILL, WALKS), 2);
	assert_int_equal(end_of(made[0]), SIGKILL);
	assert_int_equal(end_of(made[1]), 0);
	assert_int_equal(end_of(made[2]), SIGKILL);
	assert_int_equal(descend_children(found, 8), 0);
}

static void descendants_are_killed_and_the_root_is_not(void **unused)
{
	pid_t top;

	(void)unused;
	chain(5);
	top = shared->pids[0];
	assert_int_equal(descend_signal(top, SIGKILL, WALKS), 4);
	/* Those below the second come to us when the one above them dies. */
	assert_int_equal(kill(top, 0), 0);
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGKILL);
	assert_int_equal(descend_signal(top, SIGKILL, WALKS), 0);
	assert_int_equal(kill(top, SIGTERM), 0);
	assert_int_equal(end_of(top), SIGTERM);
	assert_int_equal(end_of(shared->pids[1]), SIGKILL);
}

static void other_signals_go_to_each_once(void **unused)
{
	(void)unused;
	chain(3);
	assert_int_equal(descend_signal(getpid(), SIGUSR1, WALKS), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGUSR1);
	assert_int_equal(descend_signal(getpid(), SIGUSR1, WALKS), 0);
}

static void with_no_walk_nobody_is_signalled(void **unused)
{
	(void)unused;
	chain(1);
	assert_int_equal(descend_signal(getpid(), SIGKILL, 0), 0);
	assert_int_equal(descend_signal(getpid(), SIGKILL, 1), 1);
	assert_int_equal(end_of(shared->pids[0]), SIGKILL);
}

static void stopped_ones_are_killed_too(void **unused)
{
	siginfo_t info;

	(void)unused;
	chain(1);
	kill(shared->pids[0], SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)shared->pids[0], &info, WSTOPPED), 0);
	assert_int_equal(descend_signal(getpid(), SIGKILL, WALKS), 1);
	assert_int_equal(end_of(shared->pids[0]), SIGKILL);
}

/* Runs on in its child each time, so that whoever looks it up finds it dead. */
_Noreturn static void hop(void)
{
	alarm(60);
	while (atomic_fetch_add(&shared->hops, 1) < 20000) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		alarm(60);
	}
	stay();
}

/* Doubles until there are two hundred. */
_Noreturn static void spread(void)
{
	alarm(60);
	while (atomic_fetch_add(&shared->spread, 1) < 200) {
		fork();
		alarm(60);
	}
	stay();
}

static void a_fork_bomb_cannot_outrun_it(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < 3; i++) {
		if (fork() == 0) {
			if (i < 2)
				hop();
			spread();
		}
	}
	wait_until(&shared->hops, 50);
	wait_until(&shared->spread, 20);
	descend_signal(getpid(), SIGKILL, WALKS);
	/* It must have been stopped in its course, not have come to its own end; and then everybody can be reaped. */
	assert_true(atomic_load(&shared->hops) < 20000);
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(errno, ECHILD);
}

static void a_vfork_parent_is_not_waited_for(void **unused)
{
	pid_t child = fork();

	(void)unused;
	if (child == 0) {
		alarm(60);
		if (vfork() == 0) {
			shared->pids[1] = getpid();
			atomic_fetch_add(&shared->live, 1);
			for (;;)
				pause();
		}
		_exit(0);
	}
	shared->pids[0] = child;
	wait_until(&shared->live, 1);
	assert_int_equal(descend_signal(getpid(), SIGKILL, WALKS), 2);
	assert_int_equal(end_of(child), SIGKILL);
	assert_int_equal(end_of(shared->pids[1]), SIGKILL);
}

static void *thread_main(void *unused)
{
	(void)unused;
	atomic_fetch_add(&shared->live, 1);
	stay();
}

static void a_leader_that_left_its_threads_is_killed(void **unused)
{
	pid_t child = fork();
	struct process p;

	(void)unused;
	if (child == 0) {
		pthread_t thread;

		alarm(60);
		pthread_create(&thread, NULL, thread_main, NULL);
		syscall(SYS_exit, 0);
	}
	shared->pids[0] = child;
	wait_until(&shared->live, 1);
	do
		assert_true(process_read(child, &p));
	while (p.state != 'Z');
	assert_int_equal(p.threads, 2);
	assert_int_equal(descend_signal(getpid(), SIGKILL, 20), 1);
	assert_int_equal(end_of(child), SIGKILL);
}

static bool environment_readable(pid_t pid)
{
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	if (fd >= 0)
		close(fd);
	return n == 1;
}

/* A process whose environment is two entries, with `before` bytes in front of the second; returns when it has it. */
static pid_t with_environment(size_t before, const char *entry)
{
	static char filler[8192], copy[128];
	int gone[2];
	pid_t child;
	char byte;

	memset(filler, 'f', sizeof(filler));
	filler[before] = '\0';
	snprintf(copy, sizeof(copy), "%s", entry);
	assert_int_equal(pipe2(gone, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		static char name[] = "sleep", arg[] = "60";

		execve("/bin/sleep", (char *[]){ name, arg, NULL }, (char *[]){ filler, copy, NULL });
		_exit(127);
	}
	shared->pids[0] = child;
	close(gone[1]);
	assert_int_equal(read(gone[0], &byte, 1), 0);
	close(gone[0]);
	/* exec closes the pipe a moment before the new environment is where /proc looks for it */
	while (!environment_readable(child))
		sched_yield();
	return child;
}

static void a_mark_is_found_whole(void **unused)
{
	static const size_t before[] = { 1, 4070, 4082, 4095, 4096, 8000 };

	(void)unused;
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		pid_t pid = with_environment(before[i], "STINT_JOB_ID=019a-42");

		assert_true(descend_marked(pid, "STINT_JOB_ID=019a-42"));
		assert_false(descend_marked(pid, "STINT_JOB_ID=019a-4"));
		assert_false(descend_marked(pid, "STINT_JOB_ID=019a-421"));
		assert_false(descend_marked(pid, "TINT_JOB_ID=019a-42"));
		assert_false(descend_marked(pid, "STINT_JOB_ID="));
		kill(pid, SIGKILL);
		assert_int_equal(end_of(pid), SIGKILL);
		assert_false(descend_marked(pid, "STINT_JOB_ID=019a-42"));
	}
}

static void group_and_session_are_read_past_any_name(void **unused)
{
	pid_t group, session, child;
	int status;

	(void)unused;
	assert_true(descend_group(getpid(), &group, &session));
	assert_int_equal(group, getpgrp());
	assert_int_equal(session, getsid(0));
	child = fork();
	if (child == 0) {
		prctl(PR_SET_NAME, ") R 1 2 3 (x");
		if (setsid() < 0 || !descend_group(getpid(), &group, &session))
			_exit(1);
		_exit(group == getpid() && session == getpid() ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(descend_group(child, &group, &session));
}

#define descend_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		descend_test(children_are_found_both_ways),
		descend_test(descendants_are_killed_and_the_root_is_not),
		descend_test(other_signals_go_to_each_once),
		descend_test(with_no_walk_nobody_is_signalled),
		descend_test(stopped_ones_are_killed_too),
		descend_test(a_fork_bomb_cannot_outrun_it),
		descend_test(a_vfork_parent_is_not_waited_for),
		descend_test(a_leader_that_left_its_threads_is_killed),
		descend_test(a_mark_is_found_whole),
		descend_test(group_and_session_are_read_past_any_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
