/* One epoll loop a process: descriptors, timers, signals; one turn at a time so that a caller can act at a turn's end.
 * Everything here is for one thread. Timers run on CLOCK_BOOTTIME. */
#ifndef STINT_EVENT_LOOP_H
#define STINT_EVENT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct loop;

/* Embedded in the caller's struct; get back to it with LOOP_OWNER(). */
struct loop_io {
	int fd;
	uint32_t events;                                        /* EPOLLIN | EPOLLOUT | EPOLLRDHUP as now asked for */
	void (*ready)(struct loop_io *io, uint32_t events);
};

struct loop_timer {
	void (*fire)(struct loop_timer *t);
	int64_t due_ns;                                         /* clock_boot_ns() */
	size_t place;                                           /* heap index + 1; 0 while not set */
};

#define LOOP_OWNER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

struct loop *loop_new(void);                                    /* NULL with errno */
void loop_free(struct loop *l);                                 /* a forked child frees its parent's loop before making its own, and calls nothing else on it */

int loop_add(struct loop *l, struct loop_io *io, uint32_t events);   /* 0 or -1 with errno */
int loop_change(struct loop *l, struct loop_io *io, uint32_t events);/* no system call where nothing changes */
void loop_del(struct loop *l, struct loop_io *io);              /* before the fd is closed; events of it that are still due in this turn are dropped */

void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t delay_ns);    /* from loop_now(); sets again where it is set. Panics where memory is out */
void loop_timer_stop(struct loop *l, struct loop_timer *t);     /* fine where it is not set */

/* Blocks `signals` (0-terminated list) for the process and delivers them as calls from the loop. Children must unblock them before exec: loop_signals_reset(). */
int loop_signals(struct loop *l, const int *signals, void (*fn)(void *arg, const struct signalfd_siginfo *si), void *arg);
void loop_signals_reset(void);

int64_t loop_now(const struct loop *l);                         /* clock_boot_ns() as read at the start of this turn */

/* Waits at most max_wait_ns (-1: until something happens; 0: not at all), then runs what is ready: descriptors first, then due timers. Returns how many calls were made. */
unsigned loop_turn(struct loop *l, int64_t max_wait_ns);

#endif
