/* The pieces that pages are put together from: tables, facts, times, links into the listing, buttons. Called by the files of the single pages. Nothing here is fatal. */
#include <string.h>

#include "http/auth.h"
#include "http/html.h"
#include "http/page.h"
#include "text/duration.h"
#include "text/url.h"

#define DASH "\xe2\x80\x93"

void page_table_begin(struct buf *b, const char *columns)
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

void page_table_end(struct buf *b)
{
	buf_str(b, "</tbody></table></div>");
}

void page_cell(struct buf *b, const char *class, const char *label)
{
	buf_printf(b, "<td class=\"%s\" data-label=\"%s\">", class, label);
}

void page_cell_count(struct buf *b, const char *label, uint64_t n)
{
	page_cell(b, n ? "n" : "n zero", label);
	html_count(b, n);
	buf_str(b, "</td>");
}

void page_cell_none(struct buf *b, const char *label)
{
	page_cell(b, "n zero", label);
	buf_str(b, DASH "</td>");
}

void page_cell_us(struct buf *b, const char *label, double us, bool any)
{
	if (!any) {
		page_cell_none(b, label);
		return;
	}
	page_cell(b, "n", label);
	html_us(b, us);
	buf_str(b, "</td>");
}

void page_cell_text(struct buf *b, const char *label, struct slice text, size_t max)
{
	page_cell(b, "", label);
	html_cut(b, text, max);
	buf_str(b, "</td>");
}

void page_row_head(struct buf *b, struct slice name)
{
	buf_str(b, "<tr><th scope=\"row\">");
	html_cut(b, name, 80);
	buf_str(b, "</th>");
}

void page_section(struct buf *b, const char *id, const char *title)
{
	buf_printf(b, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">%s</h2>", id, id, title);
}

void page_fact(struct buf *b, const char *name)
{
	buf_printf(b, "<div><dt>%s</dt><dd>", name);
}

void page_fact_count(struct buf *b, const char *name, uint64_t n)
{
	page_fact(b, name);
	html_count(b, n);
	buf_str(b, "</dd></div>");
}

void page_fact_text(struct buf *b, const char *name, struct slice text)
{
	if (text.n == 0)
		return;
	page_fact(b, name);
	html_text(b, text);
	buf_str(b, "</dd></div>");
}

/* --- times --- */

void page_ago(struct buf *b, int64_t now_ms, int64_t at_ms)
{
	char text[TIME_TEXT_BYTES];

	time_format(at_ms, text);
	buf_printf(b, "<time datetime=\"%s\" title=\"%s\">%s", text, text, at_ms > now_ms ? "in " : "");
	html_seconds(b, (double)(at_ms > now_ms ? at_ms - now_ms : now_ms - at_ms) / 1000);
	buf_str(b, at_ms > now_ms ? "</time>" : " ago</time>");
}

void page_time(struct buf *b, int64_t at_ms)
{
	char text[TIME_TEXT_BYTES];

	time_format(at_ms, text);
	buf_printf(b, "<time datetime=\"%s\">%s</time>", text, text);
}

/* --- links and buttons --- */

void page_jobs_href(struct buf *b, const char *state, const char *name, struct slice value)
{
	buf_str(b, "/status/jobs");
	if (state)
		buf_printf(b, "?state=%s", state);
	if (name) {
		buf_printf(b, "%s%s=", state ? "&amp;" : "?", name);
		url_encode(b, value);
	}
}

void page_cell_jobs(struct buf *b, const char *state, uint64_t n, const char *name, struct slice value)
{
	page_cell(b, n ? "n" : "n zero", state);
	buf_str(b, "<a href=\"");
	page_jobs_href(b, state, name, value);
	buf_str(b, "\">");
	html_count(b, n);
	buf_str(b, "</a></td>");
}

void page_button(struct buf *b, const char *before, struct slice name, const char *after, const char *class, const char *label)
{
	buf_printf(b, "<form method=\"post\" action=\"%s", before);
	url_encode(b, name);
	buf_printf(b, "%s\"><button class=\"%s\">%s</button></form>", after, class, label);
}

static bool is_type(const char *pattern)
{
	return !strchr(pattern, '*');
}

void page_names_list(struct buf *b, const struct http_request *q)
{
	const struct conf *c = q->api->conf;

	buf_str(b, "<datalist id=\"types\">");
	for (size_t i = 0; i < c->nhandler; i++) {
		if (!is_type(c->handler[i].pattern))
			continue;
		buf_str(b, "<option value=\"");
		html_text(b, slice_of(c->handler[i].pattern));
		buf_str(b, "\"></option>");
	}
	buf_str(b, "</datalist><datalist id=\"queues\">");
	for (size_t i = 0; i < c->nqueue; i++) {
		if (!auth_queue(q, slice_of(c->queue[i].name)))
			continue;
		buf_str(b, "<option value=\"");
		html_text(b, slice_of(c->queue[i].name));
		buf_str(b, "\"></option>");
	}
	buf_str(b, "</datalist>");
}
