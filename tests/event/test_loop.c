/* event/loop: descriptors, timers and signals, and what happens when a call changes what is still due. Nothing sleeps: what is waited for is
 * ready already, or a timer of nanoseconds. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "event/loop.h"

static struct loop *loop;

static int setup(void **unused)
{
	(void)unused;
	alarm(60);      /* instead of hanging where a wake-up is missing */
	loop = loop_new();
	return loop ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	loop_free(loop);
	loop_signals_reset();
	return 0;
}

/* One end of a pipe in the loop. */
struct end {
	struct loop_io io;
	int other;
	unsigned calls;
	uint32_t last;
	struct end *victim;     /* to be deleted and freed by the call */
};

static struct end *last_called;
static unsigned ends_freed;

static void end_free(struct end *e)
{
	ends_freed++;
	loop_del(loop, &e->io);
	close(e->io.fd);
	close(e->other);
	free(e);
}

static void end_ready(struct loop_io *io, uint32_t events)
{
	struct end *e = LOOP_OWNER(io, struct end, io);
	struct end *victim = e->victim;

	e->calls++;
	e->last = events;
	last_called = e;
	if (victim) {
		e->victim = NULL;
		victim->victim = NULL;
		end_free(victim);
	}
}

static struct end *end_new(uint32_t events)
{
	struct end *e = calloc(1, sizeof(*e));
	int fds[2];

	assert_non_null(e);
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	e->io.fd = fds[0];
	e->io.ready = end_ready;
	e->other = fds[1];
	assert_int_equal(loop_add(loop, &e->io, events), 0);
	return e;
}

static void fill(struct end *e)
{
	assert_int_equal(write(e->other, "x", 1), 1);
}

static void a_ready_descriptor_is_called(void **unused)
{
	struct end *e = end_new(EPOLLIN);

	(void)unused;
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(e->calls, 0);
	fill(e);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(e->calls, 1);
	assert_int_equal(e->last, EPOLLIN);
	/* Still ready: level-triggered. */
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(e->calls, 2);
	end_free(e);
	assert_int_equal(loop_turn(loop, 0), 0);
}

static void a_closed_other_end_is_told(void **unused)
{
	struct end *e = end_new(EPOLLIN);

	(void)unused;
	close(e->other);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(e->last, EPOLLHUP);
	e->other = -1;
	end_free(e);
}

static void what_is_asked_for_can_change(void **unused)
{
	struct end *e = end_new(EPOLLIN);

	(void)unused;
	fill(e);
	assert_int_equal(loop_change(loop, &e->io, 0), 0);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(loop_change(loop, &e->io, EPOLLIN), 0);
	assert_int_equal(loop_change(loop, &e->io, EPOLLIN), 0);
	assert_int_equal(loop_turn(loop, 0), 1);
	end_free(e);
}

static void what_cannot_be_waited_for_is_refused(void **unused)
{
	struct loop_io io = { .fd = -1, .ready = end_ready };

	(void)unused;
	assert_int_equal(loop_add(loop, &io, EPOLLIN), -1);
	assert_int_equal(errno, EBADF);
	io.fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(loop_add(loop, &io, EPOLLIN), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(loop_change(loop, &io, EPOLLIN), -1);
	loop_del(loop, &io);
	close(io.fd);
}

static void a_deleted_one_is_not_called_in_the_same_turn(void **unused)
{
	struct end *a = end_new(EPOLLIN), *b = end_new(EPOLLIN);
	struct end *left;
	unsigned before;

	(void)unused;
	/* Whichever comes first frees the other; the sanitizer sees any touch of it. */
	a->victim = b;
	b->victim = a;
	ends_freed = 0;
	fill(a);
	fill(b);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(ends_freed, 1);
	left = last_called;
	before = left->calls;
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(left->calls, before + 1);
	end_free(left);
}

/* Deletes the other and puts it in again, in the same memory, with the same descriptor. */
static void put_again(struct loop_io *io, uint32_t events)
{
	struct end *e = LOOP_OWNER(io, struct end, io);
	struct end *other = e->victim;

	(void)events;
	e->calls++;
	if (!other)
		return;
	e->victim = other->victim = NULL;
	loop_del(loop, &other->io);
	assert_int_equal(loop_add(loop, &other->io, EPOLLIN), 0);
}

static void one_put_in_again_starts_with_the_next_turn(void **unused)
{
	struct end *a = end_new(EPOLLIN), *b = end_new(EPOLLIN);

	(void)unused;
	a->victim = b;
	b->victim = a;
	a->io.ready = b->io.ready = put_again;
	fill(a);
	fill(b);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(a->calls + b->calls, 1);
	assert_int_equal(loop_turn(loop, -1), 2);
	assert_int_equal(a->calls + b->calls, 3);
	end_free(a);
	end_free(b);
}

/* Takes back what the other asks for. */
static void hush_other(struct loop_io *io, uint32_t events)
{
	struct end *e = LOOP_OWNER(io, struct end, io);

	(void)events;
	e->calls++;
	assert_int_equal(loop_change(loop, &e->victim->io, 0), 0);
}

static void what_is_no_longer_asked_for_is_not_told(void **unused)
{
	struct end *a = end_new(EPOLLIN), *b = end_new(EPOLLIN);

	(void)unused;
	a->victim = b;
	b->victim = a;
	a->io.ready = b->io.ready = hush_other;
	fill(a);
	fill(b);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(a->calls + b->calls, 1);
	end_free(a);
	end_free(b);
}

static void more_than_one_batch_is_served_in_turns(void **unused)
{
	enum { MANY = 300 };
	struct end *ends[MANY];
	unsigned calls = 0;

	(void)unused;
	for (unsigned i = 0; i < MANY; i++) {
		ends[i] = end_new(EPOLLIN | EPOLLET);
		fill(ends[i]);
	}
	while (calls < MANY)
		calls += loop_turn(loop, -1);
	assert_int_equal(calls, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(ends[i]->calls, 1);
		end_free(ends[i]);
	}
}

static int signals_seen[8];
static unsigned signal_count;
static pid_t signal_sender;

static void signal_seen(void *arg, const struct signalfd_siginfo *si)
{
	assert_ptr_equal(arg, signals_seen);
	signals_seen[signal_count++ % 8] = (int)si->ssi_signo;
	signal_sender = (pid_t)si->ssi_pid;
}

static void signals_come_as_calls(void **unused)
{
	static const int some[] = { SIGUSR1, SIGHUP, 0 }, other[] = { SIGUSR2, 0 };

	(void)unused;
	signal_count = 0;
	assert_int_equal(loop_signals(loop, some, signal_seen, signals_seen), 0);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGHUP);
	assert_int_equal(loop_turn(loop, -1), 2);
	assert_int_equal(signal_count, 2);
	assert_int_equal(signals_seen[0] + signals_seen[1], SIGUSR1 + SIGHUP);
	assert_int_equal(signal_sender, getpid());
	assert_int_equal(loop_turn(loop, 0), 0);
	/* A new list takes the place of the old. */
	assert_int_equal(loop_signals(loop, other, signal_seen, signals_seen), 0);
	kill(getpid(), SIGUSR2);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(signals_seen[2], SIGUSR2);
}

static void a_childs_end_is_told(void **unused)
{
	static const int some[] = { SIGCHLD, 0 };
	pid_t child;

	(void)unused;
	signal_count = 0;
	assert_int_equal(loop_signals(loop, some, signal_seen, signals_seen), 0);
	child = fork();
	if (child == 0)
		_exit(3);
	assert_int_equal(loop_turn(loop, -1), 1);
	assert_int_equal(signals_seen[0], SIGCHLD);
	assert_int_equal(signal_sender, child);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void an_impossible_signal_is_refused(void **unused)
{
	static const int none[] = { 12345, 0 };

	(void)unused;
	assert_int_equal(loop_signals(loop, none, signal_seen, NULL), -1);
	assert_int_equal(errno, EINVAL);
}

static void a_child_gets_its_signals_back(void **unused)
{
	static const int some[] = { SIGTERM, SIGUSR1, 0 };
	int status;
	pid_t child;

	(void)unused;
	assert_int_equal(loop_signals(loop, some, signal_seen, NULL), 0);
	child = fork();
	if (child == 0) {
		sigset_t now;

		sigprocmask(SIG_BLOCK, NULL, &now);
		if (!sigismember(&now, SIGTERM) || !sigismember(&now, SIGUSR1))
			_exit(1);
		loop_signals_reset();
		sigprocmask(SIG_BLOCK, NULL, &now);
		_exit(sigisemptyset(&now) ? 0 : 2);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void its_descriptors_do_not_pass_exec(void **unused)
{
	static const int some[] = { SIGUSR1, 0 };
	unsigned seen = 0;

	(void)unused;
	assert_int_equal(loop_signals(loop, some, signal_seen, NULL), 0);
	for (int fd = 3; fd < 64; fd++) {
		char path[64], name[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name) - 1) < 0 || strncmp(name, "anon_inode:", 11) != 0)
			continue;
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
		seen++;
	}
	assert_true(seen >= 3);
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		loop_test(a_ready_descriptor_is_called),
		loop_test(a_closed_other_end_is_told),
		loop_test(what_is_asked_for_can_change),
		loop_test(what_cannot_be_waited_for_is_refused),
		loop_test(a_deleted_one_is_not_called_in_the_same_turn),
		loop_test(one_put_in_again_starts_with_the_next_turn),
		loop_test(what_is_no_longer_asked_for_is_not_told),
		loop_test(more_than_one_batch_is_served_in_turns),
		loop_test(signals_come_as_calls),
		loop_test(a_childs_end_is_told),
		loop_test(an_impossible_signal_is_refused),
		loop_test(a_child_gets_its_signals_back),
		loop_test(its_descriptors_do_not_pass_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
