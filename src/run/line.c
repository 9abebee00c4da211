/* Writes a job as a line and reads what a coprocess says. Strict: whatever a line has that it may not have is named, since it means something that we would not do.
 * Called by the coprocess kind; no descriptor, no clock, nothing fatal. */
#include "run/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "run/output.h"
#include "text/base64.h"
#include "text/duration.h"
#include "text/json.h"
#include "text/uuid.h"

/* --- a job --- */

static void put_member(struct buf *b, const char *name, const char *text)
{
	buf_str(b, name);
	json_put_string(b, slice_of(text));
}

/* A line feed or carriage return of a JSON text stands between its tokens, where a blank is as good. */
static void put_on_one_line(struct buf *b, const char *p, size_t n)
{
	size_t from = b->len;

	buf_add(b, p, n);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] == '\n' || b->data[i] == '\r')
			b->data[i] = ' ';
}

/* Raw bodies keep their type; one that says it is JSON is taken for it. */
static bool says_json(const char *content_type)
{
	size_t n = strcspn(content_type, "; ");

	return n == 0 || (n == 16 && strncasecmp(content_type, "application/json", n) == 0) || (n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0);
}

static void put_payload(const struct run_task *t, struct buf *b)
{
	struct json_error e;

	if (*t->content_type)
		put_member(b, ",\"content_type\":", t->content_type);
	if (says_json(t->content_type) && json_valid(t->payload, t->payload_len, &e)) {
		buf_str(b, ",\"payload\":");
		put_on_one_line(b, t->payload, t->payload_len);
	} else if (json_utf8(t->payload, t->payload_len)) {
		buf_str(b, ",\"payload\":");
		json_put_string(b, (struct slice){ t->payload, t->payload_len });
	} else {
		buf_str(b, ",\"payload_base64\":\"");
		base64_put(b, t->payload, t->payload_len);
		buf_char(b, '"');
	}
}

void line_job(const struct run_task *t, struct buf *b)
{
	char id[UUID_TEXT_BYTES], deadline[TIME_TEXT_BYTES];

	uuid_format(t->id.b, id);
	put_member(b, "{\"id\":", id);
	put_member(b, ",\"type\":", t->type);
	put_member(b, ",\"queue\":", t->queue);
	buf_printf(b, ",\"attempt\":%u,\"max_attempts\":%u", (unsigned)t->attempt, (unsigned)t->max_attempts);
	if (t->deadline_ms) {
		time_format(t->deadline_ms, deadline);
		put_member(b, ",\"deadline\":", deadline);
	} else {
		buf_str(b, ",\"deadline\":null");
	}
	put_payload(t, b);
	if (*t->trace)
		put_member(b, ",\"trace\":", t->trace);
	else
		buf_str(b, ",\"trace\":null");
	buf_str(b, "}\n");
}

/* --- what it says --- */

enum member { M_ID, M_OK, M_RESULT, M_ERROR, M_RETRY, M_RETRY_IN, M_PROGRESS, M_MESSAGE, MEMBERS };
static const char *const names[MEMBERS] = { "id", "ok", "result", "error", "retry", "retry_in", "progress", "message" };

struct reading { struct slice value[MEMBERS]; char *why; size_t why_size; };

static bool wrong(struct reading *r, const char *what)
{
	snprintf(r->why, r->why_size, "%s", what);
	return false;
}

static bool take_member(void *arg, struct slice name, struct slice value)
{
	struct reading *r = arg;
	unsigned i = 0;
	char shown[80];

	while (i < MEMBERS && !json_string_says(name, names[i]))
		i++;
	line_show(name, shown, sizeof(shown));
	if (i == MEMBERS) {
		snprintf(r->why, r->why_size, "it has a member %s, which is none of id, ok, result, error, retry, retry_in, progress, message", shown);
		return false;
	}
	if (r->value[i].n) {
		snprintf(r->why, r->why_size, "it has %s twice", shown);
		return false;
	}
	r->value[i] = value;
	return true;
}

static bool is(struct slice v, const char *text)
{
	return slice_eq(v, text);
}

/* A string, cut to what fits; null and an absent one are empty. */
static bool take_text(struct reading *r, enum member m, char *out, size_t size)
{
	struct buf b = { 0 };

	out[0] = '\0';
	if (!r->value[m].n || is(r->value[m], "null"))
		return true;
	bool ok = json_string_get(r->value[m], &b) && !b.failed;
	if (ok)
		output_copy((struct slice){ b.data, b.len }, out, size);
	buf_free(&b);
	if (!ok)
		snprintf(r->why, r->why_size, "its \"%s\" is not a string", names[m]);
	return ok;
}

/* Seconds as a number, or "90s". */
static bool take_retry_in(struct reading *r, int64_t *ms)
{
	struct slice v = r->value[M_RETRY_IN];

	*ms = -1;
	if (!v.n || is(v, "null"))
		return true;
	if (v.p[0] == '"')
		v = (struct slice){ v.p + 1, v.n - 2 };
	return (duration_parse(v, ms) && *ms <= DURATION_LIMIT_MS) || wrong(r, "its \"retry_in\" is neither a number of seconds nor a duration such as \"90s\", of at most 3650d");
}

static bool none_of(struct reading *r, const char *kind, const enum member *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (r->value[m[i]].n) {
			snprintf(r->why, r->why_size, "%s has no \"%s\"", kind, names[m[i]]);
			return false;
		}
	return true;
}

static bool read_progress(struct reading *r, struct line_said *out)
{
	static const enum member not[] = { M_RESULT, M_ERROR, M_RETRY, M_RETRY_IN };
	struct slice v = r->value[M_PROGRESS];

	out->kind = LINE_PROGRESS;
	if (v.n > 3 || strspn(v.p, "0123456789") < v.n || (out->percent = (int)strtol(v.p, NULL, 10)) > 100)
		return wrong(r, "its \"progress\" is not a whole number from 0 to 100");
	return none_of(r, "a line of progress", not, 4) && take_text(r, M_MESSAGE, out->text, sizeof(out->text));
}

static bool read_answer(struct reading *r, struct line_said *out)
{
	static const enum member not_ok[] = { M_ERROR, M_RETRY, M_RETRY_IN, M_MESSAGE }, not_failed[] = { M_RESULT, M_MESSAGE };

	if (is(r->value[M_OK], "true")) {
		out->kind = LINE_OK;
		out->result = r->value[M_RESULT];
		out->result_total = out->result.n;
		return none_of(r, "an answer with \"ok\": true", not_ok, 4);
	}
	if (!is(r->value[M_OK], "false"))
		return wrong(r, "its \"ok\" is neither true nor false");
	out->kind = LINE_NOT_OK;
	out->retry = !is(r->value[M_RETRY], "false");
	if (r->value[M_RETRY].n && out->retry && !is(r->value[M_RETRY], "true"))
		return wrong(r, "its \"retry\" is neither true nor false");
	return none_of(r, "an answer with \"ok\": false", not_failed, 2) && take_retry_in(r, &out->retry_in_ms) && take_text(r, M_ERROR, out->text, sizeof(out->text));
}

bool line_read(struct slice line, struct line_said *out, char *why, size_t why_size)
{
	struct reading r = { .why = why, .why_size = why_size };
	struct json_error e;

	*out = (struct line_said){ .retry = true, .retry_in_ms = -1 };
	if (!json_valid(line.p, line.n, &e)) {
		snprintf(why, why_size, "it is not JSON: %s at byte %zu", e.what, e.offset + 1);
		return false;
	}
	why[0] = '\0';
	if (!json_each_member(line.p, line.n, take_member, &r))
		return why[0] ? false : wrong(&r, "it is not a JSON object");
	if (!r.value[M_ID].n)
		return wrong(&r, "it has no \"id\"");
	if (r.value[M_ID].n != UUID_TEXT_BYTES + 1 || !uuid_parse(r.value[M_ID].p + 1, UUID_TEXT_BYTES - 1, out->id.b))
		return wrong(&r, "its \"id\" is not the id of a job");
	if (r.value[M_OK].n && r.value[M_PROGRESS].n)
		return wrong(&r, "it has both \"ok\" and \"progress\"");
	if (!r.value[M_OK].n && !r.value[M_PROGRESS].n)
		return wrong(&r, "it has neither \"ok\" nor \"progress\"");
	return r.value[M_OK].n ? read_answer(&r, out) : read_progress(&r, out);
}

void line_show(struct slice line, char *out, size_t size)
{
	size_t most = line.n < LINE_SHOWN ? line.n : LINE_SHOWN;

	output_copy((struct slice){ line.p, most }, out, most < line.n && size > 4 ? size - 3 : size);
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (most < line.n && size > 4)
		strcat(out, "...");
}
