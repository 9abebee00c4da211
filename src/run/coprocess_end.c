/* The coprocess kind, third part: a program's begin and its end, by itself, by us, or for what it said; and when the next one is started.
 * Nothing here is fatal. */
#include "run/coprocess_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/log.h"
#include "run/program.h"

#define MS 1000000LL
#define FIRST_PAUSE_NS (100 * MS)
#define MOST_PAUSE_NS (30000 * MS)
#define PATIENCE_NS (1000 * MS)         /* with a program that has closed a pipe: most are just ending */

/* --- its begin --- */

/* The three pipes; ours are ends 1, 2 and 4, and do not block. -1 with errno, and none is open. */
static int open_pipes(int fd[6])
{
	if (pipe2(fd, O_CLOEXEC) < 0 || pipe2(fd + 2, O_CLOEXEC) < 0 || pipe2(fd + 4, O_CLOEXEC) < 0
		|| fcntl(fd[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(fd[2], F_SETFL, O_NONBLOCK) < 0 || fcntl(fd[4], F_SETFL, O_NONBLOCK) < 0) {
		int saved = errno;
		for (int i = 0; i < 6; i++)
			if (fd[i] >= 0)
				close(fd[i]);
		errno = saved;
		return -1;
	}
	return 0;
}

static bool start(struct coprocess *c, struct program *p, struct spawn_plan *plan, char *why, size_t size, bool *ours)
{
	int fd[6] = { -1, -1, -1, -1, -1, -1 };
	struct run_host *h = c->pool->host;
	struct spawn_error e;

	if (open_pipes(fd) < 0) {
		snprintf(why, size, "cannot start a process for \"%s\": %s", plan->file, strerror(errno));
		return *ours = true, false;
	}
	plan->in = fd[0];
	plan->out = fd[3];
	plan->err = fd[5];
	cage_make(&c->family.cage, c->pool->handler, plan);
	pid_t pid = spawn(plan, &e);
	close(fd[0]);
	close(fd[3]);
	close(fd[5]);
	if (pid < 0) {
		cage_end(&c->family.cage, NULL);
		program_explain(p, plan, &e, why, size);
		*ours = spawn_short(&e);
		close(fd[1]);
		close(fd[2]);
		close(fd[4]);
		return false;
	}
	h->spawns++;
	buf_clear(&c->log.kept);
	output_log_init(&c->log);
	c->log.plain = true;
	c->life = COPROCESS_UP;
	c->family.handler = c->pool->handler->pattern;
	c->family.over = coprocess_over;
	c->family.drop = coprocess_dropped;
	family_begin(&c->family, h, pid);
	coprocess_use_begin(c);
	if (coprocess_listen(c, fd[1], fd[2], fd[4]) < 0) {
		snprintf(why, size, "cannot listen to \"%s\": %s", plan->file, strerror(errno));
		c->asked = true;
		c->life = COPROCESS_ENDING;
		family_kill(&c->family);
		return *ours = true, false;
	}
	return true;
}

bool coprocess_launch(struct coprocess *c, char *why, size_t size, bool *ours)
{
	static unsigned long serial;
	struct spawn_plan plan;

	*ours = false;
	memset(&c->family, 0, sizeof(c->family));
	snprintf(c->family.mark, sizeof(c->family.mark), "STINT_COPROCESS=%d.%lu", (int)c->pool->host->pid, ++serial);
	struct program *p = program_of(c->pool->handler, why, size);
	if (!p || !program_plan_to_stay(p, c->family.mark, &plan, why, size)) {
		*ours = errno == ENOMEM;
	} else if (start(c, p, &plan, why, size, ours)) {
		c->refused = false;
		return true;
	}
	c->pool->host->spawn_failures++;
	return false;
}

void coprocess_launch_by_itself(struct coprocess *c)
{
	char why[JOB_ERROR_MAX];
	bool ours;

	c->life = COPROCESS_DOWN;
	if (c->drained || coprocess_launch(c, why, sizeof(why), &ours))
		return;
	if (!c->refused && c == c->pool->instance)      /* one speaks for all */
		log_warn("handler \"%s\": %s; tried again with each job", c->pool->handler->pattern, why);
	c->refused = true;
}

/* The end of a pause, or of patience. */
void coprocess_again(struct loop_timer *t)
{
	struct coprocess *c = LOOP_OWNER(t, struct coprocess, timer);

	if (c->life == COPROCESS_PAUSED) {
		coprocess_launch_by_itself(c);
	} else if (c->life == COPROCESS_CLOSING) {
		if (!c->asked)
			snprintf(c->fault, sizeof(c->fault), "its coprocess closed its standard %s and did not end: it was ended", c->from.fd < 0 ? "output" : "input");
		coprocess_end(c, c->pool->handler->kill_grace);
	}
}

/* --- its end --- */

void coprocess_end(struct coprocess *c, int64_t grace_ms)
{
	if (c->life != COPROCESS_UP && c->life != COPROCESS_CLOSING && c->life != COPROCESS_ENDING)
		return;
	c->life = COPROCESS_ENDING;
	loop_timer_stop(c->pool->host->loop, &c->timer);
	family_end(&c->family, grace_ms);
}

void coprocess_fault(struct coprocess *c, const char *what, struct slice line)
{
	char shown[LINE_SHOWN + 4];

	line_show(line, shown, sizeof(shown));
	c->deaf = true;
	if (c->life == COPROCESS_ENDING)
		return;
	snprintf(c->fault, sizeof(c->fault), "its coprocess broke the protocol: %s: %s", what, shown);
	coprocess_verdict(c, JOB_OUTCOME_FAILED, c->fault);
	coprocess_end(c, c->pool->handler->kill_grace);
}

void coprocess_lost(struct coprocess *c)
{
	if (c->life != COPROCESS_UP)
		return;
	c->life = COPROCESS_CLOSING;
	loop_timer_set(c->pool->host->loop, &c->timer, PATIENCE_NS);
}

void coprocess_finish(struct coprocess *c)
{
	if (!c->drained || c->njobs || c->life != COPROCESS_UP)
		return;
	c->life = COPROCESS_CLOSING;
	c->asked = true;
	coprocess_close(c, &c->to);
	loop_timer_set(c->pool->host->loop, &c->timer, c->pool->handler->kill_grace * MS);
}

/* --- what is told of it --- */

static void how_it_ended(const struct coprocess *c, char *out, size_t size)
{
	int status = c->family.status;

	if (WIFEXITED(status)) {
		snprintf(out, size, "exited with code %d", WEXITSTATUS(status));
		return;
	}
	if (c->family.use.oom && WTERMSIG(status) == SIGKILL) {
		snprintf(out, size, "was killed by the kernel for want of memory%s", c->pool->handler->rlimit_memory ? ", beyond its rlimit_memory" : "");
		return;
	}
	const char *name = sigabbrev_np(WTERMSIG(status));
	snprintf(out, size, "was killed by signal %d%s%s%s", WTERMSIG(status), name ? " (SIG" : "", name ? name : "", name ? ")" : "");
}

/* Why, of one that ended by itself: its last word, what it did not end, how it went. */
static void explain(struct coprocess *c, char *out, size_t size)
{
	char how[96], said[512], shown[LINE_SHOWN + 4];

	how_it_ended(c, how, sizeof(how));
	if (c->line.len) {
		line_show((struct slice){ c->line.data, c->line.len }, shown, sizeof(shown));
		snprintf(out, size, "its coprocess %s within a line: %s", how, shown);
	} else if (output_last_line((struct slice){ c->log.kept.data, c->log.kept.len }, said, sizeof(said))) {
		snprintf(out, size, "its coprocess %s: %s", how, said);
	} else {
		snprintf(out, size, "its coprocess %s", how);
	}
}

static void end_jobs(struct coprocess *c, const char *why)
{
	struct coprocess_job *j;

	while ((j = TAILQ_FIRST(&c->jobs)) != NULL) {
		struct run_result r;
		run_result_init(&r);
		if (j->verdict != JOB_OUTCOME_NONE) {
			r.outcome = j->verdict;
			output_copy(slice_of(j->error), r.error, sizeof(r.error));
		} else if (coprocess_unwritten(j)) {
			r.outcome = JOB_OUTCOME_RELEASED;
			output_copy(SLICE("given back: its coprocess ended before it was handed over"), r.error, sizeof(r.error));
		} else {
			output_copy(slice_of(why), r.error, sizeof(r.error));
			r.exit_code = WIFEXITED(c->family.status) ? WEXITSTATUS(c->family.status) : -1;
			r.term_signal = WIFSIGNALED(c->family.status) ? WTERMSIG(c->family.status) : 0;
		}
		coprocess_use_tell(c, &r);
		coprocess_job_end(j, &r);
	}
}

static void close_all(struct coprocess *c)
{
	coprocess_close(c, &c->to);
	coprocess_close(c, &c->from);
	coprocess_close(c, &c->err);
	loop_timer_stop(c->pool->host->loop, &c->timer);
	buf_free(&c->out);
	buf_free(&c->line);
	c->sent = 0;
}

/* The next one: at once where its end was our doing, or it has worked and left in peace; else after a pause, twice as long with each death since the last answer. */
static void succeed(struct coprocess *c, bool idle, const char *why)
{
	int64_t pause = FIRST_PAUSE_NS;
	bool left = !c->fault[0] && c->nanswered && WIFEXITED(c->family.status) && WEXITSTATUS(c->family.status) == 0;

	if (c->drained || c->asked || (left && idle)) {
		if (c->fault[0])
			log_warn("handler \"%s\", process %d: %s", c->pool->handler->pattern, (int)c->family.pid, why);
		coprocess_launch_by_itself(c);
		return;
	}
	for (unsigned i = 0; i < c->failures && pause < MOST_PAUSE_NS; i++)
		pause *= 2;
	pause = pause < MOST_PAUSE_NS ? pause : MOST_PAUSE_NS;
	c->failures++;
	c->life = COPROCESS_PAUSED;
	loop_timer_set(c->pool->host->loop, &c->timer, pause);
	log_warn("handler \"%s\", process %d: %s; the next one is started in %.1f s", c->pool->handler->pattern, (int)c->family.pid, why, (double)pause / 1e9);
}

void coprocess_over(struct family *f)
{
	struct coprocess *c = LOOP_OWNER(f, struct coprocess, family);
	char why[JOB_ERROR_MAX];

	coprocess_read_all(c);
	bool idle = c->njobs == 0;
	c->life = COPROCESS_ENDING;
	if (c->fault[0])
		snprintf(why, sizeof(why), "%s", c->fault);
	else
		explain(c, why, sizeof(why));
	end_jobs(c, why);
	close_all(c);
	succeed(c, idle, why);
	buf_free(&c->log.kept);
}

void coprocess_dropped(struct family *f)
{
	struct coprocess *c = LOOP_OWNER(f, struct coprocess, family);
	struct coprocess_job *j;

	while ((j = TAILQ_FIRST(&c->jobs)) != NULL)
		coprocess_job_free(j);
	close_all(c);
	buf_free(&c->log.kept);
	c->life = COPROCESS_DOWN;
}
