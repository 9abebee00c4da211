/* GET /status/queues: every queue with its counts, its limits, and a button to pause or resume it. Called by the wire half through http_routes. Nothing here is fatal. */
#include "http/auth.h"
#include "http/figures.h"
#include "http/html.h"
#include "http/job_request.h"
#include "http/page.h"
#include "os/clock.h"

static void put_limits(struct buf *b, const struct conf_queue *c)
{
	if (!c->concurrency && c->rate <= 0 && !c->max_queued) {
		page_cell_none(b, "limits");
		return;
	}
	page_cell(b, "n", "limits");
	if (c->concurrency) {
		html_count(b, c->concurrency);
		buf_str(b, " at once<br>");
	}
	if (c->rate > 0)
		buf_printf(b, c->rate >= 1 ? "%.4g/s<br>" : "%.4g/m<br>", c->rate >= 1 ? c->rate : c->rate * 60);
	if (c->max_queued) {
		html_count(b, c->max_queued);
		buf_str(b, " wait");
	}
	buf_str(b, "</td>");
}

static void put_queue(struct buf *b, const struct http_request *q, const struct figures_name *n)
{
	static const enum job_state states[] = { JOB_QUEUED, JOB_RUNNING, JOB_SCHEDULED, JOB_WAITING, JOB_RETRYING, JOB_SUCCEEDED, JOB_DEAD };
	struct slice name = slice_of(n->name);
	const struct conf_queue *c = conf_queue_of(q->api->conf, name);

	buf_str(b, "<tr><th scope=\"row\"><a href=\"");
	page_jobs_href(b, NULL, "queue", name);
	buf_str(b, "\">");
	html_cut(b, name, 80);
	buf_str(b, n->paused ? "</a> <span class=\"badge soft\">paused</span></th>" : "</a></th>");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		page_cell_jobs(b, job_state_name(states[i]), n->tally.state[states[i]], "queue", name);
	page_cell_us(b, "oldest", n->oldest_queued_s * 1e6, n->oldest_queued_s > 0);
	page_cell_count(b, "weight", c->weight);
	put_limits(b, c);
	if (auth_may(q, CONF_ROLE_ADMIN)) {
		page_cell(b, "", "");
		page_button(b, "/status/queues/", name, n->paused ? "/resume" : "/pause", "", n->paused ? "Resume" : "Pause");
		buf_str(b, "</td>");
	}
	buf_str(b, "</tr>");
}

static void put_page(struct buf *b, const struct http_request *q, const struct figures *f)
{
	page_begin(b, q, PAGE_QUEUES, PAGE_REFRESHED, "Queues");
	page_done(b, q);
	page_live_begin(b);
	page_table_begin(b, auth_may(q, CONF_ROLE_ADMIN) ? "queue,#queued,#running,#scheduled,#waiting,#retrying,#succeeded,#dead,#oldest,#weight,#limits,action" :
		"queue,#queued,#running,#scheduled,#waiting,#retrying,#succeeded,#dead,#oldest,#weight,#limits");
	for (size_t i = 0; i < f->queues.n; i++)
		if (auth_queue(q, slice_of(f->queues.v[i].name)))
			put_queue(b, q, &f->queues.v[i]);
	page_table_end(b);
	page_live_end(b);
	page_end(b, q, f->now_ms);
}

void page_queues(struct http_request *q)
{
	struct figures f;
	struct buf b = { 0 };

	if (page_or_json(q, api_queues))
		return;
	figures_gather(&f, q->api, clock_wall_ms());
	put_page(&b, q, &f);
	b.failed = b.failed || f.failed;
	if (f.store_read) {
		page_send(q, 200, &b);
	} else {
		buf_free(&b);
		job_request_failed(q, STORE_BUSY);
	}
	figures_free(&f);
}
