/* The exec kind, first half: a program an attempt, its pipes, its time limit, its end by signals. The worker calls it through run_exec.
 * Nothing here is fatal: what goes wrong ends the attempt with a reason. */
#include "run/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/log.h"
#include "run/program.h"
#include "run/stdin.h"
#include "text/uuid.h"

#define READ_ROUNDS 8u                          /* buffers a pipe may take of one loop turn */

static unsigned running;

unsigned exec_running(void)
{
	return running;
}

void exec_close(struct exec_attempt *a, struct loop_io *io)
{
	if (io->fd < 0)
		return;
	loop_del(a->base.host->loop, io);
	close(io->fd);
	io->fd = -1;
}

static void log_add(struct exec_attempt *a, const char *p, size_t n)
{
	struct run_host *h = a->base.host;

	output_log_add(&a->log, p, n);
	if (h->logged)
		h->logged(h->arg, a->base.task);
}

static const struct output_log *exec_log(const struct run_attempt *a)
{
	return &((const struct exec_attempt *)(const void *)a)->log;
}

static void take(void *arg, struct loop_io *io, const char *p, size_t n)
{
	struct exec_attempt *a = arg;

	if (io == &a->out)
		output_head_add(&a->head, p, n);
	else
		log_add(a, p, n);
}

void exec_read(struct exec_attempt *a, struct loop_io *io, unsigned rounds)
{
	if (!run_read(a->base.host, io, rounds, take, a))
		exec_close(a, io);
}

static void out_ready(struct loop_io *io, uint32_t events)
{
	(void)events;
	exec_read(LOOP_OWNER(io, struct exec_attempt, out), io, READ_ROUNDS);
}

static void err_ready(struct loop_io *io, uint32_t events)
{
	(void)events;
	exec_read(LOOP_OWNER(io, struct exec_attempt, err), io, READ_ROUNDS);
}

static void said_progress(void *arg, int percent, struct slice message)
{
	struct exec_attempt *a = arg;
	struct run_host *h = a->base.host;

	if (h->progress)
		h->progress(h->arg, a->base.task, percent, message);
}

void exec_free(struct exec_attempt *a)
{
	exec_close(a, &a->out);
	exec_close(a, &a->err);
	loop_timer_stop(a->base.host->loop, &a->timer);
	running--;
	buf_free(&a->head.kept);
	buf_free(&a->log.kept);
	free(a);
}

/* --- its end --- */

static void out_of_time(struct loop_timer *t)
{
	struct exec_attempt *a = LOOP_OWNER(t, struct exec_attempt, timer);

	if (a->family.stage != FAMILY_RUNNING)
		return;
	a->forced = JOB_OUTCOME_TIMED_OUT;
	family_end(&a->family, a->base.task->handler->kill_grace);
}

static void exec_stop(struct run_host *h, struct run_attempt *attempt, enum run_stop how, int64_t grace_ms)
{
	struct exec_attempt *a = (struct exec_attempt *)(void *)attempt;
	int64_t grace = a->base.task->handler->kill_grace;

	(void)h;
	if (how == RUN_STOP_RELEASE && grace_ms < grace)
		grace = grace_ms;
	if (a->family.stage == FAMILY_RUNNING)
		a->forced = how == RUN_STOP_CANCEL ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED;
	family_end(&a->family, grace);
}

static void dropped(struct family *f)
{
	exec_free(LOOP_OWNER(f, struct exec_attempt, family));
}

/* --- its beginning --- */

static void close_all(int fd[5])
{
	for (int i = 0; i < 5; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/* stdin, and both ends of two pipes; ours do not block. -1 with errno, and none is open. */
static int open_fds(const struct run_task *t, int fd[5])
{
	fd[0] = stdin_make(t->payload, t->payload_len);
	if (fd[0] < 0 || pipe2(fd + 1, O_CLOEXEC) < 0 || pipe2(fd + 3, O_CLOEXEC) < 0
		|| fcntl(fd[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(fd[3], F_SETFL, O_NONBLOCK) < 0) {
		int saved = errno;
		close_all(fd);
		errno = saved;
		return -1;
	}
	return 0;
}

/* An attempt that never ran. Want of our own resources gives the job back. */
static void not_started(struct run_host *h, struct run_task *t, const char *why, bool ours)
{
	struct run_result r;

	run_result_init(&r);
	h->spawn_failures++;
	if (ours)
		r.outcome = JOB_OUTCOME_RELEASED;
	output_copy(slice_of(why), r.error, sizeof(r.error));
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}

static struct exec_attempt *attempt_new(struct run_host *h, struct run_task *t)
{
	struct exec_attempt *a = calloc(1, sizeof(*a));
	char id[UUID_TEXT_BYTES];

	if (!a)
		return NULL;
	a->base = (struct run_base){ h, t };
	a->out = (struct loop_io){ .fd = -1, .ready = out_ready };
	a->err = (struct loop_io){ .fd = -1, .ready = err_ready };
	a->timer.fire = out_of_time;
	a->family = (struct family){ .handler = t->handler->pattern, .over = exec_over, .drop = dropped };
	uuid_format(t->id.b, id);
	snprintf(a->family.mark, sizeof(a->family.mark), "STINT_JOB_ID=%s", id);
	a->head.limit = t->handler->max_output;
	output_log_init(&a->log);
	a->log.progress = said_progress;
	a->log.arg = a;
	return a;
}

/* Hands our pipe ends to the loop. Where that fails the program must not go on unheard. */
static void listen_to(struct exec_attempt *a, int out, int err)
{
	struct loop *l = a->base.host->loop;

	a->out.fd = out;
	a->err.fd = err;
	if (loop_add(l, &a->out, EPOLLIN) < 0) {
		close(out);
		a->out.fd = -1;
	}
	if (loop_add(l, &a->err, EPOLLIN) < 0) {
		close(err);
		a->err.fd = -1;
	}
	if (a->out.fd < 0 || a->err.fd < 0) {
		log_warn("cannot listen to a handler's output: %s", strerror(errno));
		a->forced = JOB_OUTCOME_RELEASED;
		family_kill(&a->family);
	} else if (a->base.task->timeout_ms > 0) {
		run_timer(l, &a->timer, a->base.task->timeout_ms);
	}
}

/* False where it was not started, which has been reported. */
static bool launch(struct exec_attempt *a, struct spawn_plan *plan, struct program *p, int fd[5])
{
	struct run_host *h = a->base.host;
	struct spawn_error e;
	char why[JOB_ERROR_MAX];

	plan->in = fd[0];
	plan->out = fd[2];
	plan->err = fd[4];
	a->started_ns = clock_boot_ns();
	a->started_ms = clock_wall_ms();
	h->started(h->arg, a->base.task);       /* before it runs: a death of ours in between must count as a crash, not as never begun */
	cage_make(&a->family.cage, a->base.task->handler, plan);
	pid_t pid = spawn(plan, &e);
	if (pid < 0) {
		cage_end(&a->family.cage, NULL);
		program_explain(p, plan, &e, why, sizeof(why));
		close_all(fd);
		not_started(h, a->base.task, why, spawn_short(&e));
		return false;
	}
	close(fd[0]);
	close(fd[2]);
	close(fd[4]);
	h->spawns++;
	running++;
	family_begin(&a->family, h, pid);
	listen_to(a, fd[1], fd[3]);
	return true;
}

static void exec_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	int fd[5] = { -1, -1, -1, -1, -1 };
	char why[JOB_ERROR_MAX] = "";
	struct spawn_plan plan;
	struct exec_attempt *a;

	*out = NULL;
	struct program *p = program_of(t->handler, why, sizeof(why));
	if (!p || !program_plan(p, t, &plan, why, sizeof(why))) {
		not_started(h, t, why, errno == ENOMEM);
		return;
	}
	a = attempt_new(h, t);
	if (!a || open_fds(t, fd) < 0) {
		snprintf(why, sizeof(why), "cannot start a process for \"%s\": %s", plan.file, strerror(errno));
		free(a);
		not_started(h, t, why, true);
		return;
	}
	if (launch(a, &plan, p, fd))
		*out = (struct run_attempt *)(void *)a;
	else
		free(a);
}

const struct run_kind run_exec = { .name = "exec", .start = exec_start, .stop = exec_stop, .log = exec_log };
