/* GET /jobs/ID?wait=: who waits for which job's end. Called by api_job.c; job_watch.c says when to look again. Nothing here is fatal. */
#include "http/job_wait.h"

#include <stdlib.h>

#include "http/job_watch.h"

struct waiter {
	struct job_watch watch;
	struct loop_timer timer;
	struct http_request *q;
};

static void answer(struct waiter *w)
{
	struct http_request *q = w->q;
	struct job_id id = w->watch.id;

	job_watch_end(&w->watch);
	loop_timer_stop(q->api->loop, &w->timer);
	q->state = NULL;
	q->on_gone = NULL;
	free(w);
	api_job_answer(q, id);
}

static void time_is_up(struct loop_timer *t)
{
	answer(LOOP_OWNER(t, struct waiter, timer));
}

static void client_gone(struct http_request *q)
{
	answer(q->state);
}

/* It has ended, or the server drains and will not run it; also where it is gone, or cannot be read: 503 says why. */
static bool is_over(struct api *a, struct job_id id)
{
	struct job job;
	enum store_rc rc;

	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return true;
	rc = store_get(a->reader, id, &job, NULL);
	store_read_end(a->reader);
	return rc != STORE_OK || job_state_final(job.state) || (a->draining && job.state != JOB_RUNNING);
}

static void look(struct job_watch *watch)
{
	struct waiter *w = LOOP_OWNER(watch, struct waiter, watch);

	if (is_over(w->q->api, watch->id))
		answer(w);
}

void job_wait(struct http_request *q, struct job_id id, int64_t wait_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w) {
		api_job_answer(q, id);
		return;
	}
	*w = (struct waiter){ .watch = { .id = id, .states = JOB_WATCH_FINAL, .look = look }, .timer.fire = time_is_up, .q = q };
	job_watch_begin(q->api, &w->watch);
	q->state = w;
	q->on_gone = client_gone;
	loop_timer_set(q->api->loop, &w->timer, wait_ms * 1000000);
	look(&w->watch);
}
