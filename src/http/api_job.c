/* GET /jobs/ID, also with ?wait=. Called by the wire half through http_routes; those who wait are woken by job_wait.c. */
#include "http/http.h"

#include "http/job_read.h"
#include "http/job_request.h"
#include "http/job_wait.h"
#include "text/duration.h"

/* What a worker that has taken it has done since is left out. */
static void as_put(struct job_read *j, const struct request_result *as)
{
	const struct job *now = &j->job;

	j->job = (struct job){ .id = now->id, .state = (enum job_state)as->state, .priority = now->priority, .created_ms = now->created_ms, .updated_ms = as->at_ms, .run_at_ms = as->run_at_ms,
		.expires_at_ms = now->expires_at_ms, .max_retries = now->max_retries, .attempts = as->act.attempts, .retry_count = as->act.retries, .progress_pct = -1 };
	j->view.progress_pct = -1;
	j->view.worker = j->view.progress = j->view.result = (struct slice){ 0 };
}

/* `as`: see api_job_answer_put(), or NULL. */
static enum store_rc put(struct store_reader *r, struct job_id id, bool brief, const struct request_result *as, struct buf *out, enum job_state *state)
{
	struct job_read j;
	enum store_rc rc = job_read(r, id, brief, &j);

	if (rc != STORE_OK)
		return rc;
	if (as && (j.job.state != (enum job_state)as->state || j.job.attempts != as->act.attempts))
		as_put(&j, as);
	*state = j.job.state;
	job_json_put(out, &j.view);
	job_read_free(&j);
	return STORE_OK;
}

enum store_rc api_job_put_brief(struct store_reader *r, struct job_id id, struct buf *out, enum job_state *state)
{
	return put(r, id, true, NULL, out, state);
}

static void answer(struct http_request *q, struct job_id id, int status, const struct request_result *as)
{
	struct buf body = { 0 };
	enum job_state state;
	enum store_rc rc;

	if (!job_request_read(q))
		return;
	rc = put(q->api->reader, id, false, as, &body, &state);
	store_read_end(q->api->reader);
	if (rc == STORE_OK)
		reply_json(q, status, &body);
	else
		job_request_failed(q, rc);
	buf_free(&body);
}

void api_job_answer_status(struct http_request *q, struct job_id id, int status)
{
	answer(q, id, status, NULL);
}

void api_job_answer_put(struct http_request *q, const struct request_result *r)
{
	answer(q, r->id, 200, r);
}

void api_job_answer(struct http_request *q, struct job_id id)
{
	answer(q, id, 200, NULL);
}

/* How long the answer may be held; -1: an answer was given. */
static int64_t wait_of(struct http_request *q)
{
	struct slice s = http_query(q, "wait");
	int64_t ms = 0;

	if (!s.p || (duration_parse(s, &ms) && ms <= JOB_WAIT_MAX_MS))
		return ms;
	problem_send(q, 400, "wait", "\"wait\" must be a duration of at most 10m, such as 30s, not \"%.*s\"", s.n > 32 ? 32 : (int)s.n, s.p);
	return -1;
}

void api_job(struct http_request *q)
{
	struct job_id id;
	int64_t wait_ms;

	if (!job_request_id(q, &id) || (wait_ms = wait_of(q)) < 0)
		return;
	if (wait_ms > 0)
		job_wait(q, id, wait_ms);
	else
		api_job_answer(q, id);
}
