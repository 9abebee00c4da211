/* Programs of ours from their start to the last process that they forked: ended by signals, reaped, swept. Used by the kinds that start programs; the worker calls it when children end.
 * Nothing here is fatal.
 *
 * A family is over when its leader is reaped and nothing of it is left. What the leader forked is in its process group (killed at once), or has moved to another session and is then
 * adopted by us, a child subreaper, when its parent dies: found among our children by session, group or the mark in its environment. A child of ours that belongs to no running
 * family must have been left by one whose leader is gone. */
#include "run/family_inside.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/hunt.h"
#include "os/log.h"

#define MS 1000000LL
#define LEFT_WARN_NS (10000 * MS)
#define REAP_TURNS 64u                  /* in a row, before a sweep that waits has its turn */
#define KILL_AGAIN_NS (10000 * MS)      /* a process that SIGKILL has not ended (it hangs in the kernel) is told again, and the log told of it */

struct family_list families = LIST_HEAD_INITIALIZER(families);

/* --- its end by signals --- */

static void signal_group(const struct family *f, int sig)
{
	if (kill(-f->pid, sig) < 0 && errno == EPERM)
		log_warn("may not send signal %d to process group %d of handler \"%s\": it runs as another user", sig, (int)f->pid, f->handler);
}

void family_kill(struct family *f)
{
	if (f->stage == FAMILY_GONE)
		return;
	f->stage = FAMILY_KILLED;
	signal_group(f, SIGKILL);
	cage_kill(&f->cage);
	loop_timer_set(f->host->loop, &f->timer, KILL_AGAIN_NS);
	if (f->kills++ > 0)
		log_warn("process %d of handler \"%s\" has not died of SIGKILL yet: it hangs in the kernel", (int)f->pid, f->handler);
}

/* The leader is not reaped yet, so its number is still its own. SIGCONT lets a stopped program see what it is told. */
void family_end(struct family *f, int64_t grace_ms)
{
	int64_t grace_ns = (grace_ms > 0 ? grace_ms : 0) * MS;

	if (f->stage == FAMILY_ASKED && f->timer.due_ns > loop_now(f->host->loop) + grace_ns)
		loop_timer_set(f->host->loop, &f->timer, grace_ns);
	if (f->stage != FAMILY_RUNNING)
		return;
	f->stage = FAMILY_ASKED;
	signal_group(f, SIGTERM);
	signal_group(f, SIGCONT);
	loop_timer_set(f->host->loop, &f->timer, grace_ns);
}

static void fired(struct loop_timer *t)
{
	struct family *f = LOOP_OWNER(t, struct family, timer);

	if (f->stage != FAMILY_GONE) {
		family_kill(f);
		return;
	}
	f->kills++;
	log_warn("processes that process %d of handler \"%s\" left behind have not died of SIGKILL yet", (int)f->pid, f->handler);
	loop_timer_set(f->host->loop, t, KILL_AGAIN_NS);
	family_sweep_wanted();
	family_sweep();
}

void family_begin(struct family *f, struct run_host *h, pid_t pid)
{
	f->host = h;
	f->pid = pid;
	f->stage = FAMILY_RUNNING;
	f->judged = f->left = false;
	f->timer.fire = fired;
	LIST_INSERT_HEAD(&families, f, link);
}

static int64_t time_us(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

int64_t family_cpu_us(const struct family *f)
{
	return time_us(&f->usage.ru_utime) + time_us(&f->usage.ru_stime);
}

void family_leave(struct family *f)
{
	loop_timer_stop(f->host->loop, &f->timer);
	LIST_REMOVE(f, link);
	cage_end(&f->cage, &f->use);
}

/* --- its leader's end --- */

static struct family *family_of(pid_t pid)
{
	struct family *f;

	LIST_FOREACH(f, &families, link)
		if (f->pid == pid && f->stage != FAMILY_GONE)
			return f;
	return NULL;
}

/* Takes one child that has ended. While a leader is a zombie its number is still its own, and what is left of its group can be killed by it. */
static void take(pid_t pid)
{
	struct family *f = family_of(pid);
	struct rusage usage;
	int status;

	if (f) {
		kill(-pid, SIGKILL);
		cage_kill(&f->cage);
	}
	if (wait4(pid, &status, 0, &usage) != pid)
		return;
	family_sweep_wanted();
	if (!f)
		return;
	f->stage = FAMILY_GONE;
	f->status = status;
	f->usage = usage;
	f->ended_ns = clock_boot_ns();
	loop_timer_set(f->host->loop, &f->timer, LEFT_WARN_NS);
}

/* Of those that have ended, the leaders alone: what a sweep looks at keeps its number until it is over. */
static void reap_leaders(void)
{
	struct family *f;
	siginfo_t si;

	LIST_FOREACH(f, &families, link) {
		si.si_pid = 0;
		if (f->stage != FAMILY_GONE && waitid(P_PID, (id_t)f->pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0 && si.si_pid == f->pid)
			take(f->pid);
	}
}

bool family_reap(unsigned max)
{
	static unsigned turns;
	unsigned n = 0;

	if (family_sweeping()) {
		reap_leaders();
		return false;
	}
	while (n < max) {
		siginfo_t si = { 0 };
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
			break;
		take(si.si_pid);
		n++;
	}
	/* What has ended is taken before what is left is looked for: the dead of a fork bomb are as dear to look at as the living. */
	if (n < max || ++turns >= REAP_TURNS) {
		turns = 0;
		family_sweep();
	}
	return n == max;
}

/* --- the end of everything --- */

/* Everybody that can be taken now. False where no child is left. */
static bool reap_all(void)
{
	struct family *f;
	siginfo_t si;

	for (;;) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return false;
		if (si.si_pid == 0)
			return true;
		f = family_of(si.si_pid);
		if (f) {
			kill(-f->pid, SIGKILL);
			f->stage = FAMILY_GONE;
		}
		waitpid(si.si_pid, NULL, 0);
	}
}

void family_kill_all(int64_t max_ms)
{
	int64_t limit = clock_boot_ns() + max_ms * MS;
	struct timespec pause = { .tv_nsec = 10 * MS };
	struct family *f;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	family_sweep_stop();
	while (reap_all() && clock_boot_ns() < limit) {
		LIST_FOREACH(f, &families, link)
			if (f->stage != FAMILY_GONE)
				kill(-f->pid, SIGKILL);
		LIST_FOREACH(f, &families, link)
			cage_kill(&f->cage);
		hunt_below(getpid(), FAMILY_WALKS);
		sigtimedwait(&child, NULL, &pause);
	}
	while ((f = LIST_FIRST(&families)) != NULL) {
		family_leave(f);
		f->drop(f);
	}
	cage_shut();
}
