/* The frame of the pages for people: head, navigation, footer, errors. Called by the files of the single pages, by problem.c and auth.c. Nothing here is fatal.
 *
 * Whatever came from a client or a conf goes through html_text() or html_cut(); the rest of the text is ours. */
#include "http/page.h"

#include <string.h>

#include "http/auth.h"
#include "http/html.h"
#include "http/title.h"
#include "os/clock.h"
#include "text/duration.h"

static const struct tab { const char *path, *name; unsigned roles; bool whole; /* of the whole server: not for tokens of some queues */ } tabs[PAGE_TABS] = {
	[PAGE_OVERVIEW] = { "/status", "Overview", CONF_ROLE_READ, true },
	[PAGE_JOBS] = { "/status/jobs", "Jobs", CONF_ROLE_READ, false },
	[PAGE_QUEUES] = { "/status/queues", "Queues", CONF_ROLE_READ, false },
	[PAGE_WORKERS] = { "/status/workers", "Workers", CONF_ROLE_READ, true },
	[PAGE_SCHEDULES] = { "/status/schedules", "Schedules", CONF_ROLE_READ, false },
	[PAGE_SUBMIT] = { "/status/submit", "Submit", CONF_ROLE_SUBMIT, false },
};

static bool below_status(struct slice path)
{
	return path.n >= 7 && memcmp(path.p, "/status", 7) == 0 && (path.n == 7 || path.p[7] == '/');
}

bool page_wanted(const struct http_request *q)
{
	return below_status(q->path) && http_accepts(q, "text/html");
}

bool page_or_json(struct http_request *q, void (*json)(struct http_request *q))
{
	reply_header(q, "Vary", "Accept, Cookie");
	if (!http_prefers(q, "application/json", "text/html"))
		return false;
	json(q);
	return true;
}

/* --- head and foot --- */

static void put_asset(struct buf *b, const struct http_request *q, const char *before, const char *after)
{
	buf_str(b, before);
	html_text(b, slice_of(q->api->version));
	buf_str(b, after);
}

static void put_navigation(struct buf *b, const struct http_request *q, enum page_tab tab)
{
	buf_str(b, "<header><a class=\"brand\" href=\"/status\">Stint</a><nav aria-label=\"Pages\"><ul>");
	for (unsigned i = 0; i < PAGE_TABS; i++) {
		if (!auth_may(q, tabs[i].roles) || (tabs[i].whole && auth_some_queues(q)))
			continue;
		buf_printf(b, "<li><a href=\"%s\"%s>%s</a></li>", tabs[i].path, i == tab ? " aria-current=\"page\"" : "", tabs[i].name);
	}
	buf_str(b, "</ul></nav>");
	if (q->token) {
		buf_str(b, "<form class=\"leave\" method=\"post\" action=\"/status/logout\"><span class=\"quiet\">");
		html_cut(b, slice_of(q->token->name), 40);
		buf_str(b, "</span> <button>Log out</button></form>");
	}
	buf_str(b, "</header>\n");
}

void page_begin(struct buf *b, const struct http_request *q, enum page_tab tab, enum page_kind kind, const char *title)
{
	buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
	html_cut(b, slice_of(title), 80);
	buf_str(b, " \xc2\xb7 Stint</title>");
	buf_str(b, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">");
	put_asset(b, q, "<link rel=\"stylesheet\" href=\"/status/style.css?v=", "\">");
	put_asset(b, q, "<link rel=\"icon\" type=\"image/svg+xml\" href=\"/status/icon.svg?v=", "\">");
	if (kind != PAGE_STILL)
		put_asset(b, q, "<script src=\"/status/script.js?v=", "\" defer></script>");
	if (kind == PAGE_REFRESHED)
		buf_str(b, "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>");
	buf_str(b, "</head>\n<body>");
	put_navigation(b, q, tab);
	buf_str(b, "<main><h1>");
	html_cut(b, slice_of(title), 80);
	buf_str(b, "</h1>\n");
}

void page_live_begin(struct buf *b)
{
	buf_str(b, "<div id=\"live\">");
}

void page_live_end(struct buf *b)
{
	buf_str(b, "</div>\n");
}

void page_end(struct buf *b, const struct http_request *q, int64_t now_ms)
{
	char now[TIME_TEXT_BYTES];

	time_format(now_ms, now);
	buf_printf(b, "</main>\n<footer class=\"quiet\"><span id=\"pulse\">as of %s</span>", now);
	if (auth_may(q, CONF_ROLE_READ) && !auth_some_queues(q))
		buf_str(b, " \xc2\xb7 <a href=\"/stats\">JSON</a> \xc2\xb7 <a href=\"/metrics\">metrics</a>");
	buf_str(b, " \xc2\xb7 <a href=\"/readyz\">readiness</a></footer></body></html>\n");
}

static void send_page(struct http_request *q, int status, struct buf *b)
{
	reply_header(q, "Content-Security-Policy", HTML_POLICY);
	reply_header(q, "Referrer-Policy", HTML_REFERRER);
	reply_send(q, status, "text/html; charset=utf-8", b);
	buf_free(b);
}

void page_send(struct http_request *q, int status, struct buf *b)
{
	if (!b->failed) {
		send_page(q, status, b);
		return;
	}
	buf_free(b);
	problem_send(q, 503, NULL, "out of memory");
}

void page_problem(struct http_request *q, int status, struct slice detail)
{
	struct buf b = { 0 };

	page_begin(&b, q, PAGE_TABS, PAGE_STILL, title_of(status));
	buf_str(&b, "<p class=\"notice bad\" role=\"alert\">");
	html_text(&b, detail);
	buf_str(&b, "</p>");
	if (status == 401)
		buf_str(&b, "<p><a href=\"/status/login\">Log in</a></p>");
	page_end(&b, q, clock_wall_ms());
	send_page(q, status, &b);
}

/* --- what has been done --- */

static const struct { const char *done, *one, *many; } said[] = {
	{ "cancel", "Cancelled; what runs is being asked to end.", "cancelled" },
	{ "retry", "Queued again.", "queued again" },
	{ "run-now", "Queued.", "queued" },
	{ "delete", "Deleted.", "deleted" },
	{ "submit", "Submitted.", "submitted" },
	{ "pause", "Paused: nothing of it starts until it is resumed.", "" },
	{ "resume", "Resumed.", "" },
	{ "run", "A job of it was submitted.", "" },
};

/* Digits alone, and few of them: whatever else a link brings is not repeated. */
static bool is_count(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0 && s.n <= 18;
}

void page_done(struct buf *b, const struct http_request *q)
{
	struct slice done = http_query(q, "done"), count = http_query(q, "count");
	uint64_t n = 0;

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (!slice_eq(done, said[i].done))
			continue;
		buf_str(b, "<p class=\"notice good\" role=\"status\">");
		if (is_count(count)) {
			for (size_t k = 0; k < count.n; k++)
				n = n * 10 + (uint64_t)(count.p[k] - '0');
			html_count(b, n);
			buf_printf(b, n == 1 ? " job was %s." : " jobs were %s.", said[i].many);
		} else {
			buf_str(b, said[i].one);
		}
		buf_str(b, "</p>\n");
	}
}
