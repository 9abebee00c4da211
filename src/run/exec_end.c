/* The exec kind, second half: what is reported of a program that is over. Called by family.c when nothing of it is left. Pipes are not waited for: who escaped may hold them. */
#include "run/exec.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define DRAIN_ROUNDS 32u                /* buffers read of each pipe at the end: twice what a pipe may hold */
#define EXIT_FOR_GOOD 65                /* EX_DATAERR: the job itself is wrong, no retry */

static void exited(const struct exec_attempt *a, struct run_result *r)
{
	if (WIFEXITED(a->family.status)) {
		r->exit_code = WEXITSTATUS(a->family.status);
		r->outcome = r->exit_code == 0 ? JOB_OUTCOME_SUCCEEDED : JOB_OUTCOME_FAILED;
		r->no_retry = r->exit_code == EXIT_FOR_GOOD;
	} else {
		r->term_signal = WTERMSIG(a->family.status);
	}
}

/* The option that such an end comes from; NULL where it is none's doing. */
static const char *limit_of(const struct conf_handler *h, int signo)
{
	if (signo == SIGXCPU && h->rlimit_cpu)
		return "rlimit_cpu";
	return signo == SIGXFSZ && h->rlimit_file_size ? "rlimit_file_size" : NULL;
}

/* last_error of a program that failed by itself. */
static void explain(const struct exec_attempt *a, struct run_result *r)
{
	if (a->family.use.oom && r->term_signal == SIGKILL) {
		snprintf(r->error, sizeof(r->error), "killed by the kernel for want of memory (SIGKILL)%s", a->base.task->handler->rlimit_memory ? ": beyond rlimit_memory of its handler" : "");
		return;
	}
	if (output_last_line((struct slice){ a->log.kept.data, a->log.kept.len }, r->error, sizeof(r->error)))
		return;
	if (r->term_signal == 0) {
		snprintf(r->error, sizeof(r->error), "exited with code %d", (int)r->exit_code);
		return;
	}
	const char *name = sigabbrev_np(r->term_signal), *limit = limit_of(a->base.task->handler, r->term_signal);
	if (limit)
		snprintf(r->error, sizeof(r->error), "killed by signal %d (SIG%s): beyond %s of its handler", (int)r->term_signal, name, limit);
	else if (name)
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

void exec_over(struct family *f)
{
	struct exec_attempt *a = LOOP_OWNER(f, struct exec_attempt, family);
	struct run_host *h = a->base.host;
	struct run_task *t = a->base.task;
	struct run_result r;

	exec_read(a, &a->out, DRAIN_ROUNDS);
	exec_read(a, &a->err, DRAIN_ROUNDS);
	output_log_end(&a->log);
	run_result_init(&r);
	judge(a, &r);
	r.started_ms = a->started_ms;
	r.duration_us = (a->family.ended_ns - a->started_ns) / 1000;
	r.cpu_us = family_cpu_us(&a->family);
	/* the kernel's figure of a process begins with ours, which it is a copy of for a moment */
	r.max_rss_kb = a->family.use.peak_kb >= 0 ? (uint64_t)a->family.use.peak_kb : (uint64_t)a->family.usage.ru_maxrss;
	r.retry_in_ms = r.outcome == JOB_OUTCOME_SUCCEEDED ? -1 : a->log.retry_in_ms;
	r.output_total = a->head.total;
	r.log_total = a->log.total;
	r.log_said = a->log.said;
	r.output_cut = output_head_cut(&a->head);
	r.output = a->head.kept;
	r.log = a->log.kept;
	a->head.kept = a->log.kept = (struct buf){ 0 };
	exec_free(a);
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}
