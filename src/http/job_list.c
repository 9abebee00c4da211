/* Which jobs there are, by filters and page by page. Called by api_list.c and page_jobs.c, which put each job and answer.
 * A page is looked for in slices, a snapshot and a turn of the loop each, so that no listing holds up others. Nothing here is fatal. */
#include "http/job_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/auth.h"
#include "http/job_request.h"
#include "http/members.h"
#include "text/crc32c.h"
#include "text/json_scan.h"

#define LOOKS 10000             /* rows that one call looks at, at most */
#define SLICE_LOOKS 500         /* in one turn: where each is a read from the disk, others wait for so many */
#define PAGE_BYTES (4u << 20)   /* a page that has grown beyond ends there */

#define CURSOR_BYTES 34         /* part u16, key, checksum of them and of the filter u32 */

struct list {
	struct loop_timer next;
	struct http_request *q;
	struct store_filter filter;     /* its texts are the request's */
	struct store_cursor at;
	unsigned looks, left;           /* rows to look at, jobs to give */
	const struct job_list_form *form;
	bool any;
	enum store_rc rc;               /* of a job that could not be read */
	struct buf body;
};

/* --- cursors: opaque to clients, of no use with another filter --- */

static uint32_t cursor_sum(const struct store_filter *f, const uint8_t *p, size_t n)
{
	const struct job_text text[] = { f->type, f->queue, f->tag, f->text, f->queues };
	uint32_t sum[7] = { f->states, crc32c(p, n) };

	for (unsigned i = 0; i < 5; i++)
		sum[2 + i] = crc32c(text[i].p, text[i].n) + (uint32_t)text[i].n;
	return crc32c(sum, sizeof(sum));
}

static void cursor_pack(const struct list *l, uint8_t out[CURSOR_BYTES])
{
	out[0] = (uint8_t)(l->at.part >> 8);
	out[1] = (uint8_t)l->at.part;
	memcpy(out + 2, l->at.key, sizeof(l->at.key));
	uint32_t sum = cursor_sum(&l->filter, out, CURSOR_BYTES - 4);
	for (unsigned i = 0; i < 4; i++)
		out[CURSOR_BYTES - 4 + i] = (uint8_t)(sum >> (24 - 8 * i));
}

static void cursor_text(const struct list *l, char out[2 * CURSOR_BYTES + 1])
{
	uint8_t raw[CURSOR_BYTES];

	cursor_pack(l, raw);
	for (unsigned i = 0; i < CURSOR_BYTES; i++)
		snprintf(out + 2 * i, 3, "%02x", raw[i]);
}

static bool cursor_read(struct list *l, struct slice s)
{
	uint8_t raw[CURSOR_BYTES], same[CURSOR_BYTES];

	if (s.n != 2 * CURSOR_BYTES)
		return false;
	for (unsigned i = 0; i < CURSOR_BYTES; i++) {
		int high = json_hex_value(s.p[2 * i]), low = json_hex_value(s.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		raw[i] = (uint8_t)(high << 4 | low);
	}
	l->at.part = (uint32_t)raw[0] << 8 | raw[1];
	memcpy(l->at.key, raw + 2, sizeof(l->at.key));
	cursor_pack(l, same);
	return memcmp(raw, same, CURSOR_BYTES) == 0;
}

/* --- the page --- */

static struct http_request *done(struct list *l)
{
	struct http_request *q = l->q;

	loop_timer_stop(q->api->loop, &l->next);
	buf_free(&l->body);
	q->state = NULL;
	free(l);
	return q;
}

static void answer(struct list *l)
{
	const struct job_list_form *form = l->form;
	char cursor[2 * CURSOR_BYTES + 1];
	struct buf body = l->body;
	bool more = l->at.part != STORE_CURSOR_END;

	cursor_text(l, cursor);
	l->body = (struct buf){ 0 };
	form->end(done(l), &body, more ? cursor : NULL);
	buf_free(&body);
}

/* One that is damaged does not hide the others; its own page says what is wrong. */
static bool put_job(void *arg, struct job_id id)
{
	struct list *l = arg;
	size_t before = l->body.len;
	enum store_rc rc = l->form->put(l->q, id, !l->any, &l->body);

	if (rc != STORE_OK) {
		l->body.len = before;
		l->rc = rc == STORE_DAMAGED || rc == STORE_NOT_FOUND ? STORE_OK : rc;
		return l->rc == STORE_OK;
	}
	l->any = true;
	l->left--;
	if (l->body.len >= PAGE_BYTES)
		l->left = 0;
	return l->left > 0;
}

static void slice(struct loop_timer *t)
{
	struct list *l = LOOP_OWNER(t, struct list, next);
	struct store_reader *reader = l->q->api->reader;
	enum store_rc rc = reader ? store_read_begin(reader) : STORE_BUSY;

	if (rc == STORE_OK) {
		rc = store_list(reader, &l->filter, SLICE_LOOKS, &l->at, put_job, l);
		rc = rc == STORE_OK ? l->rc : rc;
		store_read_end(reader);
	}
	l->looks -= SLICE_LOOKS;
	if (rc == STORE_INVALID)
		problem_send(done(l), 400, "cursor", "\"cursor\" is not one of this listing: leave it out to begin anew");
	else if (rc != STORE_OK || l->body.failed)
		job_request_failed(done(l), rc != STORE_OK ? rc : STORE_NO_MEMORY);
	else if (l->at.part == STORE_CURSOR_END || l->left == 0 || l->looks == 0 || l->q->gone)
		answer(l);
	else
		loop_timer_set(l->q->api->loop, &l->next, 1);         /* in the next turn, not in this one */
}

/* --- reading what is asked; each false: it was answered --- */

static int cut(struct slice s)
{
	return s.n > 64 ? 64 : (int)s.n;
}

static bool take_text(struct http_request *q, const char *name, size_t max, struct job_text *out)
{
	struct slice s = http_query(q, name);

	*out = (struct job_text){ s.p, s.n };
	if (!s.p || (s.n > 0 && s.n <= max))
		return true;
	problem_send(q, 400, name, "\"%s\" must be 1 to %zu bytes long, not %zu", name, max, s.n);
	return false;
}

static bool take_state(struct http_request *q, unsigned *states)
{
	struct slice s = http_query(q, "state");
	enum job_state state = s.p ? job_state_of(s.p, s.n) : JOB_NONE;

	*states = state == JOB_NONE ? 0 : 1u << state;
	if (!s.p || state != JOB_NONE)
		return true;
	problem_send(q, 400, "state", "there is no state \"%.*s\"; a job is scheduled, waiting, queued, running, retrying, succeeded, dead, cancelled or expired", cut(s), s.p);
	return false;
}

static bool take_limit(struct http_request *q, unsigned *limit)
{
	struct slice s = http_query(q, "limit");
	unsigned n = 0;
	bool good = s.p && s.n > 0 && s.n <= 4;

	*limit = MEMBERS_LIMIT;
	if (!s.p)
		return true;
	for (size_t i = 0; good && i < s.n; i++) {
		good = s.p[i] >= '0' && s.p[i] <= '9';
		n = n * 10 + (unsigned)(s.p[i] - '0');
	}
	*limit = n;
	if (good && n >= 1 && n <= MEMBERS_LIMIT_MAX)
		return true;
	problem_send(q, 400, "limit", "\"limit\" must be a number from 1 to %d, not \"%.*s\"", MEMBERS_LIMIT_MAX, cut(s), s.p);
	return false;
}

static bool take_query(struct http_request *q, struct list *l)
{
	struct store_filter *f = &l->filter;
	struct slice cursor = http_query(q, "cursor");

	if (!take_state(q, &f->states) || !take_text(q, "type", JOB_TYPE_MAX, &f->type) || !take_text(q, "queue", JOB_QUEUE_MAX, &f->queue) ||
		!take_text(q, "tag", JOB_TAG_MAX, &f->tag) || !take_text(q, "q", MEMBERS_SEARCH_MAX, &f->text) || !take_limit(q, &l->left) || !auth_filter(q, f))
		return false;
	if (!cursor.p || cursor_read(l, cursor))
		return true;
	problem_send(q, 400, "cursor", "\"cursor\" must be one that an answer with the same filters gave");
	return false;
}

void job_list(struct http_request *q, const struct job_list_form *form)
{
	struct list *l = calloc(1, sizeof(*l));

	if (!l) {
		problem_send(q, 503, NULL, "out of memory");
		return;
	}
	*l = (struct list){ .q = q, .form = form, .looks = LOOKS, .next.fire = slice };
	if (!take_query(q, l)) {
		free(l);
		return;
	}
	q->state = l;
	slice(&l->next);
}
