/* The exec kind, second half: programs that have exited, what they left behind, and what is reported of them. The worker calls it when children end.
 *
 * An attempt is over when its leader is reaped and nothing of it is left. What it forked is in its process group (killed at once), or has moved to another session and is then
 * adopted by us, a child subreaper, when its parent dies: found among our children by session, group or the STINT_JOB_ID in its environment. A child of ours that belongs to no running
 * attempt must have been left by one that is over. Pipes are not waited for: who escaped may hold them. */
#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/descend.h"
#include "os/log.h"
#include "text/uuid.h"

#define MARK "STINT_JOB_ID="
#define CHILDREN_MAX 1024u              /* looked at in one sweep; the others in the next one */
#define STUBBORN_SWEEPS 3u              /* after so many in vain whole trees are stopped and killed, as only a fork bomb needs ... */
#define TREES_A_SWEEP 4u                /* ... but few at a time, for each is a walk through /proc */
#define TREE_WALKS 16u
#define DRAIN_ROUNDS 32u                /* buffers read of each pipe at the end: twice what a pipe may hold */
#define EXIT_FOR_GOOD 65                /* EX_DATAERR: the job itself is wrong, no retry */
#define MS 1000000LL
#define LEFT_WARN_NS (10000 * MS)
#define ENVIRON_MAX (256u << 10)

static bool swept = true;               /* no program has ended since the last sweep */
static unsigned sweeps, trees;          /* in a row that found something left; whole trees killed in this one */

static struct exec_attempt *attempt_of(pid_t pid)
{
	struct exec_attempt *a;

	LIST_FOREACH(a, &exec_attempts, link)
		if (a->pid == pid && a->stage != EXEC_GONE)
			return a;
	return NULL;
}

/* Takes one child that has ended. While a leader is a zombie its number is still its own, and what is left of its group can be killed by it. */
static void take(struct run_host *h, pid_t pid)
{
	struct exec_attempt *a = attempt_of(pid);
	struct rusage usage;
	int status;

	if (a)
		kill(-pid, SIGKILL);
	if (wait4(pid, &status, 0, &usage) != pid || !a)
		return;
	a->stage = EXEC_GONE;
	a->status = status;
	a->usage = usage;
	a->ended_ns = clock_boot_ns();
	loop_timer_set(h->loop, &a->timer, LEFT_WARN_NS);
	swept = false;
}

/* --- what is reported --- */

static void exited(const struct exec_attempt *a, struct run_result *r)
{
	if (WIFEXITED(a->status)) {
		r->exit_code = WEXITSTATUS(a->status);
		r->outcome = r->exit_code == 0 ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_FAILED;
		r->no_retry = r->exit_code == EXIT_FOR_GOOD;
	} else {
		r->term_signal = WTERMSIG(a->status);
	}
}

/* last_error of a program that failed by itself. */
static void explain(const struct exec_attempt *a, struct run_result *r)
{
	if (output_last_line((struct slice){ a->log.kept.data, a->log.kept.len }, r->error, sizeof(r->error)))
		return;
	if (r->term_signal == 0) {
		snprintf(r->error, sizeof(r->error), "exited with code %d", (int)r->exit_code);
		return;
	}
	const char *name = sigabbrev_np(r->term_signal);
	if (name)
		snprintf(r->error, sizeof(r->error), "killed by signal %d (SIG%s)", (int)r->term_signal, name);
	else
		snprintf(r->error, sizeof(r->error), "killed by signal %d", (int)r->term_signal);
}

static void judge(const struct exec_attempt *a, struct run_result *r)
{
	exited(a, r);
	switch (a->forced) {
	case JOB_OUTCOME_NONE:
		if (r->outcome != JOB_OUTCOME_SUCCEEDED)
			explain(a, r);
		break;
	case JOB_OUTCOME_TIMED_OUT:
		r->no_retry = false;
		run_timed_out(a->base.task, r);
		break;
	default:
		r->no_retry = false;
		r->outcome = a->forced;
		snprintf(r->error, sizeof(r->error), "%s", a->forced == JOB_OUTCOME_CANCELLED ? "cancelled while it ran" : "ended because the server stops");
	}
}

static int64_t time_us(const struct timeval *t)
{
	return (int64_t)t->tv_sec * 1000000 + t->tv_usec;
}

static void finish(struct exec_attempt *a)
{
	struct run_host *h = a->base.host;
	struct run_task *t = a->base.task;
	struct run_result r;

	exec_read(a, &a->out, DRAIN_ROUNDS);
	exec_read(a, &a->err, DRAIN_ROUNDS);
	output_log_end(&a->log);
	run_result_init(&r);
	judge(a, &r);
	r.started_ms = a->started_ms;
	r.duration_us = (a->ended_ns - a->started_ns) / 1000;
	r.cpu_us = time_us(&a->usage.ru_utime) + time_us(&a->usage.ru_stime);
	r.max_rss_kb = (uint64_t)a->usage.ru_maxrss;
	r.retry_in_ms = r.outcome == JOB_OUTCOME_SUCCEEDED ? -1 : a->log.retry_in_ms;
	r.output_total = a->head.total;
	r.log_total = a->log.total;
	r.output_cut = output_head_cut(&a->head);
	r.output = a->head.kept;
	r.log = a->log.kept;
	a->head.kept = a->log.kept = (struct buf){ 0 };
	exec_free(a);
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}

/* --- what they left behind --- */

/* The job that a process carries in its environment. False where it shows none (a zombie, another user's, or one that has overwritten it). */
static bool mark_of(pid_t pid, struct job_id *id)
{
	static char env[ENVIRON_MAX];
	char path[32];
	size_t n = 0;
	ssize_t got = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (n < sizeof(env) && (got = read(fd, env + n, sizeof(env) - n)) > 0)
		n += (size_t)got;
	close(fd);
	for (const char *p = env, *end = env + n, *nul; p < end && (nul = memchr(p, '\0', (size_t)(end - p))); p = nul + 1)
		if (strncmp(p, MARK, sizeof(MARK) - 1) == 0)
			return uuid_parse(p + sizeof(MARK) - 1, strlen(p + sizeof(MARK) - 1), id->b);
	return false;
}

/* Whose it is; NULL where nothing tells. Its own session or group says so first, the environment next. */
static struct exec_attempt *owner_of(pid_t pid)
{
	struct exec_attempt *a;
	struct job_id id;
	pid_t pgrp, session;

	if (descend_group(pid, &pgrp, &session))
		LIST_FOREACH(a, &exec_attempts, link)
			if (a->pid == session || a->pid == pgrp)
				return a;
	if (mark_of(pid, &id))
		LIST_FOREACH(a, &exec_attempts, link)
			if (memcmp(&a->base.task->id, &id, sizeof(id)) == 0)
				return a;
	return NULL;
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

/* Looks at one child. True where it may belong to an attempt that is over without saying which. */
static bool sweep_child(pid_t pid)
{
	if (attempt_of(pid))
		return false;
	struct exec_attempt *a = owner_of(pid);
	if (a && a->stage != EXEC_GONE)
		return false;
	if (!end_process(pid))
		return false;
	if (a)
		a->left = true;
	return !a;
}

/* No system call where no program has ended since the last one. */
void exec_look_again(void)
{
	static pid_t pids[CHILDREN_MAX];
	struct exec_attempt *a, *next;
	bool unknown = false, pending = false;

	if (swept)
		return;
	LIST_FOREACH(a, &exec_attempts, link)
		a->left = false;
	trees = 0;
	size_t n = descend_children(pids, CHILDREN_MAX);
	if (n > CHILDREN_MAX) {
		unknown = true;
		n = CHILDREN_MAX;
	}
	for (size_t i = 0; i < n; i++)
		unknown |= sweep_child(pids[i]);
	for (a = LIST_FIRST(&exec_attempts); a; a = next) {
		next = LIST_NEXT(a, link);
		if (a->stage != EXEC_GONE)
			continue;
		if (unknown || a->left)
			pending = true;
		else
			finish(a);
	}
	swept = !pending;
	sweeps = pending ? sweeps + 1 : 0;
}

bool exec_reap(struct run_host *h, unsigned max)
{
	unsigned n = 0;

	while (n < max) {
		siginfo_t si = { 0 };
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
			break;
		take(h, si.si_pid);
		n++;
	}
	exec_look_again();
	return n == max;
}

/* --- the end of everything --- */

/* Everybody that can be taken now. False where no child is left. */
static bool reap_all(void)
{
	struct exec_attempt *a;
	siginfo_t si;

	for (;;) {
		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno != EINTR)
			return false;
		if (si.si_pid == 0)
			return true;
		a = attempt_of(si.si_pid);
		if (a) {
			kill(-a->pid, SIGKILL);
			a->stage = EXEC_GONE;
		}
		waitpid(si.si_pid, NULL, 0);
	}
}

void exec_kill_all(struct run_host *h, int64_t max_ms)
{
	int64_t limit = clock_boot_ns() + max_ms * MS;
	struct timespec pause = { .tv_nsec = 10 * MS };
	struct exec_attempt *a;
	sigset_t child;

	(void)h;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (reap_all() && clock_boot_ns() < limit) {
		LIST_FOREACH(a, &exec_attempts, link)
			if (a->stage != EXEC_GONE)
				kill(-a->pid, SIGKILL);
		descend_signal(getpid(), SIGKILL, TREE_WALKS);
		sigtimedwait(&child, NULL, &pause);
	}
	while ((a = LIST_FIRST(&exec_attempts)) != NULL)
		exec_free(a);
	swept = true;
}
