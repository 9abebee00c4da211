/* Filters on their way between addresses, forms and the API. Called by the pages of jobs. Nothing here is fatal. */
#include "http/page_filter.h"

#include "http/html.h"
#include "text/json.h"
#include "text/url.h"

const char *const page_filter_name[PAGE_FILTERS] = { "state", "type", "queue", "tag", "q" };

struct page_filter page_filter_of_query(const struct http_request *q)
{
	struct page_filter f;

	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		f.v[i] = http_query(q, page_filter_name[i]);
	return f;
}

struct page_filter page_filter_of_form(const struct form *form)
{
	struct page_filter f;

	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		f.v[i] = form_get(form, page_filter_name[i]);
	return f;
}

bool page_filter_empty(const struct page_filter *f)
{
	for (unsigned i = 0; i < PAGE_FILTERS; i++)
		if (f->v[i].n)
			return false;
	return true;
}

void page_filter_hidden(struct buf *b, const struct page_filter *f)
{
	for (unsigned i = 0; i < PAGE_FILTERS; i++) {
		if (f->v[i].n == 0)
			continue;
		buf_printf(b, "<input type=\"hidden\" name=\"%s\" value=\"", page_filter_name[i]);
		html_text(b, f->v[i]);
		buf_str(b, "\">");
	}
}

static void put_address(struct buf *b, const struct page_filter *f, const char *more, const char *and)
{
	const char *between = "?";

	buf_str(b, "/status/jobs");
	for (unsigned i = 0; i < PAGE_FILTERS; i++) {
		if (f->v[i].n == 0)
			continue;
		buf_printf(b, "%s%s=", between, page_filter_name[i]);
		url_encode(b, f->v[i]);
		between = and;
	}
	if (more)
		buf_printf(b, "%s%s", between, more);
}

void page_filter_href(struct buf *b, const struct page_filter *f, const char *more)
{
	put_address(b, f, more, "&amp;");
}

void page_filter_where(struct buf *b, const struct page_filter *f, const char *more)
{
	put_address(b, f, more, "&");
}

void page_filter_json(struct buf *b, const struct page_filter *f)
{
	const char *between = "";

	if (page_filter_empty(f))
		buf_str(b, "\"all\":true");
	for (unsigned i = 0; i < PAGE_FILTERS; i++) {
		if (f->v[i].n == 0)
			continue;
		buf_printf(b, "%s\"%s\":", between, page_filter_name[i]);
		json_put_string(b, f->v[i]);
		between = ",";
	}
}

void page_filter_says(struct buf *b, const struct page_filter *f)
{
	static const char *const says[PAGE_FILTERS] = { "state", "type", "queue", "tag", "with" };
	const char *between = "";

	for (unsigned i = 0; i < PAGE_FILTERS; i++) {
		if (f->v[i].n == 0)
			continue;
		buf_printf(b, "%s%s <strong>", between, says[i]);
		html_cut(b, f->v[i], 80);
		buf_str(b, "</strong>");
		between = ", ";
	}
}
