/* Envelopes: the JSON around a payload, or a query around a raw body. Called by api_submit.c; nothing here is fatal.
 *
 * jansson reads the envelope but never the payload, whose numbers, escapes and spacing are the sender's own: its bytes are found by json_member() and a
 * 0 stands in their place. */
#include "http/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config/defaults.h"
#include "http/envelope_field.h"
#include "http/object.h"
#include "text/json.h"
#include "text/siphash.h"

static struct slice trim(struct slice s)
{
	while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
		s.p++, s.n--;
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

bool envelope_is_json(struct slice body, struct envelope_problem *p)
{
	return object_is_json(body, "a job such as {\"type\":\"email\",\"payload\":{}}", p);
}

/* --- defaults --- */

static struct job_text borrow(const char *cstr)
{
	return (struct job_text){ cstr, strlen(cstr) };
}

static void resolve_backoff(struct filling *f, struct job_backoff d)
{
	struct job_backoff *b = &f->spec->backoff;

	if (!(f->backoff_given & BACKOFF_BASE))
		b->base_ms = d.base_ms;
	if (!(f->backoff_given & BACKOFF_FACTOR))
		b->factor_milli = d.factor_milli;
	if (!(f->backoff_given & BACKOFF_MAX))
		b->max_ms = d.max_ms;
	if (!(f->backoff_given & BACKOFF_JITTER))
		b->jitter_pct = d.jitter_pct;
}

/* Everything that was not said, and what only holds between fields. */
static bool resolve(struct filling *f)
{
	const struct conf *c = f->in->conf;
	struct job_spec *s = f->spec;
	struct slice type = { s->type.p, s->type.n };
	struct job_defaults d;

	if (!envelope_given(f, FIELD_TYPE))
		return envelope_wrong(f, "type", "\"type\" is missing; it names the handler, such as \"email\"");
	if (!conf_handler_of(c, type) && c->unknown_types == CONF_UNKNOWN_REJECT) {
		envelope_wrong(f, "type", "no handler takes the type \"%.*s\"; the conf needs a handler section for it", (int)type.n, type.p);
		f->problem->status = 422;
		return false;
	}
	conf_job_defaults(c, type, &d);
	if (!envelope_given(f, FIELD_QUEUE))
		s->queue = d.queue;
	if (!envelope_given(f, FIELD_MAX_RETRIES))
		s->max_retries = d.max_retries;
	if (!envelope_given(f, FIELD_TIMEOUT))
		s->timeout_ms = d.timeout_ms;
	if (!envelope_idempotency(f))
		return false;
	resolve_backoff(f, d.backoff);
	if (s->backoff.max_ms < s->backoff.base_ms)
		return envelope_wrong(f, "backoff", "\"backoff.max\" (%.3f s) must not be less than \"backoff.base\" (%.3f s)",
			(double)s->backoff.max_ms / 1000, (double)s->backoff.base_ms / 1000);
	if (!envelope_given(f, FIELD_TRACE) && envelope_traceparent(f->in->traceparent))
		s->trace = (struct job_text){ f->in->traceparent.p, f->in->traceparent.n };
	s->aging_ms = conf_job_aging(c, s->queue);
	return true;
}

/* --- fingerprints --- */

static void mix(struct job_spec *s, const void *p, size_t n)
{
	siphash(s->fingerprint, p, n, s->fingerprint);
}

/* What the same idempotency key must come with again: the bytes of the job, spaces around it aside. */
static void fingerprint_json(struct job_spec *s, struct slice text)
{
	if (s->idempotency_key.n == 0)
		return;
	mix(s, "json", 4);
	mix(s, text.p, text.n);
}

/* Of a raw body: its query as it was sent (decoded), its content type, its bytes. */
static void fingerprint_raw(struct job_spec *s, const struct http_pair *query, size_t nquery, struct slice content_type, struct slice body)
{
	if (s->idempotency_key.n == 0)
		return;
	mix(s, "raw", 3);
	for (size_t i = 0; i < nquery; i++) {
		mix(s, query[i].name.p, query[i].name.n);
		mix(s, query[i].value.p, query[i].value.n);
	}
	mix(s, "", 0);
	mix(s, content_type.p, content_type.n);
	mix(s, body.p, body.n);
}

/* --- JSON --- */

/* The field whose value has the byte at `at` of the text; "" where it is none. */
static const char *field_at(struct slice text, size_t at)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		struct slice v;
		if (json_member(text.p, text.n, envelope_fields[i].member.name, &v) && text.p + at >= v.p && text.p + at <= v.p + v.n)
			return envelope_fields[i].member.name;
	}
	return "";
}

/* The field whose name, in quotes, stands in jansson's message; "" where none does. */
static const char *field_named(const char *message)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		char quoted[32];
		snprintf(quoted, sizeof(quoted), "\"%s\"", envelope_fields[i].member.name);
		if (strstr(message, quoted))
			return envelope_fields[i].member.name;
	}
	return "";
}

/* What jansson refuses in a text that is JSON, and in which field. */
static bool not_parsed(struct filling *f, struct slice text, const json_error_t *err, struct slice payload)
{
	size_t at = err->position > 0 ? (size_t)err->position : 0;
	enum json_error_code code = json_error_code(err);
	char why[240];

	if (payload.p && text.p + at > payload.p)
		at += payload.n - 1;
	if (at > text.n)
		at = text.n;
	int status = object_refused(err, why, sizeof(why));
	envelope_wrong(f, code == json_error_duplicate_key ? field_named(err->text) : status == 503 ? "" : field_at(text, at), "%s", why);
	f->problem->status = status;
	return false;
}

/* The tree of the text with its payload left out. NULL: *f has the problem. */
static json_t *tree_of(struct filling *f, struct slice text, struct slice payload)
{
	struct buf cut = { 0 };
	json_error_t err;
	json_t *tree;

	if (payload.p) {
		buf_add(&cut, text.p, (size_t)(payload.p - text.p));
		buf_char(&cut, '0');
		buf_add(&cut, payload.p + payload.n, (size_t)(text.p + text.n - (payload.p + payload.n)));
		if (cut.failed) {
			buf_free(&cut);
			envelope_wrong(f, "", "out of memory");
			f->problem->status = 503;
			return NULL;
		}
	}
	tree = json_loadb(payload.p ? cut.data : text.p, payload.p ? cut.len : text.n, JSON_REJECT_DUPLICATES, &err);
	buf_free(&cut);
	if (!tree)
		not_parsed(f, text, &err, payload);
	return tree;
}

bool envelope_parse(struct envelope *e, const struct envelope_input *in, struct slice text, struct envelope_problem *p)
{
	struct filling f = { .in = in, .spec = &e->spec, .problem = p };
	struct slice payload = { 0 };
	const char *name;
	json_t *v;

	*e = (struct envelope){ 0 };
	*p = (struct envelope_problem){ 0 };
	text = trim(text);
	if (text.n == 0 || text.p[0] != '{')
		return envelope_wrong(&f, "", "a job must be a JSON object such as {\"type\":\"email\",\"payload\":{}}");
	if (!json_member(text.p, text.n, "payload", &payload))
		payload = (struct slice){ 0 };
	e->tree = tree_of(&f, text, payload);
	if (!e->tree)
		return false;
	json_object_foreach(e->tree, name, v)
		if (!envelope_set(&f, name, v))
			goto fail;
	if (!resolve(&f))
		goto fail;
	e->depends = f.depends;
	e->spec.payload = payload.p ? (struct job_text){ payload.p, payload.n } : borrow("null");
	e->spec.payload_len = e->spec.payload.n;
	fingerprint_json(&e->spec, text);
	return true;
fail:
	free(f.depends);
	envelope_free(e);
	return false;
}

/* --- raw bodies --- */

static json_t *query_value(const struct envelope_field *field, struct slice s)
{
	char text[12], *end;
	long n;

	if (field->query != QUERY_INTEGER || s.n == 0 || s.n >= sizeof(text))
		return json_stringn(s.p, s.n);
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	n = strtol(text, &end, 10);
	if (*end || !(text[0] == '-' || (text[0] >= '0' && text[0] <= '9')))
		return json_stringn(s.p, s.n);
	return json_integer(n);
}

static const struct envelope_field *query_field(struct slice name)
{
	for (unsigned i = 0; i < FIELDS; i++)
		if (envelope_fields[i].query != QUERY_NO && slice_eq(name, envelope_fields[i].member.name))
			return &envelope_fields[i];
	return NULL;
}

/* Adds one parameter to the tree: what the JSON of the same job would be. */
static bool query_add(struct filling *f, json_t *tree, const struct http_pair *q)
{
	const struct envelope_field *field = query_field(q->name);
	bool tag = slice_eq(q->name, "tag");
	const char *name = tag ? "tag" : field ? field->member.name : "";
	json_t *v;

	if (!field && !tag)
		return envelope_wrong(f, "", "the query has a parameter that no raw body takes: \"%.*s\"", q->name.n > 64 ? 64 : (int)q->name.n,
			q->name.n ? q->name.p : "");
	if (field && json_object_get(tree, name))
		return envelope_wrong(f, name, "the query has \"%s\" twice", name);
	if (q->value.n && memchr(q->value.p, '\0', q->value.n))
		return envelope_wrong(f, name, "the character U+0000 may stand in a payload only");
	v = field ? query_value(field, q->value) : json_stringn(q->value.n ? q->value.p : "", q->value.n);
	if (!v)
		return envelope_wrong(f, name, "\"%s\" must be UTF-8 when its %%-escapes are resolved", name);
	if (field)
		return json_object_set_new(tree, name, v) == 0 || envelope_wrong(f, name, "out of memory");
	if (!json_object_get(tree, "tags"))
		json_object_set_new(tree, "tags", json_array());
	return json_array_append_new(json_object_get(tree, "tags"), v) == 0 || envelope_wrong(f, name, "out of memory");
}

bool envelope_raw(struct envelope *e, const struct envelope_input *in, const struct http_pair *query, size_t nquery, struct slice content_type,
	struct slice body, struct envelope_problem *p)
{
	struct filling f = { .in = in, .spec = &e->spec, .problem = p };
	const char *name;
	json_t *v;

	*e = (struct envelope){ .tree = json_object() };
	*p = (struct envelope_problem){ 0 };
	for (size_t i = 0; i < nquery; i++)
		if (!query_add(&f, e->tree, &query[i]))
			goto fail;
	json_object_foreach(e->tree, name, v)
		if (!envelope_set(&f, name, v))
			goto fail;
	if (content_type.n > 255) {
		envelope_wrong(&f, "", "the Content-Type has %zu bytes; it may have at most 255", content_type.n);
		goto fail;
	}
	if (!resolve(&f))
		goto fail;
	e->spec.content_type = content_type.n ? (struct job_text){ content_type.p, content_type.n } : borrow("application/octet-stream");
	e->spec.payload = (struct job_text){ body.n ? body.p : "", body.n };
	e->spec.payload_len = body.n;
	fingerprint_raw(&e->spec, query, nquery, content_type, body);
	return true;
fail:
	envelope_free(e);
	return false;
}

void envelope_free(struct envelope *e)
{
	json_decref(e->tree);
	free(e->depends);
	e->tree = NULL;
	e->depends = NULL;
}
