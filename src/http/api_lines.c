/* POST /jobs with NDJSON: one job a line, of any number, taken as they come and answered in their order; POST /import likewise. Called by api_submit.c and api_import.c; pieces of the body come through on_body.
 *
 * What a request may hold is bounded: so many lines that wait for their commit, so many bytes of them, and so much of an answer that the client has not taken; beyond that its body is left
 * on the wire. A client that goes away has had its accepted lines stored; nobody is told of the rest. Nothing here is fatal. */
#include "http/submission.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_OPEN 2048u                /* that wait */
#define BYTES_OPEN (4u << 20)           /* of their texts, beyond the first */
#define ANSWER_UNSENT (256u << 10)

struct lines {
	struct http_request *q;
	const struct lines_kind *kind;
	struct lines_import import;
	struct submission *first, **last;       /* those that are not answered, in order */
	unsigned open;
	size_t bytes;                   /* of them */
	struct buf part;                /* a line that has not come to its end */
	uint64_t line;                  /* the number of that line */
	bool skip;                      /* it is too long: dropped up to its end */
	bool begun, over;               /* the answer; the body */
	bool inside;                    /* on_body is on the stack: what ends meanwhile is told when it returns */
	struct buf out;
};

static void lines_free(struct lines *l)
{
	buf_free(&l->part);
	buf_free(&l->out);
	free(l);
}

/* --- the answer --- */

/* False: there is nobody to be answered. */
static bool begin_answer(struct lines *l)
{
	if (!l->begun && !l->q->gone)
		l->begun = live_begin(l->q, 200, "application/x-ndjson");
	return l->begun;
}

static bool crowded(const struct lines *l)
{
	return l->open >= LINES_OPEN || l->bytes >= BYTES_OPEN || live_unsent(l->q) >= ANSWER_UNSENT;
}

/* Memory that is out is said in no line, so the answer is cut: the client sees that it is not whole. */
static void end_answer(struct lines *l)
{
	struct http_request *q = l->q;
	bool whole = !l->out.failed && !l->part.failed;

	q->state = NULL;
	bool begun = begin_answer(l);
	lines_free(l);
	if (!begun)
		reply_send(q, 200, NULL, NULL);         /* to nobody: it only ends the request */
	else if (whole)
		live_end(q);
	else
		live_cut(q);
}

/* Says what is known of the first lines, goes on reading where there is room again, and ends it all after the last. */
static void proceed(struct lines *l)
{
	buf_clear(&l->out);
	while (l->first && l->first->open == 0) {
		struct submission *s = l->first;
		l->kind->put(&l->out, s->item);
		buf_char(&l->out, '\n');
		l->first = s->next;
		if (!l->first)
			l->last = &l->first;
		l->open--;
		l->bytes -= s->text ? strlen(s->text) : 0;
		submission_free(s);
	}
	if (l->out.len && !l->out.failed && begin_answer(l))
		live_add(l->q, (struct slice){ l->out.data, l->out.len });
	if ((l->over && !l->first) || l->out.failed || l->part.failed) {
		if (!l->first)
			end_answer(l);
		return;
	}
	if (l->q->hold && !crowded(l))
		http_body_more(l->q);
	else if (crowded(l))
		l->q->hold = true;
}

void lines_ended(struct submission *s)
{
	struct lines *l = s->lines;

	if (!l->inside && l->first == s)
		proceed(l);
}

struct submission *lines_first(const struct submission *s)
{
	return s->lines->first;
}

struct lines_import *lines_import(const struct submission *s)
{
	return &s->lines->import;
}

static void on_room(struct http_request *q)
{
	struct lines *l = q->state;

	if (l && q->hold && !crowded(l))
		http_body_more(q);
}

/* The client has gone: no more pieces come. What was asked is waited for, since its answers come to us. */
static void on_gone(struct http_request *q)
{
	struct lines *l = q->state;

	if (!l)
		return;
	l->over = true;
	if (!l->first && !l->inside)
		end_answer(l);
}

/* --- lines --- */

static void add_problem(struct submission *s, const struct envelope_problem *p)
{
	s->item->problem = malloc(sizeof(*p));
	if (s->item->problem)
		*s->item->problem = *p;
	else
		s->item->result.rc = STORE_NO_MEMORY;
}

static void wrong(struct envelope_problem *p, int status, const char *why)
{
	*p = (struct envelope_problem){ .status = status };
	snprintf(p->detail, sizeof(p->detail), "%s", why);
}

static bool parse(struct lines *l, struct submission *s, struct envelope_problem *p)
{
	if (l->q->api->draining)
		wrong(p, 503, "the server drains and takes no jobs; send it again when it has come back");
	else if (memchr(s->text, '\0', l->part.len))
		wrong(p, 400, "the line has a NUL byte, which is not JSON");
	else
		return l->kind->take(s, slice_of(s->text), p);
	return false;
}

/* The line's own submission at the end of the list. NULL: memory is out. */
static struct submission *append(struct lines *l)
{
	struct submission *s = submission_new(l->q, SUBMISSION_LINES);
	struct submission_item *item = s ? submission_add(s) : NULL;

	if (!item) {
		if (s)
			submission_free(s);
		l->part.failed = true;
		return NULL;
	}
	item->line = (unsigned)l->line;
	s->lines = l;
	*l->last = s;
	l->last = &s->next;
	l->open++;
	return s;
}

static void refuse_line(struct lines *l, const struct envelope_problem *p)
{
	struct submission *s = append(l);

	if (!s)
		return;
	add_problem(s, p);
	shm_count(&l->q->api->seg->proc[l->q->api->slot], SHM_C_REJECTED, 1);
}

static void take_line(struct lines *l)
{
	struct envelope_problem p;
	struct submission *s = append(l);

	if (!s)
		return;
	s->text = slice_dup((struct slice){ l->part.data, l->part.len });
	if (!s->text) {
		s->item->result.rc = STORE_NO_MEMORY;
		return;
	}
	l->bytes += strlen(s->text);
	if (parse(l, s, &p)) {
		l->kind->ask(s);
		return;
	}
	add_problem(s, &p);
	shm_count(&l->q->api->seg->proc[l->q->api->slot], SHM_C_REJECTED, 1);
}

static bool blank(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] != ' ' && b->data[i] != '\t' && b->data[i] != '\r')
			return false;
	return true;
}

static void end_line(struct lines *l)
{
	if (!l->skip && !blank(&l->part))
		take_line(l);
	l->skip = false;
	l->part.len = 0;
	l->line++;
}

static void add_part(struct lines *l, struct slice piece)
{
	uint64_t max = l->kind->times * l->q->api->conf->http.max_body + l->kind->spare;
	struct envelope_problem p = { .status = 413 };

	if (l->skip)
		return;
	if (l->part.len + piece.n <= max) {
		buf_slice(&l->part, piece);
		return;
	}
	snprintf(p.detail, sizeof(p.detail), "the line is longer than %llu bytes (%s)", (unsigned long long)max, l->kind->limit);
	refuse_line(l, &p);
	l->skip = true;
	l->part.len = 0;
}

static void on_body(struct http_request *q, struct slice piece, bool last)
{
	struct lines *l = q->state;

	l->inside = true;
	while (piece.n) {
		const char *end = memchr(piece.p, '\n', piece.n);
		struct slice text = { piece.p, end ? (size_t)(end - piece.p) : piece.n };
		size_t skip = text.n + (end != NULL);
		piece = (struct slice){ piece.p + skip, piece.n - skip };
		add_part(l, text);
		if (end)
			end_line(l);
	}
	if (last) {
		end_line(l);
		l->over = true;
	}
	l->inside = false;
	proceed(l);
}

void lines_begin(struct http_request *q, const struct lines_kind *kind)
{
	struct lines *l = calloc(1, sizeof(*l));

	if (!l) {
		submission_refuse(q, &(struct envelope_problem){ .status = 503, .detail = "out of memory" });
		return;
	}
	*l = (struct lines){ .q = q, .kind = kind, .last = &l->first, .line = 1 };
	q->state = l;
	q->on_gone = on_gone;
	q->on_room = on_room;
	q->on_body = on_body;
	if (!q->streamed)
		on_body(q, q->body, true);
}
