/* os/hunt: nobody below outlives it: chains, hopping and spreading processes, vfork(2) parents, zombie leaders; in one go and in slices. Every process made here ends by itself after a minute. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/descend.h"
#include "os/hunt.h"
#include "os/proc.h"

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

static void descendants_are_killed_and_the_root_is_not(void **unused)
{
	pid_t top;

	(void)unused;
	chain(5);
	top = shared->pids[0];
	assert_int_equal(hunt_below(top, WALKS), 4);
	/* Those below the second come to us when the one above them dies. */
	assert_int_equal(kill(top, 0), 0);
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGKILL);
	assert_int_equal(hunt_below(top, WALKS), 0);
	assert_int_equal(kill(top, SIGTERM), 0);
	assert_int_equal(end_of(top), SIGTERM);
	assert_int_equal(end_of(shared->pids[1]), SIGKILL);
}


static void with_no_walk_nobody_is_signalled(void **unused)
{
	(void)unused;
	chain(1);
	assert_int_equal(hunt_below(getpid(), 0), 0);
	assert_int_equal(hunt_below(getpid(), 1), 1);
	assert_int_equal(end_of(shared->pids[0]), SIGKILL);
}


static void stopped_ones_are_killed_too(void **unused)
{
	siginfo_t info;

	(void)unused;
	chain(1);
	kill(shared->pids[0], SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)shared->pids[0], &info, WSTOPPED), 0);
	assert_int_equal(hunt_below(getpid(), WALKS), 1);
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
	hunt_below(getpid(), WALKS);
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
	assert_int_equal(hunt_below(getpid(), WALKS), 2);
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
	struct proc p;

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
		assert_true(proc_read(child, &p));
	while (p.state != 'Z');
	assert_int_equal(p.threads, 2);
	assert_int_equal(hunt_below(getpid(), 20), 1);
	assert_int_equal(end_of(child), SIGKILL);
}

static bool stands(pid_t pid)
{
	struct proc p;

	return proc_read(pid, &p) && proc_stopped(&p) && !proc_ended(&p);
}

/* A signal takes its time. */
static void wait_until_it_stands(pid_t pid)
{
	while (!stands(pid))
		sched_yield();
}

static void roots_are_killed_with_what_is_below_them(void **unused)
{
	pid_t roots[2], bystander;

	(void)unused;
	chain(3);
	roots[0] = shared->pids[0];
	bystander = fork();
	if (bystander == 0)
		stay();
	shared->pids[3] = bystander;
	roots[1] = fork();
	if (roots[1] == 0)
		stay();
	shared->pids[4] = roots[1];
	hunt_all(roots, 2, WALKS);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGKILL);
	assert_int_equal(end_of(roots[1]), SIGKILL);
	assert_false(stands(bystander));
	assert_int_equal(kill(bystander, SIGTERM), 0);
	assert_int_equal(end_of(bystander), SIGTERM);
}

static void slices_come_to_the_same_end(void **unused)
{
	unsigned slices = 0;
	struct hunt *h;
	pid_t root;

	(void)unused;
	chain(4);
	root = shared->pids[0];
	h = hunt_begin(&root, 1);
	assert_non_null(h);
	wait_until_it_stands(root);
	/* not one is killed before all of them stand still */
	assert_false(hunt_kills(h));
	while (hunt_step(h, 1, WALKS)) {
		slices++;
		/* which is told before the first is killed */
		if (!stands(root))
			assert_true(hunt_kills(h));
		if (hunt_kills(h))
			break;
	}
	for (unsigned i = 1; i < 4; i++) {
		struct proc p;
		assert_true(!proc_read(shared->pids[i], &p) || proc_stopped(&p));
	}
	while (hunt_step(h, 1, WALKS))
		;
	hunt_drop(h);
	assert_true(slices > 8);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGKILL);
}

static void one_that_is_given_up_has_killed_nobody(void **unused)
{
	struct hunt *h;
	pid_t root;

	(void)unused;
	chain(2);
	root = shared->pids[0];
	h = hunt_begin(&root, 1);
	assert_non_null(h);
	for (unsigned i = 0; i < 3; i++)
		assert_true(hunt_step(h, 1, WALKS));
	hunt_drop(h);
	hunt_drop(NULL);
	wait_until_it_stands(root);
	/* whoever hunts next, be it another process, finishes it */
	hunt_all(&root, 1, WALKS);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(end_of(shared->pids[i]), SIGKILL);
}

#define hunt_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hunt_test(descendants_are_killed_and_the_root_is_not),
		hunt_test(with_no_walk_nobody_is_signalled),
		hunt_test(stopped_ones_are_killed_too),
		hunt_test(a_fork_bomb_cannot_outrun_it),
		hunt_test(a_vfork_parent_is_not_waited_for),
		hunt_test(a_leader_that_left_its_threads_is_killed),
		hunt_test(roots_are_killed_with_what_is_below_them),
		hunt_test(slices_come_to_the_same_end),
		hunt_test(one_that_is_given_up_has_killed_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
