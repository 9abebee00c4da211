/* GET /stats and /status.json: every figure as JSON. Called through http_routes, and by the status page for who asks it for JSON. */
#include "http/stats.h"

#include <math.h>

#include "http/figures.h"
#include "http/http.h"
#include "http/job_json.h"
#include "os/clock.h"
#include "text/json.h"

static const enum job_state states[] = { JOB_SCHEDULED, JOB_WAITING, JOB_QUEUED, JOB_RUNNING, JOB_RETRYING, JOB_SUCCEEDED, JOB_DEAD, JOB_CANCELLED,
	JOB_EXPIRED };

static void put_count(struct buf *b, const char *name, uint64_t n)
{
	json_put_key(b, name);
	buf_u64(b, n);
}

/* At most six decimals, and never what JSON has no word for. */
static void put_real(struct buf *b, const char *name, double v)
{
	json_put_key(b, name);
	buf_printf(b, "%.10g", isfinite(v) ? round(v * 1e6) / 1e6 : 0.0);
}

static void put_text(struct buf *b, const char *name, const char *text)
{
	json_put_key(b, name);
	json_put_string(b, slice_of(text));
}

static void put_spread(struct buf *b, const char *name, const struct figures_spread *s)
{
	json_put_key(b, name);
	buf_char(b, '{');
	put_real(b, "p50", s->p50 / 1000);
	put_real(b, "p95", s->p95 / 1000);
	put_real(b, "p99", s->p99 / 1000);
	put_real(b, "max", s->max / 1000);
	buf_char(b, '}');
}

static void put_states(struct buf *b, const struct store_tally *t)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		put_count(b, job_state_name(states[i]), t->state[states[i]]);
}

static void put_totals(struct buf *b, const struct figures *f)
{
	put_count(b, "total", f->jobs);
	put_states(b, &f->total);
	put_count(b, "submitted_total", f->total.submitted);
	put_count(b, "processed", f->total.processed);
	put_count(b, "succeeded_total", f->total.succeeded);
	put_count(b, "failed_total", f->total.failed);
	put_count(b, "retried_total", f->total.retried);
	put_count(b, "recovered_total", f->total.recovered);
	put_count(b, "dead_total", f->total.dead);
	put_count(b, "rejected_total", f->rejected);
}

static void put_rates(struct buf *b, const struct figures *f)
{
	put_count(b, "queue_depth", f->queue_depth);
	put_count(b, "active_workers", f->active_workers);
	put_count(b, "workers", f->workers);
	put_real(b, "avg_time_in_queue_ms", f->queue.mean / 1000);
	put_real(b, "avg_execution_ms", f->execution.mean / 1000);
	put_spread(b, "queue_ms", &f->queue);
	put_spread(b, "execution_ms", &f->execution);
	put_spread(b, "submit_ms", &f->submit);
	put_real(b, "throughput_1m", f->throughput);
	put_real(b, "error_rate_1m", f->error_rate);
	put_real(b, "success_rate", f->success_rate);
	put_real(b, "avg_retry_count", f->avg_retry_count);
	put_count(b, "tasks_with_retries", f->total.with_retries);
}

/* A name as a key: json_put_string() escapes it. */
static void name_key(struct buf *b, const char *name, bool first)
{
	if (!first)
		buf_char(b, ',');
	json_put_string(b, slice_of(name));
	buf_str(b, ":{");
}

static void put_queues(struct buf *b, const struct figures *f)
{
	json_put_key(b, "queues");
	buf_char(b, '{');
	for (size_t i = 0; i < f->queues.n; i++) {
		const struct figures_name *q = &f->queues.v[i];
		name_key(b, q->name, i == 0);
		put_states(b, &q->tally);
		put_real(b, "oldest_queued_s", q->oldest_queued_s);
		put_spread(b, "queue_ms", &q->spread);
		json_put_key(b, "paused");
		buf_str(b, q->paused ? "true}" : "false}");
	}
	buf_char(b, '}');
}

static void put_types(struct buf *b, const struct figures *f)
{
	json_put_key(b, "types");
	buf_char(b, '{');
	for (size_t i = 0; i < f->types.n; i++) {
		const struct figures_name *t = &f->types.v[i];
		name_key(b, t->name, i == 0);
		put_states(b, &t->tally);
		put_count(b, "processed", t->tally.processed);
		put_count(b, "succeeded_total", t->tally.succeeded);
		put_count(b, "failed_total", t->tally.failed);
		put_count(b, "retried_total", t->tally.retried);
		put_count(b, "dead_total", t->tally.dead);
		put_spread(b, "execution_ms", &t->spread);
		put_text(b, "breaker", figures_breaker_name(t->breaker));
		if (t->breaker != FIGURES_BREAKER_OFF)
			put_count(b, "breaker_failures", t->failures);
		if (t->breaker == FIGURES_BREAKER_OPEN) {
			json_put_key(b, "breaker_until");
			job_json_time(b, t->rests_until_ms);
		}
		buf_char(b, '}');
	}
	buf_char(b, '}');
}

const char *stats_role_name(enum shm_role role)
{
	static const char *const name[] = { "none", "master", "keeper", "acceptor", "worker" };

	return name[role];
}

const char *stats_proc_state_name(enum shm_proc_state state)
{
	static const char *const name[] = { "free", "starting", "ready", "running", "draining", "abandoned" };

	return name[state];
}

static void put_processes(struct buf *b, const struct figures *f)
{
	json_put_key(b, "processes");
	buf_char(b, '[');
	for (size_t i = 0; i < f->nprocess; i++) {
		const struct figures_process *p = &f->process[i];
		buf_str(b, i ? ",{" : "{");
		put_text(b, "role", stats_role_name(p->role));
		json_put_key(b, "pid");
		buf_i64(b, p->pid);
		put_count(b, "slot", p->slot);
		put_count(b, "generation", p->generation);
		put_text(b, "state", stats_proc_state_name(p->state));
		if (p->started_ms > 0) {
			json_put_key(b, "started_at");
			job_json_time(b, p->started_ms);
		}
		put_count(b, "restarts", p->restarts);
		put_count(b, "running", p->running);
		put_count(b, "rss_kb", p->rss_kb);
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_store(struct buf *b, const struct figures *f)
{
	json_put_key(b, "store");
	buf_char(b, '{');
	put_text(b, "engine", f->engine);
	put_count(b, "jobs", f->jobs);
	put_count(b, "used_bytes", f->used_bytes);
	put_count(b, "limit_bytes", f->limit_bytes);
	put_count(b, "free_bytes", f->free_bytes);
	put_count(b, "commits", f->counter[SHM_C_COMMITS]);
	put_spread(b, "commit_ms", &f->commit);
	buf_char(b, '}');
}

void stats_put(struct buf *b, const struct figures *f)
{
	buf_char(b, '{');
	put_totals(b, f);
	put_rates(b, f);
	put_queues(b, f);
	put_types(b, f);
	put_processes(b, f);
	put_store(b, f);
	put_real(b, "uptime_s", f->uptime_s);
	put_text(b, "version", f->version);
	buf_char(b, '}');
}

void api_stats(struct http_request *q)
{
	struct figures f;
	struct buf b = { 0 };

	figures_gather(&f, q->api, clock_wall_ms());
	stats_put(&b, &f);
	if (f.failed || b.failed)
		problem_send(q, 503, NULL, "out of memory");
	else
		reply_json(q, 200, &b);
	figures_free(&f);
	buf_free(&b);
}
