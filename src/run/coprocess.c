/* The coprocess kind, first part: which instance gets a job, and how a job ends. The worker calls it through run_coprocess and run/coprocess.h.
 * Nothing here is fatal: what goes wrong ends attempts with a reason. */
#include "run/coprocess_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"

struct coprocess_pool *coprocess_pools;

static struct coprocess_pool *pool_of(const struct conf_handler *h)
{
	struct coprocess_pool *p = coprocess_pools;

	while (p && p->handler != h)
		p = p->next;
	return p;
}

int coprocess_begin(struct run_host *h, const struct conf_handler *handler, unsigned instances)
{
	struct coprocess_pool *p = calloc(1, sizeof(*p));

	if (p)
		p->instance = calloc(instances, sizeof(*p->instance));
	if (!p || !p->instance) {
		free(p);
		return -1;
	}
	*p = (struct coprocess_pool){ .next = coprocess_pools, .handler = handler, .host = h, .instance = p->instance, .n = instances };
	coprocess_pools = p;
	for (unsigned i = 0; i < instances; i++) {
		struct coprocess *c = &p->instance[i];
		c->pool = p;
		c->number = i + 1;
		TAILQ_INIT(&c->jobs);
		coprocess_io_init(c);
		c->timer.fire = coprocess_again;
	}
	return 0;
}

/* --- who takes a job --- */

static unsigned room_of(const struct coprocess *c)
{
	unsigned most = (unsigned)c->pool->handler->pipeline;

	return (c->life == COPROCESS_UP || c->life == COPROCESS_DOWN) && !c->drained && c->njobs < most ? most - c->njobs : 0;
}

uint32_t coprocess_room(const struct conf_handler *handler)
{
	const struct coprocess_pool *p = pool_of(handler);
	uint32_t room = 0;

	for (unsigned i = 0; p && i < p->n; i++)
		room += room_of(&p->instance[i]);
	return room;
}

/* The one with the least to do; of those one that runs. NULL where none is ready. */
static struct coprocess *freest(const struct coprocess_pool *p)
{
	struct coprocess *best = NULL;

	for (unsigned i = 0; p && i < p->n; i++) {
		struct coprocess *c = &p->instance[i];
		if (room_of(c) && (!best || c->njobs < best->njobs || (c->njobs == best->njobs && best->life == COPROCESS_DOWN)))
			best = c;
	}
	return best;
}

struct coprocess_job *coprocess_job_of(struct coprocess *c, const struct job_id *id)
{
	struct coprocess_job *j;

	TAILQ_FOREACH(j, &c->jobs, link)
		if (memcmp(&j->base.task->id, id, sizeof(*id)) == 0)
			return coprocess_unwritten(j) ? NULL : j;
	return NULL;
}

/* --- how a job ends --- */

void coprocess_job_free(struct coprocess_job *j)
{
	loop_timer_stop(j->base.host->loop, &j->timer);
	TAILQ_REMOVE(&j->in->jobs, j, link);
	j->in->njobs--;
	buf_free(&j->log.kept);
	free(j);
}

void coprocess_job_end(struct coprocess_job *j, struct run_result *r)
{
	struct run_host *h = j->base.host;
	struct run_task *t = j->base.task;

	output_log_end(&j->log);
	r->started_ms = j->started_ms;
	r->duration_us = (clock_boot_ns() - j->started_ns) / 1000;
	r->log = j->log.kept;
	r->log_total = j->log.total;
	r->log_said = j->log.said;
	r->output_total = j->output_total;
	j->log.kept = (struct buf){ 0 };
	coprocess_job_free(j);
	h->ended(h->arg, t, r);
	run_result_free(r);
}

static void set_verdict(struct coprocess_job *j, enum job_outcome verdict, const char *error)
{
	if (j->verdict != JOB_OUTCOME_NONE && !j->answer_counts)
		return;
	j->verdict = verdict;
	j->answer_counts = false;
	output_copy(slice_of(error), j->error, sizeof(j->error));
}

void coprocess_verdict(struct coprocess *c, enum job_outcome verdict, const char *error)
{
	struct coprocess_job *j;

	TAILQ_FOREACH(j, &c->jobs, link)
		if (j->verdict == JOB_OUTCOME_NONE) {
			set_verdict(j, verdict, error);
			j->answer_counts = verdict == JOB_OUTCOME_RELEASED;
		}
}

/* One job takes its program, and what else that had in flight, with it. */
static void end_with(struct coprocess_job *j, enum job_outcome verdict, const char *error, int64_t grace_ms)
{
	struct coprocess *c = j->in;

	set_verdict(j, verdict, error);
	coprocess_verdict(c, JOB_OUTCOME_RELEASED, verdict == JOB_OUTCOME_TIMED_OUT ? "given back: its program was ended since another job timed out"
		: "given back: its program was ended for another job's sake");
	c->asked = true;
	coprocess_end(c, grace_ms);
}

static void out_of_time(struct loop_timer *t)
{
	struct coprocess_job *j = LOOP_OWNER(t, struct coprocess_job, timer);
	struct run_result r;

	if (j->in->life == COPROCESS_ENDING)
		return;                 /* for another's sake: it is given back */
	run_result_init(&r);
	run_timed_out(j->base.task, &r);
	end_with(j, JOB_OUTCOME_TIMED_OUT, r.error, j->base.task->handler->kill_grace);
}

/* The program knows nothing of it yet. */
static void end_unwritten(struct coprocess_job *j, enum job_outcome outcome, const char *error)
{
	struct run_result r;

	coprocess_unwrite(j);
	run_result_init(&r);
	r.outcome = outcome;
	output_copy(slice_of(error), r.error, sizeof(r.error));
	coprocess_job_end(j, &r);
}

static void job_stop(struct run_host *h, struct run_attempt *a, enum run_stop how, int64_t grace_ms)
{
	struct coprocess_job *j = (struct coprocess_job *)(void *)a;
	int64_t grace = j->base.task->handler->kill_grace;
	enum job_outcome verdict = how == RUN_STOP_CANCEL ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_RELEASED;
	const char *error = how == RUN_STOP_CANCEL ? "cancelled while it ran" : "ended because the server stops";

	(void)h;
	if (coprocess_unwritten(j))
		end_unwritten(j, verdict, error);
	else
		end_with(j, verdict, error, how == RUN_STOP_RELEASE && grace_ms < grace ? grace_ms : grace);
}

/* --- its beginning --- */

/* An attempt that never ran. */
static void not_started(struct run_host *h, struct run_task *t, const char *why, bool ours, bool crowded)
{
	struct run_result r;

	run_result_init(&r);
	if (ours)
		r.outcome = JOB_OUTCOME_RELEASED;
	r.crowded = crowded;
	output_copy(slice_of(why), r.error, sizeof(r.error));
	h->ended(h->arg, t, &r);
	run_result_free(&r);
}

static struct coprocess_job *job_new(struct run_host *h, struct run_task *t, struct coprocess *c)
{
	struct coprocess_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->base = (struct run_base){ h, t };
	j->in = c;
	j->from = j->to = COPROCESS_NOT_WRITTEN;
	j->timer.fire = out_of_time;
	j->started_ns = clock_boot_ns();
	j->started_ms = clock_wall_ms();
	output_log_init(&j->log);
	j->log.plain = true;
	if (c->njobs == 0)
		coprocess_use_pass(c);
	TAILQ_INSERT_TAIL(&c->jobs, j, link);
	c->njobs++;
	return j;
}

static void job_start(struct run_host *h, struct run_task *t, struct run_attempt **out)
{
	struct coprocess *c = freest(pool_of(t->handler));
	char why[JOB_ERROR_MAX] = "";
	bool ours = false;

	*out = NULL;
	if (!c) {
		not_started(h, t, "none of its coprocesses is ready in this worker: given back", true, true);
		return;
	}
	if (c->life == COPROCESS_DOWN && !coprocess_launch(c, why, sizeof(why), &ours)) {
		not_started(h, t, why, ours, false);
		return;
	}
	struct coprocess_job *j = job_new(h, t, c);
	if (!j) {
		not_started(h, t, "out of memory", true, false);
		return;
	}
	*out = (struct run_attempt *)(void *)j;
	h->started(h->arg, t);
	if (t->timeout_ms > 0)
		run_timer(h->loop, &j->timer, t->timeout_ms);
	coprocess_write(c);
}

static const struct output_log *job_log(const struct run_attempt *a)
{
	return &((const struct coprocess_job *)(const void *)a)->log;
}

const struct run_kind run_coprocess = { .name = "coprocess", .start = job_start, .stop = job_stop, .log = job_log };

/* --- all of them --- */

static void each(void (*fn)(struct coprocess *c, int64_t arg), int64_t arg)
{
	for (struct coprocess_pool *p = coprocess_pools; p; p = p->next)
		for (unsigned i = 0; i < p->n; i++)
			fn(&p->instance[i], arg);
}

static void warm_one(struct coprocess *c, int64_t arg)
{
	(void)arg;
	if (c->life == COPROCESS_DOWN)
		coprocess_launch_by_itself(c);
}

void coprocess_warm(void)
{
	each(warm_one, 0);
}

static void drain_one(struct coprocess *c, int64_t arg)
{
	(void)arg;
	c->drained = true;
	if (c->life == COPROCESS_PAUSED) {
		loop_timer_stop(c->pool->host->loop, &c->timer);
		c->life = COPROCESS_DOWN;
	}
	coprocess_finish(c);
}

void coprocess_drain(void)
{
	each(drain_one, 0);
}

static void stop_one(struct coprocess *c, int64_t grace_ms)
{
	int64_t grace = c->pool->handler->kill_grace;

	drain_one(c, 0);
	if (c->life != COPROCESS_DOWN)
		coprocess_end(c, grace_ms < grace ? grace_ms : grace);
}

void coprocess_stop(int64_t grace_ms)
{
	each(stop_one, grace_ms);
}

bool coprocess_gone(void)
{
	for (const struct coprocess_pool *p = coprocess_pools; p; p = p->next)
		for (unsigned i = 0; i < p->n; i++)
			if (p->instance[i].life != COPROCESS_DOWN && p->instance[i].life != COPROCESS_PAUSED)
				return false;
	return true;
}

void coprocess_forget(void)
{
	while (coprocess_pools) {
		struct coprocess_pool *p = coprocess_pools;
		coprocess_pools = p->next;
		for (unsigned i = 0; i < p->n; i++) {
			loop_timer_stop(p->host->loop, &p->instance[i].timer);
			buf_free(&p->instance[i].out);
			buf_free(&p->instance[i].line);
			buf_free(&p->instance[i].log.kept);
		}
		free(p->instance);
		free(p);
	}
}
