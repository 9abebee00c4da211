/* GET /status/jobs/ID: everything of one job, and what can be done to it. Called by the wire half through http_routes. Reads in one snapshot. Nothing here is fatal. */
#include "http/page_job.h"

#include <stdio.h>
#include <string.h>

#include "http/auth.h"
#include "http/html.h"
#include "http/job_request.h"
#include "http/job_row.h"
#include "http/job_wait.h"
#include "http/page.h"
#include "os/clock.h"
#include "text/duration.h"
#include "text/uuid.h"

static struct slice text(struct job_text t)
{
	return (struct slice){ t.p, t.n };
}

/* --- what can be done --- */

static void put_acts(struct buf *b, const struct job_page *p)
{
	static const struct { enum store_act act; const char *after, *label; } acts[] = {
		{ STORE_ACT_RETRY, "/retry", "Retry" }, { STORE_ACT_RUN_NOW, "/run-now", "Run now" }, { STORE_ACT_CANCEL, "/cancel", "Cancel" },
	};
	const struct job *j = &p->j.job;

	if (!auth_may(p->q, CONF_ROLE_ADMIN))
		return;
	buf_str(b, "<div class=\"acts\">");
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if ((store_act_states(acts[i].act) & 1u << j->state) && !(acts[i].act == STORE_ACT_CANCEL && j->cancel_asked))
			page_button(b, "/status/jobs/", slice_of(p->id), acts[i].after, acts[i].act == STORE_ACT_CANCEL ? "warn" : "", acts[i].label);
	if (job_state_final(j->state)) {
		buf_str(b, "<details><summary>Delete\xe2\x80\xa6</summary>");
		page_button(b, "/status/jobs/", slice_of(p->id), "/delete", "warn", "Delete it for good");
		buf_str(b, "</details>");
	}
	buf_str(b, "</div>");
}

/* --- how it stands --- */

static void put_state(struct buf *b, const struct job_page *p)
{
	const struct job *j = &p->j.job;
	const char *state = job_state_name(j->state);

	buf_printf(b, "<div class=\"health\"><p class=\"badge state s-%s\">%s</p><p><code>%s</code></p>", state, state, p->id);
	buf_str(b, j->cancel_asked && j->state == JOB_RUNNING ? "<p class=\"soft\">it has been asked to end</p></div>" : "</div>");
	if (p->j.view.progress_pct >= 0) {
		buf_printf(b, "<p class=\"progress\"><progress max=\"100\" value=\"%d\" aria-label=\"progress\"></progress>%d %%", p->j.view.progress_pct, p->j.view.progress_pct);
		if (p->j.view.progress.n) {
			buf_str(b, ": ");
			html_text(b, p->j.view.progress);
		}
		buf_str(b, "</p>");
	}
	put_acts(b, p);
	if (p->j.view.last_error.n) {
		page_section(b, "error", "Last error");
		buf_str(b, "<pre class=\"bytes bad\">");
		html_text(b, p->j.view.last_error);
		buf_str(b, "</pre></section>");
	}
}

static void fact_time(struct buf *b, const struct job_page *p, const char *name, int64_t at_ms)
{
	if (at_ms <= 0)
		return;
	page_fact(b, name);
	page_time(b, at_ms);
	buf_str(b, "<small>");
	page_ago(b, p->now_ms, at_ms);
	buf_str(b, "</small></dd></div>");
}

static void fact_us(struct buf *b, const char *name, int64_t us)
{
	if (us <= 0)
		return;
	page_fact(b, name);
	html_us(b, (double)us);
	buf_str(b, "</dd></div>");
}

static void put_times(struct buf *b, const struct job_page *p)
{
	const struct job *j = &p->j.job;

	page_section(b, "times", "Times");
	buf_str(b, "<dl class=\"facts wide\">");
	fact_time(b, p, "submitted", j->created_ms);
	fact_time(b, p, j->state == JOB_RETRYING ? "next attempt" : "to run at", j->run_at_ms);
	fact_time(b, p, "started", j->started_ms);
	fact_time(b, p, "finished", j->finished_ms);
	fact_time(b, p, "changed", j->updated_ms);
	fact_time(b, p, "expires", j->expires_at_ms);
	if (j->state == JOB_RUNNING && p->running_since_ms > 0) {
		page_fact(b, "running for");
		html_seconds(b, (double)(p->now_ms - p->running_since_ms) / 1000);
		buf_str(b, "</dd></div>");
	}
	if (j->attempts && j->state != JOB_RUNNING) {
		fact_us(b, "last attempt took", j->duration_us);
		fact_us(b, "of it processor time", j->cpu_us);
	}
	buf_str(b, "</dl></section>\n");
}

/* --- what was asked for --- */

static void fact_link(struct buf *b, const char *name, const char *filter, struct slice value)
{
	page_fact(b, name);
	buf_str(b, "<a href=\"");
	page_jobs_href(b, NULL, filter, value);
	buf_str(b, "\">");
	html_text(b, value);
	buf_str(b, "</a></dd></div>");
}

static void fact_duration(struct buf *b, const char *name, int64_t ms)
{
	if (ms <= 0)
		return;
	page_fact(b, name);
	duration_put(b, ms);
	buf_str(b, "</dd></div>");
}

static void put_tags(struct buf *b, const struct job_spec *s)
{
	if (s->ntags == 0)
		return;
	page_fact(b, "tags");
	for (unsigned i = 0; i < s->ntags; i++) {
		buf_str(b, i ? ", <a href=\"" : "<a href=\"");
		page_jobs_href(b, NULL, "tag", text(s->tag[i]));
		buf_str(b, "\">");
		html_text(b, text(s->tag[i]));
		buf_str(b, "</a>");
	}
	buf_str(b, "</dd></div>");
}

static void put_parents(struct buf *b, struct slice ids)
{
	char id[UUID_TEXT_BYTES];

	if (ids.n == 0)
		return;
	page_fact(b, "depends on");
	for (size_t i = 0; i + sizeof(struct job_id) <= ids.n; i += sizeof(struct job_id)) {
		uuid_format((const uint8_t *)ids.p + i, id);
		buf_printf(b, "<a class=\"line\" href=\"/status/jobs/%s\"><code>%s</code></a>", id, id);
	}
	buf_str(b, "</dd></div>");
}

static void put_retries(struct buf *b, const struct job_page *p)
{
	const struct job *j = &p->j.job;
	const struct job_backoff *k = &p->j.spec.backoff;

	page_fact_count(b, "attempts", j->attempts);
	page_fact(b, "retries used");
	buf_printf(b, "%u of %u</dd></div>", j->retry_count, j->max_retries);
	page_fact(b, "pause before a retry");
	duration_put(b, k->base_ms);
	buf_printf(b, " \xc3\x97 %g each, at most ", k->factor_milli / 1000.0);
	html_seconds(b, (double)k->max_ms / 1000);
	buf_printf(b, ", \xc2\xb1%u %%</dd></div>", k->jitter_pct);
	if (j->crashes)
		page_fact_count(b, "crashes of its worker", j->crashes);
}

static void put_asked(struct buf *b, const struct job_page *p)
{
	const struct job *j = &p->j.job;
	const struct job_spec *s = &p->j.spec;

	page_section(b, "asked", "Job");
	buf_str(b, "<dl class=\"facts wide\">");
	fact_link(b, "type", "type", text(s->type));
	fact_link(b, "queue", "queue", text(s->queue));
	page_fact_text(b, "name", text(s->name));
	page_fact(b, "priority");
	buf_i64(b, j->priority);
	buf_str(b, "</dd></div>");
	put_retries(b, p);
	fact_duration(b, "time-out of an attempt", s->timeout_ms);
	if (j->attempts) {
		page_fact(b, j->state == JOB_RUNNING ? "runs with" : "ran last with");
		job_row_worker(b, j, p->j.view.worker);
		buf_str(b, "</dd></div>");
	}
	put_tags(b, s);
	put_parents(b, p->j.view.depends);
	page_fact_text(b, "key", text(s->key));
	page_fact_text(b, "unique key", text(s->unique_key));
	page_fact_text(b, "idempotency key", text(s->idempotency_key));
	page_fact_text(b, "trace", text(s->trace));
	buf_str(b, "</dl></section>\n");
}

/* --- the page --- */

static void put_page(struct buf *b, const struct job_page *p)
{
	char title[JOB_TYPE_MAX + 5];
	bool over = job_state_final(p->j.job.state);

	snprintf(title, sizeof(title), "Job %.*s", (int)p->j.spec.type.n, p->j.spec.type.p);
	page_begin(b, p->q, PAGE_JOBS, over ? PAGE_LIVE : PAGE_REFRESHED, title);
	page_done(b, p->q);
	buf_printf(b, "<div id=\"live\" data-job=\"%s\">", p->id);
	put_state(b, p);
	put_times(b, p);
	put_asked(b, p);
	page_job_bytes(b, p);
	if (p->reads) {
		page_job_history(b, p);
		page_job_log_tail(b, p);
	}
	page_live_end(b);
	page_end(b, p->q, p->now_ms);
}

void page_job(struct http_request *q)
{
	struct job_page p = { .q = q, .now_ms = clock_wall_ms(), .reads = auth_may(q, CONF_ROLE_READ) };
	struct buf b = { 0 };
	struct job_id id;

	if (page_or_json(q, api_job) || !job_request_id(q, &id) || !job_request_read(q))
		return;
	enum store_rc rc = job_read(q->api->reader, id, true, &p.j);
	if (rc == STORE_OK) {
		uuid_format(id.b, p.id);
		p.running_since_ms = api_job_running_since(q->api->seg, &p.j.job);
		put_page(&b, &p);
		job_read_free(&p.j);
	}
	store_read_end(q->api->reader);
	if (rc == STORE_OK)
		page_send(q, 200, &b);
	else
		job_request_failed(q, rc);
}
