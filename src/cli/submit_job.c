/* The fields of a job to be submitted, in the two forms that POST /jobs takes: as members of a JSON object, and as a query. Called by submit.c. Nothing here exits. */
#include "cli/submit_job.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/job_ask.h"
#include "job/job.h"
#include "text/duration.h"
#include "text/json.h"
#include "text/url.h"

static bool no(char *why, size_t size, const char *what, const char *value, const char *right)
{
	snprintf(why, size, "%s \"%.100s\"%s", what, value, right);
	return false;
}

bool submit_job_check(const struct submit_job *j, bool raw, char *why, size_t why_size)
{
	int64_t at;

	if (j->run_at && j->has_delay) {
		snprintf(why, why_size, "only one of --run-at and --delay");
		return false;
	}
	if (j->run_at && !time_parse(slice_of(j->run_at), &at))
		return no(why, why_size, "--run-at is", j->run_at, "; it must be a time of RFC 3339 such as 2026-11-21T20:40:59Z or 2026-11-21T22:40:59+02:00. From now on: --delay");
	if (j->tags.n > JOB_TAGS_MAX) {
		snprintf(why, why_size, "there are %zu --tag; a job has at most %d", j->tags.n, JOB_TAGS_MAX);
		return false;
	}
	for (size_t i = 0; i < j->depends_on.n; i++)
		if (!job_ask_id(j->depends_on.v[i]))
			return no(why, why_size, "--depends-on is", j->depends_on.v[i], ", which is not a job id; several are said with an option each");
	if (raw && j->depends_on.n) {
		snprintf(why, why_size, "a job with a --raw payload cannot depend on others; leave out --raw and send JSON");
		return false;
	}
	return true;
}

/* One field after the other, in either form. */
struct writer { struct buf *out; bool json, more; };

static void name(struct writer *w, const char *name)
{
	if (w->more)
		buf_char(w->out, w->json ? ',' : '&');
	w->more = true;
	buf_printf(w->out, w->json ? "\"%s\":" : "%s=", name);
}

static void value(struct writer *w, const char *text)
{
	if (w->json)
		json_put_string(w->out, slice_of(text));
	else
		url_encode(w->out, slice_of(text));
}

static void put_text(struct writer *w, const char *field, const char *text)
{
	if (!text)
		return;
	name(w, field);
	value(w, text);
}

static void put_integer(struct writer *w, const char *field, bool has, int64_t v)
{
	if (!has)
		return;
	name(w, field);
	buf_i64(w->out, v);
}

static void put_duration(struct writer *w, const char *field, bool has, int64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64 "ms", ms);
	put_text(w, field, has ? text : NULL);
}

/* An array; of a query, which has none, the field again for each. */
static void put_list(struct writer *w, const char *plural, const char *singular, const struct option_list *l)
{
	if (l->n == 0)
		return;
	if (w->json) {
		name(w, plural);
		buf_char(w->out, '[');
	}
	for (size_t i = 0; i < l->n; i++) {
		if (!w->json)
			name(w, singular);
		else if (i)
			buf_char(w->out, ',');
		value(w, l->v[i]);
	}
	if (w->json)
		buf_char(w->out, ']');
}

static void put_fields(struct writer *w, const struct submit_job *j)
{
	put_text(w, "type", j->type);
	put_text(w, "queue", j->queue);
	put_text(w, "name", j->name);
	put_integer(w, "priority", j->has_priority, j->priority);
	put_text(w, "run_at", j->run_at);
	put_duration(w, "delay", j->has_delay, j->delay_ms);
	put_integer(w, "max_retries", j->has_retries, j->retries);
	put_duration(w, "timeout", j->has_timeout, j->timeout_ms);
	put_duration(w, "expires_in", j->has_expires, j->expires_ms);
	put_text(w, "key", j->key);
	put_text(w, "idempotency_key", j->idempotency_key);
	put_text(w, "unique_key", j->unique_key);
	put_list(w, "tags", "tag", &j->tags);
	if (w->json)
		put_list(w, "depends_on", NULL, &j->depends_on);
}

void submit_job_json(struct buf *out, const struct submit_job *j, struct slice payload)
{
	struct writer w = { out, true, false };

	buf_char(out, '{');
	put_fields(&w, j);
	name(&w, "payload");
	buf_slice(out, payload);
	buf_char(out, '}');
}

void submit_job_query(struct buf *out, const struct submit_job *j)
{
	struct writer w = { out, false, false };

	put_fields(&w, j);
}
