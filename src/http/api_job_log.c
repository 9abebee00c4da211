/* GET /jobs/ID/log: what an attempt wrote to its standard error. Called through http_routes; an attempt that has ended is read from the store, one that runs or is to run by job_log.c. */
#include "http/http.h"

#include <inttypes.h>
#include <stdio.h>

#include "http/job_log.h"
#include "http/job_request.h"

#define ATTEMPT_MAX 1000000000u

struct asked { uint32_t attempt; bool follow; };        /* attempt 0: the one that runs, else the last */

static bool number(struct slice s, uint32_t *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || (n = n * 10 + (uint64_t)(s.p[i] - '0')) > ATTEMPT_MAX)
			return false;
	}
	*out = (uint32_t)n;
	return s.n > 0 && n > 0;
}

/* False: 400 was answered. */
static bool asked_for(struct http_request *q, struct asked *a)
{
	struct slice n = http_query(q, "attempt"), follow = http_query(q, "follow");

	*a = (struct asked){ .follow = slice_eq(follow, "1") };
	if (n.p && !number(n, &a->attempt)) {
		problem_send(q, 400, "attempt", "\"attempt\" must be the number of an attempt, 1 or more, not \"%.*s\"", n.n > 32 ? 32 : (int)n.n, n.p);
		return false;
	}
	if (follow.p && !a->follow && !slice_eq(follow, "0")) {
		problem_send(q, 400, "follow", "\"follow\" must be 1 or 0, not \"%.*s\"", follow.n > 32 ? 32 : (int)follow.n, follow.p);
		return false;
	}
	return true;
}

static void none(struct http_request *q, const struct job *j, const struct asked *a)
{
	const char *state = job_state_name(j->state);

	if (j->attempts == 0 && a->attempt == 0)
		problem_send(q, 404, NULL, "the job has no log: no attempt of it has started; its state is %s", state);
	else
		problem_send(q, 404, "attempt", "the job has had no attempt %" PRIu32 ": it has had %" PRIu32 ", and its state is %s", a->attempt, j->attempts, state);
}

/* An attempt that has ended; inside the snapshot, which it ends. */
static void answer_kept(struct http_request *q, const struct job *j, const struct asked *a)
{
	struct buf body = { 0 };
	bool dropped;
	enum store_rc rc = store_log(q->api->reader, j, a->attempt, &body, &dropped);

	store_read_end(q->api->reader);
	if (rc == STORE_NOT_FOUND)
		none(q, j, a);
	else if (rc != STORE_OK || body.failed)
		job_request_failed(q, rc == STORE_OK ? STORE_NO_MEMORY : rc);
	else if (dropped)
		problem_send(q, 404, "attempt", "the log of attempt %" PRIu32 " is not kept any more: those of the last 10 attempts are", a->attempt);
	else
		reply_send(q, 200, "text/plain; charset=utf-8", &body);
	buf_free(&body);
}

void api_job_log(struct http_request *q)
{
	struct asked a;
	struct job_id id;
	struct job job;

	if (!asked_for(q, &a) || !job_request_id(q, &id) || !job_request_read(q))
		return;
	enum store_rc rc = store_get(q->api->reader, id, &job, NULL);
	if (rc != STORE_OK) {
		store_read_end(q->api->reader);
		job_request_failed(q, rc);
		return;
	}
	reply_header(q, "Content-Security-Policy", "default-src 'none'; sandbox");      /* somebody else's bytes: no page of ours */
	bool runs = job.state == JOB_RUNNING, comes = !job_state_final(job.state) && (a.attempt ? a.attempt > job.attempts : !runs);
	if ((runs && (a.attempt == 0 || a.attempt == job.attempts)) || (a.follow && comes)) {
		uint32_t attempt = a.attempt ? a.attempt : job.attempts + !runs;
		store_read_end(q->api->reader);
		job_log_stream(q, &job, attempt, a.follow);
	} else {
		answer_kept(q, &job, &a);
	}
}
