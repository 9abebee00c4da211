/* What people do to one job: DELETE /jobs/ID, POST /jobs/ID/retry, /run-now and /delete. Called by the wire half through http_routes. Each is one operation of the keeper;
 * the answer is the job as it is after that. Nothing here is fatal. */
#include "http/http.h"

#include "http/job_request.h"
#include "http/job_wait.h"
#include "http/pending.h"

static const char *forbidden(enum store_act act)
{
	switch (act) {
	case STORE_ACT_CANCEL: return "the job has ended already and cannot be cancelled";
	case STORE_ACT_RETRY: return "only a job that is dead, cancelled or expired can be retried, not past its expires_at, and not while a job that it depends on has ended and not succeeded";
	case STORE_ACT_RUN_NOW: return "only a job that is scheduled or retrying can be run now";
	case STORE_ACT_DELETE: return "only a job that has ended can be deleted; cancel it first";
	default: return "the job's state forbids it";
	}
}

static void unavailable(struct http_request *q, int status, const char *why)
{
	problem_send(q, status, NULL, "the store could not take the change: %s", why);
}

static void refused(struct http_request *q, enum store_act act, enum store_rc rc)
{
	switch (rc) {
	case STORE_NOT_FOUND:
		job_request_failed(q, rc);
		break;
	case STORE_STATE:
		problem_send(q, 409, NULL, "%s", forbidden(act));
		break;
	case STORE_LIVE:
		problem_send(q, 409, NULL, "another live job of the type has the same unique_key; when that one has ended this one can be retried");
		break;
	case STORE_NO_SPACE:
		unavailable(q, 507, store_rc_text(rc));
		break;
	default:
		unavailable(q, 503, store_rc_text(rc));
	}
}

static void answered(struct http_request *q, enum store_act act, const struct request_result *r)
{
	if (r->rc != STORE_OK)
		refused(q, act, (enum store_rc)r->rc);
	else if (act != STORE_ACT_CANCEL)
		api_job_answer_put(q, r);
	else
		/* a running job is only asked to end: 202; everything else has happened */
		api_job_answer_status(q, r->id, r->state == JOB_RUNNING ? 202 : 200);
}

static void cancel_answered(void *owner, const struct request_result *r)
{
	answered(owner, STORE_ACT_CANCEL, r);
}

static void retry_answered(void *owner, const struct request_result *r)
{
	answered(owner, STORE_ACT_RETRY, r);
}

static void run_now_answered(void *owner, const struct request_result *r)
{
	answered(owner, STORE_ACT_RUN_NOW, r);
}

static void delete_answered(void *owner, const struct request_result *r)
{
	struct http_request *q = owner;

	if (r->rc == STORE_OK)
		reply_send(q, 204, NULL, NULL);
	else
		refused(q, STORE_ACT_DELETE, (enum store_rc)r->rc);
}

static void act(struct http_request *q, enum store_act what, pending_fn fn)
{
	struct request_act m = { .act = what };
	uint64_t tag;

	if (!job_request_id(q, &m.id))
		return;
	tag = pending_add(q, fn);
	if (tag && ask_add(q->api->ask, REQUEST_ACT, tag, &(struct ask_piece){ &m, sizeof(m) }, 1) == 0)
		return;
	if (tag)
		pending_take(tag, NULL);
	unavailable(q, 503, "out of memory");
}

void api_job_cancel(struct http_request *q)
{
	act(q, STORE_ACT_CANCEL, cancel_answered);
}

void api_job_retry(struct http_request *q)
{
	act(q, STORE_ACT_RETRY, retry_answered);
}

void api_job_delete(struct http_request *q)
{
	act(q, STORE_ACT_DELETE, delete_answered);
}

void api_job_run_now(struct http_request *q)
{
	act(q, STORE_ACT_RUN_NOW, run_now_answered);
}

void api_answered(struct api *a, const struct request_result *r)
{
	(void)a;
	pending_answer(r);
}
