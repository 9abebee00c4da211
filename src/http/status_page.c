/* The status page's HTML. Called by api_status.c with everything that it shows; complete without JavaScript, and what the script fetches again to stay live.
 *
 * Whatever came from a client or a conf goes through html_text() or html_cut(); the rest of the text is ours. */
#include "http/status_page.h"

#include <stdio.h>
#include <string.h>

#include "http/html.h"
#include "http/stats.h"
#include "text/duration.h"
#include "text/uuid.h"

/* --- tables --- */

/* `columns` is comma-separated; a name that begins with '#' heads numbers. The same names label the cells where a table is shown as a list (narrow screens). */
static void table_begin(struct buf *b, const char *columns)
{
	buf_str(b, "<div class=\"scroll\"><table><thead><tr>");
	while (*columns) {
		size_t n = strcspn(columns, ",");
		bool number = *columns == '#';
		buf_str(b, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
		html_text(b, (struct slice){ columns + number, n - number });
		buf_str(b, "</th>");
		columns += n + (columns[n] == ',');
	}
	buf_str(b, "</tr></thead><tbody>");
}

static void table_end(struct buf *b)
{
	buf_str(b, "</tbody></table></div>");
}

static void cell(struct buf *b, const char *class, const char *label)
{
	buf_printf(b, "<td class=\"%s\" data-label=\"%s\">", class, label);
}

static void cell_count(struct buf *b, const char *label, uint64_t n)
{
	cell(b, n ? "n" : "n zero", label);
	html_count(b, n);
	buf_str(b, "</td>");
}

static void cell_us(struct buf *b, const char *label, double us, bool any)
{
	cell(b, any ? "n" : "n zero", label);
	if (any)
		html_us(b, us);
	else
		buf_str(b, "\xe2\x80\x93");
	buf_str(b, "</td>");
}

static void row_head(struct buf *b, struct slice name)
{
	buf_str(b, "<tr><th scope=\"row\">");
	html_cut(b, name, 80);
	buf_str(b, "</th>");
}

static void section(struct buf *b, const char *id, const char *title)
{
	buf_printf(b, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>", id, id, title);
}

/* --- the head --- */

static void put_head(struct buf *b, const struct figures *f)
{
	buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Stint</title>"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">"
		"<link rel=\"stylesheet\" href=\"/status/style.css?v=");
	html_text(b, slice_of(f->version));
	buf_str(b, "\"><link rel=\"icon\" type=\"image/svg+xml\" href=\"/status/icon.svg?v=");
	html_text(b, slice_of(f->version));
	buf_str(b, "\"><script src=\"/status/script.js?v=");
	html_text(b, slice_of(f->version));
	buf_str(b, "\" defer></script><noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript></head>\n<body><div id=\"live\">");
}

static void put_header(struct buf *b, const struct figures *f, const struct health *h)
{
	bool ready = h->check == HEALTH_OK;
	bool soft = h->check == HEALTH_DRAINING || h->check == HEALTH_STARTING;

	buf_printf(b, "<header><h1>Stint</h1><p class=\"badge %s\">", ready ? "good" : soft ? "soft" : "bad");
	html_text(b, ready ? SLICE("ready") : slice_of(h->what));
	buf_str(b, "</p><p class=\"quiet\">version ");
	html_text(b, slice_of(f->version));
	buf_str(b, " \xc2\xb7 up ");
	html_seconds(b, f->uptime_s);
	if (f->no_claims)
		buf_str(b, " \xc2\xb7 <strong>claiming is stopped</strong>");
	if (f->reload_failed)
		buf_str(b, " \xc2\xb7 <strong>the last reload failed</strong>");
	buf_str(b, "</p></header>\n");
}

/* --- counts and rates --- */

static void put_counts(struct buf *b, const struct figures *f)
{
	static const enum job_state order[] = { JOB_QUEUED, JOB_RUNNING, JOB_SCHEDULED, JOB_WAITING, JOB_RETRYING, JOB_SUCCEEDED, JOB_DEAD,
		JOB_CANCELLED, JOB_EXPIRED };

	section(b, "jobs", "Jobs");
	buf_str(b, "<dl class=\"cards\">");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *name = job_state_name(order[i]);
		buf_printf(b, "<div class=\"card s-%s%s\"><dt>%s</dt><dd>", name, f->total.state[order[i]] ? "" : " zero", name);
		html_count(b, f->total.state[order[i]]);
		buf_str(b, "</dd></div>");
	}
	buf_str(b, "</dl></section>\n");
}

/* A bar a second; heights are of the highest. */
static void put_chart(struct buf *b, const struct figures *f)
{
	uint32_t top = 1;

	for (unsigned i = 0; i < f->nrate; i++)
		top = f->rate[i] > top ? f->rate[i] : top;
	buf_printf(b,
		"<figure><svg viewBox=\"0 0 %d 60\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"attempts ended in each of the last %u seconds, at most %u\">",
		FIGURES_SECONDS * 6, f->nrate, top);
	for (unsigned i = 0; i < f->nrate; i++) {
		double height = f->rate[i] ? 2 + 56.0 * f->rate[i] / top : 0.7;
		buf_printf(b, "<rect x=\"%u\" y=\"%.1f\" width=\"5\" height=\"%.1f\" rx=\"1\"/>", (FIGURES_SECONDS - f->nrate + i) * 6, 60 - height, height);
	}
	buf_str(b, "</svg><figcaption class=\"quiet\">Attempts a second, the last minute</figcaption></figure>");
}

static void fact(struct buf *b, const char *name)
{
	buf_printf(b, "<div><dt>%s</dt><dd>", name);
}

static void fact_count(struct buf *b, const char *name, uint64_t n)
{
	fact(b, name);
	html_count(b, n);
	buf_str(b, "</dd></div>");
}

static void fact_percent(struct buf *b, const char *name, double share)
{
	fact(b, name);
	html_percent(b, share);
	buf_str(b, "</dd></div>");
}

static void put_rates(struct buf *b, const struct figures *f)
{
	bool ended = f->total.succeeded + f->total.dead > 0;

	section(b, "throughput", "Throughput");
	put_chart(b, f);
	buf_str(b, "<dl class=\"facts\">");
	fact(b, "a second, last minute");
	buf_printf(b, f->throughput >= 100 || f->throughput <= 0 ? "%.0f</dd></div>" : "%.2f</dd></div>", f->throughput);
	fact(b, "success rate");
	if (ended)
		html_percent(b, f->success_rate);
	else
		buf_str(b, "\xe2\x80\x93");
	buf_str(b, "</dd></div>");
	fact_percent(b, "errors, last minute", f->error_rate);
	fact_count(b, "submitted", f->total.submitted);
	fact_count(b, "attempts ended", f->total.processed);
	fact_count(b, "succeeded", f->total.succeeded);
	fact_count(b, "failed attempts", f->total.failed);
	fact_count(b, "retried", f->total.retried);
	fact_count(b, "recovered", f->total.recovered);
	fact_count(b, "dead", f->total.dead);
	fact_count(b, "submissions rejected", f->rejected);
	fact_count(b, "jobs with retries", f->total.with_retries);
	fact(b, "retries a job");
	buf_printf(b, "%.2f</dd></div>", f->avg_retry_count);
	if (ended)
		buf_printf(b, "</dl><progress max=\"100\" value=\"%.2f\" aria-label=\"success rate\"></progress></section>\n", f->success_rate * 100);
	else
		buf_str(b, "</dl></section>\n");
}

static void put_spread(struct buf *b, const char *name, const struct figures_spread *s)
{
	row_head(b, slice_of(name));
	cell_count(b, "count", s->n);
	cell_us(b, "average", s->mean, s->n);
	cell_us(b, "p50", s->p50, s->n);
	cell_us(b, "p95", s->p95, s->n);
	cell_us(b, "p99", s->p99, s->n);
	cell_us(b, "max", s->max, s->n);
	buf_str(b, "</tr>");
}

static void put_latency(struct buf *b, const struct figures *f)
{
	section(b, "latency", "Latency since the start");
	table_begin(b, ",#count,#average,#p50,#p95,#p99,#max");
	put_spread(b, "time in queue", &f->queue);
	put_spread(b, "execution", &f->execution);
	put_spread(b, "submission", &f->submit);
	put_spread(b, "commit", &f->commit);
	table_end(b);
	buf_str(b, "</section>\n");
}

/* --- queues, types, processes, store --- */

static void put_queues(struct buf *b, const struct figures *f)
{
	section(b, "queues", "Queues");
	table_begin(b, "queue,#queued,#running,#scheduled,#retrying,#succeeded,#dead,#oldest,#p95 wait");
	for (size_t i = 0; i < f->queues.n; i++) {
		const struct figures_name *q = &f->queues.v[i];
		buf_str(b, "<tr><th scope=\"row\">");
		html_cut(b, slice_of(q->name), 80);
		buf_str(b, q->paused ? " <span class=\"badge soft\">paused</span></th>" : "</th>");
		cell_count(b, "queued", q->tally.state[JOB_QUEUED]);
		cell_count(b, "running", q->tally.state[JOB_RUNNING]);
		cell_count(b, "scheduled", q->tally.state[JOB_SCHEDULED]);
		cell_count(b, "retrying", q->tally.state[JOB_RETRYING]);
		cell_count(b, "succeeded", q->tally.state[JOB_SUCCEEDED]);
		cell_count(b, "dead", q->tally.state[JOB_DEAD]);
		cell_us(b, "oldest", q->oldest_queued_s * 1e6, q->oldest_queued_s > 0);
		cell_us(b, "p95 wait", q->spread.p95, q->spread.n);
		buf_str(b, "</tr>");
	}
	table_end(b);
	buf_str(b, "</section>\n");
}

static void cell_breaker(struct buf *b, const struct figures *f, const struct figures_name *t)
{
	bool rests = t->breaker == FIGURES_BREAKER_OPEN;

	cell(b, t->breaker == FIGURES_BREAKER_OFF ? "zero" : rests ? "bad" : "", "breaker");
	html_text(b, t->breaker == FIGURES_BREAKER_OFF ? SLICE("\xe2\x80\x93") : slice_of(figures_breaker_name(t->breaker)));
	if (rests) {
		buf_str(b, ", for ");
		html_seconds(b, (double)(t->rests_until_ms - f->now_ms) / 1000);
	}
	buf_str(b, "</td>");
}

static void put_types(struct buf *b, const struct figures *f)
{
	section(b, "types", "Types");
	table_begin(b, "type,#queued,#running,#retrying,#succeeded,#failed,#dead,#p50,#p95,#p99,breaker");
	for (size_t i = 0; i < f->types.n; i++) {
		const struct figures_name *t = &f->types.v[i];
		row_head(b, slice_of(t->name));
		cell_count(b, "queued", t->tally.state[JOB_QUEUED]);
		cell_count(b, "running", t->tally.state[JOB_RUNNING]);
		cell_count(b, "retrying", t->tally.state[JOB_RETRYING]);
		cell_count(b, "succeeded", t->tally.succeeded);
		cell_count(b, "failed", t->tally.failed);
		cell_count(b, "dead", t->tally.dead);
		cell_us(b, "p50", t->spread.p50, t->spread.n);
		cell_us(b, "p95", t->spread.p95, t->spread.n);
		cell_us(b, "p99", t->spread.p99, t->spread.n);
		cell_breaker(b, f, t);
		buf_str(b, "</tr>");
	}
	if (f->types.n == 0)
		buf_str(b, "<tr><td colspan=\"11\" class=\"quiet\">no job has come and the conf names no type</td></tr>");
	table_end(b);
	buf_str(b, "</section>\n");
}

static void put_processes(struct buf *b, const struct figures *f)
{
	section(b, "processes", "Processes");
	table_begin(b, "process,#pid,state,#running,#up,#restarts,#memory,#generation");
	for (size_t i = 0; i < f->nprocess; i++) {
		const struct figures_process *p = &f->process[i];
		buf_printf(b, "<tr><th scope=\"row\">%s", stats_role_name(p->role));
		if (p->role == SHM_ROLE_WORKER)
			buf_printf(b, " %u", p->number);
		buf_printf(b, "</th><td class=\"n\" data-label=\"pid\">%d</td>", p->pid);
		cell(b, p->state == SHM_PROC_RUNNING ? "" : "soft", "state");
		buf_printf(b, "%s</td>", stats_proc_state_name(p->state));
		cell_count(b, "running", p->running);
		cell(b, "n", "up");
		html_seconds(b, (double)(f->now_ms - p->started_ms) / 1000);
		buf_str(b, "</td>");
		cell_count(b, "restarts", p->restarts);
		cell(b, p->rss_kb ? "n" : "n zero", "memory");
		if (p->rss_kb)
			html_bytes(b, p->rss_kb * 1024);
		else
			buf_str(b, "\xe2\x80\x93");
		buf_str(b, "</td>");
		cell_count(b, "generation", p->generation);
		buf_str(b, "</tr>");
	}
	table_end(b);
	buf_str(b, "</section>\n");
}

static void put_store(struct buf *b, const struct figures *f)
{
	section(b, "store", "Store");
	buf_printf(b, "<dl class=\"facts\"><div><dt>engine</dt><dd>%s</dd></div>", f->engine);
	fact_count(b, "jobs", f->jobs);
	fact(b, "in use");
	html_bytes(b, f->used_bytes);
	buf_str(b, "</dd></div>");
	fact(b, "may grow to");
	html_bytes(b, f->limit_bytes);
	buf_str(b, "</dd></div>");
	fact(b, "free on disk");
	html_bytes(b, f->free_bytes);
	buf_str(b, "</dd></div>");
	fact_count(b, "commits", f->counter[SHM_C_COMMITS]);
	fact_count(b, "failed commits", f->counter[SHM_C_COMMIT_FAILURES]);
	fact_count(b, "operations", f->counter[SHM_C_OPERATIONS]);
	buf_str(b, "</dl>");
	if (f->store_refusing)
		buf_printf(b, "<p class=\"badge bad\">%s</p>",
			f->store_refusing == 1 ? "no room: submissions are refused" : f->store_refusing == 2 ? "commits fail: submissions are refused" :
				"its files are gone from their place: submissions are refused");
	buf_str(b, "</section>\n");
}

/* --- recent jobs --- */

static void put_ago(struct buf *b, int64_t now_ms, int64_t at_ms)
{
	char text[TIME_TEXT_BYTES];

	time_format(at_ms, text);
	buf_printf(b, "<time datetime=\"%s\" title=\"%s\">", text, text);
	html_seconds(b, (double)(now_ms - at_ms) / 1000);
	buf_str(b, " ago</time>");
}

static void put_job(struct buf *b, const struct figures *f, const struct status_recent *r)
{
	const char *state = job_state_name(r->job.state);
	char id[UUID_TEXT_BYTES];

	uuid_format(r->job.id.b, id);
	buf_printf(b, "<tr><th scope=\"row\"><a href=\"/jobs/%s\"><code>%s</code></a></th>", id, id);
	cell(b, "", "type");
	html_cut(b, r->type, 60);
	buf_str(b, "</td>");
	cell(b, "", "name");
	html_cut(b, r->name, 60);
	buf_str(b, "</td>");
	cell(b, "", "queue");
	html_cut(b, r->queue, 40);
	buf_printf(b, "</td><td data-label=\"state\"><span class=\"state s-%s\">%s</span>", state, state);
	if (r->job.state == JOB_RUNNING && r->job.progress_pct >= 0)
		buf_printf(b, "<small><progress max=\"100\" value=\"%d\" aria-label=\"progress\"></progress> %d %%</small>", r->job.progress_pct, r->job.progress_pct);
	if (r->error.p && r->job.state != JOB_SUCCEEDED) {
		buf_str(b, "<small>");
		html_cut(b, r->error, 160);
		buf_str(b, "</small>");
	}
	buf_str(b, "</td>");
	cell_count(b, "attempts", r->job.attempts);
	cell_us(b, "took", (double)r->job.duration_us, job_state_final(r->job.state) && r->job.attempts && r->job.duration_us > 0);
	cell(b, "n", "submitted");
	put_ago(b, f->now_ms, r->job.created_ms);
	buf_str(b, "</td></tr>");
}

static void put_recent(struct buf *b, const struct figures *f, const struct status_recent *recent, size_t n)
{
	section(b, "recent", "Recent jobs");
	table_begin(b, "id,type,name,queue,state,#attempts,#took,#submitted");
	for (size_t i = 0; i < n; i++)
		put_job(b, f, &recent[i]);
	if (n == 0)
		buf_str(b, f->store_read ? "<tr><td colspan=\"8\" class=\"quiet\">none yet: submit one with POST /jobs</td></tr>" :
			"<tr><td colspan=\"8\" class=\"quiet\">the store cannot be read now</td></tr>");
	table_end(b);
	buf_str(b, "</section>\n");
}

/* --- schedules --- */

static void put_schedule(struct buf *b, const struct figures *f, const struct schedule_view *v)
{
	char text[TIME_TEXT_BYTES], id[UUID_TEXT_BYTES];

	row_head(b, slice_of(v->conf->name));
	cell(b, "", "cron");
	html_cut(b, slice_of(v->conf->cron), 80);
	buf_str(b, "<small>");
	html_cut(b, slice_of(v->conf->timezone), 64);
	buf_str(b, "</small></td>");
	cell(b, "", "type");
	html_cut(b, slice_of(v->conf->type), 60);
	buf_str(b, "</td>");
	cell(b, v->last_ms ? "n" : "n zero", "last");
	if (v->last_ms) {
		uuid_format(v->last_job.b, id);
		buf_printf(b, "<a href=\"/jobs/%s\">", id);
		put_ago(b, f->now_ms, v->last_ms);
		buf_str(b, "</a></td>");
	} else {
		buf_str(b, "\xe2\x80\x93</td>");
	}
	cell(b, v->next_ms ? "n" : "n zero", "next");
	if (v->next_ms) {
		time_format(v->next_ms, text);
		buf_printf(b, "<time datetime=\"%s\" title=\"%s\">in ", text, text);
		html_seconds(b, (double)(v->next_ms - f->now_ms) / 1000);
		buf_str(b, "</time></td></tr>");
	} else {
		buf_str(b, "\xe2\x80\x93</td></tr>");
	}
}

static void put_schedules(struct buf *b, const struct figures *f, const struct schedule_view *v, size_t n)
{
	if (n == 0)
		return;
	section(b, "schedules", "Schedules");
	table_begin(b, "schedule,cron,type,#last,#next");
	for (size_t i = 0; i < n; i++)
		put_schedule(b, f, &v[i]);
	table_end(b);
	buf_str(b, "</section>\n");
}

void status_page_put(struct buf *b, const struct figures *f, const struct health *health, const struct status_recent *recent, size_t nrecent,
	const struct schedule_view *schedule, size_t nschedule)
{
	put_head(b, f);
	put_header(b, f, health);
	buf_str(b, "<main>");
	put_counts(b, f);
	put_rates(b, f);
	put_latency(b, f);
	put_queues(b, f);
	put_types(b, f);
	put_schedules(b, f, schedule, nschedule);
	put_recent(b, f, recent, nrecent);
	put_processes(b, f);
	put_store(b, f);
	buf_str(b, "</main></div>\n<footer class=\"quiet\"><span id=\"pulse\">as of ");
	{
		char now[TIME_TEXT_BYTES];
		time_format(f->now_ms, now);
		buf_str(b, now);
	}
	buf_str(b, "</span> \xc2\xb7 <a href=\"/stats\">JSON</a> \xc2\xb7 <a href=\"/metrics\">metrics</a> \xc2\xb7 <a href=\"/readyz\">readiness</a></footer></body></html>\n");
}
