/* The common part of a child, against a master that this test plays: its beginning, its channel, its doorbell, its heartbeat, and the master's death. */
#include "process/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "os/clock.h"
#include "process/channel.h"

#define SLOT 1u
#define HANG_S 60                       /* nothing here takes long; a test that waits for ever is ended */

static char dir[256], path[300];
static struct segment seg;
static const struct conf conf = { .log = (char[]){ "stderr" } };
static struct { _Atomic int n; } *echo;    /* shared with the child: what it has to say beside its channel */

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	const struct segment_plan plan = { .workers = 1, .worker_jobs = 1, .version = "test" };
	const uint8_t boot[16] = { 1 };

	(void)state;
	alarm(HANG_S);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(dir, sizeof(dir), "%s/stint-child.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/status.shm", dir);
	echo = mmap(NULL, sizeof(*echo), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return segment_create(&seg, path, &plan, 7, 7, boot);
}

static int teardown(void **state)
{
	(void)state;
	segment_close(&seg);
	munmap(echo, sizeof(*echo));
	unlink(path);
	return rmdir(dir);
}

/* --- the child's body: says back what it hears --- */

static void say_back(struct process *p, const struct process_packet *m, int fd)
{
	char c = 0;

	if (fd >= 0) {
		if (read(fd, &c, 1) != 1)
			c = '?';
		close(fd);
	}
	child_say(p, CHILD_SLOT_FREE, (int64_t)m->message * 1000 + m->arg + c);
}

static void say_rung(struct process *p)
{
	child_say(p, CHILD_DRAINED, 1);
}

static void leave_orphaned(struct process *p)
{
	atomic_store(&echo->n, 1);
	child_exit(p, 33);
}

static void linger_orphaned(struct process *p)
{
	(void)p;
	atomic_fetch_add(&echo->n, 1);      /* and does not end: the common part has to */
}

static _Noreturn void body(int channel, pid_t master, void (*on_orphan)(struct process *p))
{
	static struct process p;
	const struct child_birth birth = { .master = master, .title = "tested" };

	child_born(&birth);
	p = (struct process){ .seg = &seg, .slot = SLOT, .conf = &conf, .channel = channel, .on_message = say_back, .on_bell = say_rung, .on_orphan = on_orphan };
	child_begin(&p);
	child_say(&p, CHILD_READY, getpid());
	for (;;)
		child_turn(&p, NULL, -1);
}

struct played { pid_t pid; int channel; };

static struct played begin(void (*on_orphan)(struct process *p))
{
	struct played c;
	int pair[2];

	atomic_store(&echo->n, 0);
	atomic_store(&seg.proc[SLOT].heartbeat_ns, 0);
	assert_int_equal(channel_pair(pair), 0);
	pid_t self = getpid();
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		close(pair[0]);
		body(pair[1], self, on_orphan);
	}
	close(pair[1]);
	c.channel = pair[0];
	return c;
}

/* The next packet, waited for: the pair is non-blocking. */
static struct process_packet hear(const struct played *c)
{
	struct process_packet m = { 0 };
	enum channel_rc rc;

	while ((rc = channel_receive(c->channel, &m, NULL)) == CHANNEL_EMPTY)
		usleep(1000);
	assert_int_equal(rc, CHANNEL_PACKET);
	return m;
}

static int ended(const struct played *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void expect_ready(const struct played *c)
{
	struct process_packet m = hear(c);

	assert_int_equal(m.message, CHILD_READY);
	assert_int_equal(m.arg, c->pid);
}

static void test_it_beats_and_says_ready(void **state)
{
	(void)state;
	int64_t before = clock_boot_ns();
	struct played c = begin(leave_orphaned);

	expect_ready(&c);
	assert_true(atomic_load(&seg.proc[SLOT].heartbeat_ns) >= before);
	assert_true(atomic_load(&seg.proc[SLOT].rss_kb) > 0);
	int64_t first = atomic_load(&seg.proc[SLOT].heartbeat_ns);
	while (atomic_load(&seg.proc[SLOT].heartbeat_ns) == first)      /* it goes on: else the alarm ends this test */
		usleep(10000);
	close(c.channel);
	assert_int_equal(ended(&c), 33);
}

static void test_it_hears_its_master(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	struct played c = begin(leave_orphaned);
	expect_ready(&c);
	assert_int_equal(channel_send(c.channel, MASTER_GO, 5, -1), 0);
	assert_int_equal(hear(&c).arg, MASTER_GO * 1000 + 5);
	fputs("A", f);
	fflush(f);
	rewind(f);
	assert_int_equal(channel_send(c.channel, MASTER_CONF, 0, fileno(f)), 0);
	assert_int_equal(hear(&c).arg, MASTER_CONF * 1000 + 'A');
	fclose(f);
	/* a packet of another size is dropped, and what follows is heard */
	assert_int_equal(send(c.channel, "short", 5, 0), 5);
	assert_int_equal(channel_send(c.channel, MASTER_DRAIN, 0, -1), 0);
	assert_int_equal(hear(&c).arg, MASTER_DRAIN * 1000);
	close(c.channel);
	assert_int_equal(ended(&c), 33);
}

static void test_it_wakes_at_its_bell_and_sleeps_again(void **state)
{
	(void)state;
	struct played c = begin(leave_orphaned);

	expect_ready(&c);
	for (int i = 0; i < 200; i++) {
		while (!atomic_load(&seg.proc[SLOT].sleeping))
			usleep(100);
		segment_ring(&seg, SLOT);
		assert_int_equal(hear(&c).message, CHILD_DRAINED);
	}
	close(c.channel);
	assert_int_equal(ended(&c), 33);
}

static void test_a_stray_ring_does_not_make_it_spin(void **state)
{
	const uint64_t one = 1;

	(void)state;
	struct played c = begin(leave_orphaned);
	expect_ready(&c);
	/* the eventfd is written after the sleeper had woken for another reason: its word says "asleep" while the eventfd is full */
	assert_int_equal(write(seg.bell[SLOT], &one, sizeof(one)), sizeof(one));
	assert_int_equal(hear(&c).message, CHILD_DRAINED);
	assert_int_equal(channel_send(c.channel, MASTER_GO, 1, -1), 0);
	assert_int_equal(hear(&c).message, CHILD_SLOT_FREE);    /* the very next thing it says: it was not woken again in between */
	close(c.channel);
	assert_int_equal(ended(&c), 33);
}

static void test_signals_from_others_are_not_for_it(void **state)
{
	static const int list[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGPIPE, SIGCHLD };

	(void)state;
	struct played c = begin(leave_orphaned);
	expect_ready(&c);
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_int_equal(kill(c.pid, list[i]), 0);
	assert_int_equal(channel_send(c.channel, MASTER_PAUSE, 2, -1), 0);
	assert_int_equal(hear(&c).arg, MASTER_PAUSE * 1000 + 2);
	assert_int_equal(atomic_load(&echo->n), 0);
	close(c.channel);
	assert_int_equal(ended(&c), 33);
}

static void test_one_that_lingers_is_ended(void **state)
{
	(void)state;
	struct played c = begin(linger_orphaned);

	expect_ready(&c);
	close(c.channel);
	assert_int_equal(ended(&c), 1);
	assert_int_equal(atomic_load(&echo->n), 1);         /* and it was told once */
}

/* A master of its own, so that it can be killed. Its end of the channel stays open here: only the parent's death tells. */
static void test_the_masters_death_is_heard(void **state)
{
	int pair[2], status;
	struct played c;

	(void)state;
	atomic_store(&echo->n, 0);
	assert_int_equal(channel_pair(pair), 0);
	pid_t master = fork();
	assert_true(master >= 0);
	if (master == 0) {
		pid_t self = getpid();
		if (fork() == 0)
			body(pair[1], self, leave_orphaned);
		for (;;)
			pause();
	}
	c.channel = pair[0];
	c.pid = (pid_t)hear(&c).arg;
	kill(master, SIGKILL);
	assert_int_equal(waitpid(master, &status, 0), master);
	assert_int_equal(ended(&c), 33);                /* this test has adopted it */
	assert_int_equal(atomic_load(&echo->n), 1);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_beats_and_says_ready),
		cmocka_unit_test(test_it_hears_its_master),
		cmocka_unit_test(test_it_wakes_at_its_bell_and_sleeps_again),
		cmocka_unit_test(test_a_stray_ring_does_not_make_it_spin),
		cmocka_unit_test(test_signals_from_others_are_not_for_it),
		cmocka_unit_test(test_one_that_lingers_is_ended),
		cmocka_unit_test(test_the_masters_death_is_heard),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
