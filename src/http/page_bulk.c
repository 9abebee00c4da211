/* POST /status/jobs/bulk: what is done to all jobs of a filter. First it is only counted, and the page asks whether that is meant; its own form says so. Called by the wire half through http_routes; the
 * API's handlers count and do it. Nothing here is fatal. */
#include <stdlib.h>

#include "http/html.h"
#include "http/page.h"
#include "http/page_filter.h"
#include "os/clock.h"
#include "text/json.h"

static const struct act { const char *name, *asks, *does, *button; void (*api)(struct http_request *q); } acts[] = {
	{ "retry", "Retry jobs", "will be queued again, their attempts at 0", "Retry them", api_bulk_retry },
	{ "cancel", "Cancel jobs", "will be cancelled; those that run are asked to end", "Cancel them", api_bulk_cancel },
	{ "delete", "Delete jobs", "will be deleted, with their results and logs", "Delete them", api_bulk_delete },
};

struct bulk_page {
	struct form form;
	struct page_filter filter;      /* its texts are the form's */
	const struct act *act;
	struct buf json;                /* what the API is asked */
};

static void bulk_free(struct bulk_page *p)
{
	form_free(&p->form);
	buf_free(&p->json);
	free(p);
}

/* What the API answered; false where it was a problem, which has been passed on. */
static bool count_of(struct http_request *q, int status, const char *field, struct slice text, struct slice *count)
{
	if (status < 400 && json_member(text.p, text.n, "count", count))
		return true;
	problem_send(q, status < 400 ? 500 : status, field, "%.*s", (int)text.n, text.p);
	return false;
}

static void put_question(struct buf *b, const struct http_request *q, const struct bulk_page *p, uint64_t n)
{
	page_begin(b, q, PAGE_JOBS, PAGE_STILL, p->act->asks);
	buf_str(b, "<p>Jobs that are meant: ");
	if (page_filter_empty(&p->filter))
		buf_str(b, "<strong>all</strong>");
	page_filter_says(b, &p->filter);
	buf_str(b, ".</p><p class=\"notice\"><strong>");
	html_count(b, n);
	buf_printf(b, n == 1 ? " job</strong> %s.</p>" : " jobs</strong> %s.</p>", p->act->does);
	buf_str(b, "<form class=\"acts\" method=\"post\" action=\"/status/jobs/bulk\">");
	page_filter_hidden(b, &p->filter);
	buf_printf(b, "<input type=\"hidden\" name=\"act\" value=\"%s\"><input type=\"hidden\" name=\"sure\" value=\"yes\">", p->act->name);
	if (n)
		buf_printf(b, "<button class=\"warn\">%s</button> ", p->act->button);
	buf_str(b, "<a href=\"");
	page_filter_href(b, &p->filter, NULL);
	buf_str(b, "\">Back to the jobs</a></form>");
	page_end(b, q, clock_wall_ms());
}

static void counted(struct http_request *q, int status, const char *field, struct slice text)
{
	struct bulk_page *p = q->page;
	struct buf b = { 0 };
	struct slice count;

	if (count_of(q, status, field, text, &count)) {
		uint64_t n = 0;
		for (size_t i = 0; i < count.n; i++)
			n = n * 10 + (uint64_t)(count.p[i] - '0');
		put_question(&b, q, p, n);
		page_send(q, 200, &b);
	}
	bulk_free(p);
}

static void done(struct http_request *q, int status, const char *field, struct slice text)
{
	struct bulk_page *p = q->page;
	struct buf more = { 0 }, where = { 0 };
	struct slice count;

	if (count_of(q, status, field, text, &count)) {
		buf_printf(&more, "done=%s&count=%.*s", p->act->name, (int)count.n, count.p);
		page_filter_where(&where, &p->filter, buf_cstr(&more));
		reply_see_other(q, buf_cstr(&where));
	}
	buf_free(&more);
	buf_free(&where);
	bulk_free(p);
}

static bool read_act(struct bulk_page *p, struct http_request *q)
{
	struct slice name = form_get(&p->form, "act");

	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (slice_eq(name, acts[i].name))
			p->act = &acts[i];
	if (!p->act)
		problem_send(q, 400, "act", "\"act\" must be retry, cancel or delete");
	return p->act;
}

void page_bulk(struct http_request *q)
{
	struct bulk_page *p = calloc(1, sizeof(*p));

	if (!p) {
		problem_send(q, 503, NULL, "nothing was done: out of memory");
		return;
	}
	if (!form_read(&p->form, q, PAGE_FILTER_NAMES ",act,sure") || !read_act(p, q)) {
		bulk_free(p);
		return;
	}
	bool sure = slice_eq(form_get(&p->form, "sure"), "yes");
	p->filter = page_filter_of_form(&p->form);
	buf_str(&p->json, "{");
	page_filter_json(&p->json, &p->filter);
	buf_str(&p->json, sure ? "}" : ",\"dry_run\":true}");
	if (p->json.failed) {
		bulk_free(p);
		problem_send(q, 503, NULL, "nothing was done: out of memory");
		return;
	}
	q->body = (struct slice){ buf_cstr(&p->json), p->json.len };
	q->page = p;
	q->instead = sure ? done : counted;
	p->act->api(q);
}
