/* POST /jobs/cancel, /jobs/retry and /jobs/delete: what is done by hand to all jobs that a filter means. Called by the wire half through http_routes.
 * One slice is one operation of the keeper, and the next is asked for when it is answered; a dry run counts slice by slice over the store's reader. A client that goes away stops it
 * between two slices. Nothing here is fatal. */
#include "http/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "http/auth.h"
#include "http/job_request.h"
#include "http/members.h"
#include "http/object.h"
#include "http/pending.h"
#include "os/clock.h"

#define LOOKS 2000              /* of a dry run's slice: others wait meanwhile */

struct bulk {
	struct loop_timer next; /* of a dry run */
	struct http_request *q;
	struct store_bulk what; /* its texts are the tree's, or the request's */
	struct store_cursor at;
	struct store_bulk_seen seen;    /* of a dry run */
	uint64_t count;
	bool dry, all;
	json_t *tree;
};

/* --- the end --- */

static struct http_request *done(struct bulk *b)
{
	struct http_request *q = b->q;

	loop_timer_stop(q->api->loop, &b->next);
	json_decref(b->tree);
	store_bulk_seen_free(&b->seen);
	q->state = NULL;
	free(b);
	return q;
}

static void answer(struct bulk *b)
{
	struct buf body = { 0 };

	buf_str(&body, "{\"count\":");
	buf_u64(&body, b->count);
	buf_char(&body, '}');
	reply_json(done(b), 200, &body);
	buf_free(&body);
}

/* What was done stays done: the answer says how much. */
static void broken_off(struct bulk *b, int status, const char *why)
{
	uint64_t count = b->dry ? 0 : b->count;
	struct http_request *q = done(b);

	if (count)
		problem_send(q, status, NULL, "broken off after %" PRIu64 " jobs, which stay as they are now: %s; ask again for the rest", count, why);
	else
		problem_send(q, status, NULL, "nothing was done: %s", why);
}

/* --- slices --- */

static void slice_ask(struct bulk *b);

static void slice_answered(void *owner, const struct request_result *result)
{
	struct request_bulk_result r;
	struct bulk *b = owner;

	memcpy(&r, result, sizeof(r));
	if (r.rc != STORE_OK) {
		broken_off(b, r.rc == STORE_NO_SPACE ? 507 : 503, store_rc_text((enum store_rc)r.rc));
		return;
	}
	b->count += r.count;
	b->at.part = r.part;
	memcpy(b->at.key, r.key, sizeof(r.key));
	memcpy(b->at.key + sizeof(r.key), r.key_end, sizeof(r.key_end));
	if (r.part == STORE_CURSOR_END || b->q->gone)
		answer(b);
	else if (b->q->api->draining)
		broken_off(b, 503, "the server drains");
	else
		slice_ask(b);
}

static void slice_ask(struct bulk *b)
{
	const struct store_filter *f = &b->what.filter;
	struct request_bulk m = { .act = b->what.act, .states = f->states, .until_id = b->what.until_id, .until_ms = b->what.until_ms, .part = b->at.part,
		.type_len = (uint32_t)f->type.n, .queue_len = (uint32_t)f->queue.n, .tag_len = (uint32_t)f->tag.n, .text_len = (uint32_t)f->text.n, .queues_len = (uint32_t)f->queues.n };
	struct ask_piece piece[] = { { &m, sizeof(m) }, { f->type.p, f->type.n }, { f->queue.p, f->queue.n }, { f->tag.p, f->tag.n }, { f->text.p, f->text.n },
		{ f->queues.p, f->queues.n } };
	uint64_t tag = pending_add(b, slice_answered);

	memcpy(m.key, b->at.key, sizeof(m.key));
	if (tag && ask_add(b->q->api->ask, REQUEST_BULK, tag, piece, sizeof(piece) / sizeof(piece[0])) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	broken_off(b, 503, "out of memory");
}

static void slice_count(struct loop_timer *t)
{
	struct bulk *b = LOOP_OWNER(t, struct bulk, next);
	struct store_reader *reader = b->q->api->reader;
	enum store_rc rc = reader ? store_read_begin(reader) : STORE_BUSY;
	uint64_t n = 0;

	if (rc == STORE_OK) {
		rc = store_bulk_count(reader, &b->what, clock_wall_ms(), LOOKS, &b->seen, &b->at, &n);
		store_read_end(reader);
	}
	b->count += n;
	if (rc != STORE_OK)
		broken_off(b, 503, store_rc_text(rc));
	else if (b->at.part == STORE_CURSOR_END || b->q->gone)
		answer(b);
	else if (b->q->api->draining)
		broken_off(b, 503, "the server drains");
	else
		loop_timer_set(b->q->api->loop, &b->next, 1);         /* in the next turn, not in this one */
}

/* --- reading what is asked --- */

static bool wrong(struct bulk *b, const char *field, const char *right)
{
	problem_send(b->q, 400, field, "\"%s\" must be %s", field, right);
	return false;
}

static bool take_text(struct bulk *b, const struct schema_member *m, const json_t *v, struct job_text *out)
{
	char right[64];

	*out = (struct job_text){ json_string_value(v), json_string_length(v) };
	if (json_is_string(v) && out->n > 0 && out->n <= (size_t)m->is.max)
		return true;
	snprintf(right, sizeof(right), "a string of 1 to %.0f bytes", m->is.max);
	return wrong(b, m->name, right);
}

static bool take_flag(struct bulk *b, const struct schema_member *m, const json_t *v, bool *out)
{
	*out = json_is_true(v);
	return json_is_boolean(v) || wrong(b, m->name, "true or false");
}

static bool set_state(struct bulk *b, const struct schema_member *m, const json_t *v)
{
	static const char *const right[STORE_ACTS] = {
		[STORE_ACT_CANCEL] = "a state that can be cancelled: scheduled, waiting, queued, running or retrying",
		[STORE_ACT_RETRY] = "a state that can be retried: dead, cancelled or expired",
		[STORE_ACT_DELETE] = "a state that can be deleted: succeeded, dead, cancelled or expired",
	};
	enum job_state state = json_is_string(v) ? job_state_of(json_string_value(v), json_string_length(v)) : JOB_NONE;

	b->what.filter.states = 1u << state;
	return (store_act_states(b->what.act) & 1u << state) || wrong(b, m->name, right[b->what.act]);
}

static bool set_type(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_text(b, m, v, &b->what.filter.type); }
static bool set_queue(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_text(b, m, v, &b->what.filter.queue); }
static bool set_tag(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_text(b, m, v, &b->what.filter.tag); }
static bool set_q(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_text(b, m, v, &b->what.filter.text); }
static bool set_all(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_flag(b, m, v, &b->all); }
static bool set_dry_run(struct bulk *b, const struct schema_member *m, const json_t *v) { return take_flag(b, m, v, &b->dry); }

static const struct { struct schema_member member; bool (*set)(struct bulk *b, const struct schema_member *m, const json_t *v); } members[] = {
	{ { "state", SCHEMA_REF("JobState"), SCHEMA_MAYBE, "One in which this can be done to a job." }, set_state },
	{ { "type", SCHEMA_TEXT(1, JOB_TYPE_MAX), SCHEMA_MAYBE, NULL }, set_type },
	{ { "queue", SCHEMA_TEXT(1, JOB_QUEUE_MAX), SCHEMA_MAYBE, NULL }, set_queue },
	{ { "tag", SCHEMA_TEXT(1, JOB_TAG_MAX), SCHEMA_MAYBE, NULL }, set_tag },
	{ { "q", SCHEMA_TEXT(1, MEMBERS_SEARCH_MAX), SCHEMA_MAYBE, "Searches id, name, tags, key and error text." }, set_q },
	{ { "all", SCHEMA_FLAG, SCHEMA_MAYBE, "Says that every job is meant; needed where nothing else is said." }, set_all },
	{ { "dry_run", SCHEMA_FLAG, SCHEMA_MAYBE, "Only counts." }, set_dry_run },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

const struct schema_member *members_of_bulk(unsigned arg, unsigned i)
{
	(void)arg;
	return i < MEMBERS ? &members[i].member : NULL;
}

static bool set_member(struct bulk *b, const char *name, const json_t *v)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(members[i].member.name, name) == 0)
			return members[i].set(b, &members[i].member, v);
	problem_send(b->q, 400, name, "there is no \"%.64s\" here; jobs are chosen by state, type, queue, tag and q, or {\"all\":true}, and dry_run only counts", name);
	return false;
}

/* False: it was answered. */
static bool read_body(struct bulk *b)
{
	const struct store_filter *f = &b->what.filter;
	struct envelope_problem p;
	const char *name;
	json_t *v;

	b->tree = object_read(b->q->body.n ? b->q->body : SLICE("{}"), "the jobs that are meant, such as {\"state\":\"dead\",\"queue\":\"default\"}", &p);
	if (!b->tree) {
		problem_send(b->q, p.status, NULL, "%s", p.detail);
		return false;
	}
	json_object_foreach(b->tree, name, v)
		if (!set_member(b, name, v))
			return false;
	if (!auth_filter(b->q, &b->what.filter))
		return false;
	if (b->all || f->states || f->type.n || f->queue.n || f->tag.n || f->text.n)
		return true;
	problem_send(b->q, 400, NULL, "say which jobs are meant: at least one of state, type, queue, tag and q, or {\"all\":true} for every one");
	return false;
}

/* False: it was answered. */
static bool read_limits(struct bulk *b)
{
	struct store_reader *reader = b->q->api->reader;
	enum store_rc rc;

	if (!job_request_read(b->q))
		return false;
	rc = store_bulk_limits(reader, &b->what);
	store_read_end(reader);
	if (rc != STORE_OK)
		job_request_failed(b->q, rc);
	return rc == STORE_OK;
}

/* NULL: it was answered. */
static struct bulk *new(struct http_request *q, enum store_act act)
{
	struct bulk *b = calloc(1, sizeof(*b));

	if (!b) {
		problem_send(q, 503, NULL, "nothing was done: out of memory");
		return NULL;
	}
	*b = (struct bulk){ .q = q, .what.act = act, .next.fire = slice_count };
	return b;
}

static void begin(struct http_request *q, enum store_act act)
{
	struct bulk *b = new(q, act);

	if (!b)
		return;
	if (!read_body(b) || !read_limits(b)) {
		json_decref(b->tree);
		free(b);
		return;
	}
	q->state = b;
	if (b->dry)
		slice_count(&b->next);
	else
		slice_ask(b);
}

void api_bulk_cancel(struct http_request *q)
{
	begin(q, STORE_ACT_CANCEL);
}

void api_bulk_retry(struct http_request *q)
{
	begin(q, STORE_ACT_RETRY);
}

void api_bulk_delete(struct http_request *q)
{
	begin(q, STORE_ACT_DELETE);
}

void api_bulk_purge(struct http_request *q, struct slice queue)
{
	struct bulk *b = new(q, STORE_ACT_CANCEL);

	if (!b)
		return;
	b->what.filter = (struct store_filter){ .states = 1u << JOB_QUEUED, .queue = { queue.p, queue.n } };
	if (!read_limits(b)) {
		free(b);
		return;
	}
	q->state = b;
	slice_ask(b);
}
