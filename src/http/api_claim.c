/* POST /claims: what a remote worker asks for, and the jobs that it is answered with. Called by the wire half through http_routes, and by claim.c for the answer. Nothing here is fatal. */
#include "http/claim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "http/auth.h"
#include "http/job_json.h"
#include "http/members.h"
#include "http/object.h"
#include "text/base64.h"
#include "text/duration.h"
#include "text/json.h"

/* --- what is asked --- */

struct asking {
	struct http_request *q;
	struct claim *c;
	int64_t wait_ms;
	struct job_text type[STORE_PICK_MAX], queue[STORE_PICK_MAX];
	unsigned ntypes, nqueues;
	struct slice worker;
};

static bool wrong(struct asking *a, const char *field, const char *right)
{
	problem_send(a->q, 400, field, "\"%s\" must be %s", field, right);
	return false;
}

static bool take_duration(struct asking *a, const struct schema_member *m, const json_t *v, const char *right, int64_t *out)
{
	int64_t ms = -1;

	if (json_is_string(v) && duration_parse((struct slice){ json_string_value(v), json_string_length(v) }, &ms) && (double)ms >= m->is.min && (double)ms <= m->is.max) {
		*out = ms;
		return true;
	}
	if (json_is_number(v) && json_number_value(v) * 1000 >= m->is.min && json_number_value(v) * 1000 <= m->is.max) {
		*out = (int64_t)(json_number_value(v) * 1000);
		return true;
	}
	return wrong(a, m->name, right);
}

static bool take_names(struct asking *a, const struct schema_member *m, const json_t *v, bool (*good)(struct job_text t), const char *right, struct job_text *out, unsigned *n)
{
	char at[48];

	if (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > (size_t)m->is.max)
		return wrong(a, m->name, "an array of 1 to 64 names");
	for (size_t i = 0; i < json_array_size(v); i++) {
		const json_t *name = json_array_get(v, i);
		out[*n] = (struct job_text){ json_string_value(name), json_string_length(name) };
		if (!json_is_string(name) || !good(out[(*n)++])) {
			snprintf(at, sizeof(at), "%s[%zu]", m->name, i);
			return wrong(a, at, right);
		}
	}
	return true;
}

static bool set_types(struct asking *a, const struct schema_member *m, const json_t *v)
{
	return take_names(a, m, v, job_type_is, "a type: 1 to 128 letters, digits and any of \". _ : / -\"", a->type, &a->ntypes);
}

static bool set_queues(struct asking *a, const struct schema_member *m, const json_t *v)
{
	return take_names(a, m, v, job_queue_is, "a queue: 1 to 128 bytes without control characters", a->queue, &a->nqueues);
}

static bool set_max(struct asking *a, const struct schema_member *m, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > (json_int_t)m->is.max)
		return wrong(a, m->name, "a whole number from 1 to 1000");
	a->c->ask.max = (uint32_t)json_integer_value(v);
	return true;
}

static bool set_lease(struct asking *a, const struct schema_member *m, const json_t *v)
{
	return take_duration(a, m, v, "a duration from 1s to 1d, such as \"30s\"", &a->c->ask.lease_ms);
}

static bool set_wait(struct asking *a, const struct schema_member *m, const json_t *v)
{
	return take_duration(a, m, v, "a duration of at most 10m, such as \"30s\"", &a->wait_ms);
}

static bool set_worker(struct asking *a, const struct schema_member *m, const json_t *v)
{
	a->worker = (struct slice){ json_string_value(v), json_string_length(v) };
	return (json_is_string(v) && a->worker.n <= (size_t)m->is.max) || wrong(a, m->name, "a string of at most 64 bytes, such as \"host:pid\"");
}

static const struct { struct schema_member member; bool (*set)(struct asking *a, const struct schema_member *m, const json_t *v); } members[] = {
	{ { "types", SCHEMA_LIST(1, STORE_PICK_MAX, SCHEMA_PATTERN(1, JOB_TYPE_MAX, MEMBERS_TYPE)), SCHEMA_ALWAYS, "The types that the worker can run." }, set_types },
	{ { "queues", SCHEMA_LIST(1, STORE_PICK_MAX, SCHEMA_TEXT(1, JOB_QUEUE_MAX)), SCHEMA_MAYBE, "Else all." }, set_queues },
	{ { "max", SCHEMA_INTEGER(1, CLAIM_MOST), SCHEMA_MAYBE, "How many jobs at most; else 1." }, set_max },
	{ { "lease", SCHEMA_DURATION(CLAIM_LEASE_MIN_MS, CLAIM_LEASE_MAX_MS), SCHEMA_MAYBE, "How long a job is held without a sign of life; else 30s." }, set_lease },
	{ { "wait", SCHEMA_DURATION(0, CLAIM_WAIT_MAX_MS), SCHEMA_MAYBE, "How long the answer may be held until there is work; else 0." }, set_wait },
	{ { "worker", SCHEMA_TEXT(0, STORE_WORKER_MAX), SCHEMA_MAYBE, "What the worker calls itself, such as host:pid." }, set_worker },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

const struct schema_member *members_of_claim(unsigned arg, unsigned i)
{
	(void)arg;
	return i < MEMBERS ? &members[i].member : NULL;
}

static bool set_member(struct asking *a, const char *name, const json_t *v)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(members[i].member.name, name) == 0)
			return members[i].set(a, &members[i].member, v);
	problem_send(a->q, 400, name, "there is no \"%.64s\" here; a claim has types, queues, max, lease, wait and worker", name);
	return false;
}

/* A type is run here or by remote workers, never by both. */
static bool may_be_claimed(struct asking *a, unsigned i)
{
	struct slice type = { a->type[i].p, a->type[i].n };
	const struct conf *conf = a->q->api->conf;
	const struct conf_handler *h = conf_handler_of(conf, type);
	char field[24];

	snprintf(field, sizeof(field), "types[%u]", i);
	if (h && h->kind != CONF_HANDLER_REMOTE && h->kind != CONF_HANDLER_NONE) {
		problem_send(a->q, 422, field, "jobs of type \"%.*s\" are run by this server's own workers; say remote = true in the handler's section to have them handed out", (int)type.n, type.p);
		return false;
	}
	if (!h && conf->unknown_types == CONF_UNKNOWN_REJECT) {
		problem_send(a->q, 422, field, "no handler takes the type \"%.*s\", and such jobs are refused; the conf needs a handler section for it with remote = true, or unknown_types = accept",
			(int)type.n, type.p);
		return false;
	}
	return true;
}

/* A token may be for some queues alone: then these are what it claims from. */
static bool within_token(struct asking *a)
{
	const struct conf_token *t = a->q->token;
	char field[24];

	for (unsigned i = 0; i < a->nqueues; i++) {
		snprintf(field, sizeof(field), "queues[%u]", i);
		if (!auth_queue_or_refuse(a->q, (struct slice){ a->queue[i].p, a->queue[i].n }, field))
			return false;
	}
	if (a->nqueues || !auth_some_queues(a->q))
		return true;
	for (const char *p = t->queues; p < t->queues + t->queues_bytes; p += strlen(p) + 1) {
		if (a->nqueues == STORE_PICK_MAX) {
			problem_send(a->q, 400, "queues", "the token %s is for more than 64 queues: say which of them are meant", t->name);
			return false;
		}
		a->queue[a->nqueues++] = (struct job_text){ p, strlen(p) };
	}
	return true;
}

static void put_names(struct buf *b, const struct job_text *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		buf_char(b, (char)v[i].n);
		buf_add(b, v[i].p, v[i].n);
	}
}

/* False: it was answered. */
static bool read_body(struct asking *a, json_t **tree)
{
	struct request_claim *m = &a->c->ask;
	struct envelope_problem p;
	const char *name;
	json_t *v;

	*tree = object_read(a->q->body, "a claim such as {\"types\":[\"email\"],\"max\":10,\"wait\":\"30s\"}", &p);
	if (!*tree) {
		problem_send(a->q, p.status, NULL, "%s", p.detail);
		return false;
	}
	json_object_foreach(*tree, name, v)
		if (!set_member(a, name, v))
			return false;
	if (a->ntypes == 0)
		return wrong(a, "types", "an array of 1 to 64 names: those of the jobs that the worker can run");
	for (unsigned i = 0; i < a->ntypes; i++)
		if (!may_be_claimed(a, i))
			return false;
	if (!within_token(a))
		return false;
	m->ntypes = a->ntypes;
	m->nqueues = a->nqueues;
	m->worker_len = (uint32_t)a->worker.n;
	buf_slice(&a->c->texts, a->worker);
	put_names(&a->c->texts, a->type, a->ntypes);
	put_names(&a->c->texts, a->queue, a->nqueues);
	if (a->c->texts.failed)
		problem_send(a->q, 503, NULL, "out of memory");
	return !a->c->texts.failed;
}

void api_claims(struct http_request *q)
{
	struct asking a = { .q = q };
	json_t *tree = NULL;

	if (q->api->draining) {
		problem_send(q, 503, NULL, "the server drains and hands out no jobs; claim again when it has come back");
		return;
	}
	a.c = calloc(1, sizeof(*a.c));
	if (!a.c) {
		problem_send(q, 503, NULL, "out of memory");
		return;
	}
	a.c->q = q;
	a.c->ask = (struct request_claim){ .max = 1, .lease_ms = CLAIM_LEASE_MS };
	bool good = read_body(&a, &tree);
	json_decref(tree);
	if (good)
		claim_begin(a.c, http_draining(q->api) ? 0 : a.wait_ms);
	else
		claim_free(a.c);
}

/* --- what is answered --- */

static void put_text(struct buf *b, const char *member, struct job_text t)
{
	if (t.n == 0)
		return;
	buf_printf(b, ",\"%s\":", member);
	json_put_string(b, (struct slice){ t.p, t.n });
}

/* A raw body may be any bytes: it goes in base64. */
static enum store_rc put_payload(struct store_reader *r, const struct job *j, const struct job_spec *s, struct buf *b)
{
	struct buf bytes = { 0 };
	enum store_rc rc;

	if (s->content_type.n == 0) {
		buf_str(b, ",\"payload\":");
		return store_payload(r, j->id, b);
	}
	put_text(b, "content_type", s->content_type);
	buf_str(b, ",\"payload_base64\":\"");
	rc = store_payload(r, j->id, &bytes);
	base64_put(b, bytes.data, bytes.len);
	buf_char(b, '"');
	buf_free(&bytes);
	return rc;
}

static void put_job(const struct claim *c, const struct job *j, const struct job_spec *s, struct buf *b)
{
	buf_str(b, "{\"id\":");
	job_json_id(b, &j->id);
	put_text(b, "type", s->type);
	put_text(b, "queue", s->queue);
	put_text(b, "name", s->name);
	buf_printf(b, ",\"priority\":%d,\"attempt\":%u,\"max_attempts\":%u,\"lease\":\"%" PRIu64 "\",\"lease_expires_at\":", (int)s->priority, j->attempts, s->max_retries + 1, j->lease_token);
	job_json_time(b, j->started_ms + c->ask.lease_ms);
	if (s->timeout_ms) {
		buf_str(b, ",\"timeout\":");
		job_json_seconds(b, s->timeout_ms);
	}
	put_text(b, "trace", s->trace);
	for (unsigned i = 0; i < s->ntags; i++) {
		buf_str(b, i ? "," : ",\"tags\":[");
		json_put_string(b, (struct slice){ s->tag[i].p, s->tag[i].n });
	}
	if (s->ntags)
		buf_char(b, ']');
}

bool claim_put_job(struct claim *c, const struct handout *h, bool first, struct buf *out, enum store_rc *rc)
{
	struct store_reader *r = c->api->reader;
	size_t before = out->len;
	struct job_spec spec;
	struct job job;

	*rc = store_get(r, h->id, &job, &spec);
	if (*rc != STORE_OK || job.state != JOB_RUNNING || job.lease_token != h->token)
		return false;
	if (!first)
		buf_char(out, ',');
	put_job(c, &job, &spec, out);
	*rc = put_payload(r, &job, &spec, out);
	buf_char(out, '}');
	if (*rc != STORE_OK)
		out->len = before;
	return *rc == STORE_OK;
}
