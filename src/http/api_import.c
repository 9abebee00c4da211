/* POST /import: the lines of an export, put into the store as they are, in their order, each stored and answered for itself. Called by the wire half through http_routes, and by api_lines.c for each line.
 *
 * The order is kept where long lines are staged first: a job must be there before those that wait for it. So lines go up side by side, and are asked for one after the other.
 * A line is read here to tell what is wrong with it, and again by the keeper. Nothing here is fatal. */
#include "http/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/job_json.h"
#include "http/pending.h"
#include "http/problem.h"
#include "job/whole.h"

#define INLINE_MAX 16384u               /* longer lines are staged */

static bool wrong(struct envelope_problem *p, int status, const char *field, const char *what)
{
	*p = (struct envelope_problem){ .status = status };
	snprintf(p->field, sizeof(p->field), "%s", field);
	snprintf(p->detail, sizeof(p->detail), "%s", what);
	return false;
}

/* --- reading --- */

/* The first line says what they all are. */
static bool in_frame(struct lines_import *i, const struct whole_line *l, struct envelope_problem *p)
{
	bool first = !i->headed && !i->foreign, head = l && l->kind == WHOLE_HEAD;

	if (first && head && l->format > WHOLE_FORMAT) {
		i->foreign = true;
		wrong(p, 400, "format", "");
		snprintf(p->detail, sizeof(p->detail), "the export has the format %llu, this server reads up to %u: it was written by a newer version", (unsigned long long)l->format, WHOLE_FORMAT);
		return false;
	}
	i->headed |= first && head;
	i->foreign |= first && !head;
	if (i->foreign)
		return wrong(p, 400, "kind", "this is no export that can be read here: its first line must be of the kind stint-export");
	return first || !head || wrong(p, 400, "kind", "there is one head, the first line");
}

static bool take(struct submission *s, struct slice text, struct envelope_problem *p)
{
	struct whole_line line = { .kind = WHOLE_END };
	struct whole_error e;
	bool good = whole_parse(text, &line, &e);
	bool framed = in_frame(lines_import(s), good ? &line : NULL, p);

	if (framed && good) {
		s->import = calloc(1, sizeof(*s->import));
		if (s->import) {
			s->import->kind = line.kind;
			s->import->id = line.job.job.id;
		} else {
			wrong(p, 503, "", "out of memory");
		}
	} else if (framed) {
		wrong(p, 400, e.field, e.what);
	}
	whole_line_free(&line);
	return s->import != NULL;
}

/* --- asking --- */

static void failed(struct submission *s, int rc)
{
	s->item->result.rc = rc;
	s->import->asked = true;
	s->open = 0;
}

static void answered(void *owner, const struct request_result *r)
{
	struct submission *s = owner;
	struct request_import_result told;

	memcpy(&told, r, sizeof(told));
	s->item->result.rc = told.rc;
	s->item->result.state = told.state;
	snprintf(s->import->field, sizeof(s->import->field), "%.*s", (int)sizeof(told.field) - 1, told.field);
	s->open = 0;
	lines_ended(s);
}

static void ask_one(struct submission *s)
{
	struct request_import m = { .blob = s->import->blob, .bytes = strlen(s->text) };
	const struct ask_piece piece[] = { { &m, sizeof(m) }, { s->text, m.bytes } };
	uint64_t tag = pending_add(s, answered);

	s->import->asked = true;
	if (tag && ask_add(s->q->api->ask, REQUEST_IMPORT, tag, piece, m.blob ? 1 : 2) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	failed(s, STORE_NO_MEMORY);
}

/* Those that are ready, up to the first that is not. */
static void ask_ready(struct submission *first)
{
	for (struct submission *s = first; s; s = s->next) {
		if (!s->import || s->import->asked)
			continue;
		if (!s->import->ready)
			return;
		ask_one(s);
	}
}

static void staged(void *arg, uint64_t blob, int rc)
{
	struct submission *s = arg, *first = lines_first(s);

	lines_import(s)->staging--;
	s->import->blob = blob;
	s->import->ready = true;
	if (rc != STORE_OK || blob == 0)
		failed(s, rc == STORE_OK ? STORE_IO : rc);
	ask_ready(first);
	if (first->open == 0)
		lines_ended(first);
}

static void ask(struct submission *s)
{
	struct lines_import *i = lines_import(s);
	size_t n = strlen(s->text);

	s->open = 1;
	s->import->ready = n <= INLINE_MAX;
	if (s->import->ready && i->staging == 0)
		ask_one(s);
	else if (!s->import->ready && ask_stage(s->q->api->ask, s->text, n, staged, s) == 0)
		i->staging++;
	else if (!s->import->ready)
		failed(s, STORE_NO_MEMORY);
}

/* --- answering --- */

static struct envelope_problem problem_of(const struct submission_item *item)
{
	static const short own[STORE_RCS] = { [STORE_INVALID] = 400, [STORE_LIVE] = 409, [STORE_STATE] = 409, [STORE_NOT_FOUND] = 422, [STORE_PARENT] = 422, [STORE_KEYS_FULL] = 429 };
	const struct submission_import *m = item->owner->import;
	int rc = item->result.rc;
	struct envelope_problem p;

	if (item->problem)
		return *item->problem;
	if (!m || rc < 0 || rc >= STORE_RCS || !own[rc])
		return submission_store_problem(rc, NULL);
	wrong(&p, own[rc], m->field, store_restore_text((enum store_rc)rc));
	return p;
}

static const char *const kinds[] = {
	[WHOLE_HEAD] = "stint-export", [WHOLE_JOB] = "job", [WHOLE_KEY] = "key", [WHOLE_QUEUE] = "queue", [WHOLE_SCHEDULE] = "schedule", [WHOLE_END] = "end",
};

static void put(struct buf *b, const struct submission_item *item)
{
	const struct submission_import *m = item->owner->import;
	struct envelope_problem p = problem_of(item);

	if (p.status) {
		problem_put(b, p.status, item->line, slice_of("/import"), p.field[0] ? p.field : NULL, slice_of(p.detail));
		return;
	}
	if (m->kind == WHOLE_JOB) {
		buf_str(b, "{\"id\":");
		job_json_id(b, &m->id);
	} else {
		buf_printf(b, "{\"kind\":\"%s\"", kinds[m->kind]);
	}
	if (item->result.rc == STORE_REPLAYED)
		buf_str(b, ",\"there\":true}");
	else if (m->kind == WHOLE_JOB)
		buf_printf(b, ",\"state\":\"%s\"}", job_state_name((enum job_state)item->result.state));
	else
		buf_char(b, '}');
}

/* --- the request --- */

bool api_import_streams(const struct http_request *q)
{
	return submission_is_lines(q);
}

void api_import(struct http_request *q)
{
	static const struct lines_kind import = { take, ask, put, 32u << 20, 2, "twice max_body and 32M" };

	if (q->api->draining)
		problem_send(q, 503, NULL, "the server drains and takes no jobs; send it again when it has come back");
	else if (!submission_is_lines(q))
		problem_send(q, 415, NULL, "an export comes as application/x-ndjson");
	else
		lines_begin(q, &import);
}
