/* Lines of an export, read back: strict, so that nothing is guessed; what is wrong is named. Called by `stint import`. */
#include "job/whole.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/base64.h"
#include "text/json.h"
#include "text/uuid.h"

struct parse {
	struct whole_line *l;
	struct whole_error *e;
	struct slice kind, id, state, tags, depends, waits, history, notes, progress;   /* raw values */
	struct slice payload, payload_base64, result, result_text, result_base64, fingerprint;
	struct slice key, key_base64, job, name, name_base64, paused, upto, run, print, created, format, version, made, jobs;
	bool payload_is_json;
};

static bool wrong(struct parse *p, const char *field, const char *what)
{
	snprintf(p->e->field, sizeof(p->e->field), "%.60s", field);
	snprintf(p->e->what, sizeof(p->e->what), "%s", what);
	return false;
}

static bool wrong_slice(struct parse *p, struct slice field, const char *what)
{
	char name[61];

	snprintf(name, sizeof(name), "%.*s", (int)(field.n < 60 ? field.n : 60), field.p);
	return wrong(p, name, what);
}

/* --- values --- */

/* Bytes are appended to a memory that never moves: it was made as long as the line. */
static bool get_string(struct parse *p, struct slice raw, bool base64, struct job_text *out)
{
	struct buf *b = &p->l->job.bytes;
	size_t from = b->len;
	struct buf plain = { 0 };
	bool ok;

	if (!base64) {
		ok = json_string_get(raw, b);
	} else {
		ok = json_string_get(raw, &plain) && base64_parse((struct slice){ plain.data, plain.len }, b);
		buf_free(&plain);
	}
	*out = (struct job_text){ b->data + from, b->len - from };
	return ok && !b->failed;
}

static bool get_integer(struct slice raw, int64_t min, int64_t max, int64_t *v)
{
	char text[24], *end;

	if (raw.n == 0 || raw.n >= sizeof(text) || (raw.p[0] != '-' && (raw.p[0] < '0' || raw.p[0] > '9')))
		return false;
	memcpy(text, raw.p, raw.n);
	text[raw.n] = '\0';
	errno = 0;
	*v = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && *v >= min && *v <= max;
}

static bool get_id(struct slice raw, uint8_t out[16])
{
	return raw.n == 38 && raw.p[0] == '"' && uuid_parse(raw.p + 1, 36, out);
}

static bool number_of(struct parse *p, const char *name, struct slice raw, int64_t min, int64_t max, int64_t *v)
{
	char what[120];

	if (raw.p && get_integer(raw, min, max, v))
		return true;
	snprintf(what, sizeof(what), "it must be a whole number from %" PRId64 " to %" PRId64, min, max);
	return wrong(p, name, what);
}

static bool set_field(struct parse *p, const struct whole_field *f, void *of, struct slice raw, bool base64)
{
	void *at = (char *)of + f->at;
	char what[120];
	int64_t v;

	if (f->type == WHOLE_TEXT) {
		struct job_text *t = at;
		if (get_string(p, raw, base64, t) && (int64_t)t->n <= f->max)
			return true;
		snprintf(what, sizeof(what), "it must be a string%s of at most %" PRId64 " bytes", base64 ? " of base64" : "", f->max);
		return wrong(p, f->name, what);
	}
	if (f->type == WHOLE_BOOL) {
		if (slice_eq(raw, "true") || slice_eq(raw, "false")) {
			*(bool *)at = raw.p[0] == 't';
			return true;
		}
		return wrong(p, f->name, "it must be true or false");
	}
	if (!number_of(p, f->name, raw, f->min, f->max, &v))
		return false;
	if (f->type == WHOLE_U32 || f->type == WHOLE_I32)
		*(uint32_t *)at = (uint32_t)v;
	else
		*(int64_t *)at = v;
	return true;
}

/* The field of that name, NULL where there is none; a text's may have "_base64" behind it. */
static const struct whole_field *field_of(const struct whole_field *f, struct slice name, bool *base64)
{
	static const char tail[] = "_base64";
	size_t t = sizeof(tail) - 1;

	for (; f->name; f++) {
		size_t n = strlen(f->name);
		*base64 = f->type == WHOLE_TEXT && name.n == n + 2 + t && memcmp(name.p + 1 + n, tail, t) == 0;
		if ((name.n == n + 2 || *base64) && memcmp(name.p + 1, f->name, n) == 0)
			return f;
	}
	return NULL;
}

static void absent_all(const struct whole_field *f, void *of)
{
	for (; f->name; f++)
		if (f->absent && f->type == WHOLE_I32)
			*(int32_t *)(void *)((char *)of + f->at) = (int32_t)f->absent;
}

/* --- lists --- */

struct list { struct parse *p; const char *name; unsigned n; uint8_t *ids; };

static bool one_tag(void *arg, struct slice raw)
{
	struct list *w = arg;
	struct job_spec *s = &w->p->l->job.spec;

	if (s->ntags < JOB_TAGS_MAX && get_string(w->p, raw, false, &s->tag[s->ntags]) && s->tag[s->ntags].n <= JOB_TAG_MAX) {
		s->ntags++;
		return true;
	}
	return wrong(w->p, "tags", "it must be an array of at most 16 strings of at most 128 bytes");
}

static bool one_id(void *arg, struct slice raw)
{
	struct list *w = arg;

	if (w->n < JOB_DEPENDS_MAX && get_id(raw, w->ids + (size_t)w->n * sizeof(struct job_id))) {
		w->n++;
		return true;
	}
	return wrong(w->p, w->name, "it must be an array of at most 256 ids of jobs");
}

static bool get_ids(struct parse *p, const char *name, struct slice raw, const uint8_t **out, unsigned *n)
{
	struct buf *b = &p->l->job.bytes;
	struct list w = { p, name, 0, (uint8_t *)b->data + b->len };    /* an id is shorter than its text */

	if (!raw.p)
		return true;
	if (!json_each(raw.p, raw.n, one_id, &w))
		return p->e->what[0] ? false : wrong(p, name, "it must be an array of ids of jobs");
	*out = w.ids;
	*n = w.n;
	b->len += (size_t)w.n * sizeof(struct job_id);
	return true;
}

struct attempt { struct parse *p; struct record_attempt *a; };

static bool attempt_member(void *arg, struct slice name, struct slice value)
{
	struct attempt *w = arg;
	bool base64;
	const struct whole_field *f = field_of(whole_attempt_fields, name, &base64);

	return f ? set_field(w->p, f, w->a, value, base64) : wrong_slice(w->p, name, "there is no such member of a history's");
}

static bool grow(struct parse *p, const char *name, void **v, unsigned n, size_t size)
{
	void *more = n % 8 ? *v : realloc(*v, (n + 8) * size);

	if (n >= WHOLE_ATTEMPTS_MAX || !more)
		return wrong(p, name, "there are too many of them");
	*v = more;
	return true;
}

static bool one_attempt(void *arg, struct slice raw)
{
	struct parse *p = arg;
	struct job_whole *w = &p->l->job;
	void *v = w->attempt;

	if (!grow(p, "history", &v, w->nattempts, sizeof(*w->attempt)))
		return false;
	w->attempt = v;
	struct record_attempt *a = &w->attempt[w->nattempts++];
	*a = (struct record_attempt){ .token = 0 };
	if (!json_each_member(raw.p, raw.n, attempt_member, &(struct attempt){ p, a }))
		return p->e->what[0] ? false : wrong(p, "history", "it must be an array of objects");
	return a->outcome ? true : wrong(p, "outcome", "each attempt of the history must say its outcome");
}

struct note { struct parse *p; struct whole_note *n; };

static bool note_member(void *arg, struct slice name, struct slice value)
{
	struct note *w = arg;
	int64_t v;

	if (json_string_says(name, "detail") || json_string_says(name, "detail_base64"))
		return get_string(w->p, value, name.n > 8, &w->n->detail) || wrong(w->p, "notes", "detail must be a string");
	if (json_string_says(name, "at_us"))
		return number_of(w->p, "at_us", value, 0, INT64_C(253402300799999999), &w->n->at_us);
	if (json_string_says(name, "event") && number_of(w->p, "event", value, 0, UINT8_MAX, &v))
		w->n->event = (uint32_t)v;
	else if (json_string_says(name, "attempt") && number_of(w->p, "attempt", value, 0, UINT32_MAX, &v))
		w->n->attempt = (uint32_t)v;
	else
		return w->p->e->what[0] ? false : wrong_slice(w->p, name, "there is no such member of a note");
	return true;
}

static bool one_note(void *arg, struct slice raw)
{
	struct parse *p = arg;
	struct job_whole *w = &p->l->job;
	void *v = w->note;

	if (!grow(p, "notes", &v, w->nnotes, sizeof(*w->note)))
		return false;
	w->note = v;
	struct whole_note *n = &w->note[w->nnotes++];
	*n = (struct whole_note){ .at_us = 0 };
	return json_each_member(raw.p, raw.n, note_member, &(struct note){ p, n }) || (p->e->what[0] ? false : wrong(p, "notes", "it must be an array of objects"));
}

static bool progress_member(void *arg, struct slice name, struct slice value)
{
	struct parse *p = arg;
	struct job_whole *w = &p->l->job;
	int64_t v;

	if (json_string_says(name, "message") || json_string_says(name, "message_base64"))
		return (get_string(p, value, name.n > 9, &w->message) && w->message.n <= 256) || wrong(p, "progress", "message must be a string of at most 256 bytes");
	if (json_string_says(name, "at_ms"))
		return number_of(p, "at_ms", value, 0, INT64_C(253402300799999), &w->said_ms);
	if (json_string_says(name, "percent") && number_of(p, "percent", value, 0, 100, &v))
		w->percent = (int32_t)v;
	else if (json_string_says(name, "attempt") && number_of(p, "attempt", value, 0, UINT32_MAX, &v))
		w->said_attempt = (uint32_t)v;
	else
		return p->e->what[0] ? false : wrong_slice(p, name, "there is no such member of a progress");
	return true;
}

/* --- a line --- */

#define M(name, member) { name, offsetof(struct parse, member) }
static const struct { const char *name; size_t at; } members[] = {
	M("kind", kind), M("id", id), M("state", state), M("tags", tags), M("depends_on", depends), M("waits_for", waits), M("history", history), M("notes", notes),
	M("progress", progress), M("payload", payload), M("payload_base64", payload_base64), M("result", result), M("result_text", result_text),
	M("result_base64", result_base64), M("result_text_base64", result_base64), M("fingerprint_base64", fingerprint),
};
static const struct { const char *name; size_t at; } others[] = {
	M("kind", kind), M("id", id), M("key", key), M("key_base64", key_base64), M("fingerprint_base64", fingerprint), M("job", job), M("name", name), M("name_base64", name_base64), M("paused", paused), M("upto_ms", upto),
	M("run_ms", run), M("print", print), M("created_ms", created), M("format", format), M("version", version), M("made_ms", made), M("jobs", jobs),
};
#undef M

static bool keep(struct parse *p, const char *name, size_t at, struct slice value)
{
	struct slice *s = (struct slice *)(void *)((char *)p + at);

	if (s->p)
		return wrong(p, name, "it is there twice");
	*s = value;
	return true;
}

static bool job_member(void *arg, struct slice name, struct slice value)
{
	struct parse *p = arg;
	bool base64;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_string_says(name, members[i].name))
			return keep(p, members[i].name, members[i].at, value);
	const struct whole_field *f = field_of(whole_job_fields, name, &base64);
	return f ? set_field(p, f, &p->l->job, value, base64) : wrong_slice(p, name, "there is no such member of a job");
}

static bool other_member(void *arg, struct slice name, struct slice value)
{
	struct parse *p = arg;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (json_string_says(name, others[i].name))
			return keep(p, others[i].name, others[i].at, value);
	return wrong_slice(p, name, "there is no such member of this kind of line");
}

static bool get_bytes_of_job(struct parse *p)
{
	struct job_whole *w = &p->l->job;
	struct job_text print = { NULL, 0 };

	if (p->payload.p && !p->payload_base64.p)
		w->payload = (struct job_text){ p->payload.p, p->payload.n };
	else if (p->payload.p || !p->payload_base64.p || !get_string(p, p->payload_base64, true, &w->payload))
		return wrong(p, "payload", "there must be either payload, any JSON, or payload_base64");
	if (p->result.p)
		w->result = (struct job_text){ p->result.p, p->result.n };
	else if (p->result_text.p && !get_string(p, p->result_text, false, &w->result))
		return wrong(p, "result_text", "it must be a string");
	else if (p->result_base64.p && !get_string(p, p->result_base64, true, &w->result))
		return wrong(p, "result_base64", "it must be a string of base64");
	if (p->fingerprint.p && (!get_string(p, p->fingerprint, true, &print) || print.n != sizeof(w->spec.fingerprint)))
		return wrong(p, "fingerprint_base64", "it must be 16 bytes in base64");
	if (print.n)
		memcpy(w->spec.fingerprint, print.p, print.n);
	w->job.result_len = w->result.n;
	w->spec.payload_len = w->payload.n;
	return true;
}

static bool get_job(struct parse *p, struct slice line)
{
	struct job_whole *w = &p->l->job;

	absent_all(whole_job_fields, w);
	w->job.progress_pct = -1;
	if (!json_each_member(line.p, line.n, job_member, p))
		return p->e->what[0] ? false : wrong(p, "", "the line must be a JSON object");
	if (!get_id(p->id, w->job.id.b))
		return wrong(p, "id", "it must be the id of a job");
	w->state = p->state.n > 2 ? job_state_of(p->state.p + 1, p->state.n - 2) : JOB_NONE;
	if (w->state == JOB_NONE)
		return wrong(p, "state", "it must be a state: scheduled, waiting, queued, running, retrying, succeeded, dead, cancelled or expired");
	if (w->spec.type.n == 0 || w->spec.queue.n == 0)
		return wrong(p, w->spec.type.n ? "queue" : "type", "it must be there");
	if (w->job.created_ms == 0)
		return wrong(p, "created_ms", "it must be there: when the job was submitted, in milliseconds since 1970");
	if (w->spec.backoff.factor_milli < 1000)
		return wrong(p, "backoff_factor_milli", "it must be there, and 1000 or more");
	if ((p->tags.p && !json_each(p->tags.p, p->tags.n, one_tag, &(struct list){ .p = p })) || !get_ids(p, "depends_on", p->depends, &w->spec.depends, &w->spec.ndepends) ||
	    !get_ids(p, "waits_for", p->waits, &w->waits_for, &w->nwaits))
		return p->e->what[0] ? false : wrong(p, "tags", "it must be an array of strings");
	if (p->history.p && !json_each(p->history.p, p->history.n, one_attempt, p))
		return p->e->what[0] ? false : wrong(p, "history", "it must be an array of objects");
	if (p->notes.p && !json_each(p->notes.p, p->notes.n, one_note, p))
		return p->e->what[0] ? false : wrong(p, "notes", "it must be an array of objects");
	if (p->progress.p && !json_each_member(p->progress.p, p->progress.n, progress_member, p))
		return p->e->what[0] ? false : wrong(p, "progress", "it must be an object");
	w->said = p->progress.p != NULL;
	w->job.progress_pct = w->said ? w->percent : -1;
	w->job.expires_at_ms = w->spec.expires_at_ms;
	w->job.max_retries = w->spec.max_retries;
	w->job.priority = w->spec.priority;
	return get_bytes_of_job(p);
}

/* One or the other, of 1 to max bytes. */
static bool get_either(struct parse *p, struct slice text, struct slice base64, size_t max, struct job_text *out)
{
	if (!text.p == !base64.p || !get_string(p, text.p ? text : base64, !text.p, out))
		return false;
	return out->n > 0 && out->n <= max;
}

static bool get_key(struct parse *p)
{
	struct whole_key *k = &p->l->key;
	struct job_text print;

	if (!get_id(p->id, k->id.b))
		return wrong(p, "id", "it must be the id of a job");
	if (!get_either(p, p->key, p->key_base64, JOB_KEY_MAX, &k->key))
		return wrong(p, "key", "it must be a string of 1 to 255 bytes");
	memset(k->fingerprint, 0, sizeof(k->fingerprint));
	if (p->fingerprint.p) {
		if (!get_string(p, p->fingerprint, true, &print) || print.n != sizeof(k->fingerprint))
			return wrong(p, "fingerprint_base64", "it must be 16 bytes in base64");
		memcpy(k->fingerprint, print.p, sizeof(k->fingerprint));
	}
	return number_of(p, "created_ms", p->created, 0, INT64_C(253402300799999), &k->created_ms);
}

static bool get_schedule(struct parse *p)
{
	struct whole_schedule *s = &p->l->schedule;
	int64_t print;

	if (!get_either(p, p->name, p->name_base64, 255, &s->name))
		return wrong(p, "name", "it must be a string of 1 to 255 bytes");
	if (!get_id(p->job, s->job.b))
		return wrong(p, "job", "it must be the id of a job");
	if (!number_of(p, "upto_ms", p->upto, 0, INT64_C(253402300799999), &s->upto_ms) || !number_of(p, "run_ms", p->run, 0, INT64_C(253402300799999), &s->run_ms) ||
	    !number_of(p, "print", p->print, 0, UINT32_MAX, &print))
		return false;
	s->print = (uint32_t)print;
	return true;
}

static bool get_queue(struct parse *p)
{
	if (!get_either(p, p->name, p->name_base64, JOB_QUEUE_MAX, &p->l->queue))
		return wrong(p, "name", "it must be a string of 1 to 128 bytes");
	return slice_eq(p->paused, "true") || wrong(p, "paused", "it must be true");
}

static bool get_head(struct parse *p)
{
	int64_t v;

	if (!number_of(p, "format", p->format, 1, INT64_MAX, &v))
		return false;
	p->l->format = (uint64_t)v;
	return true;
}

static bool get_end(struct parse *p)
{
	int64_t v;

	if (!number_of(p, "jobs", p->jobs, 0, INT64_MAX, &v))
		return false;
	p->l->jobs = (uint64_t)v;
	return true;
}

bool whole_parse(struct slice line, struct whole_line *l, struct whole_error *e)
{
	static const struct { const char *name; enum whole_kind kind; bool (*get)(struct parse *p); } kinds[] = {
		{ "stint-export", WHOLE_HEAD, get_head }, { "key", WHOLE_KEY, get_key }, { "queue", WHOLE_QUEUE, get_queue },
		{ "schedule", WHOLE_SCHEDULE, get_schedule }, { "end", WHOLE_END, get_end },
	};
	struct parse p = { .l = l, .e = e };
	struct json_error je;
	struct slice kind;

	*e = (struct whole_error){ .field = "" };
	whole_clear(&l->job);
	if (!json_valid(line.p, line.n, &je)) {
		snprintf(e->what, sizeof(e->what), "it is not JSON: column %u: %s", je.column, je.what);
		return false;
	}
	if (!buf_reserve(&l->job.bytes, line.n + 1))
		return wrong(&p, "", "out of memory");
	if (!json_member(line.p, line.n, "kind", &kind))
		return wrong(&p, "kind", "the line must be an object that says its kind");
	if (json_string_says(kind, "job")) {
		l->kind = WHOLE_JOB;
		return get_job(&p, line);
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!json_string_says(kind, kinds[i].name))
			continue;
		l->kind = kinds[i].kind;
		return json_each_member(line.p, line.n, other_member, &p) && kinds[i].get(&p);
	}
	return wrong(&p, "kind", "it must be job, key, queue, schedule, end or stint-export");
}
