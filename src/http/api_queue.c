/* Queues: GET /queues and /queues/Q, POST /queues/Q/pause and /resume, DELETE /queues/Q/jobs. Called by the wire half through http_routes. Nothing here is fatal. */
#include "http/http.h"

#include <math.h>

#include "http/auth.h"
#include "http/figures.h"
#include "http/job_json.h"
#include "http/job_request.h"
#include "http/pending.h"
#include "os/clock.h"
#include "text/json.h"

/* --- what is said of one --- */

static void put_limits(struct buf *b, const struct conf_queue *c, const struct store_tally *t)
{
	buf_printf(b, ",\"weight\":%llu,\"concurrency\":%llu,\"running\":%llu,\"rate\":%.10g,\"max_queued\":%llu}", (unsigned long long)c->weight, (unsigned long long)c->concurrency,
		(unsigned long long)t->state[JOB_RUNNING], c->rate, (unsigned long long)c->max_queued);
}

static void put_queue(struct buf *b, const struct conf *conf, struct slice name, const struct store_tally *t, bool paused, double oldest_s)
{
	buf_str(b, "{\"name\":");
	json_put_string(b, name);
	buf_str(b, paused ? ",\"paused\":true,\"counts\":{" : ",\"paused\":false,\"counts\":{");
	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++)
		buf_printf(b, "%s\"%s\":%llu", i > JOB_NONE + 1 ? "," : "", job_state_name((enum job_state)i), (unsigned long long)t->state[i]);
	buf_printf(b, "},\"oldest_queued_s\":%.10g", round(oldest_s * 1e3) / 1e3);
	put_limits(b, conf_queue_of(conf, name), t);
}

/* A queue is there where the conf has a section for it, or it has had a job, or was paused. */
static bool in_conf(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->nqueue; i++)
		if (slice_eq(name, c->queue[i].name))
			return true;
	return false;
}

static int cut(struct slice s)
{
	return s.n > JOB_QUEUE_MAX ? JOB_QUEUE_MAX : (int)s.n;
}

static void no_such(struct http_request *q)
{
	problem_send(q, 404, NULL, "there is no queue \"%.*s\": it has had no job and the conf has no section for it", cut(q->arg[0]), q->arg[0].p);
}

/* The queue of the path as it is stored; *found false: it is not. False where an answer was given. */
static bool read_queue(struct http_request *q, struct store_figure *f, bool *found)
{
	if (!job_request_read(q))
		return false;
	enum store_rc rc = store_queue(q->api->reader, (struct job_text){ q->arg[0].p, q->arg[0].n }, true, f);
	store_read_end(q->api->reader);         /* its name is the path's, not the store's */
	*found = rc == STORE_OK;
	if (rc == STORE_OK || rc == STORE_NOT_FOUND)
		return true;
	job_request_failed(q, rc);
	return false;
}

static bool good_name(struct slice s)
{
	return job_queue_is((struct job_text){ s.p, s.n }) && job_json_utf8(s);
}

static void answer_queue(struct http_request *q)
{
	struct store_figure f;
	struct buf body = { 0 };
	double oldest = 0;
	bool found;

	if (!read_queue(q, &f, &found))
		return;
	if (!found && !in_conf(q->api->conf, q->arg[0])) {
		no_such(q);
		return;
	}
	if (f.oldest_queued_ms > 0 && clock_wall_ms() > f.oldest_queued_ms)
		oldest = (double)(clock_wall_ms() - f.oldest_queued_ms) / 1000;
	put_queue(&body, q->api->conf, q->arg[0], &f.tally, f.paused, oldest);
	reply_json(q, 200, &body);
	buf_free(&body);
}

void api_queue(struct http_request *q)
{
	if (good_name(q->arg[0]))
		answer_queue(q);
	else
		problem_send(q, 404, NULL, "there is no such queue: a name has 1 to %d bytes of UTF-8 without control characters", JOB_QUEUE_MAX);
}

void api_queues(struct http_request *q)
{
	struct figures f;
	struct buf b = { 0 };

	figures_gather(&f, q->api, clock_wall_ms());
	buf_str(&b, "{\"queues\":[");
	for (size_t i = 0, put = 0; i < f.queues.n; i++) {
		const struct figures_name *n = &f.queues.v[i];
		if (!auth_queue(q, slice_of(n->name)))
			continue;
		if (put++)
			buf_char(&b, ',');
		put_queue(&b, q->api->conf, slice_of(n->name), &n->tally, n->paused, n->oldest_queued_s);
	}
	buf_str(&b, "]}");
	if (!f.store_read)
		job_request_failed(q, STORE_BUSY);
	else if (f.failed || b.failed)
		problem_send(q, 503, NULL, "out of memory");
	else
		reply_json(q, 200, &b);
	figures_free(&f);
	buf_free(&b);
}

/* --- what is done to one --- */

static void refused(struct http_request *q, int rc)
{
	problem_send(q, rc == STORE_NO_SPACE ? 507 : 503, NULL, "the store could not take the change: %s", store_rc_text((enum store_rc)rc));
}

static bool ask(struct http_request *q, const struct request_queue *m, pending_fn fn)
{
	const struct ask_piece piece[] = { { m, sizeof(*m) }, { q->arg[0].p, q->arg[0].n } };
	uint64_t tag = pending_add(q, fn);

	if (tag && ask_add(q->api->ask, REQUEST_QUEUE, tag, piece, 2) == 0)
		return true;
	if (tag)
		pending_take(tag, NULL);
	return false;
}

static void changed(void *owner, const struct request_result *r)
{
	struct http_request *q = owner;

	if (r->rc == STORE_OK)
		answer_queue(q);
	else
		refused(q, r->rc);
}

static void change(struct http_request *q, uint32_t act)
{
	struct request_queue m = { .act = act, .name_len = (uint32_t)q->arg[0].n };

	if (!good_name(q->arg[0]))
		problem_send(q, 400, NULL, "that is no name of a queue: it has 1 to %d bytes of UTF-8 without control characters", JOB_QUEUE_MAX);
	else if (!ask(q, &m, changed))
		refused(q, STORE_NO_MEMORY);
}

void api_queue_pause(struct http_request *q)
{
	change(q, REQUEST_QUEUE_PAUSE);
}

void api_queue_resume(struct http_request *q)
{
	change(q, REQUEST_QUEUE_RESUME);
}

/* What is queued there is cancelled as POST /jobs/cancel does it: slice by slice, so that nobody waits for the whole. */
void api_queue_purge(struct http_request *q)
{
	struct store_figure f;
	bool found;

	if (!slice_eq(http_query(q, "state"), "queued"))
		problem_send(q, 400, "state", "which jobs are to be cancelled must be said: ?state=queued, and no other state, can be purged");
	else if (!read_queue(q, &f, &found))
		return;
	else if (!found && !in_conf(q->api->conf, q->arg[0]))
		no_such(q);
	else
		api_bulk_purge(q, q->arg[0]);
}
