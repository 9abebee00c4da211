/* GET /status/workers: the server's processes, what runs now, and with whom on other machines. Called by the wire half through http_routes, its table of processes by status_page.c. Nothing here is fatal. */
#include <stdlib.h>
#include <string.h>

#include "http/figures.h"
#include "http/html.h"
#include "http/job_row.h"
#include "http/page.h"
#include "http/stats.h"
#include "os/clock.h"

#define LOOKS 2000u             /* rows that one page looks at */
#define SHOWN 100u              /* jobs that are shown */
#define REMOTES 64u             /* workers on other machines */

void page_put_processes(struct buf *b, const struct figures *f)
{
	page_table_begin(b, "process,#pid,state,#running,#up,#restarts,#memory,#generation");
	for (size_t i = 0; i < f->nprocess; i++) {
		const struct figures_process *p = &f->process[i];
		buf_printf(b, "<tr><th scope=\"row\">%s", stats_role_name(p->role));
		if (p->role == SHM_ROLE_WORKER)
			buf_printf(b, " %u", p->number);
		buf_printf(b, "</th><td class=\"n\" data-label=\"pid\">%d</td>", p->pid);
		page_cell(b, p->state == SHM_PROC_RUNNING ? "" : "soft", "state");
		buf_printf(b, "%s</td>", stats_proc_state_name(p->state));
		page_cell_count(b, "running", p->running);
		page_cell(b, "n", "up");
		html_seconds(b, (double)(f->now_ms - p->started_ms) / 1000);
		buf_str(b, "</td>");
		page_cell_count(b, "restarts", p->restarts);
		page_cell(b, p->rss_kb ? "n" : "n zero", "memory");
		if (p->rss_kb)
			html_bytes(b, p->rss_kb * 1024);
		else
			buf_str(b, "\xe2\x80\x93");
		buf_str(b, "</td>");
		page_cell_count(b, "generation", p->generation);
		buf_str(b, "</tr>");
	}
	page_table_end(b);
}

/* --- what runs --- */

struct remote { char name[STORE_WORKER_MAX + 1]; unsigned jobs; int64_t since_ms; };

struct running {
	struct store_reader *reader;
	int64_t now_ms;
	struct buf rows;
	unsigned seen, nremote;
	struct remote remote[REMOTES];
};

static void count_remote(struct running *r, const struct job *j, struct job_text worker)
{
	struct remote *w = r->remote;
	size_t n = worker.n < STORE_WORKER_MAX ? worker.n : STORE_WORKER_MAX;

	while (w < r->remote + r->nremote && !(strlen(w->name) == n && memcmp(w->name, worker.p ? worker.p : "", n) == 0))
		w++;
	if (w == r->remote + REMOTES)
		return;
	if (w == r->remote + r->nremote) {
		*w = (struct remote){ .since_ms = j->started_ms };
		if (n)
			memcpy(w->name, worker.p, n);
		r->nremote++;
	}
	w->jobs++;
	w->since_ms = j->started_ms > w->since_ms ? j->started_ms : w->since_ms;
}

/* One that is damaged does not hide the others. */
static bool look(void *arg, struct job_id id)
{
	struct running *r = arg;
	struct job_text worker = { 0 };
	struct job_row row = { .error = { NULL, 0 } };
	struct job_spec spec;

	if (store_get(r->reader, id, &row.job, &spec) != STORE_OK)
		return true;
	store_worker(r->reader, &row.job, &worker);
	if (row.job.worker == STORE_REMOTE)
		count_remote(r, &row.job, worker);
	if (r->seen++ >= SHOWN)
		return true;
	row.type = (struct slice){ spec.type.p, spec.type.n };
	row.queue = (struct slice){ spec.queue.p, spec.queue.n };
	row.name = (struct slice){ spec.name.p, spec.name.n };
	row.worker = (struct slice){ worker.p, worker.n };
	job_row_put(&r->rows, r->now_ms, &row);
	return true;
}

static bool look_at_all(struct running *r, const struct api *a)
{
	struct store_filter f = { .states = 1u << JOB_RUNNING };
	struct store_cursor at = { .part = 0 };

	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return false;
	r->reader = a->reader;
	enum store_rc rc = store_list(a->reader, &f, LOOKS, &at, look, r);
	store_read_end(a->reader);
	return rc == STORE_OK;
}

static void put_remotes(struct buf *b, const struct running *r)
{
	if (r->nremote == 0)
		return;
	page_section(b, "remote", "Workers on other machines");
	page_table_begin(b, "worker,#jobs it holds,#last claim");
	for (unsigned i = 0; i < r->nremote; i++) {
		const struct remote *w = &r->remote[i];
		page_row_head(b, w->name[0] ? slice_of(w->name) : SLICE("without a name"));
		page_cell_count(b, "jobs it holds", w->jobs);
		page_cell(b, "n", "last claim");
		page_ago(b, r->now_ms, w->since_ms);
		buf_str(b, "</td></tr>");
	}
	page_table_end(b);
	buf_str(b, "</section>\n");
}

static void put_running(struct buf *b, const struct running *r, bool read)
{
	page_section(b, "running", "<a href=\"/status/jobs?state=running\">Running now</a>");
	page_table_begin(b, JOB_ROW_COLUMNS);
	buf_slice(b, (struct slice){ r->rows.data, r->rows.len });
	if (!read)
		job_row_none(b, "the store cannot be read now");
	else if (r->rows.len == 0)
		job_row_none(b, "nothing");
	page_table_end(b);
	if (r->seen > SHOWN)
		buf_str(b, "<p><a href=\"/status/jobs?state=running\">and more</a></p>");
	buf_str(b, "</section>\n");
}

void page_workers(struct http_request *q)
{
	struct running *r;
	struct figures f;
	struct buf b = { 0 };

	if (page_or_json(q, api_stats))
		return;
	r = calloc(1, sizeof(*r));
	if (!r) {
		problem_send(q, 503, NULL, "out of memory");
		return;
	}
	figures_gather(&f, q->api, clock_wall_ms());
	r->now_ms = f.now_ms;
	bool read = look_at_all(r, q->api);
	page_begin(&b, q, PAGE_WORKERS, PAGE_REFRESHED, "Workers");
	page_live_begin(&b);
	page_section(&b, "processes", "Processes");
	page_put_processes(&b, &f);
	buf_str(&b, "</section>\n");
	put_remotes(&b, r);
	put_running(&b, r, read);
	page_live_end(&b);
	page_end(&b, q, f.now_ms);
	b.failed = b.failed || f.failed || r->rows.failed;
	page_send(q, 200, &b);
	figures_free(&f);
	buf_free(&r->rows);
	free(r);
}
