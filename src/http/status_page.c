/* The status page's HTML. Called by api_status.c with everything that it shows; complete without JavaScript, and what the script fetches again to stay live.
 *
 * Whatever came from a client or a conf goes through html_text() or html_cut(); the rest of the text is ours. */
#include "http/status_page.h"

#include <stdio.h>
#include <string.h>

#include "http/html.h"
#include "http/page.h"
#include "http/stats.h"
#include "text/duration.h"
#include "text/uuid.h"

/* --- the head --- */

static void put_header(struct buf *b, const struct figures *f, const struct health *h)
{
	bool ready = h->check == HEALTH_OK;
	bool soft = h->check == HEALTH_DRAINING || h->check == HEALTH_STARTING;

	buf_printf(b, "<div class=\"health\"><p class=\"badge %s\">", ready ? "good" : soft ? "soft" : "bad");
	html_text(b, ready ? SLICE("ready") : slice_of(h->what));
	buf_str(b, "</p><p class=\"quiet\">version ");
	html_text(b, slice_of(f->version));
	buf_str(b, " \xc2\xb7 up ");
	html_seconds(b, f->uptime_s);
	if (f->no_claims)
		buf_str(b, " \xc2\xb7 <strong>claiming is stopped</strong>");
	if (f->reload_failed)
		buf_str(b, " \xc2\xb7 <strong>the last reload failed</strong>");
	buf_str(b, "</p></div>\n");
}

/* --- counts and rates --- */

static void put_counts(struct buf *b, const struct figures *f)
{
	static const enum job_state order[] = { JOB_QUEUED, JOB_RUNNING, JOB_SCHEDULED, JOB_WAITING, JOB_RETRYING, JOB_SUCCEEDED, JOB_DEAD,
		JOB_CANCELLED, JOB_EXPIRED };

	page_section(b, "jobs", "Jobs");
	buf_str(b, "<dl class=\"cards\">");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const char *name = job_state_name(order[i]);
		buf_printf(b, "<div class=\"card s-%s%s\"><dt>%s</dt><dd>", name, f->total.state[order[i]] ? "" : " zero", name);
		buf_printf(b, "<a href=\"/status/jobs?state=%s\">", name);
		html_count(b, f->total.state[order[i]]);
		buf_str(b, "</a></dd></div>");
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

static void fact_percent(struct buf *b, const char *name, double share)
{
	page_fact(b, name);
	html_percent(b, share);
	buf_str(b, "</dd></div>");
}

static void put_rates(struct buf *b, const struct figures *f)
{
	bool ended = f->total.succeeded + f->total.dead > 0;

	page_section(b, "throughput", "Throughput");
	put_chart(b, f);
	buf_str(b, "<dl class=\"facts\">");
	page_fact(b, "a second, last minute");
	buf_printf(b, f->throughput >= 100 || f->throughput <= 0 ? "%.0f</dd></div>" : "%.2f</dd></div>", f->throughput);
	page_fact(b, "success rate");
	if (ended)
		html_percent(b, f->success_rate);
	else
		buf_str(b, "\xe2\x80\x93");
	buf_str(b, "</dd></div>");
	fact_percent(b, "errors, last minute", f->error_rate);
	page_fact_count(b, "submitted", f->total.submitted);
	page_fact_count(b, "attempts ended", f->total.processed);
	page_fact_count(b, "succeeded", f->total.succeeded);
	page_fact_count(b, "failed attempts", f->total.failed);
	page_fact_count(b, "retried", f->total.retried);
	page_fact_count(b, "recovered", f->total.recovered);
	page_fact_count(b, "dead", f->total.dead);
	page_fact_count(b, "submissions rejected", f->rejected);
	page_fact_count(b, "jobs with retries", f->total.with_retries);
	page_fact(b, "retries a job");
	buf_printf(b, "%.2f</dd></div>", f->avg_retry_count);
	if (ended)
		buf_printf(b, "</dl><progress max=\"100\" value=\"%.2f\" aria-label=\"success rate\"></progress></section>\n", f->success_rate * 100);
	else
		buf_str(b, "</dl></section>\n");
}

static void put_spread(struct buf *b, const char *name, const struct figures_spread *s)
{
	page_row_head(b, slice_of(name));
	page_cell_count(b, "count", s->n);
	page_cell_us(b, "average", s->mean, s->n);
	page_cell_us(b, "p50", s->p50, s->n);
	page_cell_us(b, "p95", s->p95, s->n);
	page_cell_us(b, "p99", s->p99, s->n);
	page_cell_us(b, "max", s->max, s->n);
	buf_str(b, "</tr>");
}

static void put_latency(struct buf *b, const struct figures *f)
{
	page_section(b, "latency", "Latency since the start");
	page_table_begin(b, ",#count,#average,#p50,#p95,#p99,#max");
	put_spread(b, "time in queue", &f->queue);
	put_spread(b, "execution", &f->execution);
	put_spread(b, "submission", &f->submit);
	put_spread(b, "commit", &f->commit);
	page_table_end(b);
	buf_str(b, "</section>\n");
}

/* --- queues, types, processes, store --- */

static void put_queues(struct buf *b, const struct figures *f)
{
	page_section(b, "queues", "<a href=\"/status/queues\">Queues</a>");
	page_table_begin(b, "queue,#queued,#running,#scheduled,#retrying,#succeeded,#dead,#oldest,#p95 wait");
	for (size_t i = 0; i < f->queues.n; i++) {
		const struct figures_name *q = &f->queues.v[i];
		buf_str(b, "<tr><th scope=\"row\">");
		html_cut(b, slice_of(q->name), 80);
		buf_str(b, q->paused ? " <span class=\"badge soft\">paused</span></th>" : "</th>");
		page_cell_jobs(b, "queued", q->tally.state[JOB_QUEUED], "queue", slice_of(q->name));
		page_cell_jobs(b, "running", q->tally.state[JOB_RUNNING], "queue", slice_of(q->name));
		page_cell_jobs(b, "scheduled", q->tally.state[JOB_SCHEDULED], "queue", slice_of(q->name));
		page_cell_jobs(b, "retrying", q->tally.state[JOB_RETRYING], "queue", slice_of(q->name));
		page_cell_jobs(b, "succeeded", q->tally.state[JOB_SUCCEEDED], "queue", slice_of(q->name));
		page_cell_jobs(b, "dead", q->tally.state[JOB_DEAD], "queue", slice_of(q->name));
		page_cell_us(b, "oldest", q->oldest_queued_s * 1e6, q->oldest_queued_s > 0);
		page_cell_us(b, "p95 wait", q->spread.p95, q->spread.n);
		buf_str(b, "</tr>");
	}
	page_table_end(b);
	buf_str(b, "</section>\n");
}

static void cell_breaker(struct buf *b, const struct figures *f, const struct figures_name *t)
{
	bool rests = t->breaker == FIGURES_BREAKER_OPEN;

	page_cell(b, t->breaker == FIGURES_BREAKER_OFF ? "zero" : rests ? "bad" : "", "breaker");
	html_text(b, t->breaker == FIGURES_BREAKER_OFF ? SLICE("\xe2\x80\x93") : slice_of(figures_breaker_name(t->breaker)));
	if (rests) {
		buf_str(b, ", for ");
		html_seconds(b, (double)(t->rests_until_ms - f->now_ms) / 1000);
	}
	buf_str(b, "</td>");
}

static void put_types(struct buf *b, const struct figures *f)
{
	page_section(b, "types", "Types");
	page_table_begin(b, "type,#queued,#running,#retrying,#succeeded,#failed,#dead,#p50,#p95,#p99,breaker");
	for (size_t i = 0; i < f->types.n; i++) {
		const struct figures_name *t = &f->types.v[i];
		page_row_head(b, slice_of(t->name));
		page_cell_jobs(b, "queued", t->tally.state[JOB_QUEUED], "type", slice_of(t->name));
		page_cell_jobs(b, "running", t->tally.state[JOB_RUNNING], "type", slice_of(t->name));
		page_cell_jobs(b, "retrying", t->tally.state[JOB_RETRYING], "type", slice_of(t->name));
		page_cell_count(b, "succeeded", t->tally.succeeded);
		page_cell_count(b, "failed", t->tally.failed);
		page_cell_count(b, "dead", t->tally.dead);
		page_cell_us(b, "p50", t->spread.p50, t->spread.n);
		page_cell_us(b, "p95", t->spread.p95, t->spread.n);
		page_cell_us(b, "p99", t->spread.p99, t->spread.n);
		cell_breaker(b, f, t);
		buf_str(b, "</tr>");
	}
	if (f->types.n == 0)
		buf_str(b, "<tr><td colspan=\"11\" class=\"quiet\">no job has come and the conf names no type</td></tr>");
	page_table_end(b);
	buf_str(b, "</section>\n");
}

static void put_processes(struct buf *b, const struct figures *f)
{
	page_section(b, "processes", "<a href=\"/status/workers\">Processes</a>");
	page_put_processes(b, f);
	buf_str(b, "</section>\n");
}

static void put_store(struct buf *b, const struct figures *f)
{
	page_section(b, "store", "Store");
	buf_printf(b, "<dl class=\"facts\"><div><dt>engine</dt><dd>%s</dd></div>", f->engine);
	page_fact_count(b, "jobs", f->jobs);
	page_fact(b, "in use");
	html_bytes(b, f->used_bytes);
	buf_str(b, "</dd></div>");
	page_fact(b, "may grow to");
	html_bytes(b, f->limit_bytes);
	buf_str(b, "</dd></div>");
	page_fact(b, "free on disk");
	html_bytes(b, f->free_bytes);
	buf_str(b, "</dd></div>");
	page_fact_count(b, "commits", f->counter[SHM_C_COMMITS]);
	page_fact_count(b, "failed commits", f->counter[SHM_C_COMMIT_FAILURES]);
	page_fact_count(b, "operations", f->counter[SHM_C_OPERATIONS]);
	buf_str(b, "</dl>");
	if (f->store_refusing)
		buf_printf(b, "<p class=\"badge bad\">%s</p>",
			f->store_refusing == 1 ? "no room: submissions are refused" : f->store_refusing == 2 ? "commits fail: submissions are refused" :
				"its files are gone from their place: submissions are refused");
	buf_str(b, "</section>\n");
}

/* --- recent jobs --- */

static void put_recent(struct buf *b, const struct figures *f, const struct job_row *recent, size_t n)
{
	page_section(b, "recent", "<a href=\"/status/jobs\">Recent jobs</a>");
	page_table_begin(b, JOB_ROW_COLUMNS);
	for (size_t i = 0; i < n; i++)
		job_row_put(b, f->now_ms, &recent[i]);
	if (n == 0)
		job_row_none(b, f->store_read ? "none yet: submit one with POST /jobs" : "the store cannot be read now");
	page_table_end(b);
	buf_str(b, "</section>\n");
}

static void put_schedule(struct buf *b, const struct figures *f, const struct schedule_view *v)
{
	char text[TIME_TEXT_BYTES], id[UUID_TEXT_BYTES];

	page_row_head(b, slice_of(v->conf->name));
	page_cell(b, "", "cron");
	html_cut(b, slice_of(v->conf->cron), 80);
	buf_str(b, "<small>");
	html_cut(b, slice_of(v->conf->timezone), 64);
	buf_str(b, "</small></td>");
	page_cell(b, "", "type");
	html_cut(b, slice_of(v->conf->type), 60);
	buf_str(b, "</td>");
	page_cell(b, v->last_ms ? "n" : "n zero", "last");
	if (v->last_ms) {
		uuid_format(v->last_job.b, id);
		buf_printf(b, "<a href=\"/status/jobs/%s\">", id);
		page_ago(b, f->now_ms, v->last_ms);
		buf_str(b, "</a></td>");
	} else {
		buf_str(b, "\xe2\x80\x93</td>");
	}
	page_cell(b, v->next_ms ? "n" : "n zero", "next");
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
	page_section(b, "schedules", "<a href=\"/status/schedules\">Schedules</a>");
	page_table_begin(b, "schedule,cron,type,#last,#next");
	for (size_t i = 0; i < n; i++)
		put_schedule(b, f, &v[i]);
	page_table_end(b);
	buf_str(b, "</section>\n");
}

void status_page_put(struct buf *b, const struct http_request *q, const struct figures *f, const struct health *health, const struct job_row *recent, size_t nrecent,
	const struct schedule_view *schedule, size_t nschedule)
{
	page_begin(b, q, PAGE_OVERVIEW, PAGE_REFRESHED, "Overview");
	page_live_begin(b);
	put_header(b, f, health);
	put_counts(b, f);
	put_rates(b, f);
	put_latency(b, f);
	put_queues(b, f);
	put_types(b, f);
	put_schedules(b, f, schedule, nschedule);
	put_recent(b, f, recent, nrecent);
	put_processes(b, f);
	put_store(b, f);
	page_live_end(b);
	page_end(b, q, f->now_ms);
}
