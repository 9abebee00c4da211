/* The epoll loop each process runs: descriptors, timers in a heap, signals through a signalfd. Called by every role.
 * Timers wait on one timerfd of CLOCK_BOOTTIME, armed for the earliest, so that they come due in time after a suspend too. Misuse and memory that
 * is out for a timer are fatal: a process that cannot be woken is better dead, and restarted. */
#include "event/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"

#define LOOP_EVENTS 256
#define LOOP_SIGNALS 16
#define NEVER INT64_MAX
#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

struct loop {
	int epfd;
	int64_t now;

	struct epoll_event events[LOOP_EVENTS];         /* of this turn; those from `at` on are still due */
	size_t at, count;

	struct loop_timer **heap;                       /* the earliest first */
	size_t timers, room;
	struct loop_io wake;                            /* the timerfd */
	int64_t armed_ns;                               /* what the timerfd waits for; NEVER where it does not */
	bool firing;

	struct loop_io signals;
	void (*signal_fn)(void *arg, const struct signalfd_siginfo *si);
	void *signal_arg;
	unsigned calls;
};

static void wake_ready(struct loop_io *io, uint32_t events)
{
	struct loop *l = LOOP_OWNER(io, struct loop, wake);
	uint64_t expirations;

	(void)events;
	if (read(io->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN && errno != EINTR)
		log_panic("the timer cannot be read: %m");
	l->armed_ns = NEVER;
}

static void wake_arm(struct loop *l, int64_t due_ns)
{
	struct itimerspec at = { .it_value = { .tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S } };

	/* An alarm that comes too early costs one turn; re-arming for each later one would cost a system call each time. */
	if (due_ns >= l->armed_ns)
		return;
	if (timerfd_settime(l->wake.fd, TFD_TIMER_ABSTIME, &at, NULL) != 0)
		log_panic("the timer cannot be set: %m");
	l->armed_ns = due_ns;
}

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	int saved;

	if (!l)
		return NULL;
	l->signals.fd = -1;
	l->wake.fd = -1;
	l->armed_ns = NEVER;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0)
		goto fail;
	l->wake.fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	l->wake.ready = wake_ready;
	if (l->wake.fd < 0 || loop_add(l, &l->wake, EPOLLIN) != 0)
		goto fail;
	l->now = clock_boot_ns();
	return l;
fail:
	saved = errno;
	loop_free(l);
	errno = saved;
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->timers; i++)
		l->heap[i]->place = 0;
	free(l->heap);
	if (l->signals.fd >= 0)
		close(l->signals.fd);
	if (l->wake.fd >= 0)
		close(l->wake.fd);
	if (l->epfd >= 0)
		close(l->epfd);
	free(l);
}

int loop_add(struct loop *l, struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, io->fd, &ev) != 0)
		return -1;
	io->events = events;
	return 0;
}

int loop_change(struct loop *l, struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (io->events == events)
		return 0;
	if (epoll_ctl(l->epfd, EPOLL_CTL_MOD, io->fd, &ev) != 0)
		return -1;
	io->events = events;
	return 0;
}

void loop_del(struct loop *l, struct loop_io *io)
{
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	io->events = 0;
	for (size_t i = l->at; i < l->count; i++)
		if (l->events[i].data.ptr == io)
			l->events[i].data.ptr = NULL;
}

static void heap_put(struct loop *l, size_t at, struct loop_timer *t)
{
	l->heap[at] = t;
	t->place = at + 1;
}

/* Moves t from the hole at `at` to where it belongs: up, else down. */
static void heap_settle(struct loop *l, size_t at, struct loop_timer *t)
{
	while (at > 0 && t->due_ns < l->heap[(at - 1) / 2]->due_ns) {
		heap_put(l, at, l->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < l->timers && l->heap[child + 1]->due_ns < l->heap[child]->due_ns)
			child++;
		if (child >= l->timers || l->heap[child]->due_ns >= t->due_ns)
			break;
		heap_put(l, at, l->heap[child]);
		at = child;
	}
	heap_put(l, at, t);
}

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ns)
{
	if (delay_ns < 0)
		delay_ns = 0;
	/* A timer that sets itself again for at once waits for the next turn, or this one would never end. */
	if (l->firing && delay_ns == 0)
		delay_ns = 1;
	t->due_ns = delay_ns < NEVER - l->now ? l->now + delay_ns : NEVER;
	if (!t->place) {
		if (l->timers == l->room) {
			size_t room = l->room ? l->room * 2 : 64;
			struct loop_timer **heap = reallocarray(l->heap, room, sizeof(struct loop_timer *));

			if (!heap)
				log_panic("out of memory for %zu timers", room);
			l->heap = heap;
			l->room = room;
		}
		t->place = ++l->timers;
	}
	heap_settle(l, t->place - 1, t);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	size_t at = t->place - 1;
	struct loop_timer *last;

	if (!t->place)
		return;
	t->place = 0;
	last = l->heap[--l->timers];
	if (last != t)
		heap_settle(l, at, last);
}

static void signals_ready(struct loop_io *io, uint32_t events)
{
	struct loop *l = LOOP_OWNER(io, struct loop, signals);
	struct signalfd_siginfo si[LOOP_SIGNALS];
	ssize_t n = read(io->fd, si, sizeof(si));

	(void)events;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(si[0]); i++) {
		l->signal_fn(l->signal_arg, &si[i]);
		l->calls++;
	}
	l->calls--;             /* loop_turn() counts this one itself */
}

int loop_signals(struct loop *l, const int *signals, void (*fn)(void *arg, const struct signalfd_siginfo *si), void *arg)
{
	bool first = l->signals.fd < 0;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (; *signals; signals++)
		if (sigaddset(&set, *signals) != 0)
			return -1;
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -1;
	fd = signalfd(l->signals.fd, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -1;
	l->signals.fd = fd;
	l->signals.ready = signals_ready;
	l->signal_fn = fn;
	l->signal_arg = arg;
	if (!first || loop_add(l, &l->signals, EPOLLIN) == 0)
		return 0;
	l->signals.fd = -1;
	close(fd);
	return -1;
}

void loop_signals_reset(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

/* The time-out for epoll_wait(2) in milliseconds, rounded up so that a short wait does not spin; arms the timerfd. */
static int wait_plan(struct loop *l, int64_t max_wait_ns)
{
	int64_t ms;

	if (max_wait_ns == 0)
		return 0;
	if (l->timers && l->heap[0]->due_ns != NEVER) {
		if (l->heap[0]->due_ns <= clock_boot_ns())
			return 0;
		wake_arm(l, l->heap[0]->due_ns);
	}
	if (max_wait_ns < 0)
		return -1;
	ms = (max_wait_ns - 1) / NS_PER_MS + 1;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static void run_ready(struct loop *l)
{
	while (l->at < l->count) {
		struct epoll_event *ev = &l->events[l->at++];
		struct loop_io *io = ev->data.ptr;
		uint32_t events;

		if (!io)
			continue;
		/* What a call earlier in this turn has stopped asking for is not delivered. */
		events = ev->events & (io->events | EPOLLERR | EPOLLHUP);
		if (!events)
			continue;
		if (io != &l->wake)
			l->calls++;
		io->ready(io, events);
	}
	l->at = l->count = 0;
}

static void run_timers(struct loop *l)
{
	l->firing = true;
	while (l->timers && l->heap[0]->due_ns <= l->now) {
		struct loop_timer *t = l->heap[0];

		loop_timer_stop(l, t);
		l->calls++;
		t->fire(t);
	}
	l->firing = false;
}

unsigned loop_turn(struct loop *l, int64_t max_wait_ns)
{
	int n = epoll_wait(l->epfd, l->events, LOOP_EVENTS, wait_plan(l, max_wait_ns));

	if (n < 0) {
		if (errno != EINTR)
			log_panic("epoll_wait: %m");
		n = 0;
	}
	l->now = clock_boot_ns();
	l->at = 0;
	l->count = (size_t)n;
	l->calls = 0;
	run_ready(l);
	run_timers(l);
	return l->calls;
}
