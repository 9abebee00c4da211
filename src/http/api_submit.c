/* POST /jobs: reads the jobs out of a request and asks the keeper for them. Called by the wire half through http_routes; answers come back through
 * item_answered().
 * What cannot be asked is answered at once; nothing here is fatal. */
#include "http/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/auth.h"
#include "http/client.h"
#include "http/envelope.h"
#include "http/job_request.h"
#include "http/parents.h"
#include "http/pending.h"
#include "http/submission.h"
#include "job/record.h"
#include "os/clock.h"
#include "shm/request.h"
#include "text/json.h"

/* --- asking --- */

static void item_failed(struct submission_item *item, int rc)
{
	submission_take(item, &(struct request_result){ .rc = rc });
}

static void item_answered(void *owner, const struct request_result *r)
{
	submission_take(owner, r);
}

static void item_ask(struct submission_item *item)
{
	const char *schedule = item->owner->schedule;
	struct request_schedule head = { .name_len = schedule ? (uint32_t)strlen(schedule) : 0 };
	uint8_t bytes[RECORD_SPEC_MAX];
	size_t n = record_spec_encode(&item->envelope->spec, bytes, sizeof(bytes));
	uint64_t tag;

	if (n == 0) {
		item_failed(item, STORE_INVALID);
		return;
	}
	tag = pending_add(item, item_answered);
	if (tag == 0) {
		item_failed(item, STORE_NO_MEMORY);
		return;
	}
	struct ask_piece piece[] = { { &head, sizeof(head) }, { schedule, head.name_len }, { bytes, n } };
	if (ask_add(item->owner->q->api->ask, schedule ? REQUEST_SCHEDULE : REQUEST_SUBMIT, tag, schedule ? piece : piece + 2, schedule ? 3 : 1) < 0) {
		pending_take(tag, NULL);
		item_failed(item, errno == EMSGSIZE ? STORE_INVALID : STORE_NO_MEMORY);
	}
}

static void item_staged(void *arg, uint64_t blob, int rc)
{
	struct submission_item *item = arg;

	if (rc != STORE_OK || blob == 0) {
		item_failed(item, rc == STORE_OK ? STORE_IO : rc);
		return;
	}
	item->envelope->spec.payload_blob = blob;
	item_ask(item);
}

static void item_begin(struct submission_item *item)
{
	const struct job_text *payload = &item->envelope->spec.payload;

	if (payload->n <= JOB_INLINE_MAX)
		item_ask(item);
	else if (ask_stage(item->owner->q->api->ask, payload->p, payload->n, item_staged, item) < 0)
		item_failed(item, STORE_NO_MEMORY);
}

static bool wants_asking(const struct submission_item *item)
{
	return item->envelope && (item->result.rc == STORE_OK || item->result.rc == STORE_KEYS_LATER);
}

void submission_ask(struct submission *s)
{
	s->open = 1;
	for (size_t i = 0; i < s->n; i++)
		s->open += wants_asking(&s->item[i]);
	if (s->patience_ns == 0)        /* not when they are asked for again */
		client_submits(s->q, s->open - 1);
	for (size_t i = 0; i < s->n; i++)
		if (wants_asking(&s->item[i]))
			item_begin(&s->item[i]);
	if (--s->open == 0 && !submission_later(s))
		submission_answer(s);
}

/* --- reading --- */

static void refuse(struct http_request *q, int status, const char *field, const char *detail)
{
	struct envelope_problem p = { .status = status };

	snprintf(p.field, sizeof(p.field), "%s", field);
	snprintf(p.detail, sizeof(p.detail), "%s", detail);
	submission_refuse(q, &p);
}

static struct envelope_input input_of(const struct http_request *q)
{
	return (struct envelope_input){ .conf = q->api->conf, .wall_ms = clock_wall_ms(), .idempotency_key = http_header(q, "idempotency-key"), .traceparent = http_header(q, "traceparent") };
}

static bool queue_allowed(const struct http_request *q, const struct job_spec *s, struct envelope_problem *p)
{
	if (auth_queue(q, (struct slice){ s->queue.p, s->queue.n }))
		return true;
	*p = (struct envelope_problem){ .status = 403, .field = "queue" };
	snprintf(p->detail, sizeof(p->detail), "the token %s is not for the queue \"%.*s\"", q->token->name, (int)s->queue.n, s->queue.p);
	return false;
}

/* To a token for some queues a job of another is not there, and so nothing can depend on it. */
static bool parents_allowed(const struct http_request *q, const struct job_spec *s, struct envelope_problem *p)
{
	struct job_id id;

	for (unsigned i = 0; auth_some_queues(q) && i < s->ndepends; i++) {
		memcpy(&id, s->depends + i * sizeof(id), sizeof(id));
		if (job_request_for(q, id))
			continue;
		parents_problem(s, &id, JOB_NONE, p);
		return false;
	}
	return true;
}

/* The item's job from the text; false with *p filled in. */
static bool item_parse(struct submission_item *item, const struct envelope_input *in, struct slice text, struct envelope_problem *p)
{
	struct envelope *e = malloc(sizeof(*e));

	if (!e) {
		*p = (struct envelope_problem){ .status = 503, .detail = "out of memory" };
		return false;
	}
	if (!envelope_parse(e, in, text, p)) {
		free(e);
		return false;
	}
	if (!queue_allowed(item->owner->q, &e->spec, p) || !parents_allowed(item->owner->q, &e->spec, p) || !parents_check(item->owner->q->api, &e->spec, p)) {
		envelope_free(e);
		free(e);
		return false;
	}
	item->envelope = e;
	return true;
}

bool submission_parse(struct submission_item *item, struct slice text, struct envelope_problem *p)
{
	struct envelope_input in = input_of(item->owner->q);

	return item_parse(item, &in, text, p);
}

static void submit_one(struct http_request *q, struct submission *s)
{
	struct envelope_input in = input_of(q);
	struct envelope_problem p;
	struct submission_item *item = submission_add(s);

	if (!item) {
		submission_free(s);
		refuse(q, 503, "", "out of memory");
	} else if (!item_parse(item, &in, q->body, &p)) {
		submission_free(s);
		submission_refuse(q, &p);
	} else {
		submission_ask(s);
	}
}

static void submit_raw(struct http_request *q, struct submission *s)
{
	struct envelope_input in = input_of(q);
	struct envelope_problem p = { .status = 503, .detail = "out of memory" };
	struct submission_item *item = submission_add(s);
	struct envelope *e = item ? malloc(sizeof(*e)) : NULL;

	if (e && envelope_raw(e, &in, q->query, q->nquery, http_header(q, "content-type"), q->body, &p)) {
		if (queue_allowed(q, &e->spec, &p)) {
			item->envelope = e;
			submission_ask(s);
			return;
		}
		envelope_free(e);
	}
	free(e);
	submission_free(s);
	submission_refuse(q, &p);
}

/* A JSON array: every job must be right before any is asked for. */
struct array_read {
	struct submission *s;
	struct envelope_input in;
	struct envelope_problem problem;
	size_t seen;
};

static bool array_element(void *arg, struct slice text)
{
	struct array_read *r = arg;
	struct submission_item *item;

	if (r->seen == SUBMISSION_ARRAY_MAX) {
		r->problem = (struct envelope_problem){ .status = 413 };
		snprintf(r->problem.detail, sizeof(r->problem.detail),
			"the array has more than %d jobs; send it in parts, or as application/x-ndjson", SUBMISSION_ARRAY_MAX);
		return false;
	}
	item = submission_add(r->s);
	if (item && item_parse(item, &r->in, text, &r->problem)) {
		r->seen++;
		return true;
	}
	if (!item)
		r->problem = (struct envelope_problem){ .status = 503, .detail = "out of memory" };
	submission_at(&r->problem, r->seen);
	return false;
}

static bool array_count(void *arg, struct slice text)
{
	size_t *n = arg;

	(void)text;
	return ++*n <= SUBMISSION_ARRAY_MAX;
}

static void submit_array(struct http_request *q, struct submission *s)
{
	struct array_read r = { .s = s, .in = input_of(q) };
	size_t n = 0;

	json_each(q->body.p, q->body.n, array_count, &n);
	if (n > SUBMISSION_ARRAY_MAX)
		r.seen = SUBMISSION_ARRAY_MAX;          /* no need to look at any */
	json_each(q->body.p, q->body.n, array_element, &r);
	if (r.problem.status == 0) {
		if (s->n)
			submission_ask_group(s);
		else
			submission_answer(s);
		return;
	}
	submission_free(s);
	submission_refuse(q, &r.problem);
}

/* --- which of them --- */

static struct slice media_type(struct slice header)
{
	const char *end = header.n ? memchr(header.p, ';', header.n) : NULL;
	struct slice s = { header.p, end ? (size_t)(end - header.p) : header.n };

	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static bool media_is(struct slice s, const char *type)
{
	return s.n == strlen(type) && strncasecmp(s.p, type, s.n) == 0;
}

/* JSON, nothing, text/plain and curl's default: what `curl -d '{...}'` may send. */
static bool media_json(struct slice s)
{
	return s.n == 0 || media_is(s, "application/json") || media_is(s, "text/plain") || media_is(s, "application/x-www-form-urlencoded") ||
		(s.n > 5 && strncasecmp(s.p + s.n - 5, "+json", 5) == 0);
}

static char first_char(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t' && s.p[i] != '\r' && s.p[i] != '\n')
			return s.p[i];
	return '\0';
}

static unsigned idempotency_headers(const struct http_request *q)
{
	unsigned n = 0;

	for (size_t i = 0; i < q->nheader; i++)
		n += slice_eq(q->header[i].name, "idempotency-key");
	return n;
}

/* What the whole request must satisfy, whatever its jobs are. */
static bool acceptable(struct http_request *q, bool raw, bool lines, bool array)
{
	struct envelope_problem p;

	if (q->api->draining)
		refuse(q, 503, "", "the server drains and takes no jobs; send it again when it has come back");
	else if (idempotency_headers(q) > 1)
		refuse(q, 400, "idempotency_key", "the header Idempotency-Key is given more than once");
	else if ((lines || array) && idempotency_headers(q))
		refuse(q, 400, "idempotency_key", "the header Idempotency-Key is for one job; of several each has its own field \"idempotency_key\"");
	else if (!raw && q->nquery)
		refuse(q, 400, "", "query parameters describe a raw body and need type=; the fields of a JSON job stand in its body");
	else if (!raw && !lines && !media_json(media_type(http_header(q, "content-type"))))
		refuse(q, 415, "", "a job comes as application/json or application/x-ndjson; another body is taken as it is with POST /jobs?type=TYPE");
	else if (!raw && !lines && !envelope_is_json(q->body, &p))
		submission_refuse(q, &p);
	else
		return true;
	return false;
}

static bool line_take(struct submission *s, struct slice text, struct envelope_problem *p)
{
	return envelope_is_json(text, p) && submission_parse(s->item, text, p);
}

static const struct lines_kind jobs = { line_take, submission_ask, submission_put, 0, 1, "max_body" };

bool submission_is_lines(const struct http_request *q)
{
	return media_is(media_type(http_header(q, "content-type")), "application/x-ndjson");
}

bool api_submit_streams(const struct http_request *q)
{
	return !http_query(q, "type").p && submission_is_lines(q);
}

void api_submit(struct http_request *q)
{
	bool raw = http_query(q, "type").p != NULL;
	bool lines = api_submit_streams(q);
	bool array = !raw && !lines && first_char(q->body) == '[';
	struct submission *s;

	if (!acceptable(q, raw, lines, array))
		return;
	if (lines) {
		lines_begin(q, &jobs);
		return;
	}
	s = submission_new(q, array ? SUBMISSION_ARRAY : SUBMISSION_ONE);
	if (!s)
		refuse(q, 503, "", "out of memory");
	else if (raw)
		submit_raw(q, s);
	else if (array)
		submit_array(q, s);
	else
		submit_one(q, s);
}
