/* The gatherer of figures. Called by stats.c, metrics.c and status_page.c at each request, and by api_tick(). Nothing here is fatal; what cannot be
 * read is 0. */
#include "http/figures.h"

#include <stdlib.h>
#include <string.h>

#include "http/figures_rate.h"

#define LOAD(x) atomic_load_explicit(&(x), memory_order_relaxed)

static struct figures_spread spread_of(const struct shm_histogram *h)
{
	struct figures_spread s = { .n = LOAD(h->count), .max = (double)LOAD(h->max_us) };

	if (s.n == 0)
		return (struct figures_spread){ 0 };
	s.mean = (double)LOAD(h->sum_us) / (double)s.n;
	s.p50 = histogram_quantile(h, 0.50);
	s.p95 = histogram_quantile(h, 0.95);
	s.p99 = histogram_quantile(h, 0.99);
	return s;
}

/* The named histogram; an empty spread where the name has none of its own. */
static struct figures_spread spread_named(const struct shm_named *v, const char *name)
{
	for (unsigned i = 0; i < SHM_TYPES && atomic_load_explicit(&v[i].ready, memory_order_acquire); i++)
		if (strncmp(v[i].name, name, SHM_NAME) == 0)
			return spread_of(&v[i].h);
	return (struct figures_spread){ 0 };
}

/* --- names --- */

static struct figures_name *name_find(struct figures_names *l, const char *name, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->v[i].name) == n && memcmp(l->v[i].name, name, n) == 0)
			return &l->v[i];
	return NULL;
}

static struct figures_name *name_add(struct figures *f, struct figures_names *l, const char *name, size_t n)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 16;
		struct figures_name *v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			goto fail;
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n] = (struct figures_name){ .name = slice_dup((struct slice){ name, n }) };
	if (l->v[l->n].name)
		return &l->v[l->n++];
fail:
	f->failed = true;
	return NULL;
}

struct name_read {
	struct figures *f;
	struct figures_names *l;
};

static bool name_read(void *arg, const struct store_figure *s)
{
	struct name_read *r = arg;
	struct figures_name *n = name_add(r->f, r->l, s->name.p, s->name.n);

	if (!n)
		return false;
	n->tally = s->tally;
	n->paused = s->paused;
	n->failures = s->breaker.failures;
	n->rests_until_ms = s->breaker.rest_until_us ? s->breaker.rest_until_us / 1000 + 1 : 0;
	if (s->oldest_queued_ms > 0 && r->f->now_ms > s->oldest_queued_ms)
		n->oldest_queued_s = (double)(r->f->now_ms - s->oldest_queued_ms) / 1000;
	return true;
}

static int by_name(const void *x, const void *y)
{
	const struct figures_name *a = x, *b = y;

	return strcmp(a->name, b->name);
}

static void sort(struct figures_names *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
}

const char *figures_breaker_name(enum figures_breaker b)
{
	static const char *const name[FIGURES_BREAKERS] = { "off", "closed", "open", "half-open" };

	return name[b];
}

/* What its row says, as far as the conf has a breaker for it. */
static void breaker_of(struct figures_name *t, bool set, int64_t now_ms)
{
	if (!set)
		t->breaker = FIGURES_BREAKER_OFF;
	else if (t->rests_until_ms == 0)
		t->breaker = FIGURES_BREAKER_CLOSED;
	else
		t->breaker = now_ms < t->rests_until_ms ? FIGURES_BREAKER_OPEN : FIGURES_BREAKER_HALF_OPEN;
}

/* What the conf names is shown before its first job; then what the segment and the conf know of each name. */
static void names_of_conf(struct figures *f, const struct conf *c, const struct segment *seg)
{
	for (size_t i = 0; i < c->nqueue; i++)
		if (!name_find(&f->queues, c->queue[i].name, strlen(c->queue[i].name)))
			name_add(f, &f->queues, c->queue[i].name, strlen(c->queue[i].name));
	for (size_t i = 0; i < c->nhandler; i++) {
		const char *name = c->handler[i].pattern;
		if (!strchr(name, '*') && !name_find(&f->types, name, strlen(name)))
			name_add(f, &f->types, name, strlen(name));
	}
	for (size_t i = 0; i < f->queues.n; i++)
		f->queues.v[i].spread = spread_named(seg->queue_hist, f->queues.v[i].name);
	for (size_t i = 0; i < f->types.n; i++) {
		const struct conf_handler *h = conf_handler_of(c, slice_of(f->types.v[i].name));
		breaker_of(&f->types.v[i], h && h->breaker_failures > 0, f->now_ms);
		f->types.v[i].spread = spread_named(seg->type_hist, f->types.v[i].name);
	}
	sort(&f->queues);
	sort(&f->types);
}

/* --- the store --- */

static void totals_of_segment(struct figures *f)
{
	struct store_tally *t = &f->total;

	for (unsigned i = 0; i < JOB_STATES; i++)
		t->state[i] = f->counter[SHM_C_STATE_FIRST + i];
	t->submitted = f->counter[SHM_C_SUBMITTED];
	t->processed = f->counter[SHM_C_PROCESSED];
	t->succeeded = f->counter[SHM_C_SUCCEEDED];
	t->failed = f->counter[SHM_C_FAILED];
	t->retried = f->counter[SHM_C_RETRIED];
	t->recovered = f->counter[SHM_C_RECOVERED];
	t->dead = f->counter[SHM_C_DEAD];
}

static void read_store(struct figures *f, const struct api *a)
{
	struct name_read queues = { f, &f->queues }, types = { f, &f->types };

	if (!a->reader || store_read_begin(a->reader) != STORE_OK) {
		totals_of_segment(f);
		return;
	}
	f->store_read = store_read_totals(a->reader, &f->total) == STORE_OK && store_queues(a->reader, name_read, &queues) == STORE_OK &&
		store_types(a->reader, name_read, &types) == STORE_OK;
	store_read_end(a->reader);
	if (!f->store_read)
		totals_of_segment(f);
}

/* --- the processes --- */

static void read_processes(struct figures *f, const struct segment *seg)
{
	f->process = calloc(seg->geo.nproc ? seg->geo.nproc : 1, sizeof(*f->process));
	if (!f->process) {
		f->failed = true;
		return;
	}
	for (uint32_t i = 0; i < seg->geo.nproc; i++) {
		const struct shm_proc *p = &seg->proc[i];
		uint32_t state = LOAD(p->state), role = LOAD(p->role);
		if (state == SHM_PROC_FREE || state > SHM_PROC_ABANDONED || role == SHM_ROLE_NONE || role > SHM_ROLE_WORKER)
			continue;
		f->process[f->nprocess++] = (struct figures_process){ .role = (enum shm_role)role, .state = (enum shm_proc_state)state,
			.pid = LOAD(p->pid), .slot = i, .number = LOAD(p->number), .generation = LOAD(p->generation), .restarts = LOAD(p->restarts),
			.running = LOAD(p->running), .started_ms = LOAD(p->started_ms), .rss_kb = LOAD(p->rss_kb) };
		if (role == SHM_ROLE_WORKER && state != SHM_PROC_ABANDONED)
			f->workers++;
		if (role == SHM_ROLE_MASTER)
			f->uptime_s = (double)(f->now_ms - LOAD(p->started_ms)) / 1000;
	}
}

static void read_server(struct figures *f, const struct api *a)
{
	const struct shm_header *h = a->seg->h;

	f->uptime_s = (double)(f->now_ms - a->seg->geo.created_ms) / 1000;
	read_processes(f, a->seg);
	if (f->uptime_s < 0)
		f->uptime_s = 0;        /* the clock was set back */
	f->server_state = a->draining ? SHM_SERVER_DRAINING : LOAD(h->server_state);
	f->generation = LOAD(h->generation);
	f->reload_ok_ms = LOAD(h->reload_ok_ms);
	f->reload_failed = LOAD(h->reload_failed);
	f->no_claims = LOAD(h->no_claims);
	f->engine = a->conf->store.url && a->conf->store.url[0] ? "postgresql" : a->conf->store.path ? "lmdb" : "memory";
	f->used_bytes = f->counter[SHM_C_STORE_USED];
	f->free_bytes = f->counter[SHM_C_STORE_FREE];
	f->limit_bytes = a->conf->store.map_size;
	f->store_refusing = f->counter[SHM_C_STORE_REFUSING];
}

void figures_gather(struct figures *f, const struct api *a, int64_t now_ms)
{
	uint64_t ended;

	*f = (struct figures){ .now_ms = now_ms, .version = a->version };
	for (unsigned i = 0; i < SHM_C_IN_USE; i++)
		f->counter[i] = segment_total(a->seg, (enum shm_counter)i);
	read_server(f, a);
	read_store(f, a);
	names_of_conf(f, a->conf, a->seg);
	f->rejected = f->counter[SHM_C_REJECTED];
	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++)
		f->jobs += f->total.state[i];
	f->queue_depth = f->total.state[JOB_QUEUED];
	f->active_workers = f->total.state[JOB_RUNNING];
	f->queue = spread_of(a->seg->queue_us);
	f->execution = spread_of(a->seg->exec_us);
	f->submit = spread_of(a->seg->submit_us);
	f->commit = spread_of(a->seg->commit_us);
	ended = f->total.succeeded + f->total.dead;
	f->success_rate = ended ? (double)f->total.succeeded / (double)ended : 1;
	f->avg_retry_count = f->jobs ? (double)f->total.retry_sum / (double)f->jobs : 0;
	figures_rate(a, &f->throughput, &f->error_rate);
	f->nrate = figures_rate_series(f->rate);
}

static void names_free(struct figures_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
}

void figures_free(struct figures *f)
{
	names_free(&f->queues);
	names_free(&f->types);
	free(f->process);
	*f = (struct figures){ 0 };
}
