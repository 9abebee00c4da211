/* What `stint status` copies out of the segment. Nothing in it is trusted further than to be printed: texts are cut, enums checked, counts bounded
 * by the mapping that segment_view() checked. */
#include "cli/status_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "job/job.h"
#include "text/duration.h"
#include "text/json.h"

#define SILENT_MS 15000         /* a process that lives but has not beaten its heart for so long */
#define SHOWN_MAX 16            /* processes on the screen; JSON has all */

#define RELAXED memory_order_relaxed

static const char *name_of(const char *const *names, size_t n, uint32_t i)
{
	return i < n ? names[i] : "unknown";
}

static const char *const role_names[] = { "none", "master", "keeper", "acceptor", "worker" };
static const char *const state_names[] = { "free", "starting", "ready", "running", "draining", "abandoned" };
static const char *const server_names[] = { "starting", "running", "draining", "stopping" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void status_quantiles(struct status_quantiles *q, const struct shm_histogram *h)
{
	q->count = atomic_load_explicit(&h->count, RELAXED);
	q->p50 = histogram_quantile(h, 0.50) / 1000;
	q->p95 = histogram_quantile(h, 0.95) / 1000;
	q->p99 = histogram_quantile(h, 0.99) / 1000;
	q->max = (double)atomic_load_explicit(&h->max_us, RELAXED) / 1000;
}

static void take_process(struct status *st, const struct shm_proc *p, uint32_t slot, const struct status_now *now, bool same_boot,
	bool (*alive)(pid_t pid))
{
	struct status_process *out = &st->process[st->nprocess++];
	int64_t beat = atomic_load_explicit(&p->heartbeat_ns, RELAXED);
	uint32_t state = atomic_load_explicit(&p->state, RELAXED);

	*out = (struct status_process){
		.role = name_of(role_names, COUNT(role_names), atomic_load_explicit(&p->role, RELAXED)),
		.slot = slot,
		.number = atomic_load_explicit(&p->role, RELAXED) == SHM_ROLE_WORKER ? atomic_load_explicit(&p->number, RELAXED) : 0,
		.generation = atomic_load_explicit(&p->generation, RELAXED),
		.restarts = atomic_load_explicit(&p->restarts, RELAXED),
		.running = atomic_load_explicit(&p->running, RELAXED),
		.pid = atomic_load_explicit(&p->pid, RELAXED),
		.started_ms = atomic_load_explicit(&p->started_ms, RELAXED),
		.rss_kb = atomic_load_explicit(&p->rss_kb, RELAXED),
		.beat_age_ms = same_boot && beat > 0 && beat <= now->boot_ns ? (now->boot_ns - beat) / 1000000 : -1,
	};
	out->up_ms = out->started_ms > 0 && now->wall_ms >= out->started_ms ? now->wall_ms - out->started_ms : -1;
	out->alive = same_boot && out->pid > 0 && alive(out->pid);
	out->state = !out->alive ? "dead" : out->beat_age_ms > SILENT_MS ? "silent" : name_of(state_names, COUNT(state_names), state);
	if (out->beat_age_ms >= 0 && (st->last_beat_ms < 0 || out->beat_age_ms < st->last_beat_ms))
		st->last_beat_ms = out->beat_age_ms;
}

int status_gather(struct status *st, const struct segment *seg, const struct status_now *now, bool (*alive)(pid_t pid))
{
	const struct shm_header *h = seg->h;
	bool same_boot = memcmp(seg->geo.boot_id, now->boot_id, sizeof(seg->geo.boot_id)) == 0;

	st->process = calloc(seg->geo.nproc ? seg->geo.nproc : 1, sizeof(*st->process));
	if (!st->process)
		return -1;
	memcpy(st->version, seg->geo.version, sizeof(seg->geo.version));
	st->now_ms = now->wall_ms;
	st->up_ms = st->last_beat_ms = -1;
	st->server_state = name_of(server_names, COUNT(server_names), atomic_load_explicit(&h->server_state, RELAXED));
	st->held = atomic_load_explicit(&h->no_claims, RELAXED) != 0;
	st->generation = atomic_load_explicit(&h->generation, RELAXED);
	st->reload_ok_ms = atomic_load_explicit(&h->reload_ok_ms, RELAXED);
	st->reload_failed = atomic_load_explicit(&h->reload_failed, RELAXED) != 0;
	for (uint32_t i = 0; i < seg->geo.nproc; i++) {
		const struct shm_proc *p = &seg->proc[i];

		if (atomic_load_explicit(&p->role, RELAXED) == SHM_ROLE_NONE || atomic_load_explicit(&p->state, RELAXED) == SHM_PROC_FREE)
			continue;
		take_process(st, p, i, now, same_boot, alive);
		if (atomic_load_explicit(&p->role, RELAXED) == SHM_ROLE_MASTER) {
			st->running = st->process[st->nprocess - 1].alive;
			st->up_ms = st->process[st->nprocess - 1].up_ms;
		}
	}
	for (unsigned c = 0; c < SHM_COUNTERS; c++)
		st->counter[c] = segment_total(seg, (enum shm_counter)c);
	for (unsigned i = 0; i < STATUS_STATES; i++) {
		st->jobs[i] = st->counter[SHM_C_STATE_FIRST + 1 + i];
		st->total += st->jobs[i];
	}
	status_quantiles(&st->queue, seg->queue_us);
	status_quantiles(&st->execution, seg->exec_us);
	status_quantiles(&st->submit, seg->submit_us);
	status_quantiles(&st->commit, seg->commit_us);
	return 0;
}

void status_free(struct status *st)
{
	free(st->process);
	st->process = NULL;
}

/* --- for people --- */

const char *status_age(char out[STATUS_AGE_BYTES], int64_t ms)
{
	int64_t s = ms / 1000;

	if (ms < 0)
		snprintf(out, STATUS_AGE_BYTES, "-");
	else if (s >= 86400)
		snprintf(out, STATUS_AGE_BYTES, "%lldd %lldh", (long long)(s / 86400), (long long)(s % 86400 / 3600));
	else if (s >= 3600)
		snprintf(out, STATUS_AGE_BYTES, "%lldh %lldm", (long long)(s / 3600), (long long)(s % 3600 / 60));
	else if (s >= 60)
		snprintf(out, STATUS_AGE_BYTES, "%lldm %llds", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(out, STATUS_AGE_BYTES, "%llds", (long long)s);
	return out;
}

void status_put_head(const struct status *st, struct buf *out)
{
	char up[24], at[TIME_TEXT_BYTES];

	buf_str(out, "Stint ");
	cli_text(out, slice_of(st->version));
	if (st->running) {
		buf_printf(out, "  %s, up %s, conf generation %u", st->held ? "holding: claims are stopped (HUP ends it)" : st->server_state, status_age(up, st->up_ms), st->generation);
	} else {
		buf_str(out, "  NOT RUNNING; the figures below are the last it left behind");
		if (st->last_beat_ms >= 0)
			buf_printf(out, " %s ago", status_age(up, st->last_beat_ms));
	}
	buf_char(out, '\n');
	if (st->reload_failed) {
		buf_str(out, "The last reload FAILED: its conf has mistakes (`stintd -t` names them); the one before is in force");
		if (st->reload_ok_ms > 0) {
			time_format(st->reload_ok_ms, at);
			buf_printf(out, ", since %s", at);
		}
		buf_char(out, '\n');
	}
}

static void put_processes(const struct status *st, struct buf *out)
{
	size_t shown = st->nprocess > SHOWN_MAX ? SHOWN_MAX : st->nprocess;
	uint64_t others = 0;

	buf_printf(out, "\n%-12s %8s  %-9s %10s %6s %8s %8s %10s\n", "PROCESS", "PID", "STATE", "UP", "BEAT", "RUNNING", "RESTARTS", "RSS");
	for (size_t i = 0; i < st->nprocess; i++) {
		const struct status_process *p = &st->process[i];
		char role[24], up[24], beat[24], rss[24];

		if (i >= shown) {
			others += p->running;
			continue;
		}
		if (p->number > 0)
			snprintf(role, sizeof(role), "%s %u", p->role, p->number);
		else
			snprintf(role, sizeof(role), "%s", p->role);
		snprintf(rss, sizeof(rss), "%.1f MB", (double)p->rss_kb / 1024);
		buf_printf(out, "%-12s %8d  %-9s %10s %6s %8u %8u %10s\n", role, p->pid, p->state, status_age(up, p->up_ms), status_age(beat, p->beat_age_ms), p->running,
			p->restarts, rss);
	}
	if (shown < st->nprocess)
		buf_printf(out, "and %zu more, running %llu jobs (--json has them)\n", st->nprocess - shown, (unsigned long long)others);
}

struct figure { const char *label; enum shm_counter counter; };
static const struct figure totals[] = {
	{ "submitted", SHM_C_SUBMITTED }, { "processed", SHM_C_PROCESSED }, { "succeeded", SHM_C_SUCCEEDED }, { "failed", SHM_C_FAILED },
	{ "retried", SHM_C_RETRIED }, { "recovered", SHM_C_RECOVERED }, { "dead", SHM_C_DEAD }, { "rejected", SHM_C_REJECTED },
};

static void put_pair(struct buf *out, const char *label, uint64_t v, unsigned column)
{
	char count[CLI_COUNT_BYTES];

	buf_printf(out, "%s%-10s %13s", column % 3 == 0 ? "\n  " : "   ", label, cli_count(count, v));
}

static void put_jobs(const struct status *st, struct buf *out)
{
	char count[CLI_COUNT_BYTES];

	buf_printf(out, "\nJOBS NOW %s", cli_count(count, st->total));
	for (unsigned i = 0; i < STATUS_STATES; i++)
		put_pair(out, job_state_name((enum job_state)(i + 1)), st->jobs[i], i);
	buf_str(out, "\nEVER");
	for (unsigned i = 0; i < COUNT(totals); i++)
		put_pair(out, totals[i].label, st->counter[totals[i].counter], i);
	buf_char(out, '\n');
}

static void put_times(const struct status *st, struct buf *out)
{
	const struct { const char *label; const struct status_quantiles *q; } rows[] = {
		{ "in queue", &st->queue }, { "execution", &st->execution }, { "submit", &st->submit }, { "commit", &st->commit },
	};
	char count[CLI_COUNT_BYTES];

	buf_printf(out, "\n%-10s %12s %12s %12s %12s %14s\n", "MS", "P50", "P95", "P99", "MAX", "SAMPLES");
	for (size_t i = 0; i < COUNT(rows); i++)
		buf_printf(out, "%-10s %12.3f %12.3f %12.3f %12.3f %14s\n", rows[i].label, rows[i].q->p50, rows[i].q->p95, rows[i].q->p99, rows[i].q->max,
			cli_count(count, rows[i].q->count));
}

static void put_store(const struct status *st, struct buf *out)
{
	static const char *const refusing[] = { "", "  REFUSING submissions: no room", "  COMMITS FAIL", "  ITS FILES ARE GONE from their place" };
	uint64_t r = st->counter[SHM_C_STORE_REFUSING];
	char commits[CLI_COUNT_BYTES], requests[CLI_COUNT_BYTES], open[CLI_COUNT_BYTES];

	buf_printf(out, "\nSTORE %.1f MB used, %.1f GB free, %s commits%s\n", (double)st->counter[SHM_C_STORE_USED] / 1048576, (double)st->counter[SHM_C_STORE_FREE] / 1073741824,
		cli_count(commits, st->counter[SHM_C_COMMITS]), refusing[r < COUNT(refusing) ? r : 0]);
	buf_printf(out, "HTTP  %s requests, %s connections open\n", cli_count(requests, st->counter[SHM_C_HTTP_REQUESTS]), cli_count(open, st->counter[SHM_C_HTTP_OPEN]));
}

void status_put_text(const struct status *st, struct buf *out)
{
	status_put_head(st, out);
	put_processes(st, out);
	put_jobs(st, out);
	put_times(st, out);
	put_store(st, out);
}

/* --- for programs: the names of /stats where it has them --- */

void status_put_quantiles(struct buf *out, const char *name, const struct status_quantiles *q)
{
	buf_printf(out, ",\"%s\":{\"count\":%llu,\"p50\":%.3f,\"p95\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, (unsigned long long)q->count, q->p50, q->p95, q->p99, q->max);
}

static void json_process(struct buf *out, const struct status_process *p)
{
	char started[TIME_TEXT_BYTES];

	time_format(p->started_ms, started);
	buf_printf(out, "{\"role\":\"%s\",\"pid\":%d,\"slot\":%u,\"number\":%u,\"generation\":%u,\"state\":\"%s\",\"alive\":%s,\"started_at\":\"%s\",\"restarts\":%u,\"running\":%u,\"rss_kb\":%llu",
		p->role, p->pid, p->slot, p->number, p->generation, p->state, p->alive ? "true" : "false", started, p->restarts, p->running, (unsigned long long)p->rss_kb);
	if (p->beat_age_ms >= 0)
		buf_printf(out, ",\"heartbeat_age_ms\":%lld", (long long)p->beat_age_ms);
	buf_char(out, '}');
}

void status_put_json(const struct status *st, struct buf *out)
{
	buf_printf(out, "{\"alive\":%s,\"version\":", st->running ? "true" : "false");
	json_put_string(out, slice_of(st->version));
	buf_printf(out, ",\"server_state\":\"%s\",\"held\":%s,\"generation\":%u,\"reload_failed\":%s", st->server_state, st->held ? "true" : "false", st->generation,
		st->reload_failed ? "true" : "false");
	if (st->running && st->up_ms >= 0)
		buf_printf(out, ",\"uptime_s\":%lld", (long long)(st->up_ms / 1000));
	buf_printf(out, ",\"total\":%llu", (unsigned long long)st->total);
	for (unsigned i = 0; i < STATUS_STATES; i++)
		buf_printf(out, ",\"%s\":%llu", job_state_name((enum job_state)(i + 1)), (unsigned long long)st->jobs[i]);
	for (unsigned i = 0; i < COUNT(totals); i++)
		buf_printf(out, ",\"%s%s\":%llu", totals[i].label, totals[i].counter == SHM_C_PROCESSED ? "" : "_total", (unsigned long long)st->counter[totals[i].counter]);
	status_put_quantiles(out, "queue_ms", &st->queue);
	status_put_quantiles(out, "execution_ms", &st->execution);
	status_put_quantiles(out, "submit_ms", &st->submit);
	status_put_quantiles(out, "commit_ms", &st->commit);
	buf_printf(out, ",\"store\":{\"used_bytes\":%llu,\"free_bytes\":%llu,\"commits\":%llu,\"refusing\":%llu}", (unsigned long long)st->counter[SHM_C_STORE_USED],
		(unsigned long long)st->counter[SHM_C_STORE_FREE], (unsigned long long)st->counter[SHM_C_COMMITS], (unsigned long long)st->counter[SHM_C_STORE_REFUSING]);
	buf_str(out, ",\"processes\":[");
	for (size_t i = 0; i < st->nprocess; i++) {
		if (i)
			buf_char(out, ',');
		json_process(out, &st->process[i]);
	}
	buf_str(out, "]}\n");
}
