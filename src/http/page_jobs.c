/* GET /status/jobs: the listing for people. Called by the wire half through http_routes; job_list.c finds the jobs. Nothing here is fatal. */
#include <stdio.h>
#include <string.h>

#include "http/auth.h"
#include "http/html.h"
#include "http/job_list.h"
#include "http/job_row.h"
#include "http/page.h"
#include "http/page_filter.h"
#include "os/clock.h"

/* --- the form --- */

static void put_state_choice(struct buf *b, struct slice chosen)
{
	buf_str(b, "<label>State <select name=\"state\"><option value=\"\">any</option>");
	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++) {
		const char *name = job_state_name((enum job_state)i);
		buf_printf(b, "<option%s>%s</option>", slice_eq(chosen, name) ? " selected" : "", name);
	}
	buf_str(b, "</select></label>");
}

static void put_input(struct buf *b, const char *label, unsigned which, struct slice value, const char *list)
{
	buf_printf(b, "<label>%s <input name=\"%s\" value=\"", label, page_filter_name[which]);
	html_text(b, value);
	buf_printf(b, list ? "\" list=\"%s\"></label>" : "\"></label>", list);
}

static void put_queue_choice(struct buf *b, const struct http_request *q, struct slice chosen)
{
	if (!auth_some_queues(q)) {
		put_input(b, "Queue", PAGE_FILTER_QUEUE, chosen, "queues");
		return;
	}
	buf_str(b, "<label>Queue <select name=\"queue\"><option value=\"\">any of the token's</option>");
	for (const char *p = q->token->queues; p < q->token->queues + q->token->queues_bytes; p += strlen(p) + 1) {
		buf_str(b, slice_eq(chosen, p) ? "<option selected>" : "<option>");
		html_text(b, slice_of(p));
		buf_str(b, "</option>");
	}
	buf_str(b, "</select></label>");
}

static void put_form(struct buf *b, const struct http_request *q, const struct page_filter *f)
{
	buf_str(b, "<form class=\"filter\" role=\"search\" action=\"/status/jobs\">");
	put_state_choice(b, f->v[PAGE_FILTER_STATE]);
	put_input(b, "Type", PAGE_FILTER_TYPE, f->v[PAGE_FILTER_TYPE], "types");
	put_queue_choice(b, q, f->v[PAGE_FILTER_QUEUE]);
	put_input(b, "Tag", PAGE_FILTER_TAG, f->v[PAGE_FILTER_TAG], NULL);
	put_input(b, "Id, name, key or error has", PAGE_FILTER_Q, f->v[PAGE_FILTER_Q], NULL);
	buf_str(b, "<button>Show</button>");
	if (!page_filter_empty(f))
		buf_str(b, " <a href=\"/status/jobs\">all jobs</a>");
	page_names_list(b, q);
	buf_str(b, "</form>\n");
}

/* What can be done to all that are shown, and on the pages behind: asked once more before it is done (page_bulk.c). */
static void put_acts(struct buf *b, const struct http_request *q, const struct page_filter *f)
{
	static const struct { enum store_act act; const char *name, *label; } acts[] = {
		{ STORE_ACT_RETRY, "retry", "Retry all\xe2\x80\xa6" }, { STORE_ACT_CANCEL, "cancel", "Cancel all\xe2\x80\xa6" }, { STORE_ACT_DELETE, "delete", "Delete all ended\xe2\x80\xa6" },
	};
	struct slice s = f->v[PAGE_FILTER_STATE];
	unsigned states = s.n ? 1u << job_state_of(s.p, s.n) : ~0u;

	if (!auth_may(q, CONF_ROLE_ADMIN))
		return;
	buf_str(b, "<form class=\"acts\" method=\"post\" action=\"/status/jobs/bulk\">");
	page_filter_hidden(b, f);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (states & store_act_states(acts[i].act))
			buf_printf(b, "<button name=\"act\" value=\"%s\">%s</button>", acts[i].name, acts[i].label);
	buf_str(b, "</form>\n");
}

/* --- the listing --- */

static enum store_rc put_row(struct http_request *q, struct job_id id, bool first, struct buf *body)
{
	struct store_reader *r = q->api->reader;
	struct job_text error = { 0 }, worker = { 0 };
	struct job_row row;
	struct job_spec spec;
	enum store_rc rc = store_get(r, id, &row.job, &spec);

	(void)first;
	if (rc != STORE_OK)
		return rc;
	if (row.job.retry_count || row.job.crashes || row.job.state == JOB_DEAD)
		store_last_error(r, id, &error);
	if (row.job.state == JOB_RUNNING)
		store_worker(r, &row.job, &worker);
	row.type = (struct slice){ spec.type.p, spec.type.n };
	row.queue = (struct slice){ spec.queue.p, spec.queue.n };
	row.name = (struct slice){ spec.name.p, spec.name.n };
	row.error = (struct slice){ error.p, error.n };
	row.worker = (struct slice){ worker.p, worker.n };
	job_row_put(body, clock_wall_ms(), &row);
	return STORE_OK;
}

static void put_turning(struct buf *b, const struct http_request *q, const struct page_filter *f, const char *cursor)
{
	struct slice limit = http_query(q, "limit");
	char more[160];
	bool turned = http_query(q, "cursor").p != NULL;

	if (!cursor && !turned)
		return;
	buf_str(b, "<nav class=\"turn\" aria-label=\"More jobs\">");
	if (turned) {
		buf_str(b, "<a href=\"");
		snprintf(more, sizeof(more), "limit=%.*s", (int)limit.n, limit.p);
		page_filter_href(b, f, limit.n ? more : NULL);
		buf_str(b, "\">First page</a>");
	}
	if (cursor) {
		buf_str(b, "<a rel=\"next\" href=\"");
		snprintf(more, sizeof(more), "%s%.*s%scursor=%s", limit.n ? "limit=" : "", (int)limit.n, limit.n ? limit.p : "", limit.n ? "&amp;" : "", cursor);
		page_filter_href(b, f, more);
		buf_str(b, "\">Next page</a>");
	}
	buf_str(b, "</nav>");
}

static void end(struct http_request *q, struct buf *rows, const char *cursor)
{
	struct page_filter f = page_filter_of_query(q);
	struct buf b = { 0 };

	page_begin(&b, q, PAGE_JOBS, PAGE_LIVE, "Jobs");
	page_done(&b, q);
	put_form(&b, q, &f);
	put_acts(&b, q, &f);
	page_live_begin(&b);
	page_table_begin(&b, JOB_ROW_COLUMNS);
	buf_slice(&b, (struct slice){ rows->data, rows->len });
	if (rows->len == 0 && cursor)
		job_row_none(&b, "none so far: there are more jobs than are looked at for one page, so go on with the next");
	else if (rows->len == 0)
		job_row_none(&b, page_filter_empty(&f) ? "none yet" : "no job is like that");
	page_table_end(&b);
	put_turning(&b, q, &f, cursor);
	page_live_end(&b);
	page_end(&b, q, clock_wall_ms());
	page_send(q, 200, &b);
}

/* A form sends its empty fields too: they are no filters. */
static void tidy_query(struct http_request *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->nquery; i++)
		if (q->query[i].value.n)
			q->query[n++] = q->query[i];
	q->nquery = n;
}

void page_jobs(struct http_request *q)
{
	static const struct job_list_form html = { put_row, end };

	if (page_or_json(q, api_jobs))
		return;
	tidy_query(q);
	job_list(q, &html);
}
