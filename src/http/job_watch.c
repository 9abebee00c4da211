/* Who watches which job. Called by job_wait.c and job_log.c, and by api_tick().
 *
 * The keeper rings us while somebody watches, and its event ring says what has become of which job, so that many may wait while many jobs run: a job is read again only when an event names it.
 * Whenever events may have been missed (the ring has overtaken us, the keeper was replaced) and every few seconds besides, all of them are. Nothing here is fatal. */
#include "http/job_watch.h"

#include <string.h>

#include "shm/event_ring.h"

#define BUCKETS 1024u
#define SWEEP_NS (3 * 1000000000LL)
#define SWEEP_DRAINING_NS (100 * 1000000LL)

static struct {
	struct job_watch *bucket[BUCKETS];
	unsigned n;
	uint64_t seen;                  /* events before this one have been looked at */
	uint64_t turn;                  /* the keeper's */
	int64_t swept_ns;               /* when all were looked at */
	bool draining;                  /* as it was then */
} watches;

static struct job_watch **bucket_of(const uint8_t id[16])
{
	uint32_t h;

	memcpy(&h, id + 12, sizeof(h));         /* the random end of a UUIDv7 */
	return &watches.bucket[h % BUCKETS];
}

bool job_watch_pending(const struct api *a)
{
	return watches.n && event_head(a->seg) != watches.seen;
}

unsigned job_watch_count(void)
{
	return watches.n;
}

/* The whole server, or this process alone. */
static bool drains(const struct api *a)
{
	return a->draining || http_draining(a);
}

static void look_at(const uint8_t id[16], unsigned state)
{
	struct job_watch *next;

	for (struct job_watch *w = *bucket_of(id); w; w = next) {
		next = w->next;
		if (memcmp(w->id.b, id, 16) == 0 && (watches.draining || (w->states & 1u << state)))
			w->look(w);
	}
}

static void look_at_all(struct api *a)
{
	watches.swept_ns = loop_now(a->loop);
	for (unsigned i = 0; i < BUCKETS; i++) {
		struct job_watch *next;
		for (struct job_watch *w = watches.bucket[i]; w; w = next) {
			next = w->next;
			w->look(w);
		}
	}
}

/* Follows the ring; false where events were missed. */
static bool follow(struct api *a)
{
	uint64_t head = event_head(a->seg);

	for (; watches.seen != head; watches.seen++) {
		struct shm_event e;
		int rc = event_get(a->seg, watches.seen, &e);
		if (rc == 0)
			return true;
		if (rc < 0) {
			watches.seen = head;
			return false;
		}
		if (e.state < JOB_STATES)
			look_at(e.id, e.state);
	}
	return true;
}

void job_watch_tick(struct api *a)
{
	uint64_t turn = atomic_load_explicit(&a->seg->h->keeper_turn, memory_order_acquire);
	bool draining = drains(a), all = turn != watches.turn || draining != watches.draining || loop_now(a->loop) - watches.swept_ns >= (draining ? SWEEP_DRAINING_NS : SWEEP_NS);

	if (watches.n == 0)
		return;
	watches.turn = turn;
	watches.draining = draining;
	if (!follow(a) || all)
		look_at_all(a);
}

static void first(struct api *a)
{
	watches.seen = event_head(a->seg);
	watches.turn = atomic_load_explicit(&a->seg->h->keeper_turn, memory_order_acquire);
	watches.swept_ns = loop_now(a->loop);
	watches.draining = drains(a);
}

void job_watch_begin(struct api *a, struct job_watch *w)
{
	struct job_watch **at = bucket_of(w->id.b);

	if (watches.n == 0)
		first(a);
	w->next = *at;
	*at = w;
	watches.n++;
}

void job_watch_end(struct job_watch *w)
{
	struct job_watch **at = bucket_of(w->id.b);

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	watches.n--;
}
