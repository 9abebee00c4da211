/* What the keeper tells the world after a commit: events, histograms, the mirror of the totals. Before the commit changes are only held back: what was not committed did not happen. */
#include "process/keeper.h"

#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/log.h"
#include "shm/event_ring.h"

void keeper_hear(void *arg, const struct store_change *c)
{
	struct keeper *k = arg;
	struct keeper_told *t = &k->told;

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 1024;
		struct store_change *v = realloc(t->v, cap * sizeof(*v));
		if (!v)
			return;         /* an event less; the job itself is not touched */
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = *c;
}

static void copy_text(char *to, size_t size, struct job_text from, struct shm_event *e)
{
	size_t n = from.n < size - 1 ? from.n : size - 1;

	memcpy(to, from.p, n);
	e->cut |= n < from.n;
}

static void tell_event(struct keeper *k, const struct store_change *c)
{
	struct shm_event e;

	memset(&e, 0, sizeof(e));
	e.at_ms = c->job.updated_ms > c->job.created_ms ? c->job.updated_ms : c->job.created_ms;
	memcpy(e.id, c->job.id.b, sizeof(e.id));
	e.attempt = c->job.attempts;
	e.state = (uint8_t)c->job.state;
	e.event = (uint8_t)c->event;
	e.outcome = (uint8_t)c->outcome;
	e.percent = c->event == JOB_EV_PROGRESS ? c->job.progress_pct : 0;
	copy_text(e.type, sizeof(e.type), c->type, &e);
	copy_text(e.queue, sizeof(e.queue), c->queue, &e);
	event_put(k->seg, &e);
}

static void measure(struct keeper *k, const struct store_change *c, int64_t now_us)
{
	if (c->event == JOB_EV_CLAIM) {
		int64_t us = now_us - c->job.queued_us;         /* to after the commit: that is when a worker may start */
		us = us > 0 ? us : 0;
		histogram_add(k->seg->queue_us, us);
		histogram_add(named_histogram(&k->queues, c->queue), us);
		shm_count(k->me, SHM_C_QUEUE_US_SUM, (uint64_t)us);
	} else if (c->outcome != JOB_OUTCOME_NONE && c->outcome != JOB_OUTCOME_RELEASED && c->outcome != JOB_OUTCOME_CRASHED && c->outcome != JOB_OUTCOME_LEASE_EXPIRED) {
		histogram_add(k->seg->exec_us, c->job.duration_us);
		histogram_add(named_histogram(&k->types, c->type), c->job.duration_us);
		shm_count(k->me, SHM_C_EXEC_US_SUM, (uint64_t)c->job.duration_us);
	}
}

/* What an end meant for its type: said once, where it was committed. */
static void say_breaker(const struct keeper *k, const struct store_change *c)
{
	const struct conf_handler *h = conf_handler_of(k->conf, (struct slice){ c->type.p, c->type.n });
	int n = (int)c->type.n;
	long long ms = h ? (long long)h->breaker_cooldown : 0;
	unsigned long long failures = h ? (unsigned long long)h->breaker_failures : 0;

	switch (c->breaker) {
	case STORE_BREAKER_SILENT:
		break;
	case STORE_BREAKER_RESTS:
		log_warn("breaker: %llu attempts of type %.*s have failed in a row: it rests for %lld ms, then one job is tried", failures, n, c->type.p, ms);
		break;
	case STORE_BREAKER_RESTS_AGAIN:
		log_warn("breaker: the job of type %.*s that was tried has failed: it rests for another %lld ms", n, c->type.p, ms);
		break;
	case STORE_BREAKER_CLOSED:
		log_info("breaker: the job of type %.*s that was tried has succeeded: it runs as before", n, c->type.p);
		break;
	}
}

static void mirror_totals(struct keeper *k)
{
	struct store_tally t;

	store_totals(k->store, &t);
	const struct { enum shm_counter c; uint64_t v; } pair[] = {
		{ SHM_C_SUBMITTED, t.submitted }, { SHM_C_PROCESSED, t.processed }, { SHM_C_SUCCEEDED, t.succeeded }, { SHM_C_FAILED, t.failed },
		{ SHM_C_RETRIED, t.retried }, { SHM_C_RECOVERED, t.recovered }, { SHM_C_DEAD, t.dead },
	};
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		shm_gauge(k->me, pair[i].c, pair[i].v);
	for (unsigned i = 0; i < JOB_STATES; i++)
		shm_gauge(k->me, (enum shm_counter)(SHM_C_STATE_FIRST + i), t.state[i]);
}

/* Those who wait for events hear of them at once; where nobody does it costs a look. */
static void ring_listeners(const struct keeper *k)
{
	atomic_thread_fence(memory_order_seq_cst);      /* either we see the word, or whoever sets it sees the events */
	for (uint32_t i = 0; i < k->seg->geo.nacceptor; i++) {
		uint32_t slot = segment_acceptor_slot(k->seg, i);
		if (atomic_load_explicit(&k->seg->proc[slot].listening, memory_order_relaxed))
			segment_ring(k->seg, slot);
	}
}

void keeper_tell(struct keeper *k, int64_t commit_ns)
{
	int64_t now_us = clock_wall_us();
	unsigned grants = 0;

	for (size_t i = 0; i < k->told.n; i++) {
		tell_event(k, &k->told.v[i]);
		measure(k, &k->told.v[i], now_us);
		say_breaker(k, &k->told.v[i]);
		grants += k->told.v[i].event == JOB_EV_CLAIM;
	}
	if (k->told.n)
		ring_listeners(k);
	k->told.n = 0;
	shm_count(k->me, SHM_C_GRANTS, grants);
	if (commit_ns > 0) {
		shm_count(k->me, SHM_C_COMMITS, 1);
		histogram_add(k->seg->commit_us, commit_ns / 1000);
	}
	mirror_totals(k);
}
