/* Jobs as rows. Called by the overview, the listing and the page of the workers. Nothing here is fatal. */
#include "http/job_row.h"

#include "http/html.h"
#include "http/page.h"
#include "store/store.h"
#include "text/uuid.h"

void job_row_worker(struct buf *b, const struct job *j, struct slice remote)
{
	if (j->attempts && remote.n)
		html_cut(b, remote, STORE_WORKER_MAX);
	else if (j->attempts && j->worker_pid > 0 && j->worker != STORE_REMOTE)
		buf_printf(b, "worker-%u:%d", j->worker, j->worker_pid);
}

static void put_state(struct buf *b, const struct job_row *r)
{
	const struct job *j = &r->job;
	const char *state = job_state_name(j->state);

	buf_printf(b, "<td data-label=\"state\"><span class=\"state s-%s\">%s</span>", state, state);
	if (j->state == JOB_RUNNING && j->progress_pct >= 0)
		buf_printf(b, "<small><progress max=\"100\" value=\"%d\" aria-label=\"progress\"></progress> %d %%</small>", j->progress_pct, j->progress_pct);
	if (j->state == JOB_RUNNING) {
		buf_str(b, "<small>");
		job_row_worker(b, j, r->worker);
		buf_str(b, "</small>");
	}
	if (r->error.p && j->state != JOB_SUCCEEDED) {
		buf_str(b, "<small>");
		html_cut(b, r->error, 160);
		buf_str(b, "</small>");
	}
	buf_str(b, "</td>");
}

/* How long it took, has been running or waiting, or when it is to be. */
static void put_time(struct buf *b, int64_t now_ms, const struct job *j)
{
	if (j->state == JOB_SCHEDULED || j->state == JOB_RETRYING) {
		page_cell(b, "n", "time");
		page_ago(b, now_ms, j->run_at_ms);
		buf_str(b, "</td>");
	} else if (j->state == JOB_QUEUED && j->queued_ms > 0) {
		page_cell(b, "n", "time");
		buf_str(b, "waits ");
		html_seconds(b, (double)(now_ms - j->queued_ms) / 1000);
		buf_str(b, "</td>");
	} else if (j->state == JOB_RUNNING) {
		page_cell(b, "n", "time");
		buf_str(b, "for ");
		html_seconds(b, (double)(now_ms - j->started_ms) / 1000);
		buf_str(b, "</td>");
	} else {
		page_cell_us(b, "time", (double)j->duration_us, job_state_final(j->state) && j->attempts && j->duration_us > 0);
	}
}

void job_row_put(struct buf *b, int64_t now_ms, const struct job_row *r)
{
	char id[UUID_TEXT_BYTES];

	uuid_format(r->job.id.b, id);
	buf_printf(b, "<tr><th scope=\"row\"><a href=\"/status/jobs/%s\"><code>%s</code></a></th>", id, id);
	page_cell(b, "", "type");
	html_cut(b, r->type, 60);
	if (r->name.n) {
		buf_str(b, "<small>");
		html_cut(b, r->name, 80);
		buf_str(b, "</small>");
	}
	buf_str(b, "</td>");
	page_cell_text(b, "queue", r->queue, 40);
	put_state(b, r);
	page_cell_count(b, "attempts", r->job.attempts);
	put_time(b, now_ms, &r->job);
	page_cell(b, "n", "submitted");
	page_ago(b, now_ms, r->job.created_ms);
	buf_str(b, "</td></tr>");
}

void job_row_none(struct buf *b, const char *why)
{
	buf_printf(b, "<tr><td colspan=\"7\" class=\"quiet\">%s</td></tr>", why);
}
