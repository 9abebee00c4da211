/* Lines of an export: what is there, and not what is as if it were not. Called by `stint export`. */
#include "job/whole.h"

#include <inttypes.h>
#include <string.h>

#include "text/base64.h"
#include "text/json.h"
#include "text/uuid.h"

static struct slice slice(struct job_text t)
{
	return (struct slice){ t.p, t.n };
}

/* As a string where it is text, else with "_base64" behind its name. */
static void put_bytes(struct buf *out, const char *name, struct job_text t)
{
	bool text = json_utf8(t.p, t.n) && !memchr(t.p, '\0', t.n);

	buf_printf(out, ",\"%s%s\":", name, text ? "" : "_base64");
	if (text) {
		json_put_string(out, slice(t));
		return;
	}
	buf_char(out, '"');
	base64_put(out, t.p, t.n);
	buf_char(out, '"');
}

static void put_base64(struct buf *out, const char *name, struct job_text t)
{
	buf_printf(out, ",\"%s_base64\":\"", name);
	base64_put(out, t.p, t.n);
	buf_char(out, '"');
}

static void put_field(struct buf *out, const struct whole_field *f, const void *of)
{
	const void *at = (const char *)of + f->at;
	int64_t v = 0;

	switch (f->type) {
	case WHOLE_TEXT:
		if (((const struct job_text *)at)->n)
			put_bytes(out, f->name, *(const struct job_text *)at);
		return;
	case WHOLE_BOOL:
		if (*(const bool *)at)
			buf_printf(out, ",\"%s\":true", f->name);
		return;
	case WHOLE_U32:
		v = *(const uint32_t *)at;
		break;
	case WHOLE_I32:
		v = *(const int32_t *)at;
		break;
	case WHOLE_U64:
	case WHOLE_I64:
		v = *(const int64_t *)at;
		break;
	}
	if (v != f->absent)
		buf_printf(out, ",\"%s\":%" PRId64, f->name, v);
}

static void put_id(struct buf *out, const uint8_t *id)
{
	char text[UUID_TEXT_BYTES];

	uuid_format(id, text);
	buf_printf(out, "\"%s\"", text);
}

static void put_ids(struct buf *out, const char *name, const uint8_t *ids, unsigned n)
{
	if (n == 0)
		return;
	buf_printf(out, ",\"%s\":[", name);
	for (unsigned i = 0; i < n; i++) {
		buf_str(out, i ? "," : "");
		put_id(out, ids + (size_t)i * sizeof(struct job_id));
	}
	buf_char(out, ']');
}

/* Whether it can stand in a line as it is: one line, and not so deep that the line would be deeper than is read. */
static bool fits_in_line(struct job_text json)
{
	int depth = 0, deepest = 0;
	bool inside = false;

	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		if (c == '\n' || c == '\r')
			return false;
		if (c == '"')
			inside = !inside;
		else if (inside)
			i += c == '\\';
		else if (c == '{' || c == '[')
			deepest = ++depth > deepest ? depth : deepest;
		else if (c == '}' || c == ']')
			depth--;
	}
	return deepest < JSON_MAX_DEPTH;
}

static void put_json(struct buf *out, const char *name, struct job_text json)
{
	if (!fits_in_line(json)) {
		put_base64(out, name, json);
		return;
	}
	buf_printf(out, ",\"%s\":", name);
	buf_slice(out, slice(json));
}

static void put_attempts(struct buf *out, const struct job_whole *w)
{
	if (w->nattempts == 0)
		return;
	buf_str(out, ",\"history\":[");
	for (unsigned i = 0; i < w->nattempts; i++) {
		struct buf one = { 0 };
		for (const struct whole_field *f = whole_attempt_fields; f->name; f++)
			put_field(&one, f, &w->attempt[i]);
		buf_str(out, i ? ",{" : "{");
		if (one.len)
			buf_add(out, one.data + 1, one.len - 1);        /* without the first comma */
		buf_char(out, '}');
		out->failed |= one.failed;
		buf_free(&one);
	}
	buf_char(out, ']');
}

static void put_notes(struct buf *out, const struct job_whole *w)
{
	if (w->nnotes == 0)
		return;
	buf_str(out, ",\"notes\":[");
	for (unsigned i = 0; i < w->nnotes; i++) {
		const struct whole_note *n = &w->note[i];
		buf_printf(out, "%s{\"at_us\":%" PRId64 ",\"event\":%" PRIu32, i ? "," : "", n->at_us, n->event);
		if (n->attempt)
			buf_printf(out, ",\"attempt\":%" PRIu32, n->attempt);
		if (n->detail.n)
			put_bytes(out, "detail", n->detail);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static void put_fingerprint(struct buf *out, const uint8_t print[16])
{
	static const uint8_t none[16];

	if (memcmp(print, none, sizeof(none)) != 0)
		put_base64(out, "fingerprint", (struct job_text){ (const char *)print, 16 });
}

void whole_put_job(struct buf *out, const struct job_whole *w)
{
	buf_str(out, "{\"kind\":\"job\",\"id\":");
	put_id(out, w->job.id.b);
	buf_printf(out, ",\"state\":\"%s\"", job_state_name(w->state));
	for (const struct whole_field *f = whole_job_fields; f->name; f++)
		put_field(out, f, w);
	put_fingerprint(out, w->spec.fingerprint);
	for (unsigned i = 0; i < w->spec.ntags; i++) {
		buf_str(out, i ? "," : ",\"tags\":[");
		json_put_string(out, slice(w->spec.tag[i]));
	}
	buf_str(out, w->spec.ntags ? "]" : "");
	put_ids(out, "depends_on", w->spec.depends, w->spec.ndepends);
	put_ids(out, "waits_for", w->waits_for, w->nwaits);
	if (w->said) {
		buf_printf(out, ",\"progress\":{\"percent\":%" PRId32 ",\"attempt\":%" PRIu32 ",\"at_ms\":%" PRId64, w->percent, w->said_attempt, w->said_ms);
		if (w->message.n)
			put_bytes(out, "message", w->message);
		buf_char(out, '}');
	}
	put_attempts(out, w);
	put_notes(out, w);
	if (w->spec.content_type.n)
		put_base64(out, "payload", w->payload);
	else
		put_json(out, "payload", w->payload);
	if (w->result.n && w->job.result_json)
		put_json(out, "result", w->result);
	else if (w->result.n)
		put_bytes(out, "result_text", w->result);
	buf_str(out, "}\n");
}

void whole_put_head(struct buf *out, const char *version, int64_t wall_ms)
{
	buf_printf(out, "{\"kind\":\"stint-export\",\"format\":%u,\"version\":\"%s\",\"made_ms\":%" PRId64 "}\n", WHOLE_FORMAT, version, wall_ms);
}

void whole_put_key(struct buf *out, const struct whole_key *k)
{
	buf_str(out, "{\"kind\":\"key\",\"id\":");
	put_id(out, k->id.b);
	put_bytes(out, "key", k->key);
	put_fingerprint(out, k->fingerprint);
	buf_printf(out, ",\"created_ms\":%" PRId64 "}\n", k->created_ms);
}

void whole_put_queue(struct buf *out, struct job_text name)
{
	buf_str(out, "{\"kind\":\"queue\"");
	put_bytes(out, "name", name);
	buf_str(out, ",\"paused\":true}\n");
}

void whole_put_schedule(struct buf *out, const struct whole_schedule *s)
{
	buf_str(out, "{\"kind\":\"schedule\"");
	put_bytes(out, "name", s->name);
	buf_str(out, ",\"job\":");
	put_id(out, s->job.b);
	buf_printf(out, ",\"upto_ms\":%" PRId64 ",\"run_ms\":%" PRId64 ",\"print\":%" PRIu32 "}\n", s->upto_ms, s->run_ms, s->print);
}

void whole_put_end(struct buf *out, uint64_t jobs)
{
	buf_printf(out, "{\"kind\":\"end\",\"jobs\":%" PRIu64 "}\n", jobs);
}
