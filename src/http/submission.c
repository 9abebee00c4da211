/* Submissions: what is kept between asking and answering, and the answer. Called by api_submit.c; nothing here is fatal. */
#include "http/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/job_json.h"
#include "http/job_request.h"
#include "http/job_wait.h"
#include "http/parents.h"
#include "http/problem.h"
#include "text/uuid.h"

struct submission *submission_new(struct http_request *q, enum submission_kind kind)
{
	struct submission *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->q = q;
	s->kind = kind;
	return s;
}

struct submission_item *submission_add(struct submission *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 4 : 1;
		struct submission_item *v = realloc(s->item, cap * sizeof(*v));
		if (!v)
			return NULL;
		s->item = v;
		s->cap = cap;
	}
	s->item[s->n] = (struct submission_item){ .owner = s };
	return &s->item[s->n++];
}

void submission_free(struct submission *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->item[i].envelope)
			envelope_free(s->item[i].envelope);
		free(s->item[i].envelope);
		free(s->item[i].problem);
	}
	free(s->item);
	free(s->text);
	free(s->import);
	free(s);
}

static bool is_there(int rc)
{
	return rc == STORE_OK || rc == STORE_REPLAYED || rc == STORE_LIVE;
}

/* Keys know of no queues: the job that is there may be one that the request's token must not see. */
static void hide(struct submission_item *item)
{
	const struct http_request *q = item->owner->q;

	if ((item->result.rc != STORE_LIVE && item->result.rc != STORE_REPLAYED) || job_request_for(q, item->result.id))
		return;
	item->problem = malloc(sizeof(*item->problem));
	if (!item->problem) {
		item->result = (struct request_result){ .rc = STORE_NO_MEMORY };
		return;
	}
	*item->problem = (struct envelope_problem){ .status = 403 };
	snprintf(item->problem->field, sizeof(item->problem->field), "%s", item->result.rc == STORE_LIVE ? "unique_key" : "idempotency_key");
	snprintf(item->problem->detail, sizeof(item->problem->detail), "a job of a queue that the token %.64s is not for has that key; another job needs another key", q->token->name);
}

/* The envelope is kept where the answer is made of it, or it may be asked for again. */
void submission_take(struct submission_item *item, const struct request_result *r)
{
	struct submission *s = item->owner;

	item->result = *r;
	hide(item);
	if (s->kind != SUBMISSION_ONE && item->envelope && is_there(r->rc)) {
		envelope_free(item->envelope);
		free(item->envelope);
		item->envelope = NULL;
	}
	if (--s->open == 0 && !submission_later(s))
		submission_answer(s);
}

/* --- problems --- */

static const struct { int status; const char *detail; } by_rc[STORE_RCS] = {
	[STORE_NOT_FOUND] = { 503, "the store could not take the job" },
	[STORE_STALE] = { 503, "the store could not take the job" },
	[STORE_STATE] = { 503, "the store could not take the job" },
	[STORE_INVALID] = { 400, "the store refused the job as it was described" },
	[STORE_QUEUE_LIMIT] = { 429, "as many of its jobs wait as its max_queued allows; send it again when some have run" },
	[STORE_QUEUE_FULL] = { 429, "as many jobs wait, in all queues, as the store's max_queued allows; send it again when some have run" },
	[STORE_NO_SPACE] = { 507, "the store or its disk is full; jobs are taken again when there is room" },
	[STORE_IO] = { 503, "the store cannot write; nothing was stored" },
	[STORE_DAMAGED] = { 503, "the store is damaged; nothing was stored" },
	[STORE_NO_MEMORY] = { 503, "out of memory; nothing was stored" },
	[STORE_GROUPED] = { 503, "another job of the array was refused; nothing was stored" },
	[STORE_KEYS_LATER] = { 503, "the idempotency keys of before the server's start are still being read; nothing was stored" },
	[STORE_PARENT] = { 422, "a job that it depends on is unknown, or has ended and not succeeded; nothing was stored" },
	[STORE_BUSY] = { 503, "the store is not ready; nothing was stored" },
	[STORE_KEY_REUSED] = { 422, "the idempotency key was used with a different request; another job needs another key" },
	[STORE_KEYS_FULL] = { 429, "as many idempotency keys are remembered as idempotency_max allows; send it again when some are past idempotency_window, or without a key" },
};

struct envelope_problem submission_store_problem(int rc, const struct job_spec *spec)
{
	struct envelope_problem p = { 0 };

	if (is_there(rc))
		return p;
	if (rc < 0 || rc >= STORE_RCS)
		rc = STORE_IO;
	p.status = by_rc[rc].status;
	if (rc == STORE_QUEUE_LIMIT && spec)
		snprintf(p.detail, sizeof(p.detail), "the queue \"%.*s\" is full: %s", (int)spec->queue.n, spec->queue.p, by_rc[rc].detail);
	else if (rc == STORE_KEY_REUSED && spec)
		snprintf(p.detail, sizeof(p.detail), "the idempotency key \"%.*s\" was used with a different request; another job needs another key",
			(int)spec->idempotency_key.n, spec->idempotency_key.p);
	else
		snprintf(p.detail, sizeof(p.detail), "%s", by_rc[rc].detail);
	if (rc == STORE_KEY_REUSED || rc == STORE_KEYS_FULL)
		snprintf(p.field, sizeof(p.field), "idempotency_key");
	return p;
}

static struct envelope_problem item_problem(const struct submission_item *item, const struct job_spec *spec)
{
	struct envelope_problem p = item->problem ? *item->problem : submission_store_problem(item->result.rc, spec);

	if (item->result.rc == STORE_PARENT && item->envelope)
		parents_problem(&item->envelope->spec, &item->result.id, (enum job_state)item->result.state, &p);
	return p;
}

void submission_at(struct envelope_problem *p, size_t at)
{
	char field[sizeof(p->field)];

	snprintf(field, sizeof(field), "[%zu]%s%.70s", at, p->field[0] ? "." : "", p->field);
	memcpy(p->field, field, sizeof(field));
}

void submission_refuse(struct http_request *q, const struct envelope_problem *p)
{
	shm_count(&q->api->seg->proc[q->api->slot], SHM_C_REJECTED, 1);
	problem_send(q, p->status, p->field[0] ? p->field : NULL, "%s", p->detail);
}

/* --- answers --- */

static void measure(const struct http_request *q)
{
	histogram_add(q->api->seg->submit_us, (loop_now(q->api->loop) - q->began_ns) / 1000);
}

static void answer_one(struct http_request *q, const struct submission_item *item)
{
	const struct request_result *r = &item->result;
	const struct job_spec *spec = &item->envelope->spec;
	struct job job = { .id = r->id, .state = (enum job_state)r->state, .priority = spec->priority, .created_ms = r->at_ms, .updated_ms = r->at_ms,
		.run_at_ms = r->run_at_ms, .expires_at_ms = spec->expires_at_ms, .max_retries = spec->max_retries, .progress_pct = -1 };
	struct job_view view = { .job = &job, .spec = spec, .progress_pct = -1 };
	char location[6 + UUID_TEXT_BYTES] = "/jobs/";
	struct buf body = { 0 };

	if (spec->depends)
		view.depends = (struct slice){ (const char *)spec->depends, spec->ndepends * sizeof(job.id) };
	if (spec->content_type.n == 0)
		view.payload = (struct slice){ spec->payload.p, spec->payload.n };
	buf_reserve(&body, 640 + view.payload.n);
	job_json_put(&body, &view);
	uuid_format(r->id.b, location + 6);
	reply_header(q, "Location", location);
	measure(q);
	reply_json(q, 201, &body);
	buf_free(&body);
}

/* No job was made: the answer is the one that is there, as it is now. */
static void answer_known(struct http_request *q, const struct request_result *r)
{
	char location[6 + UUID_TEXT_BYTES] = "/jobs/";

	uuid_format(r->id.b, location + 6);
	reply_header(q, "Location", location);
	if (r->rc == STORE_REPLAYED)
		reply_header(q, "Idempotent-Replayed", "true");
	measure(q);
	api_job_answer_status(q, r->id, 200);
}

static const struct job_spec *spec_of(const struct submission_item *item)
{
	return item->envelope ? &item->envelope->spec : NULL;
}

void submission_put(struct buf *b, const struct submission_item *item)
{
	struct envelope_problem p = item_problem(item, spec_of(item));

	if (p.status == 0) {
		buf_str(b, "{\"id\":");
		job_json_id(b, &item->result.id);
		buf_printf(b, ",\"state\":\"%s\"}", job_state_name((enum job_state)item->result.state));
		return;
	}
	problem_put(b, p.status, item->line, slice_of("/jobs"), p.field[0] ? p.field : NULL, slice_of(p.detail));
}

/* The keeper took all or none: the one at fault is named. */
static bool refuse_array(struct http_request *q, const struct submission *s)
{
	size_t at = 0;

	while (at < s->n && (is_there(s->item[at].result.rc) || s->item[at].result.rc == STORE_GROUPED))
		at++;
	if (at == s->n)
		return false;
	struct envelope_problem p = item_problem(&s->item[at], spec_of(&s->item[at]));
	submission_at(&p, at);
	submission_refuse(q, &p);
	return true;
}

/* 201 where any is new, 200 where all were there. */
static void answer_array(struct http_request *q, const struct submission *s)
{
	struct buf body = { 0 };
	size_t made = 0, replayed = 0;

	if (refuse_array(q, s))
		return;
	for (size_t i = 0; i < s->n; i++) {
		made += s->item[i].result.rc == STORE_OK;
		replayed += s->item[i].result.rc == STORE_REPLAYED;
	}
	buf_char(&body, '[');
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_char(&body, ',');
		submission_put(&body, &s->item[i]);
	}
	buf_char(&body, ']');
	measure(q);
	if (s->n && replayed == s->n)
		reply_header(q, "Idempotent-Replayed", "true");
	reply_json(q, made || s->n == 0 ? 201 : 200, &body);
	buf_free(&body);
}

/* The request is over with its answer, so that nothing of it may be touched afterwards: what is freed last are our own copies. */
void submission_answer(struct submission *s)
{
	struct submission_item *first = s->item;

	if (s->lines) {
		lines_ended(s);
		return;
	}
	if (s->kind == SUBMISSION_ARRAY) {
		answer_array(s->q, s);
	} else {
		struct envelope_problem p = item_problem(first, &first->envelope->spec);
		if (p.status == 0 && first->result.rc != STORE_OK)
			answer_known(s->q, &first->result);
		else if (p.status == 0)
			answer_one(s->q, first);
		else
			submission_refuse(s->q, &p);
	}
	submission_free(s);
}
