/* The jobs a worker holds: from a grant through a kind's attempt to a finish that the keeper has answered. Called by worker.c and, through the
 * run_host, by the kinds. Every lease taken here ends in an answered finish; one that cannot be recorded now is asked for again. Nothing here is fatal. */
#include "process/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "run/output.h"
#include "text/json.h"
#include "text/uuid.h"

#define MS 1000000LL
#define LATER_NS (250 * MS)             /* before a finish is asked again */
#define PROGRESS_NS (1000 * MS)         /* at most one report a second and job */
#define SHORT_MS 1000                   /* without claims where processes, memory or descriptors are short */
#define UNKNOWN_MS 100                  /* without claims where a job came for which this conf has no handler */
#define MEMORY_KEPT (64u << 10)
#define TAG_PROGRESS (UINT64_C(1) << 62)

static struct held *held_of(struct run_task *t)
{
	return LOOP_OWNER(t, struct held, task);
}

/* --- the log --- */

struct line { char id[UUID_TEXT_BYTES], trace[33]; struct log_job job; };

static struct log_job *line_of(const struct held *j, struct line *l)
{
	const struct run_task *t = &j->task;

	uuid_format(t->id.b, l->id);
	l->trace[0] = '\0';
	if (strlen(t->trace) >= 3 + sizeof(l->trace))           /* 00-TRACE-SPAN-FLAGS */
		snprintf(l->trace, sizeof(l->trace), "%s", t->trace + 3);
	l->job = (struct log_job){
		.id = l->id, .type = t->type, .queue = t->queue, .worker = j->w->name, .trace_id = l->trace[0] ? l->trace : NULL,
		.attempt = t->attempt, .duration_us = -1, .priority = t->priority, .has_priority = true,
	};
	return &l->job;
}

static void log_begin(const struct held *j)
{
	struct line l;

	if (log_enabled(LOG_LEVEL_INFO))
		log_write(LOG_LEVEL_INFO, line_of(j, &l), "processing");
}

static void log_end(const struct held *j, enum log_level level, bool began)
{
	struct line l;

	if (!log_enabled(level))
		return;
	struct log_job *job = line_of(j, &l);
	job->outcome = job_outcome_name((enum job_outcome)j->finish.outcome);
	if (began)
		job->duration_us = j->finish.duration_us;
	if (began)
		log_write(level, job, "finished");
	else
		log_write(level, job, "not started: %s", j->error);
}

/* --- its end --- */

static void held_free(struct held *j)
{
	struct worker *w = j->w;

	atomic_store_explicit(&w->run[j->index].state, SHM_RUN_FREE, memory_order_release);
	buf_free(&j->result);
	buf_free(&j->log);
	buf_free(&j->payload);
	if (j->memory_size > MEMORY_KEPT) {
		free(j->memory);
		j->memory = NULL;
		j->memory_size = 0;
	}
	j->state = HELD_FREE;
	w->idle[w->nidle++] = j->index;
}

static void ask_later(struct held *j)
{
	j->state = HELD_LATER;
	if (j->w->later.place == 0)
		loop_timer_set(j->w->p->loop, &j->w->later, LATER_NS);
}

static void finish_go_on(struct held *j);
static void report_progress(struct held *j, int64_t now_ns);

static void result_staged(void *arg, uint64_t blob, int rc)
{
	struct held *j = arg;

	if (rc != STORE_OK) {
		ask_later(j);
		return;
	}
	j->finish.result_blob = blob;
	finish_go_on(j);
}

static void log_staged(void *arg, uint64_t blob, int rc)
{
	struct held *j = arg;

	if (rc != STORE_OK) {
		ask_later(j);
		return;
	}
	j->finish.log_blob = blob;
	finish_go_on(j);
}

static void stage(struct held *j, const struct buf *b, ask_staged_fn ready)
{
	j->state = HELD_STAGING;
	if (ask_stage(j->w->box, b->data, b->len, ready, j) < 0)
		ask_later(j);
}

/* Result and log that are too long for a request go up first, one after the other; then the finish is asked. */
static void finish_go_on(struct held *j)
{
	struct request_finish *f = &j->finish;

	if (j->bare)
		f->result_blob = f->log_blob = f->result_len = f->log_len = 0;
	if (f->result_len > JOB_INLINE_MAX && !f->result_blob) {
		stage(j, &j->result, result_staged);
		return;
	}
	if (f->log_len > JOB_INLINE_MAX && !f->log_blob) {
		stage(j, &j->log, log_staged);
		return;
	}
	struct ask_piece piece[] = {
		{ f, sizeof(*f) }, { j->result.data, f->result_blob ? 0 : f->result_len }, { j->error, f->error_len }, { j->log.data, f->log_blob ? 0 : f->log_len },
	};
	j->state = HELD_ASKED;
	if (ask_add(j->w->box, REQUEST_FINISH, j->index, piece, 4) < 0)
		ask_later(j);
}

static void fill_finish(struct held *j, struct run_result *r)
{
	bool succeeded = r->outcome == JOB_OUTCOME_SUCCEEDED;

	j->finish = (struct request_finish){
		.id = j->task.id, .token = j->task.token, .outcome = r->outcome, .exit_code = r->exit_code, .term_signal = r->term_signal,
		.started_ms = r->started_ms, .duration_us = r->duration_us, .cpu_us = r->cpu_us, .max_rss_kb = r->max_rss_kb, .retry_in_ms = r->retry_in_ms,
	};
	j->log = r->log;
	r->log = (struct buf){ 0 };
	if (succeeded) {
		j->result = r->output;
		r->output = (struct buf){ 0 };
		j->finish.flags |= r->output_cut ? REQUEST_FINISH_RESULT_CUT : 0;
		if (j->result.len && json_valid(j->result.data, j->result.len, &(struct json_error){ 0 }))
			j->finish.flags |= REQUEST_FINISH_RESULT_JSON;
	} else {
		memcpy(j->error, r->error, sizeof(j->error));
		j->finish.flags |= r->no_retry ? REQUEST_FINISH_NO_RETRY : 0;
		j->finish.error_len = (uint32_t)strlen(j->error);
	}
	j->finish.result_len = j->result.len;
	j->finish.log_len = j->log.len;
}

void held_ended(void *arg, struct run_task *t, struct run_result *r)
{
	struct worker *w = arg;
	struct held *j = held_of(t);

	j->attempt = NULL;
	if (j->percent >= 0)            /* its last word, in the commit of its end */
		report_progress(j, loop_now(w->p->loop));
	w->running--;
	follow_ended(j, (struct slice){ r->log.data, r->log.len }, r->log_said);
	fill_finish(j, r);
	log_end(j, r->started_ms || r->crowded ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, r->started_ms != 0);
	if (r->outcome == JOB_OUTCOME_RELEASED && r->started_ms == 0 && !r->crowded)
		worker_short(w, SHORT_MS);
	finish_go_on(j);
}

/* Ends it before any kind has seen it. */
static void end_unrun(struct held *j, enum job_outcome outcome, enum log_level level, const char *why)
{
	struct run_result r = { .outcome = outcome, .exit_code = -1, .retry_in_ms = -1 };

	output_copy(slice_of(why), r.error, sizeof(r.error));
	j->w->running--;
	fill_finish(j, &r);
	log_end(j, level, false);
	finish_go_on(j);
}

void held_answered(struct worker *w, const struct request_result *r)
{
	char id[UUID_TEXT_BYTES];

	if (r->tag & TAG_PROGRESS || r->tag >= w->capacity)
		return;
	struct held *j = &w->held[r->tag];
	if (j->state != HELD_ASKED)
		return;
	uuid_format(j->task.id.b, id);
	switch ((enum store_rc)r->rc) {
	case STORE_OK:
		held_free(j);
		break;
	case STORE_IO:
	case STORE_BUSY:
	case STORE_NO_SPACE:
	case STORE_NO_MEMORY:
		ask_later(j);
		break;
	case STORE_INVALID:
		if (!j->bare) {
			log_error("the end of job %s was refused as malformed: recording it without result and log", id);
			j->bare = true;
			ask_later(j);
			break;
		}
		/* fall through */
	default:
		log_warn("the end of job %s, attempt %u (%s) was not recorded: %s", id, j->task.attempt, job_outcome_name((enum job_outcome)j->finish.outcome),
			 store_rc_text((enum store_rc)r->rc));
		held_free(j);
	}
}

static void later_fired(struct loop_timer *t)
{
	struct worker *w = LOOP_OWNER(t, struct worker, later);

	for (uint32_t i = 0; i < w->capacity; i++)
		if (w->held[i].state == HELD_LATER)
			finish_go_on(&w->held[i]);
}

/* --- while it runs --- */

void held_started(void *arg, struct run_task *t)
{
	struct worker *w = arg;
	struct shm_run *run = &w->run[held_of(t)->index];

	run->started_ms = clock_wall_ms();
	atomic_store_explicit(&run->state, SHM_RUN_STARTED, memory_order_release);
}

static void report_progress(struct held *j, int64_t now_ns)
{
	struct request_progress p = { .id = j->task.id, .token = j->task.token, .percent = j->percent, .message_len = (uint32_t)j->message_len };
	struct ask_piece piece[] = { { &p, sizeof(p) }, { j->message, j->message_len } };

	/* where memory is out this one is lost, as it may be */
	ask_add(j->w->box, REQUEST_PROGRESS, TAG_PROGRESS, piece, 2);
	j->percent = -1;
	j->reported_ns = now_ns;
}

void held_progress(void *arg, struct run_task *t, int percent, struct slice message)
{
	struct worker *w = arg;
	struct held *j = held_of(t);
	int64_t now = loop_now(w->p->loop);

	output_copy(message, j->message, sizeof(j->message));
	j->message_len = strlen(j->message);
	j->percent = percent;
	if (j->reported_ns == 0 || now - j->reported_ns >= PROGRESS_NS)
		report_progress(j, now);
	else if (w->progress_timer.place == 0)
		loop_timer_set(w->p->loop, &w->progress_timer, PROGRESS_NS);
}

static void progress_fired(struct loop_timer *t)
{
	struct worker *w = LOOP_OWNER(t, struct worker, progress_timer);
	bool more = false;

	for (uint32_t i = 0; i < w->capacity; i++) {
		struct held *j = &w->held[i];
		if (j->state != HELD_RUNNING || j->percent < 0)
			continue;
		if (loop_now(w->p->loop) - j->reported_ns >= PROGRESS_NS)
			report_progress(j, loop_now(w->p->loop));
		else
			more = true;
	}
	if (more)
		loop_timer_set(w->p->loop, t, PROGRESS_NS / 4);
}

void held_cancel(struct worker *w, uint64_t token)
{
	for (uint32_t i = 0; i < w->capacity; i++) {
		struct held *j = &w->held[i];
		if (j->state == HELD_RUNNING && j->attempt && j->task.token == token)
			j->kind->stop(&w->host, j->attempt, RUN_STOP_CANCEL, j->task.handler->kill_grace);
	}
}

void held_stop_all(struct worker *w, int64_t grace_ms)
{
	for (uint32_t i = 0; i < w->capacity; i++) {
		struct held *j = &w->held[i];
		if (j->state == HELD_RUNNING && j->attempt)
			j->kind->stop(&w->host, j->attempt, RUN_STOP_RELEASE, grace_ms);
	}
}

/* --- its beginning --- */

static char *copy(char **to, struct job_text text)
{
	char *at = *to;

	if (text.n)
		memcpy(at, text.p, text.n);
	at[text.n] = '\0';
	*to += text.n + 1;
	return at;
}

/* Copies a grant out of the ring. False where memory is out. */
static bool copy_task(struct held *j, const struct grant_view *v)
{
	const struct grant *g = &v->g;
	size_t need = v->type.n + v->queue.n + v->name.n + v->trace.n + v->content_type.n + v->payload.n + 6;

	j->task = (struct run_task){
		.id = g->id, .token = g->token, .attempt = g->attempt, .max_attempts = g->max_attempts, .timeout_ms = g->timeout_ms, .priority = g->priority,
		.deadline_ms = g->timeout_ms ? clock_wall_ms() + g->timeout_ms : 0, .payload_len = g->payload_blob ? 0 : v->payload.n,
	};
	if (need > j->memory_size) {
		char *memory = realloc(j->memory, need < 1024 ? 1024 : need);
		if (!memory)
			return false;
		j->memory = memory;
		j->memory_size = need < 1024 ? 1024 : need;
	}
	char *to = j->memory;
	j->task.type = copy(&to, v->type);
	j->task.queue = copy(&to, v->queue);
	j->task.name = copy(&to, v->name);
	j->task.trace = copy(&to, v->trace);
	j->task.content_type = copy(&to, v->content_type);
	j->task.payload = copy(&to, v->payload);
	return true;
}

static void mark_granted(struct held *j)
{
	struct shm_run *run = &j->w->run[j->index];
	size_t n = strlen(j->task.type);

	run->attempt = j->task.attempt;
	run->token = j->task.token;
	run->started_ms = 0;
	memcpy(run->id, j->task.id.b, sizeof(run->id));
	n = n < sizeof(run->type) ? n : sizeof(run->type) - 1;
	memcpy(run->type, j->task.type, n);
	run->type[n] = '\0';
	atomic_store_explicit(&run->state, SHM_RUN_GRANTED, memory_order_release);
}

/* The payload that did not travel with its grant. False where the job was ended instead. */
static bool fetch_payload(struct held *j, const struct grant *g)
{
	char why[256] = "", error[512];

	enum store_rc rc = worker_payload(j->w, g->payload_blob, (size_t)g->payload_len, &j->payload, why, sizeof(why));
	if (rc == STORE_OK) {
		j->task.payload = j->payload.data;
		j->task.payload_len = j->payload.len;
		return true;
	}
	bool gone = rc == STORE_DAMAGED || rc == STORE_NOT_FOUND;
	snprintf(error, sizeof(error), "its payload cannot be read from the store: %s", why);
	if (!gone)
		worker_short(j->w, SHORT_MS);
	end_unrun(j, gone ? JOB_OUTCOME_FAILED : JOB_OUTCOME_RELEASED, LOG_LEVEL_WARN, error);
	return false;
}

/* Finds who runs it, or ends it. */
static bool find_kind(struct held *j)
{
	char error[JOB_ERROR_MAX];

	j->task.handler = conf_handler_of(j->w->p->conf, slice_of(j->task.type));
	if (!j->task.handler || j->task.handler->kind == CONF_HANDLER_NONE || j->task.handler->kind == CONF_HANDLER_REMOTE) {
		worker_short(j->w, UNKNOWN_MS);
		end_unrun(j, JOB_OUTCOME_RELEASED, LOG_LEVEL_WARN, "this worker's conf has no handler for its type: given back");
		return false;
	}
	j->kind = run_kind_of(j->task.handler);
	if (j->kind)
		return true;
	snprintf(error, sizeof(error), "handler \"%s\" is of a kind that this build of stintd cannot run", j->task.handler->pattern);
	end_unrun(j, JOB_OUTCOME_FAILED, LOG_LEVEL_WARN, error);
	return false;
}

void held_take(struct worker *w, const struct grant_view *v)
{
	struct held *j = &w->held[w->idle[--w->nidle]];
	static char nothing[1];

	j->state = HELD_RUNNING;
	j->attempt = NULL;
	j->bare = false;
	j->percent = -1;
	j->reported_ns = 0;
	w->running++;
	bool copied = copy_task(j, v);
	if (!copied)
		j->task.type = j->task.queue = j->task.name = j->task.trace = j->task.content_type = j->task.payload = nothing;
	mark_granted(j);
	grant_consume(w->p->seg, w->p->slot, v);
	if (!copied) {
		worker_short(w, SHORT_MS);
		end_unrun(j, JOB_OUTCOME_RELEASED, LOG_LEVEL_WARN, "out of memory: given back");
		return;
	}
	if (w->draining) {
		end_unrun(j, JOB_OUTCOME_RELEASED, LOG_LEVEL_INFO, "the server stops: given back");
		return;
	}
	if (!find_kind(j) || (v->g.payload_blob && !fetch_payload(j, &v->g)))
		return;
	log_begin(j);
	j->kind->start(&w->host, &j->task, &j->attempt);
}

int held_init(struct worker *w)
{
	w->held = calloc(w->capacity, sizeof(*w->held));
	w->idle = calloc(w->capacity, sizeof(*w->idle));
	if (!w->held || !w->idle)
		return -1;
	w->later.fire = later_fired;
	w->progress_timer.fire = progress_fired;
	for (uint32_t i = 0; i < w->capacity; i++) {
		w->held[i].w = w;
		w->held[i].index = i;
		w->idle[w->nidle++] = w->capacity - 1 - i;
		atomic_store_explicit(&w->run[i].state, SHM_RUN_FREE, memory_order_release);
	}
	return 0;
}
