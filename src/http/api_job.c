/* GET /jobs/ID, also with ?wait=. Called by the wire half through http_routes; those who wait are woken by job_wait.c. */
#include "http/http.h"

#include "http/job_json.h"
#include "http/job_request.h"
#include "http/job_wait.h"
#include "text/duration.h"

/* The parts of a job that lie in rows of their own; each may be missing. */
struct parts {
	struct buf payload, result, error, progress, depends;
	int32_t percent;
};

static void parts_free(struct parts *p)
{
	buf_free(&p->payload);
	buf_free(&p->result);
	buf_free(&p->error);
	buf_free(&p->progress);
	buf_free(&p->depends);
}

static struct slice present(const struct buf *b)
{
	return (struct slice){ b->data, b->len };
}

static enum store_rc missing_is_fine(enum store_rc rc)
{
	return rc == STORE_NOT_FOUND ? STORE_OK : rc;
}

/* `brief`: without a payload or result that has rows of its own. */
static enum store_rc parts_read(struct store_reader *r, const struct job *j, const struct job_spec *s, bool brief, struct parts *p)
{
	struct job_text text = { 0 };
	struct store_progress said = { .percent = -1 };
	enum store_rc rc;

	if (s->content_type.n == 0 && s->payload_blob == 0)
		buf_add(&p->payload, s->payload.p, s->payload.n);
	else if (s->content_type.n == 0 && !brief && (rc = missing_is_fine(store_payload(r, j->id, &p->payload))) != STORE_OK)
		return rc;
	if (s->ndepends && (rc = store_depends(r, j->id, &p->depends)) != STORE_OK)
		return rc;
	if (!(brief && j->result_blob) && (rc = missing_is_fine(store_result(r, j, &p->result))) != STORE_OK)
		return rc;
	if ((rc = missing_is_fine(store_last_error(r, j->id, &text))) != STORE_OK)
		return rc;
	buf_add(&p->error, text.p, text.n);
	if ((rc = missing_is_fine(store_progress_get(r, j->id, &said))) != STORE_OK)
		return rc;
	p->percent = said.percent;
	buf_add(&p->progress, said.message.p, said.message.n);
	return p->payload.failed || p->result.failed || p->error.failed || p->progress.failed ? STORE_NO_MEMORY : STORE_OK;
}

static enum store_rc put(struct store_reader *r, struct job_id id, bool brief, struct buf *out, enum job_state *state)
{
	struct parts parts = { 0 };
	struct job job;
	struct job_spec spec;
	enum store_rc rc = store_get(r, id, &job, &spec);

	if (rc != STORE_OK)
		return rc;
	*state = job.state;
	rc = parts_read(r, &job, &spec, brief, &parts);
	if (rc == STORE_OK) {
		struct job_text worker = { 0 };
		store_worker(r, &job, &worker);
		struct job_view view = { .job = &job, .spec = &spec, .payload = present(&parts.payload), .depends = present(&parts.depends), .last_error = present(&parts.error),
			.progress = present(&parts.progress), .progress_pct = parts.percent, .result = present(&parts.result), .worker = { worker.p, worker.n } };
		job_json_put(out, &view);
	}
	parts_free(&parts);
	return rc;
}

enum store_rc api_job_put(struct store_reader *r, struct job_id id, struct buf *out, enum job_state *state)
{
	return put(r, id, false, out, state);
}

enum store_rc api_job_put_brief(struct store_reader *r, struct job_id id, struct buf *out, enum job_state *state)
{
	return put(r, id, true, out, state);
}

void api_job_answer_status(struct http_request *q, struct job_id id, int status)
{
	struct buf body = { 0 };
	enum job_state state;
	enum store_rc rc;

	if (!job_request_read(q))
		return;
	rc = api_job_put(q->api->reader, id, &body, &state);
	store_read_end(q->api->reader);
	if (rc == STORE_OK)
		reply_json(q, status, &body);
	else
		job_request_failed(q, rc);
	buf_free(&body);
}

void api_job_answer(struct http_request *q, struct job_id id)
{
	api_job_answer_status(q, id, 200);
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
