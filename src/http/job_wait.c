/* GET /jobs/ID?wait=: who waits for which job. Called by api_job.c and api_tick().
 *
 * The keeper rings us while somebody waits, and its event ring says which jobs have ended, so that many may wait while many jobs run: a job is read again only when an event names it.
 * Whenever events may have been missed (the ring has overtaken us, the keeper was replaced) and every few seconds besides, all of them are. */
#include "http/job_wait.h"

#include <stdlib.h>
#include <string.h>

#include "shm/event_ring.h"

#define BUCKETS 1024u
#define SWEEP_NS (3 * 1000000000LL)
#define SWEEP_DRAINING_NS (100 * 1000000LL)

struct waiter {
	struct loop_timer timer;
	struct http_request *q;
	struct job_id id;
	struct waiter *next;
};

static struct {
	struct waiter *bucket[BUCKETS];
	unsigned n;
	uint64_t seen;                  /* events before this one have been looked at */
	uint64_t turn;                  /* the keeper's */
	int64_t swept_ns;               /* when all were looked at */
	bool draining;                  /* as it was then */
} waits;

static struct waiter **bucket_of(const uint8_t id[16])
{
	uint32_t h;

	memcpy(&h, id + 12, sizeof(h));         /* the random end of a UUIDv7 */
	return &waits.bucket[h % BUCKETS];
}

bool job_wait_pending(const struct api *a)
{
	return waits.n && event_head(a->seg) != waits.seen;
}

unsigned job_wait_count(void)
{
	return waits.n;
}

static void answer(struct waiter *w)
{
	struct waiter **at = bucket_of(w->id.b);
	struct http_request *q = w->q;
	struct job_id id = w->id;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	waits.n--;
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

/* It has ended, or the server drains and will not run it. */
static bool ends_wait(const struct api *a, enum job_state state)
{
	return job_state_final(state) || (a->draining && state != JOB_RUNNING);
}

/* Whether the answer is to be given now; also where the job is gone. */
static bool is_over(struct api *a, struct job_id id)
{
	struct job job;
	enum store_rc rc;

	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return true;            /* 503 says why */
	rc = store_get(a->reader, id, &job, NULL);
	store_read_end(a->reader);
	return rc != STORE_OK || ends_wait(a, job.state);
}

static void look_at(struct api *a, const uint8_t id[16])
{
	struct waiter *next;

	for (struct waiter *w = *bucket_of(id); w; w = next) {
		next = w->next;
		if (memcmp(w->id.b, id, 16) == 0 && is_over(a, w->id))
			answer(w);
	}
}

static void look_at_all(struct api *a)
{
	waits.swept_ns = loop_now(a->loop);
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct waiter *next;
		for (struct waiter *w = waits.bucket[i]; w; w = next) {
			next = w->next;
			if (is_over(a, w->id))
				answer(w);
		}
	}
}

/* Follows the ring; false where events were missed. */
static bool follow(struct api *a)
{
	uint64_t head = event_head(a->seg);

	for (; waits.seen != head; waits.seen++) {
		struct shm_event e;
		int rc = event_get(a->seg, waits.seen, &e);
		if (rc == 0)
			return true;
		if (rc < 0) {
			waits.seen = head;
			return false;
		}
		if (e.state < JOB_STATES && ends_wait(a, (enum job_state)e.state))
			look_at(a, e.id);
	}
	return true;
}

void job_wait_tick(struct api *a)
{
	uint64_t turn = atomic_load_explicit(&a->seg->h->keeper_turn, memory_order_acquire);
	bool all = turn != waits.turn || a->draining != waits.draining || loop_now(a->loop) - waits.swept_ns >= (a->draining ? SWEEP_DRAINING_NS : SWEEP_NS);

	if (waits.n == 0)
		return;
	waits.turn = turn;
	waits.draining = a->draining;
	if (!follow(a) || all)
		look_at_all(a);
}

static void first_waiter(struct api *a)
{
	waits.seen = event_head(a->seg);
	waits.turn = atomic_load_explicit(&a->seg->h->keeper_turn, memory_order_acquire);
	waits.swept_ns = loop_now(a->loop);
	waits.draining = a->draining;
}

void job_wait(struct http_request *q, struct job_id id, int64_t wait_ms)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w) {
		api_job_answer(q, id);
		return;
	}
	if (waits.n == 0)
		first_waiter(q->api);   /* before the job is read: an event between the two is then not missed */
	*w = (struct waiter){ .timer.fire = time_is_up, .q = q, .id = id, .next = *bucket_of(id.b) };
	*bucket_of(id.b) = w;
	waits.n++;
	q->state = w;
	q->on_gone = client_gone;
	loop_timer_set(q->api->loop, &w->timer, wait_ms * 1000000);
	if (is_over(q->api, id))
		answer(w);
}
