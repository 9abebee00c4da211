/* What each field of a submission may hold. Called by envelope.c; nothing here is fatal: a mistake becomes a problem that names the field, what was
 * there and what would be right. */
#include "http/envelope_field.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/job_json.h"
#include "http/members.h"
#include "text/duration.h"
#include "text/uuid.h"

#define DURATION_TEXT "a number of seconds such as 0.5, or a string such as \"250ms\", \"30s\", \"5m\", \"2h\" or \"7d\""

bool envelope_given(const struct filling *f, enum envelope_name n)
{
	return f->given & (1u << n);
}

bool envelope_wrong(struct filling *f, const char *field, const char *fmt, ...)
{
	va_list ap;

	f->problem->status = 400;
	snprintf(f->problem->field, sizeof(f->problem->field), "%s", field);
	va_start(ap, fmt);
	vsnprintf(f->problem->detail, sizeof(f->problem->detail), fmt, ap);
	va_end(ap);
	return false;
}

/* "`field` must be RIGHT, not VALUE", the value as it was sent, cut where it is long. */
static bool wrong_value(struct filling *f, const char *field, const json_t *v, const char *right)
{
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
	bool cut = text && strlen(text) > 64;

	envelope_wrong(f, field, "\"%s\" must be %s, not %.64s%s", field, right, text ? text : "what was sent", cut ? "..." : "");
	free(text);
	return false;
}

/* A string of as many bytes as the field takes; the spec borrows it from the tree. */
static bool take_text(struct filling *f, const struct schema_member *m, const json_t *v, struct job_text *out)
{
	size_t n = json_string_length(v), min = (size_t)m->is.min, max = (size_t)m->is.max;

	if (!json_is_string(v) || n < min || n > max) {
		char right[64];
		if (json_is_string(v) && n > max)
			return envelope_wrong(f, m->name, "\"%s\" has %zu bytes; it must be a string of at most %zu", m->name, n, max);
		snprintf(right, sizeof(right), "a string of %zu to %zu bytes", min, max);
		return wrong_value(f, m->name, v, right);
	}
	*out = (struct job_text){ json_string_value(v), n };
	return true;
}

static bool take_integer(struct filling *f, const struct schema_member *m, const json_t *v, long long *out)
{
	long long min = (long long)m->is.min, max = (long long)m->is.max;
	char right[64];

	*out = json_integer_value(v);
	if (json_is_integer(v) && *out >= min && *out <= max)
		return true;
	snprintf(right, sizeof(right), "an integer from %lld to %lld", min, max);
	return wrong_value(f, m->name, v, right);
}

/* Milliseconds. What is above nothing does not become nothing: the least is 1 ms. */
static bool take_duration(struct filling *f, const struct schema_member *m, const json_t *v, int64_t *out)
{
	int64_t ms = -1;

	if (json_is_number(v)) {
		double s = json_number_value(v);
		if (s >= 0 && s * 1000 <= m->is.max)
			ms = s > 0 && s < 0.001 ? 1 : llround(s * 1000);
	} else if (json_is_string(v)) {
		if (!duration_parse((struct slice){ json_string_value(v), json_string_length(v) }, &ms))
			ms = -1;
		else if (ms == 0 && strpbrk(json_string_value(v), "123456789"))
			ms = 1;
	}
	if (ms < 0 || ms > (int64_t)m->is.max)
		return wrong_value(f, m->name, v, "a duration of at most 3650d: " DURATION_TEXT);
	*out = ms;
	return true;
}

static bool take_time(struct filling *f, const struct schema_member *m, const json_t *v, int64_t *out)
{
	if (json_is_string(v) && time_parse((struct slice){ json_string_value(v), json_string_length(v) }, out))
		return true;
	return wrong_value(f, m->name, v, "a time of RFC 3339 such as \"2026-11-21T20:40:59.123Z\"");
}

static bool set_type(struct filling *f, const struct schema_member *m, const json_t *v)
{
	if (!take_text(f, m, v, &f->spec->type))
		return false;
	return job_type_is(f->spec->type) || wrong_value(f, m->name, v, "made of letters, digits and any of \". _ : / -\"");
}

static bool set_payload(struct filling *f, const struct schema_member *m, const json_t *v)
{
	(void)f, (void)m, (void)v;      /* its own bytes are kept, not this tree's: see envelope_parse() */
	return true;
}

static bool set_name(struct filling *f, const struct schema_member *m, const json_t *v)
{
	return take_text(f, m, v, &f->spec->name);
}

static bool set_queue(struct filling *f, const struct schema_member *m, const json_t *v)
{
	if (!take_text(f, m, v, &f->spec->queue))
		return false;
	return job_queue_is(f->spec->queue) || wrong_value(f, m->name, v, "free of control characters");
}

static bool set_priority(struct filling *f, const struct schema_member *m, const json_t *v)
{
	long long n;

	if (!take_integer(f, m, v, &n))
		return false;
	f->spec->priority = (int32_t)n;
	return true;
}

static bool set_run_at(struct filling *f, const struct schema_member *m, const json_t *v)
{
	if (envelope_given(f, FIELD_DELAY))
		return envelope_wrong(f, "run_at", "only one of \"run_at\" and \"delay\" may be given");
	return take_time(f, m, v, &f->spec->run_at_ms);
}

static bool set_delay(struct filling *f, const struct schema_member *m, const json_t *v)
{
	int64_t ms;

	if (envelope_given(f, FIELD_RUN_AT))
		return envelope_wrong(f, "delay", "only one of \"run_at\" and \"delay\" may be given");
	if (!take_duration(f, m, v, &ms))
		return false;
	f->spec->run_at_ms = ms ? f->in->wall_ms + ms : 0;
	return true;
}

static bool set_max_retries(struct filling *f, const struct schema_member *m, const json_t *v)
{
	long long n;

	if (!take_integer(f, m, v, &n))
		return false;
	f->spec->max_retries = (uint32_t)n;
	return true;
}

static bool set_timeout(struct filling *f, const struct schema_member *m, const json_t *v)
{
	return take_duration(f, m, v, &f->spec->timeout_ms);
}

/* --- backoff --- */

static bool set_base(struct filling *f, const struct schema_member *m, const json_t *v)
{
	f->backoff_given |= BACKOFF_BASE;
	return take_duration(f, m, v, &f->spec->backoff.base_ms);
}

static bool set_factor(struct filling *f, const struct schema_member *m, const json_t *v)
{
	double d = json_number_value(v);

	f->backoff_given |= BACKOFF_FACTOR;
	if (!json_is_number(v) || !(d >= m->is.min && d <= m->is.max))
		return wrong_value(f, m->name, v, "a number from 1 to 1000");
	f->spec->backoff.factor_milli = (uint32_t)llround(d * 1000);
	return true;
}

static bool set_max(struct filling *f, const struct schema_member *m, const json_t *v)
{
	f->backoff_given |= BACKOFF_MAX;
	return take_duration(f, m, v, &f->spec->backoff.max_ms);
}

static bool set_jitter(struct filling *f, const struct schema_member *m, const json_t *v)
{
	long long n;

	f->backoff_given |= BACKOFF_JITTER;
	if (!take_integer(f, m, v, &n))
		return false;
	f->spec->backoff.jitter_pct = (uint32_t)n;
	return true;
}

#define DURATION SCHEMA_DURATION(0, DURATION_LIMIT_MS)

static const struct envelope_field backoff_fields[] = {
	{ { "base", DURATION, SCHEMA_MAYBE, "The pause after the first failure." }, set_base, QUERY_NO },
	{ { "factor", SCHEMA_NUMBER(1, 1000), SCHEMA_MAYBE, "Each further pause is so many times the one before." }, set_factor, QUERY_NO },
	{ { "max", DURATION, SCHEMA_MAYBE, "The longest pause." }, set_max, QUERY_NO },
	{ { "jitter", SCHEMA_INTEGER(0, 100), SCHEMA_MAYBE, "Percent by which a pause varies at random." }, set_jitter, QUERY_NO },
};
#define BACKOFF_FIELDS (sizeof(backoff_fields) / sizeof(backoff_fields[0]))

const struct schema_member *envelope_backoff(unsigned arg, unsigned i)
{
	(void)arg;
	return i < BACKOFF_FIELDS ? &backoff_fields[i].member : NULL;
}

static bool backoff_set(struct filling *f, const char *name, const json_t *v)
{
	char field[64];

	snprintf(field, sizeof(field), "backoff.%.50s", name);
	for (size_t i = 0; i < BACKOFF_FIELDS; i++) {
		struct schema_member m = backoff_fields[i].member;
		if (strcmp(m.name, name) != 0)
			continue;
		m.name = field;
		return backoff_fields[i].set(f, &m, v);
	}
	return envelope_wrong(f, field, "\"backoff\" has no member \"%.64s\"; it takes \"base\", \"factor\", \"max\" and \"jitter\"", name);
}

static bool set_backoff(struct filling *f, const struct schema_member *m, const json_t *v)
{
	const char *name;
	json_t *part;

	if (!json_is_object(v))
		return wrong_value(f, m->name, v, "an object with any of \"base\", \"factor\", \"max\" and \"jitter\"");
	json_object_foreach((json_t *)(uintptr_t)v, name, part)
		if (!backoff_set(f, name, part))
			return false;
	return true;
}

/* --- the others --- */

static bool set_expires_in(struct filling *f, const struct schema_member *m, const json_t *v)
{
	int64_t ms;

	if (envelope_given(f, FIELD_EXPIRES_AT))
		return envelope_wrong(f, "expires_in", "only one of \"expires_in\" and \"expires_at\" may be given");
	if (!take_duration(f, m, v, &ms))
		return false;
	if (ms == 0)
		return wrong_value(f, m->name, v, "longer than 0");
	f->spec->expires_at_ms = f->in->wall_ms + ms;
	return true;
}

static bool set_expires_at(struct filling *f, const struct schema_member *m, const json_t *v)
{
	if (envelope_given(f, FIELD_EXPIRES_IN))
		return envelope_wrong(f, "expires_at", "only one of \"expires_in\" and \"expires_at\" may be given");
	if (!take_time(f, m, v, &f->spec->expires_at_ms))
		return false;
	if (f->spec->expires_at_ms <= 0)
		f->spec->expires_at_ms = 1;     /* 0 would say "never" */
	return true;
}

static bool hex_lower(const char *p, size_t n, bool *any)
{
	*any = false;
	for (size_t i = 0; i < n; i++) {
		if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
			return false;
		*any = *any || p[i] != '0';
	}
	return true;
}

bool envelope_traceparent(struct slice s)
{
	bool version, trace, parent, flags;

	if (s.n != 55 || s.p[2] != '-' || s.p[35] != '-' || s.p[52] != '-')
		return false;
	if (!hex_lower(s.p, 2, &version) || !hex_lower(s.p + 3, 32, &trace) || !hex_lower(s.p + 36, 16, &parent) || !hex_lower(s.p + 53, 2, &flags))
		return false;
	return trace && parent && memcmp(s.p, "ff", 2) != 0;
}

static bool set_trace(struct filling *f, const struct schema_member *m, const json_t *v)
{
	struct slice s = { json_string_value(v), json_string_length(v) };

	if (!json_is_string(v) || !envelope_traceparent(s))
		return wrong_value(f, m->name, v, "a W3C traceparent such as \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"");
	f->spec->trace = (struct job_text){ s.p, s.n };
	return true;
}

static bool set_tags(struct filling *f, const struct schema_member *m, const json_t *v)
{
	char field[48];
	const struct schema_member tag = { .name = field, .is = *m->is.of };

	if (!json_is_array(v))
		return wrong_value(f, m->name, v, "an array of strings");
	if (json_array_size(v) > (size_t)m->is.max)
		return envelope_wrong(f, m->name, "\"tags\" has %zu elements; it may have at most %.0f", json_array_size(v), m->is.max);
	for (size_t i = 0; i < json_array_size(v); i++) {
		snprintf(field, sizeof(field), "tags[%zu]", i);
		if (!take_text(f, &tag, json_array_get(v, i), &f->spec->tag[i]))
			return false;
	}
	f->spec->ntags = (unsigned)json_array_size(v);
	return true;
}

static bool set_idempotency_key(struct filling *f, const struct schema_member *m, const json_t *v)
{
	return take_text(f, m, v, &f->spec->idempotency_key);
}

static bool set_unique_key(struct filling *f, const struct schema_member *m, const json_t *v)
{
	return take_text(f, m, v, &f->spec->unique_key);
}

static bool set_key(struct filling *f, const struct schema_member *m, const json_t *v)
{
	return take_text(f, m, v, &f->spec->key);
}

bool envelope_idempotency(struct filling *f)
{
	struct slice key = f->in->idempotency_key;
	struct job_text *have = &f->spec->idempotency_key;

	if (!key.p)
		return true;
	if (key.n == 0 || key.n > JOB_KEY_MAX)
		return envelope_wrong(f, "idempotency_key", "the header Idempotency-Key has %zu bytes; it must have 1 to %d", key.n, JOB_KEY_MAX);
	if (!job_json_utf8(key))
		return envelope_wrong(f, "idempotency_key", "the header Idempotency-Key must be UTF-8");
	if (have->n && (have->n != key.n || memcmp(have->p, key.p, key.n) != 0))
		return envelope_wrong(f, "idempotency_key", "the header Idempotency-Key and the field \"idempotency_key\" differ; send one of them, or the same key in both");
	*have = (struct job_text){ key.p, key.n };
	return true;
}

static bool set_depends_on(struct filling *f, const struct schema_member *m, const json_t *v)
{
	size_t n = json_array_size(v);
	char field[48];

	if (!json_is_array(v))
		return wrong_value(f, m->name, v, "an array of job ids");
	if (n > (size_t)m->is.max)
		return envelope_wrong(f, m->name, "\"depends_on\" has %zu elements; it may have at most %.0f", n, m->is.max);
	f->depends = n ? calloc(n, sizeof(struct job_id)) : NULL;
	if (n && !f->depends) {
		envelope_wrong(f, m->name, "out of memory");
		f->problem->status = 503;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		const json_t *id = json_array_get(v, i);
		uint8_t *to = f->depends + i * sizeof(struct job_id);
		snprintf(field, sizeof(field), "depends_on[%zu]", i);
		if (!json_is_string(id) || !uuid_parse(json_string_value(id), json_string_length(id), to))
			return wrong_value(f, field, id, "the id of a job, such as \"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071\"");
		for (size_t k = 0; k < i; k++)
			if (memcmp(f->depends + k * sizeof(struct job_id), to, sizeof(struct job_id)) == 0)
				return envelope_wrong(f, field, "\"%s\" is the same job as \"depends_on[%zu]\"; each may be named once", field, k);
	}
	f->spec->depends = f->depends;
	f->spec->ndepends = (unsigned)n;
	return true;
}

#define KEY SCHEMA_TEXT(1, JOB_KEY_MAX)

const struct envelope_field envelope_fields[FIELDS] = {
	[FIELD_TYPE] = { { "type", SCHEMA_PATTERN(1, JOB_TYPE_MAX, MEMBERS_TYPE), SCHEMA_ALWAYS, "Picks the handler." }, set_type, QUERY_STRING },
	[FIELD_PAYLOAD] = { { "payload", SCHEMA_ANY, SCHEMA_MAYBE, "Handed to the handler byte for byte as it was sent; null where it is left out." }, set_payload, QUERY_NO },
	[FIELD_NAME] = { { "name", SCHEMA_TEXT(0, JOB_NAME_MAX), SCHEMA_MAYBE, "A label for people." }, set_name, QUERY_STRING },
	[FIELD_QUEUE] = { { "queue", SCHEMA_TEXT(1, JOB_QUEUE_MAX), SCHEMA_MAYBE, "Without control characters. Else the type's queue." }, set_queue, QUERY_STRING },
	[FIELD_PRIORITY] = { { "priority", SCHEMA_INTEGER(-32768, 32767), SCHEMA_MAYBE, "Higher runs first, equal ones in order of arrival; else 0." }, set_priority, QUERY_INTEGER },
	[FIELD_RUN_AT] = { { "run_at", SCHEMA_TIME, SCHEMA_MAYBE, "Not before; not together with delay." }, set_run_at, QUERY_STRING },
	[FIELD_DELAY] = { { "delay", DURATION, SCHEMA_MAYBE, "Not before so long from now; not together with run_at." }, set_delay, QUERY_STRING },
	[FIELD_MAX_RETRIES] = { { "max_retries", SCHEMA_INTEGER(0, 1000), SCHEMA_MAYBE, "Attempts after the first; else the type's." }, set_max_retries, QUERY_INTEGER },
	[FIELD_TIMEOUT] = { { "timeout", DURATION, SCHEMA_MAYBE, "Limit of one attempt, 0 is none; else the type's." }, set_timeout, QUERY_STRING },
	[FIELD_BACKOFF] = { { "backoff", SCHEMA_REF("BackoffSubmission"), SCHEMA_MAYBE, "What is left out is the type's." }, set_backoff, QUERY_NO },
	[FIELD_EXPIRES_IN] = { { "expires_in", SCHEMA_DURATION(1, DURATION_LIMIT_MS), SCHEMA_MAYBE, "Not worth starting after so long; not together with expires_at." }, set_expires_in, QUERY_STRING },
	[FIELD_EXPIRES_AT] = { { "expires_at", SCHEMA_TIME, SCHEMA_MAYBE, "Not worth starting after this; not together with expires_in." }, set_expires_at, QUERY_STRING },
	[FIELD_TRACE] = { { "trace", SCHEMA_PATTERN(55, 55, "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"), SCHEMA_MAYBE, "A W3C traceparent; else the header of that name." }, set_trace, QUERY_STRING },
	[FIELD_TAGS] = { { "tags", SCHEMA_LIST(0, JOB_TAGS_MAX, SCHEMA_TEXT(1, JOB_TAG_MAX)), SCHEMA_MAYBE, "For search." }, set_tags, QUERY_NO },
	[FIELD_IDEMPOTENCY_KEY] = { { "idempotency_key", KEY, SCHEMA_MAYBE, "The same request with the same key makes no second job; may be said as the header Idempotency-Key." }, set_idempotency_key, QUERY_STRING },
	[FIELD_UNIQUE_KEY] = { { "unique_key", KEY, SCHEMA_MAYBE, "At most one job of this type that has not ended has it." }, set_unique_key, QUERY_STRING },
	[FIELD_KEY] = { { "key", KEY, SCHEMA_MAYBE, "Jobs of this type with the same key run at most key_concurrency at once." }, set_key, QUERY_STRING },
	[FIELD_DEPENDS_ON] = { { "depends_on", SCHEMA_LIST(0, JOB_DEPENDS_MAX, SCHEMA_ID), SCHEMA_MAYBE, "Waits until all of these have succeeded; each once." }, set_depends_on, QUERY_NO },
};

const struct schema_member *envelope_member(unsigned arg, unsigned i)
{
	(void)arg;
	return i < FIELDS ? &envelope_fields[i].member : NULL;
}

bool envelope_set(struct filling *f, const char *name, const json_t *v)
{
	for (unsigned i = 0; i < FIELDS; i++) {
		const struct envelope_field *field = &envelope_fields[i];
		if (strcmp(field->member.name, name) != 0)
			continue;
		if (!field->set(f, &field->member, v))
			return false;
		f->given |= 1u << i;
		return true;
	}
	return envelope_wrong(f, name,
		"a job has no field \"%.64s\"; it takes type, payload, name, queue, priority, run_at, delay, max_retries, timeout, backoff, expires_in, "
		"expires_at, idempotency_key, unique_key, key, trace, tags and depends_on", name);
}
