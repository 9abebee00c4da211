/* The common beginning of GET /jobs/ID and what lies below it. Called by api_job.c, api_job_bytes.c and api_job_history.c; api_submit.c and submission.c ask about jobs that a submission leads to. */
#include "http/job_request.h"

#include "http/auth.h"
#include "text/uuid.h"

static int cut(struct slice s)
{
	return s.n > 64 ? 64 : (int)s.n;
}

/* To a token that is not for its queue a job is not there. */
static enum store_rc find_for(const struct http_request *q, struct job_id id)
{
	struct job_spec spec;

	if (!auth_some_queues(q))
		return STORE_OK;
	enum store_rc rc = q->api->reader ? store_read_begin(q->api->reader) : STORE_BUSY;
	if (rc != STORE_OK)
		return rc;
	rc = store_get(q->api->reader, id, NULL, &spec);
	if (rc == STORE_OK && !auth_queue(q, (struct slice){ spec.queue.p, spec.queue.n }))
		rc = STORE_NOT_FOUND;
	store_read_end(q->api->reader);
	return rc;
}

static bool is_for(struct http_request *q, struct job_id id)
{
	enum store_rc rc = find_for(q, id);

	if (rc != STORE_OK)
		job_request_failed(q, rc);
	return rc == STORE_OK;
}

bool job_request_for(const struct http_request *q, struct job_id id)
{
	return find_for(q, id) == STORE_OK;
}

bool job_request_id(struct http_request *q, struct job_id *id)
{
	struct slice s = q->arg[0];

	if (uuid_parse(s.p, s.n, id->b))
		return is_for(q, *id);
	problem_send(q, 404, NULL, "there is no job \"%.*s\"; ids look like 019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071", cut(s), s.p);
	return false;
}

bool job_request_read(struct http_request *q)
{
	enum store_rc rc = q->api->reader ? store_read_begin(q->api->reader) : STORE_BUSY;

	if (rc == STORE_OK)
		return true;
	job_request_failed(q, rc);
	return false;
}

void job_request_failed(struct http_request *q, enum store_rc rc)
{
	if (rc == STORE_NOT_FOUND) {
		problem_send(q, 404, NULL, "there is no job %.*s; it was never submitted here, or is past its retention", cut(q->arg[0]), q->arg[0].p);
		return;
	}
	problem_send(q, 503, NULL, "the store cannot be read now: %s", store_rc_text(rc));
}
