/* Programs of ours from their start to the last process that they forked: ended by signals, reaped, swept. Used by the kinds that start programs; the worker calls it when children end.
 * Nothing here is fatal.
 *
 * A family is over when its leader is reaped and nothing of it is left. What the leader forked is in its process group (killed at once), or has moved to another session and is then
 * adopted by us, a child subreaper, when its parent dies: found among our children by session, group or the mark in its environment. A child of ours that belongs to no running
 * family must have been left by one whose leader is gone. */
#include "run/family.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/descend.h"
#include "os/log.h"

#define CHILDREN_MAX 1024u              /* looked at in one sweep; the others in the next one */
#define STUBBORN_SWEEPS 3u              /* after so many in vain whole trees are stopped and killed, as only a fork bomb needs ... */
#define TREES_A_SWEEP 4u                /* ... but few at a time, for each is a walk through /proc */
#define TREE_WALKS 16u
#define MS 1000000LL
#define LEFT_WARN_NS (10000 * MS)
#define KILL_AGAIN_NS (10000 * MS)      /* a process that SIGKILL has not ended (it hangs in the kernel) is told again, and the log told of it */
#define ENVIRON_MAX (256u << 10)

static LIST_HEAD(, family) families = LIST_HEAD_INITIALIZER(families);
static bool swept = true;               /* no program has ended since the last sweep */
static unsigned sweeps, trees;          /* in a row that found something left; whole trees killed in this one */

static void sweep(void);

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
	sweep();
}

void family_begin(struct family *f, struct run_host *h, pid_t pid)
{
	f->host = h;
	f->pid = pid;
	f->stage = FAMILY_RUNNING;
	f->timer.fire = fired;
	LIST_INSERT_HEAD(&families, f, link);
}

static void leave(struct family *f)
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
	if (wait4(pid, &status, 0, &usage) != pid || !f)
		return;
	f->stage = FAMILY_GONE;
	f->status = status;
	f->usage = usage;
	f->ended_ns = clock_boot_ns();
	loop_timer_set(f->host->loop, &f->timer, LEFT_WARN_NS);
	swept = false;
}

/* --- what it left behind --- */

/* Whose mark a process carries in its environment. NULL where it shows none (a zombie, another user's, or one that has overwritten it). */
static struct family *marked_by(pid_t pid)
{
	static char env[ENVIRON_MAX];
	struct family *f;
	char path[32];
	size_t n = 0;
	ssize_t got = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	while (n < sizeof(env) && (got = read(fd, env + n, sizeof(env) - n)) > 0)
		n += (size_t)got;
	close(fd);
	for (const char *p = env, *end = env + n, *nul; p < end && (nul = memchr(p, '\0', (size_t)(end - p))); p = nul + 1) {
		if (strncmp(p, "STINT_", 6) != 0)
			continue;
		LIST_FOREACH(f, &families, link)
			if (strcmp(p, f->mark) == 0)
				return f;
	}
	return NULL;
}

/* Whose it is; NULL where nothing tells. Its own session or group says so first, the environment next. */
static struct family *owner_of(pid_t pid)
{
	struct family *f;
	pid_t pgrp, session;

	if (descend_group(pid, &pgrp, &session))
		LIST_FOREACH(f, &families, link)
			if (f->pid == session || f->pid == pgrp)
				return f;
	LIST_FOREACH(f, &families, link)
		if (cage_has(&f->cage, pid))
			return f;
	return marked_by(pid);
}

/* What is below it becomes ours and is found by the next sweep. False where we may not. */
static bool end_process(pid_t pid)
{
	static pid_t refused;

	if (sweeps >= STUBBORN_SWEEPS && trees < TREES_A_SWEEP) {
		trees++;
		kill(pid, SIGSTOP);
		descend_signal(pid, SIGKILL, TREE_WALKS);
	}
	if (kill(pid, SIGKILL) == 0 || errno != EPERM)
		return true;
	if (refused != pid)
		log_warn("process %d was left behind by a handler and may not be ended by us: it runs as another user", (int)pid);
	refused = pid;
	return false;
}

/* Looks at one child. True where it may belong to a family that is over without saying which. */
static bool sweep_child(pid_t pid)
{
	if (family_of(pid))
		return false;
	struct family *f = owner_of(pid);
	if (f && f->stage != FAMILY_GONE)
		return false;
	if (!end_process(pid))
		return false;
	if (f)
		f->left = true;
	return !f;
}

/* The next one that nothing is left of. Looked for from the begin each time: whoever is told of one may begin another. */
static struct family *next_over(void)
{
	struct family *f;

	LIST_FOREACH(f, &families, link)
		if (f->stage == FAMILY_GONE && !f->left)
			return f;
	return NULL;
}

/* No system call where no program has ended since the last one. */
static void sweep(void)
{
	static pid_t pids[CHILDREN_MAX];
	struct family *f;
	bool unknown = false, pending = false;

	if (swept)
		return;
	LIST_FOREACH(f, &families, link)
		f->left = false;
	trees = 0;
	size_t n = descend_children(pids, CHILDREN_MAX);
	if (n > CHILDREN_MAX) {
		unknown = true;
		n = CHILDREN_MAX;
	}
	for (size_t i = 0; i < n; i++)
		unknown |= sweep_child(pids[i]);
	LIST_FOREACH(f, &families, link) {
		if (f->stage != FAMILY_GONE)
			continue;
		f->left |= unknown || cage_left(&f->cage);
		pending |= f->left;
	}
	swept = !pending;
	sweeps = pending ? sweeps + 1 : 0;
	while ((f = next_over()) != NULL) {
		leave(f);
		f->over(f);
	}
}

bool family_reap(unsigned max)
{
	unsigned n = 0;

	while (n < max) {
		siginfo_t si = { 0 };
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
			break;
		take(si.si_pid);
		n++;
	}
	sweep();
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
	while (reap_all() && clock_boot_ns() < limit) {
		LIST_FOREACH(f, &families, link)
			if (f->stage != FAMILY_GONE)
				kill(-f->pid, SIGKILL);
		LIST_FOREACH(f, &families, link)
			cage_kill(&f->cage);
		descend_signal(getpid(), SIGKILL, TREE_WALKS);
		sigtimedwait(&child, NULL, &pause);
	}
	while ((f = LIST_FIRST(&families)) != NULL) {
		leave(f);
		f->drop(f);
	}
	cage_shut();
	swept = true;
}
