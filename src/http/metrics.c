/* GET /metrics. Called through http_routes.
 *
 * One writer for both text formats: they differ in where "_total" stands, in "# UNIT" and in "# EOF". Histograms are cut to the same fixed bounds in
 * both, so that a scraper may change its mind. */
#include "http/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "http/stats.h"
#include "os/clock.h"

struct out {
	struct buf *b;
	bool openmetrics;
};

enum kind { GAUGE, COUNTER, HISTOGRAM, INFO };

/* A family's head. A counter's name is given without "_total"; unit is "" or the name's last word. */
static void head(struct out *o, const char *name, enum kind kind, const char *unit, const char *help)
{
	static const char *const kinds[] = { "gauge", "counter", "histogram", "info" };
	bool info = kind == INFO && !o->openmetrics;            /* the older format has no such kind */
	const char *suffix = o->openmetrics ? "" : kind == COUNTER ? "_total" : kind == INFO ? "_info" : "";

	buf_printf(o->b, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, info ? "gauge" : kinds[kind]);
	if (o->openmetrics && unit[0])
		buf_printf(o->b, "# UNIT %s %s\n", name, unit);
}

/* A label's value: backslash, quote and line feed are escaped; what is not UTF-8 was refused at submission. */
static void put_label(struct buf *b, const char *name, const char *value)
{
	buf_str(b, name);
	buf_str(b, "=\"");
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_char(b, '\\');
		if (*value == '\n')
			buf_str(b, "\\n");
		else
			buf_char(b, *value);
	}
	buf_char(b, '"');
}

static void put_labels(struct buf *b, const char *n1, const char *v1, const char *n2, const char *v2)
{
	if (!n1)
		return;
	buf_char(b, '{');
	put_label(b, n1, v1);
	if (n2) {
		buf_char(b, ',');
		put_label(b, n2, v2);
	}
	buf_char(b, '}');
}

static void put_number(struct buf *b, double v)
{
	if (v == floor(v) && fabs(v) < 9e15)
		buf_printf(b, " %.0f\n", v);
	else
		buf_printf(b, " %.9g\n", v);
}

static void sample(struct out *o, const char *name, const char *suffix, const char *n1, const char *v1, const char *n2, const char *v2, double v)
{
	buf_str(o->b, name);
	buf_str(o->b, suffix);
	put_labels(o->b, n1, v1, n2, v2);
	put_number(o->b, isfinite(v) ? v : 0);
}

static void gauge(struct out *o, const char *name, const char *unit, const char *help, double v)
{
	head(o, name, GAUGE, unit, help);
	sample(o, name, "", NULL, NULL, NULL, NULL, v);
}

static void counter(struct out *o, const char *name, const char *unit, const char *help, double v)
{
	head(o, name, COUNTER, unit, help);
	sample(o, name, "_total", NULL, NULL, NULL, NULL, v);
}

/* --- histograms --- */

/* Seconds, as both formats and their parsers write them in "le". */
static const struct { uint64_t us; const char *le; } bounds[] = {
	{ 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" }, { 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" }, { 100000, "0.1" },
	{ 250000, "0.25" },
	{ 500000, "0.5" }, { 1000000, "1.0" }, { 2500000, "2.5" }, { 5000000, "5.0" }, { 10000000, "10.0" }, { 30000000, "30.0" }, { 60000000, "60.0" },
	{ 300000000, "300.0" }, { 900000000, "900.0" }, { 3600000000, "3600.0" }, { 14400000000, "14400.0" }, { 43200000000, "43200.0" },
};

/* One series of a histogram. The writer goes on while we read, so that a bucket is never let be more than those above it: the last, "+Inf", is read last. */
static void histogram_series(struct out *o, const char *name, const char *label, const char *value, const struct shm_histogram *h)
{
	uint64_t below = 0, sum = atomic_load_explicit(&h->sum_us, memory_order_relaxed);

	for (size_t i = 0; i <= sizeof(bounds) / sizeof(bounds[0]); i++) {
		bool inf = i == sizeof(bounds) / sizeof(bounds[0]);
		uint64_t n = histogram_at_most(h, inf ? UINT64_MAX : bounds[i].us);
		below = n > below ? n : below;
		buf_printf(o->b, "%s_bucket{", name);
		if (label) {
			put_label(o->b, label, value);
			buf_char(o->b, ',');
		}
		buf_printf(o->b, "le=\"%s\"} %llu\n", inf ? "+Inf" : bounds[i].le, (unsigned long long)below);
	}
	sample(o, name, "_sum", label, value, NULL, NULL, (double)sum / 1e6);
	sample(o, name, "_count", label, value, NULL, NULL, (double)below);
}

static void histogram(struct out *o, const char *name, const char *help, const struct shm_histogram *h)
{
	head(o, name, HISTOGRAM, "seconds", help);
	histogram_series(o, name, NULL, NULL, h);
}

static void histogram_named(struct out *o, const char *name, const char *help, const char *label, const struct shm_named *v)
{
	head(o, name, HISTOGRAM, "seconds", help);
	for (unsigned i = 0; i <= SHM_TYPES; i++) {
		char value[sizeof(v[i].name)];
		if (i < SHM_TYPES && !atomic_load_explicit(&v[i].ready, memory_order_acquire))
			continue;
		if (i == SHM_TYPES && atomic_load_explicit(&v[i].h.count, memory_order_relaxed) == 0)
			continue;
		snprintf(value, sizeof(value), "%.*s", SHM_NAME, i == SHM_TYPES ? "other" : v[i].name);
		histogram_series(o, name, label, value, &v[i].h);
	}
}

/* --- families --- */

static void put_states(struct out *o, const char *name, const char *label, const char *value, const struct store_tally *t)
{
	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++) {
		const char *state = job_state_name((enum job_state)i);
		if (label)
			sample(o, name, "", label, value, "state", state, (double)t->state[i]);
		else
			sample(o, name, "", "state", state, NULL, NULL, (double)t->state[i]);
	}
}

static void put_jobs(struct out *o, const struct figures *f)
{
	const struct store_tally *t = &f->total;

	head(o, "stint_jobs", GAUGE, "", "Jobs now in each state.");
	put_states(o, "stint_jobs", NULL, NULL, t);
	gauge(o, "stint_queue_depth", "", "Jobs queued and ready to run.", (double)f->queue_depth);
	gauge(o, "stint_jobs_active", "", "Jobs being executed now.", (double)f->active_workers);
	counter(o, "stint_jobs_submitted", "", "Jobs taken since the store was made.", (double)t->submitted);
	counter(o, "stint_jobs_processed", "", "Attempts that ended, since the store was made.", (double)t->processed);
	counter(o, "stint_jobs_succeeded", "", "Jobs that succeeded, since the store was made.", (double)t->succeeded);
	counter(o, "stint_job_failures", "", "Attempts that failed or timed out, since the store was made.", (double)t->failed);
	counter(o, "stint_jobs_retried", "", "Retries, since the store was made.", (double)t->retried);
	counter(o, "stint_jobs_recovered", "", "Jobs queued again after a crash or a lost lease, since the store was made.", (double)t->recovered);
	counter(o, "stint_jobs_dead", "", "Jobs that ended dead, since the store was made.", (double)t->dead);
	counter(o, "stint_submissions_rejected", "", "Submissions answered with 4xx or 5xx, since the server's start.", (double)f->rejected);
	gauge(o, "stint_jobs_with_retries", "", "Stored jobs that were retried at least once.", (double)t->with_retries);
}

static void put_queues(struct out *o, const struct figures *f)
{
	head(o, "stint_queue_jobs", GAUGE, "", "Jobs of a queue now in each state.");
	for (size_t i = 0; i < f->queues.n; i++)
		put_states(o, "stint_queue_jobs", "queue", f->queues.v[i].name, &f->queues.v[i].tally);
	head(o, "stint_queue_oldest_seconds", GAUGE, "seconds", "How long the oldest queued job of a queue has been ready; 0 where none waits.");
	for (size_t i = 0; i < f->queues.n; i++)
		sample(o, "stint_queue_oldest_seconds", "", "queue", f->queues.v[i].name, NULL, NULL, f->queues.v[i].oldest_queued_s);
	head(o, "stint_queue_paused", GAUGE, "", "1 while a queue is paused.");
	for (size_t i = 0; i < f->queues.n; i++)
		sample(o, "stint_queue_paused", "", "queue", f->queues.v[i].name, NULL, NULL, f->queues.v[i].paused);
}

static void put_types(struct out *o, const struct figures *f)
{
	head(o, "stint_type_jobs", GAUGE, "", "Jobs of a type now in each state.");
	for (size_t i = 0; i < f->types.n; i++)
		put_states(o, "stint_type_jobs", "type", f->types.v[i].name, &f->types.v[i].tally);
	head(o, "stint_type_succeeded", COUNTER, "", "Jobs of a type that succeeded, since the store was made.");
	for (size_t i = 0; i < f->types.n; i++)
		sample(o, "stint_type_succeeded", "_total", "type", f->types.v[i].name, NULL, NULL, (double)f->types.v[i].tally.succeeded);
	head(o, "stint_type_failures", COUNTER, "", "Attempts of a type that failed or timed out, since the store was made.");
	for (size_t i = 0; i < f->types.n; i++)
		sample(o, "stint_type_failures", "_total", "type", f->types.v[i].name, NULL, NULL, (double)f->types.v[i].tally.failed);
	head(o, "stint_type_resting", GAUGE, "", "1 while the breaker of a type is open, or one job of it is tried.");
	for (size_t i = 0; i < f->types.n; i++)
		sample(o, "stint_type_resting", "", "type", f->types.v[i].name, NULL, NULL, f->types.v[i].breaker == FIGURES_BREAKER_OPEN || f->types.v[i].breaker == FIGURES_BREAKER_HALF_OPEN);
}

static void put_processes(struct out *o, const struct figures *f)
{
	static const enum shm_role roles[] = { SHM_ROLE_MASTER, SHM_ROLE_KEEPER, SHM_ROLE_ACCEPTOR, SHM_ROLE_WORKER };

	head(o, "stint_processes", GAUGE, "", "Processes of each role.");
	for (size_t r = 0; r < sizeof(roles) / sizeof(roles[0]); r++) {
		double n = 0;
		for (size_t i = 0; i < f->nprocess; i++)
			n += f->process[i].role == roles[r] && f->process[i].state != SHM_PROC_ABANDONED;
		sample(o, "stint_processes", "", "role", stats_role_name(roles[r]), NULL, NULL, n);
	}
	head(o, "stint_process_resident_bytes", GAUGE, "bytes", "Resident memory of a process.");
	for (size_t i = 0; i < f->nprocess; i++) {
		char slot[12];
		snprintf(slot, sizeof(slot), "%u", f->process[i].slot);
		sample(o, "stint_process_resident_bytes", "", "role", stats_role_name(f->process[i].role), "slot", slot, (double)f->process[i].rss_kb * 1024);
	}
}

/* Counters of the segment that are said as they are. */
static const struct { enum shm_counter c; const char *name, *help; } plain[] = {
	{ SHM_C_RESTARTS, "stint_process_restarts", "Processes that died and were replaced." },
	{ SHM_C_HTTP_REQUESTS, "stint_http_requests", "HTTP requests." },
	{ SHM_C_HTTP_CONNECTIONS, "stint_http_connections", "HTTP connections accepted." },
	{ SHM_C_COMMITS, "stint_store_commits", "Commits of the store." },
	{ SHM_C_COMMIT_FAILURES, "stint_store_commit_failures", "Commits that failed." },
	{ SHM_C_OPERATIONS, "stint_store_operations", "Operations committed." },
	{ SHM_C_GRANTS, "stint_grants", "Jobs handed to workers." },
	{ SHM_C_SPAWNS, "stint_handler_spawns", "Handler programs started." },
	{ SHM_C_SPAWN_FAILURES, "stint_handler_spawn_failures", "Handler programs that could not be started." },
	{ SHM_C_LOG_DROPPED, "stint_log_lines_dropped", "Log lines dropped because their reader had stalled." },
	{ SHM_C_RELOADS, "stint_reloads", "Reloads of the conf." },
	{ SHM_C_RELOAD_FAILURES, "stint_reload_failures", "Reloads refused because the conf was wrong." },
};

static void put_server(struct out *o, const struct figures *f)
{
	head(o, "stint_build", INFO, "", "The version that runs.");
	sample(o, "stint_build", "_info", "version", f->version, NULL, NULL, 1);
	gauge(o, "stint_uptime_seconds", "seconds", "How long the server has been up.", f->uptime_s);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		counter(o, plain[i].name, "", plain[i].help, (double)f->counter[plain[i].c]);
	counter(o, "stint_handler_output_bytes", "bytes", "Bytes of output read from handlers.", (double)f->counter[SHM_C_OUTPUT_BYTES]);
	head(o, "stint_http_responses", COUNTER, "", "HTTP answers by class of status.");
	sample(o, "stint_http_responses", "_total", "class", "2xx", NULL, NULL, (double)f->counter[SHM_C_HTTP_2XX]);
	sample(o, "stint_http_responses", "_total", "class", "4xx", NULL, NULL, (double)f->counter[SHM_C_HTTP_4XX]);
	sample(o, "stint_http_responses", "_total", "class", "5xx", NULL, NULL, (double)f->counter[SHM_C_HTTP_5XX]);
	gauge(o, "stint_http_connections_open", "", "HTTP connections open now.", (double)f->counter[SHM_C_HTTP_OPEN]);
	gauge(o, "stint_store_used_bytes", "bytes", "Bytes of the store in use.", (double)f->used_bytes);
	gauge(o, "stint_store_limit_bytes", "bytes", "Bytes the store may grow to.", (double)f->limit_bytes);
	gauge(o, "stint_store_free_bytes", "bytes", "Free bytes of the store's disk.", (double)f->free_bytes);
	gauge(o, "stint_store_refusing", "", "1 while submissions are refused for want of room, 2 while commits fail, 3 while its files are gone.", (double)f->store_refusing);
	gauge(o, "stint_conf_generation", "", "Generation of the conf in force.", f->generation);
	gauge(o, "stint_reload_failed", "", "1 while the last reload is one that failed.", f->reload_failed);
	if (f->reload_ok_ms)
		gauge(o, "stint_reload_timestamp_seconds", "seconds", "When the conf was last reloaded, seconds since 1970.", (double)f->reload_ok_ms / 1000);
}

void metrics_put_text(struct buf *b, const struct figures *f, const struct segment *seg, bool openmetrics)
{
	struct out o = { b, openmetrics };

	put_jobs(&o, f);
	histogram(&o, "stint_queue_seconds", "Time from ready to claimed.", seg->queue_us);
	histogram(&o, "stint_execution_seconds", "Time of an attempt.", seg->exec_us);
	histogram(&o, "stint_submit_seconds", "Time from a submission's last byte to its answer.", seg->submit_us);
	histogram(&o, "stint_commit_seconds", "Time of a commit of the store.", seg->commit_us);
	histogram_named(&o, "stint_queue_wait_seconds", "Time from ready to claimed, by queue.", "queue", seg->queue_hist);
	histogram_named(&o, "stint_type_execution_seconds", "Time of an attempt, by type.", "type", seg->type_hist);
	put_queues(&o, f);
	put_types(&o, f);
	put_processes(&o, f);
	put_server(&o, f);
	if (openmetrics)
		buf_str(b, "# EOF\n");
}

void metrics_put_json(struct buf *b, const struct figures *f)
{
	const struct store_tally *t = &f->total;

	buf_printf(b, "{\"Processed\":%llu,\"Failed\":%llu,\"Recovered\":%llu,", (unsigned long long)t->processed, (unsigned long long)t->dead,
		(unsigned long long)t->recovered);
	buf_printf(b, "\"active_workers\":%llu,\"queue_depth\":%llu,\"retry_count\":%llu,", (unsigned long long)f->active_workers,
		(unsigned long long)f->queue_depth, (unsigned long long)t->retried);
	buf_printf(b, "\"success_count\":%llu,\"failure_count\":%llu,\"dead_letter_count\":%llu,", (unsigned long long)t->succeeded,
		(unsigned long long)t->dead, (unsigned long long)t->dead);
	buf_printf(b, "\"avg_time_in_queue_ms\":%.6g,\"avg_execution_ms\":%.6g}", f->queue.mean / 1000, f->execution.mean / 1000);
}

void api_metrics(struct http_request *q)
{
	bool openmetrics = http_accepts(q, "application/openmetrics-text");
	bool json = !openmetrics && http_prefers(q, "application/json", "text/plain");
	struct figures f;
	struct buf b = { 0 };

	figures_gather(&f, q->api, clock_wall_ms());
	if (json)
		metrics_put_json(&b, &f);
	else
		metrics_put_text(&b, &f, q->api->seg, openmetrics);
	reply_header(q, "Vary", "Accept");
	if (f.failed || b.failed)
		problem_send(q, 503, NULL, "out of memory");
	else if (json)
		reply_json(q, 200, &b);
	else
		reply_send(q, 200, openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8", &b);
	figures_free(&f);
	buf_free(&b);
}
