/* GET /events: Server-Sent Events. Called through http_routes and by api_tick().
 *
 * A watcher is a place in the keeper's event ring. What is new is put into words once for all who are up to date; one that lags (its client is slow, or it came back with Last-Event-ID) is told from
 * the ring as it takes it, and one that the ring has left behind is told so. So a watcher costs nothing while nothing happens, and no buffer grows. */
#include "http/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "http/auth.h"
#include "http/figures.h"
#include "http/job_json.h"
#include "http/stats.h"
#include "os/clock.h"
#include "shm/event_ring.h"
#include "text/json.h"

#define SECOND_NS 1000000000LL
#define UNSENT_MAX (64u << 10)          /* a client that has so much to take is told no more for now */
#define LAG_A_TURN 256u                 /* events that a watcher which lags is told at a time */

struct watcher {
	LIST_ENTRY(watcher) link;
	struct http_request *q;         /* its query and headers are the filter: they stay valid */
	struct slice type, queue;       /* p NULL: any */
	unsigned states;                /* 1 << enum job_state; 0: any */
	uint64_t next;                  /* the event that it is to be told next */
	bool some_queues;               /* its token is for some queues only */
	bool all;                       /* no filter at all */
};

/* New events and their words, for all who are up to date. */
struct fresh { struct shm_event e; size_t from, to; };

static struct {
	LIST_HEAD(, watcher) list;
	unsigned n;
	uint64_t seen;                  /* events before this one have been told to those who are up to date */
	int64_t stats_ns;               /* when the figures were told last */
	struct loop_timer again;        /* those that lag go on */
	struct api *api;
	struct buf words;
	struct fresh *fresh;
	size_t nfresh, cap;
} watch;

unsigned events_watchers(void)
{
	return watch.n;
}

bool events_pending(const struct api *a)
{
	return watch.n && event_head(a->seg) != watch.seen;
}

/* --- words --- */

/* The ring has no room for long names: then the job itself has them. */
static void put_names(struct buf *b, const struct api *a, const struct shm_event *e)
{
	struct slice type = slice_of(e->type), queue = slice_of(e->queue);
	struct job_spec spec;
	struct job_id id;
	bool reads = e->cut && a->reader && store_read_begin(a->reader) == STORE_OK;

	memcpy(id.b, e->id, sizeof(id.b));
	if (reads && store_get(a->reader, id, NULL, &spec) == STORE_OK) {
		type = (struct slice){ spec.type.p, spec.type.n };
		queue = (struct slice){ spec.queue.p, spec.queue.n };
	}
	buf_str(b, ",\"type\":");
	json_put_string(b, type);
	buf_str(b, ",\"queue\":");
	json_put_string(b, queue);
	if (reads)
		store_read_end(a->reader);
}

static void put_event(struct buf *b, const struct api *a, uint64_t seq, const struct shm_event *e)
{
	struct job_id id;

	memcpy(id.b, e->id, sizeof(id.b));
	buf_str(b, "id: ");
	buf_u64(b, seq + 1);
	buf_str(b, "\nevent: job\ndata: {\"id\":");
	job_json_id(b, &id);
	put_names(b, a, e);
	buf_printf(b, ",\"state\":\"%s\",\"event\":\"", job_state_name((enum job_state)e->state));
	buf_str(b, job_event_name((enum job_event)e->event));
	buf_printf(b, "\",\"attempt\":%" PRIu32 ",\"at\":", e->attempt);
	job_json_time(b, e->at_ms);
	if (e->event == JOB_EV_PROGRESS)
		buf_printf(b, ",\"percent\":%" PRId32, e->percent);
	if (e->outcome)
		buf_printf(b, ",\"outcome\":\"%s\"", job_outcome_name((enum job_outcome)e->outcome));
	buf_str(b, "}\n\n");
}

static bool same(struct slice wanted, struct job_text have)
{
	return !wanted.p || (wanted.n == have.n && memcmp(wanted.p, have.p, have.n) == 0);
}

/* Its names are those that the ring has, or where they were cut the job's own. A queue's that is cut and cannot be read any more is of no use to a token: another's may begin like it. */
static bool named(const struct watcher *w, const struct shm_event *e)
{
	struct store_reader *r = e->cut ? watch.api->reader : NULL;
	struct job_spec spec, cut = { .type = { e->type, strlen(e->type) }, .queue = { e->queue, strlen(e->queue) } };
	struct job_id id;

	memcpy(id.b, e->id, sizeof(id.b));
	bool reads = r && store_read_begin(r) == STORE_OK;
	bool whole = reads && store_get(r, id, NULL, &spec) == STORE_OK;
	if (!whole)
		spec = cut;
	bool good = same(w->type, spec.type) && same(w->queue, spec.queue);
	if (good && w->some_queues)
		good = (whole || !e->cut || cut.queue.n < sizeof(e->queue) - 1) && auth_queue(w->q, (struct slice){ spec.queue.p, spec.queue.n });
	if (reads)
		store_read_end(r);
	return good;
}

static bool wants(const struct watcher *w, const struct shm_event *e)
{
	if (w->all)
		return true;
	if (w->states && !(e->state < JOB_STATES && (w->states & 1u << e->state)))
		return false;
	return (!w->type.p && !w->queue.p && !w->some_queues) || named(w, e);
}

/* --- those who lag --- */

/* What lies between is gone from the ring: who goes by the events has to look at the jobs themselves. */
static void lost(struct watcher *w, uint64_t from)
{
	char text[160];

	snprintf(text, sizeof(text), "id: %" PRIu64 "\nevent: lost\ndata: {\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}\n\n", from, w->next + 1, from);
	live_add(w->q, slice_of(text));
	w->next = from;
}

/* The first event after the one that is gone which the ring still has. */
static uint64_t still_there(uint64_t gone)
{
	uint64_t from = gone + 1;
	struct shm_event e;

	if (watch.seen > SHM_EVENTS && from < watch.seen - SHM_EVENTS / 2)
		from = watch.seen - SHM_EVENTS / 2;     /* not the very oldest: it may be overwritten next */
	while (from < watch.seen && event_get(watch.api->seg, from, &e) < 0)
		from++;
	return from;
}

/* Tells it some more. True: it is up to date with those who are. */
static bool catch_up(struct watcher *w)
{
	const struct segment *seg = watch.api->seg;
	struct buf b = { 0 };

	for (unsigned i = 0; i < LAG_A_TURN && w->next < watch.seen && live_unsent(w->q) + b.len < UNSENT_MAX; i++) {
		struct shm_event e;
		int rc = event_get(seg, w->next, &e);
		if (rc < 0) {
			live_add(w->q, (struct slice){ b.data, b.len });
			buf_clear(&b);
			lost(w, still_there(w->next));
			continue;
		}
		if (rc == 0)
			break;
		if (wants(w, &e))
			put_event(&b, watch.api, w->next, &e);
		w->next++;
	}
	if (!b.failed)
		live_add(w->q, (struct slice){ b.data, b.len });
	buf_free(&b);
	return w->next >= watch.seen;
}

static void again(struct loop_timer *t)
{
	struct watcher *w;
	bool ready = false;

	LIST_FOREACH(w, &watch.list, link) {
		if (w->next >= watch.seen)
			continue;
		ready = ready || (!catch_up(w) && live_unsent(w->q) < UNSENT_MAX);
	}
	if (ready)
		loop_timer_set(watch.api->loop, t, 0);
}

static void has_room(struct http_request *q)
{
	const struct watcher *w = q->state;

	if (w->next < watch.seen)
		loop_timer_set(q->api->loop, &watch.again, 0);
}

/* --- what is new --- */

static bool gather(struct api *a)
{
	uint64_t head = event_head(a->seg);

	watch.nfresh = 0;
	buf_clear(&watch.words);
	for (uint64_t seq = watch.seen; seq < head; seq++) {
		if (watch.nfresh == watch.cap) {
			size_t cap = watch.cap ? watch.cap * 2 : 64;
			struct fresh *v = realloc(watch.fresh, cap * sizeof(*v));
			if (!v)
				return false;
			watch.fresh = v;
			watch.cap = cap;
		}
		struct fresh *f = &watch.fresh[watch.nfresh];
		if (event_get(a->seg, seq, &f->e) != 1)
			return false;
		f->from = watch.words.len;
		put_event(&watch.words, a, seq, &f->e);
		f->to = watch.words.len;
		watch.nfresh++;
	}
	return !watch.words.failed;
}

static void tell(struct watcher *w)
{
	if (w->all) {
		live_add(w->q, (struct slice){ watch.words.data, watch.words.len });
		return;
	}
	for (size_t i = 0; i < watch.nfresh; i++)
		if (wants(w, &watch.fresh[i].e))
			live_add(w->q, (struct slice){ watch.words.data + watch.fresh[i].from, watch.fresh[i].to - watch.fresh[i].from });
}

/* Those who cannot take it now, and all where the ring has overtaken us, are left behind: they go on from the ring. */
static void tell_all(struct api *a)
{
	bool whole = gather(a), behind = false;
	uint64_t was = watch.seen;
	struct watcher *w;

	watch.seen = whole ? was + watch.nfresh : event_head(a->seg);
	LIST_FOREACH(w, &watch.list, link) {
		if (!whole || w->next != was || live_unsent(w->q) >= UNSENT_MAX) {
			behind = true;
			continue;
		}
		tell(w);
		w->next = watch.seen;
	}
	if (watch.words.cap > UNSENT_MAX)
		buf_free(&watch.words);
	if (behind)
		loop_timer_set(a->loop, &watch.again, 0);
}

/* The figures, once a second; they keep the connection alive too. They are of all queues: where the token is not, a comment does that. */
static void tell_stats(struct api *a)
{
	struct buf b = { 0 };
	struct figures f;
	struct watcher *w;

	watch.stats_ns = loop_now(a->loop);
	figures_gather(&f, a, clock_wall_ms());
	buf_str(&b, "event: stats\ndata: ");
	stats_put(&b, &f);
	buf_str(&b, "\n\n");
	if (!f.failed && !b.failed)
		LIST_FOREACH(w, &watch.list, link)
			if (live_unsent(w->q) < UNSENT_MAX)
				live_add(w->q, w->some_queues ? SLICE(":\n\n") : (struct slice){ b.data, b.len });
	figures_free(&f);
	buf_free(&b);
}

/* --- they come and go --- */

static void end(struct watcher *w)
{
	struct http_request *q = w->q;

	LIST_REMOVE(w, link);
	free(w);
	q->state = NULL;
	q->on_gone = q->on_room = NULL;
	if (--watch.n == 0) {
		loop_timer_stop(q->api->loop, &watch.again);
		buf_free(&watch.words);
		free(watch.fresh);
		watch.fresh = NULL;
		watch.cap = watch.nfresh = 0;
	}
	live_end(q);
}

static void client_gone(struct http_request *q)
{
	end(q->state);
}

void events_tick(struct api *a)
{
	if (watch.n && http_draining(a))
		while (!LIST_EMPTY(&watch.list))
			end(LIST_FIRST(&watch.list));
	if (watch.n == 0)
		return;
	if (event_head(a->seg) != watch.seen)
		tell_all(a);
	if (loop_now(a->loop) - watch.stats_ns >= SECOND_NS - SECOND_NS / 100)
		tell_stats(a);
}

/* False: 400 or 403 was answered. */
static bool take_filter(struct http_request *q, struct watcher *w)
{
	struct slice state = http_query(q, "state");

	w->type = http_query(q, "type");
	w->queue = http_query(q, "queue");
	w->some_queues = auth_some_queues(q);
	w->all = !w->type.p && !w->queue.p && !state.p && !w->some_queues;
	if ((w->type.p && (w->type.n == 0 || w->type.n > JOB_TYPE_MAX)) || (w->queue.p && (w->queue.n == 0 || w->queue.n > JOB_QUEUE_MAX))) {
		bool type = w->type.p && (w->type.n == 0 || w->type.n > JOB_TYPE_MAX);
		problem_send(q, 400, type ? "type" : "queue", "\"%s\" must be the name of a %s, 1 to %d bytes", type ? "type" : "queue", type ? "job type" : "queue", type ? JOB_TYPE_MAX : JOB_QUEUE_MAX);
		return false;
	}
	if (state.p && job_state_of(state.p, state.n) == JOB_NONE) {
		problem_send(q, 400, "state", "\"state\" must be a job's state such as queued or dead, not \"%.*s\"", state.n > 32 ? 32 : (int)state.n, state.p);
		return false;
	}
	w->states = state.p ? 1u << job_state_of(state.p, state.n) : 0;
	return !w->queue.p || auth_queue_or_refuse(q, w->queue, "queue");
}

/* Where it goes on; false: 400 was answered. */
static bool take_place(struct http_request *q, uint64_t head, uint64_t *next)
{
	struct slice id = http_header(q, "last-event-id");
	uint64_t n = 0;
	bool good = id.n <= 19;

	*next = head;
	if (!id.p || id.n == 0)
		return true;
	for (size_t i = 0; good && i < id.n; i++) {
		good = id.p[i] >= '0' && id.p[i] <= '9';
		n = n * 10 + (uint64_t)(id.p[i] - '0');
	}
	if (!good) {
		problem_send(q, 400, NULL, "the header Last-Event-ID must be the id of an event, a number, not \"%.*s\"", id.n > 32 ? 32 : (int)id.n, id.p);
		return false;
	}
	*next = n < head ? n : head;    /* one from beyond is of another store */
	return true;
}

void api_events(struct http_request *q)
{
	struct watcher *w = calloc(1, sizeof(*w));
	struct api *a = q->api;

	if (!w) {
		problem_send(q, 503, NULL, "out of memory");
		return;
	}
	w->q = q;
	if (watch.n == 0) {
		watch.api = a;
		watch.seen = event_head(a->seg);
		watch.again.fire = again;
		LIST_INIT(&watch.list);
	}
	if (!take_filter(q, w) || !take_place(q, watch.seen, &w->next) || !live_begin(q, 200, "text/event-stream; charset=utf-8")) {
		free(w);
		return;
	}
	LIST_INSERT_HEAD(&watch.list, w, link);
	watch.n++;
	q->state = w;
	q->on_gone = client_gone;
	q->on_room = has_room;
	live_add(q, SLICE(": stint\nretry: 1000\n\n"));
	if (watch.n == 1)
		tell_stats(a);
	if (w->next < watch.seen)
		loop_timer_set(a->loop, &watch.again, 0);
}
