/* What one look at the server finds: the segment, and, where it can be read, the store, which alone knows how many jobs lie in each queue. Called by top.c; nothing in the segment is trusted further
 * than to be printed. */
#include "cli/top.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"
#include "text/uuid.h"

#define RELAXED memory_order_relaxed

const char *const top_rate_names[TOP_RATES] = { "submitted", "processed", "succeeded", "failed", "retried", "dead", "requests", "commits" };
static const enum shm_counter rate_counters[TOP_RATES] = {
	SHM_C_SUBMITTED, SHM_C_PROCESSED, SHM_C_SUCCEEDED, SHM_C_FAILED, SHM_C_RETRIED, SHM_C_DEAD, SHM_C_HTTP_REQUESTS, SHM_C_COMMITS,
};

struct past_name { char name[SHM_NAME + 4]; uint64_t in, out; };
struct past_names { struct past_name *v; size_t n; };
struct top_past {
	int64_t at_ns;
	bool has_store;                 /* the names' figures are the store's */
	uint64_t counter[TOP_RATES];
	struct shm_histogram queue, execution, submit, commit;
	struct past_names queues, types;
};

/* --- names --- */

static struct top_name *add(struct top_names *l, const char *name, size_t n)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct top_name *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		l->v = v;
		l->cap = cap;
	}
	struct top_name *t = &l->v[l->n++];
	*t = (struct top_name){ .oldest_ms = -1 };
	memcpy(t->name, name, n < sizeof(t->name) ? n : sizeof(t->name) - 1);
	return t;
}

static bool take_histograms(struct top_names *l, const struct shm_named *table)
{
	for (unsigned i = 0; i < SHM_TYPES && atomic_load_explicit(&table[i].ready, memory_order_acquire); i++) {
		struct top_name *t = add(l, table[i].name, strnlen(table[i].name, SHM_NAME));

		if (!t)
			return false;
		status_quantiles(&t->ms, &table[i].h);
		t->out = t->ms.count;
	}
	return true;
}

struct taking { struct top_names *names; size_t nhist; int64_t now_ms; bool failed; };

static bool take_figure(void *arg, const struct store_figure *f)
{
	struct taking *k = arg;
	const uint64_t *state = f->tally.state;
	struct top_name *t = NULL;

	for (size_t i = 0; i < k->nhist && !t; i++)
		if (strnlen(k->names->v[i].name, SHM_NAME) == f->name.n && memcmp(k->names->v[i].name, f->name.p, f->name.n) == 0)
			t = &k->names->v[i];
	t = t ? t : add(k->names, f->name.p, f->name.n);
	k->failed = !t;
	if (!t)
		return false;
	t->paused = f->paused;
	t->queued = state[JOB_QUEUED];
	t->running = state[JOB_RUNNING];
	t->later = state[JOB_SCHEDULED] + state[JOB_RETRYING] + state[JOB_WAITING];
	t->dead = state[JOB_DEAD];
	t->failed = f->tally.failed;
	t->in = f->tally.submitted;
	t->out = f->tally.processed;
	t->oldest_ms = f->oldest_queued_ms > 0 && f->oldest_queued_ms <= k->now_ms ? k->now_ms - f->oldest_queued_ms : -1;
	return true;
}

static void take_store(struct top_sampler *s, struct top *t)
{
	struct taking queues = { &t->queues, t->queues.n, t->st.now_ms, false }, types = { &t->types, t->types.n, t->st.now_ms, false };
	enum store_rc rc;

	memcpy(t->why, s->why, sizeof(t->why));
	if (!s->store)
		return;
	rc = store_read_begin(s->store);
	if (rc == STORE_OK)
		rc = store_queues(s->store, take_figure, &queues);
	if (rc == STORE_OK)
		rc = store_types(s->store, take_figure, &types);
	store_read_end(s->store);
	t->has_store = rc == STORE_OK && !queues.failed && !types.failed;
	if (!t->has_store)
		snprintf(t->why, sizeof(t->why), "the store cannot be read");
}

/* --- jobs that run --- */

static int longest_first(const void *a, const void *b)
{
	const struct top_run *x = a, *y = b;

	return x->for_ms != y->for_ms ? (x->for_ms < y->for_ms) - (x->for_ms > y->for_ms) : strcmp(x->id, y->id);
}

static bool take_runs(struct top *t, const struct segment *seg)
{
	size_t cap = 0;

	for (size_t p = 0; p < t->st.nprocess; p++) {
		const struct status_process *process = &t->st.process[p];
		const struct shm_run *run = process->alive ? segment_runs(seg, process->slot) : NULL;

		for (uint32_t i = 0; run && i < seg->geo.run_capacity; i++) {
			if (atomic_load_explicit(&run[i].state, memory_order_acquire) != SHM_RUN_STARTED)
				continue;
			if (t->nrun == cap) {
				cap = cap ? 2 * cap : 64;
				struct top_run *more = realloc(t->run, cap * sizeof(*more));
				if (!more)
					return false;
				t->run = more;
			}
			struct top_run *r = &t->run[t->nrun++];
			*r = (struct top_run){ .attempt = run[i].attempt, .worker = process->number, .for_ms = t->st.now_ms - run[i].started_ms };
			uuid_format(run[i].id, r->id);
			memcpy(r->type, run[i].type, sizeof(run[i].type));
			r->for_ms = r->for_ms < 0 ? 0 : r->for_ms;
		}
	}
	if (t->nrun)
		qsort(t->run, t->nrun, sizeof(*t->run), longest_first);
	return true;
}

/* --- what has changed --- */

static int by_past_name(const void *a, const void *b)
{
	return strcmp(((const struct past_name *)a)->name, ((const struct past_name *)b)->name);
}

static bool keep_names(struct past_names *out, const struct top_names *l)
{
	free(out->v);
	out->n = 0;
	out->v = calloc(l->n ? l->n : 1, sizeof(*out->v));
	if (!out->v)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		memcpy(out->v[i].name, l->v[i].name, sizeof(out->v[i].name));
		out->v[i].in = l->v[i].in;
		out->v[i].out = l->v[i].out;
	}
	out->n = l->n;
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_past_name);
	return true;
}

static double rate(uint64_t before, uint64_t now, double s)
{
	return now > before && s > 0 ? (double)(now - before) / s : 0;
}

/* A name that was not there before has begun at 0. */
static void rate_names(struct top_names *l, const struct past_names *before, double s)
{
	for (size_t i = 0; i < l->n; i++) {
		struct past_name wanted;
		const struct past_name *found;

		memcpy(wanted.name, l->v[i].name, sizeof(wanted.name));
		found = before->n ? bsearch(&wanted, before->v, before->n, sizeof(wanted), by_past_name) : NULL;
		l->v[i].in_s = rate(found ? found->in : 0, l->v[i].in, s);
		l->v[i].out_s = rate(found ? found->out : 0, l->v[i].out, s);
	}
}

static void copy_histogram(struct shm_histogram *out, const struct shm_histogram *h)
{
	memcpy(out, (const void *)h, sizeof(*out));
}

static void window_quantiles(struct status_quantiles *out, const struct shm_histogram *before, const struct shm_histogram *now)
{
	struct shm_histogram grown;

	report_difference(&grown, before, now);
	status_quantiles(out, &grown);
}

static bool keep(struct top_past *p, const struct top *t, const struct segment *seg, int64_t now_ns)
{
	p->at_ns = now_ns;
	p->has_store = t->has_store;
	for (unsigned i = 0; i < TOP_RATES; i++)
		p->counter[i] = t->st.counter[rate_counters[i]];
	copy_histogram(&p->queue, seg->queue_us);
	copy_histogram(&p->execution, seg->exec_us);
	copy_histogram(&p->submit, seg->submit_us);
	copy_histogram(&p->commit, seg->commit_us);
	return keep_names(&p->queues, &t->queues) && keep_names(&p->types, &t->types);
}

static void compare(struct top *t, const struct top_past *before, const struct top_past *now)
{
	t->window_s = (double)(now->at_ns - before->at_ns) / 1e9;
	for (unsigned i = 0; i < TOP_RATES; i++)
		t->rate[i] = rate(before->counter[i], now->counter[i], t->window_s);
	window_quantiles(&t->queue, &before->queue, &now->queue);
	window_quantiles(&t->execution, &before->execution, &now->execution);
	window_quantiles(&t->submit, &before->submit, &now->submit);
	window_quantiles(&t->commit, &before->commit, &now->commit);
	rate_names(&t->queues, &before->queues, t->window_s);
	rate_names(&t->types, &before->types, t->window_s);
}

/* The oldest look that is not older than the window; the newest of the others is of no use any more. */
static bool remember(struct top_sampler *s, struct top *t, const struct segment *seg, int64_t now_ns)
{
	struct top_past *last;
	unsigned drop = 0;

	if (s->epoch != seg->geo.epoch || (s->npast && s->past[s->npast - 1].has_store != t->has_store))
		s->npast = 0;           /* counters of something else */
	s->epoch = seg->geo.epoch;
	while (drop < s->npast && (s->npast - drop >= TOP_LOOKS || now_ns - s->past[drop].at_ns > TOP_WINDOW_NS))
		drop++;
	if (drop == s->npast && drop > 0)
		drop--;                 /* looks that are far apart are compared with the last one */
	for (; drop > 0; drop--) {
		struct top_past first = s->past[0];

		memmove(s->past, s->past + 1, (TOP_LOOKS - 1) * sizeof(*s->past));
		s->past[TOP_LOOKS - 1] = first;         /* its memory is used again */
		s->npast--;
	}
	last = &s->past[s->npast];
	if (!keep(last, t, seg, now_ns))
		return false;
	if (s->npast++ > 0)
		compare(t, &s->past[0], last);
	return true;
}

int top_sample(struct top_sampler *s, const struct segment *seg, const struct status_now *now, bool (*alive)(pid_t pid), struct top *t)
{
	if (!s->past)
		s->past = calloc(TOP_LOOKS, sizeof(*s->past));
	if (!s->past || status_gather(&t->st, seg, now, alive) != 0)
		return -1;
	if (!take_histograms(&t->queues, seg->queue_hist) || !take_histograms(&t->types, seg->type_hist) || !take_runs(t, seg))
		return -1;
	take_store(s, t);
	return remember(s, t, seg, now->boot_ns) ? 0 : -1;
}

void top_free(struct top *t)
{
	status_free(&t->st);
	free(t->queues.v);
	free(t->types.v);
	free(t->run);
	*t = (struct top){ .st.process = NULL };
}

void top_sampler_free(struct top_sampler *s)
{
	for (unsigned i = 0; s->past && i < TOP_LOOKS; i++) {
		free(s->past[i].queues.v);
		free(s->past[i].types.v);
	}
	free(s->past);
	s->past = NULL;
	s->npast = 0;
}
