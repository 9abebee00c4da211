/* GET /jobs/ID/history. Called through http_routes; reads in one snapshot and copies out. */
#include "http/http.h"

#include "http/history_json.h"
#include "http/job_request.h"
#include "http/job_wait.h"

static bool add_attempt(void *arg, const struct record_attempt *a)
{
	history_attempt(arg, a);
	return true;
}

static bool add_note(void *arg, const struct store_note *n)
{
	history_note(arg, n);
	return true;
}

int64_t api_job_running_since(const struct segment *seg, const struct job *j)
{
	const struct shm_run *run = j->state == JOB_RUNNING && j->worker < seg->geo.nproc ? segment_runs(seg, j->worker) : NULL;

	if (j->worker == STORE_REMOTE)
		return j->started_ms;   /* it began when it was handed out, as far as we can tell */
	for (uint32_t i = 0; run && i < seg->geo.run_capacity; i++)
		if (atomic_load_explicit(&run[i].state, memory_order_acquire) == SHM_RUN_STARTED && run[i].token == j->lease_token)
			return run[i].started_ms;
	return 0;
}

enum store_rc api_job_history_put(struct api *a, struct job_id id, struct buf *out)
{
	struct history h;
	struct job job;
	struct store_progress said;
	struct job_spec spec;
	enum store_rc rc = store_get(a->reader, id, &job, &spec);

	if (rc != STORE_OK)
		return rc;
	history_begin(&h, &job, &spec);
	if (store_progress_get(a->reader, id, &said) == STORE_OK)
		history_progress(&h, &said);
	rc = store_attempts(a->reader, id, add_attempt, &h);
	if (rc == STORE_OK || rc == STORE_NOT_FOUND)
		rc = store_notes(a->reader, id, add_note, &h);
	store_worker(a->reader, &job, &h.who);
	if (!history_put(&h, api_job_running_since(a->seg, &job), out))
		return STORE_NO_MEMORY;
	return rc == STORE_NOT_FOUND ? STORE_OK : rc;
}

void api_job_history(struct http_request *q)
{
	struct buf body = { 0 };
	struct job_id id;
	enum store_rc rc;

	if (!job_request_id(q, &id) || !job_request_read(q))
		return;
	rc = api_job_history_put(q->api, id, &body);
	store_read_end(q->api->reader);
	if (rc == STORE_OK)
		reply_json(q, 200, &body);
	else
		job_request_failed(q, rc);
	buf_free(&body);
}
