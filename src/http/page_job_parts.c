/* What stands below a job's fields on its page: payload, result, history, log. Called by page_job.c, inside its snapshot. Nothing here is fatal. */
#include <string.h>

#include "http/html.h"
#include "http/job_wait.h"
#include "http/page.h"
#include "http/page_job.h"
#include "text/json.h"

#define SHOWN 8192u             /* bytes of a payload, result or log; the rest is behind a link */

/* --- payload and result --- */

/* Without the beginning of a character at its end. */
static struct slice whole_characters(struct slice s)
{
	while (s.n && ((unsigned char)s.p[s.n - 1] & 0xc0) == 0x80)
		s.n--;
	s.n -= s.n && (unsigned char)s.p[s.n - 1] >= 0xc0;
	return s;
}

static void put_link(struct buf *b, const struct job_page *p, const char *name, bool cut, uint64_t all, const char *content_type)
{
	buf_printf(b, "<p class=\"quiet\"><a href=\"/jobs/%s/%s\">%s</a>, ", p->id, name, cut ? "all of it" : "its bytes");
	html_bytes(b, all);
	if (content_type) {
		buf_str(b, ", ");
		html_text(b, slice_of(content_type));
	}
	buf_str(b, "</p>");
}

/* `shown` of a whole of `all` bytes. */
static void put_bytes(struct buf *b, const struct job_page *p, const char *name, const char *title, struct slice shown, uint64_t all, const char *content_type)
{
	bool cut = all > shown.n;

	if (cut)
		shown = whole_characters(shown);
	page_section(b, name, title);
	if (all == 0) {
		buf_str(b, "<p class=\"quiet\">empty</p>");
	} else if (!json_utf8(shown.p, shown.n)) {
		buf_str(b, "<p class=\"quiet\">bytes that are no text</p>");
	} else {
		buf_str(b, "<pre class=\"bytes\">");
		html_text(b, shown);
		buf_str(b, cut ? "\xe2\x80\xa6</pre>" : "</pre>");
	}
	if (p->reads && all)
		put_link(b, p, name, cut, all, content_type);
	buf_str(b, "</section>\n");
}

static void unreadable(struct buf *b, const char *name, const char *title, enum store_rc rc)
{
	page_section(b, name, title);
	buf_printf(b, "<p class=\"bad\">it cannot be read: %s</p></section>\n", store_rc_text(rc));
}

static size_t least(uint64_t n)
{
	return n < SHOWN ? (size_t)n : SHOWN;
}

static void put_payload(struct buf *b, const struct job_page *p)
{
	const struct job_spec *s = &p->j.spec;
	char type[257] = "";
	struct buf part = { 0 };
	enum store_rc rc = STORE_OK;

	if (s->content_type.n && s->content_type.n < sizeof(type))
		memcpy(type, s->content_type.p, s->content_type.n);
	if (s->payload_blob)
		rc = store_blob(p->q->api->reader, s->payload_blob, 0, least(s->payload_len), &part);
	else
		buf_add(&part, s->payload.p, least(s->payload.n));
	if (rc != STORE_OK || part.failed)
		unreadable(b, "payload", "Payload", rc != STORE_OK ? rc : STORE_NO_MEMORY);
	else
		put_bytes(b, p, "payload", "Payload", (struct slice){ part.data, part.len }, s->payload_len, type[0] ? type : NULL);
	buf_free(&part);
}

static void put_result(struct buf *b, const struct job_page *p)
{
	const struct job *j = &p->j.job;
	struct slice inlined = p->j.view.result;
	struct buf part = { 0 };
	enum store_rc rc = STORE_OK;

	if (j->result_len == 0)
		return;
	if (j->result_blob)
		rc = store_blob(p->q->api->reader, j->result_blob, 0, least(j->result_len), &part);
	else
		buf_add(&part, inlined.p, least(inlined.n));
	if (rc != STORE_OK || part.failed)
		unreadable(b, "result", "Result", rc != STORE_OK ? rc : STORE_NO_MEMORY);
	else
		put_bytes(b, p, "result", j->result_truncated ? "Result, cut at max_output" : "Result", (struct slice){ part.data, part.len }, j->result_len, NULL);
	buf_free(&part);
}

void page_job_bytes(struct buf *b, const struct job_page *p)
{
	put_payload(b, p);
	put_result(b, p);
}

/* --- history: the API's, as a table --- */

struct events { struct buf *b; const struct job_page *p; };

/* A member's text, with its escapes resolved; a number as it stands. Empty where it is not there. */
static struct slice member(struct slice event, const char *name, struct buf *into)
{
	struct slice v;

	buf_clear(into);
	if (!json_member(event.p, event.n, name, &v))
		return (struct slice){ NULL, 0 };
	if (!json_string_get(v, into))
		return v;
	return (struct slice){ into->data, into->len };
}

static void put_end(struct buf *b, struct slice event, struct buf *text)
{
	static const struct { const char *name, *before, *after; } said[] = {
		{ "exit_code", "exit code ", "" }, { "signal", "signal ", "" }, { "duration_ms", "took ", " ms" }, { "cpu_ms", "processor ", " ms" }, { "max_rss_kb", "memory ", " KB" },
		{ "run_at", "for ", "" },
	};
	const char *between = "<small>";

	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct slice v = member(event, said[i].name, text);
		if (v.n == 0)
			continue;
		buf_printf(b, "%s%s", between, said[i].before);
		html_text(b, v);
		buf_str(b, said[i].after);
		between = ", ";
	}
	if (between[0] == ',')
		buf_str(b, "</small>");
}

static void put_attempt(struct buf *b, struct slice event, struct buf *text)
{
	struct slice attempt = member(event, "attempt", text);

	page_cell(b, attempt.n ? "n" : "n zero", "attempt");
	html_text(b, attempt);
	buf_str(b, "</td>");
	struct slice worker = member(event, "worker", text);
	page_cell(b, worker.n ? "" : "zero", "worker");
	html_cut(b, worker, 80);
	buf_str(b, "</td>");
}

static bool put_event(void *arg, struct slice event)
{
	struct events *e = arg;
	struct buf *b = e->b, text = { 0 };

	struct slice at = member(event, "at", &text);
	buf_str(b, "<tr><th scope=\"row\"><time>");
	html_text(b, at);
	buf_str(b, "</time></th>");
	struct slice name = member(event, "event", &text);
	bool ran = slice_eq(name, "started");
	buf_str(b, "<td data-label=\"event\"><span class=\"state e-");
	html_text(b, name);
	buf_str(b, "\">");
	for (size_t i = 0; i < name.n; i++)
		buf_char(b, name.p[i] == '_' ? ' ' : name.p[i]);        /* names of ours: letters and _ alone */
	buf_str(b, "</span></td>");
	put_attempt(b, event, &text);
	page_cell(b, "", "detail");
	html_text(b, member(event, "detail", &text));
	if (ran) {
		struct slice attempt = member(event, "attempt", &text);
		buf_printf(b, "<a href=\"/jobs/%s/log?attempt=%.*s\">its log</a>", e->p->id, (int)attempt.n, attempt.p);
	}
	put_end(b, event, &text);
	buf_str(b, "</td></tr>");
	b->failed = b->failed || text.failed;
	buf_free(&text);
	return true;
}

void page_job_history(struct buf *b, const struct job_page *p)
{
	struct events e = { b, p };
	struct buf json = { 0 };
	struct slice list;
	enum store_rc rc = api_job_history_put(p->q->api, p->j.job.id, &json);

	if (rc != STORE_OK) {
		unreadable(b, "history", "History", rc);
	} else if (json_member(json.data, json.len, "history", &list)) {
		page_section(b, "history", "History");
		page_table_begin(b, "at,event,#attempt,worker,detail");
		json_each(list.p, list.n, put_event, &e);
		page_table_end(b);
		buf_str(b, "</section>\n");
	}
	buf_free(&json);
}

/* --- log --- */

/* The last lines of it. */
static struct slice tail(struct slice all)
{
	struct slice s = all;

	if (s.n <= SHOWN)
		return s;
	s = (struct slice){ all.p + (all.n - SHOWN), SHOWN };
	const char *line = memchr(s.p, '\n', s.n);
	if (line && line + 1 < s.p + s.n)
		s = (struct slice){ line + 1, (size_t)(s.p + s.n - (line + 1)) };
	return s;
}

static void put_log(struct buf *b, const struct job_page *p, struct slice all)
{
	struct slice shown = tail(all);

	if (all.n == 0) {
		buf_str(b, "<p class=\"quiet\">the last attempt wrote nothing to its standard error</p>");
		return;
	}
	buf_str(b, "<pre class=\"bytes\">");
	html_text(b, shown);
	buf_printf(b, "</pre><p class=\"quiet\"><a href=\"/jobs/%s/log\">%s</a>, ", p->id, shown.n < all.n ? "all of it" : "its bytes");
	html_bytes(b, all.n);
	buf_str(b, "</p>");
}

void page_job_log_tail(struct buf *b, const struct job_page *p)
{
	struct buf log = { 0 };
	bool dropped = false;

	if (p->j.job.attempts == 0)
		return;
	page_section(b, "log-title", "Log");
	if (p->j.job.state == JOB_RUNNING) {
		/* it lies with the worker: the script shows it as it comes */
		buf_printf(b, "<pre class=\"bytes\" id=\"log\" data-follow=\"/jobs/%s/log?follow=1\" hidden></pre><p class=\"quiet\"><a href=\"/jobs/%s/log?follow=1\">Follow it</a>, or look at "
			"<a href=\"/jobs/%s/log\">what is there now</a></p>", p->id, p->id, p->id);
	} else {
		enum store_rc rc = store_log(p->q->api->reader, &p->j.job, 0, &log, &dropped);
		if (rc != STORE_OK && rc != STORE_NOT_FOUND)
			buf_printf(b, "<p class=\"bad\">it cannot be read: %s</p>", store_rc_text(rc));
		else
			put_log(b, p, (struct slice){ log.data, log.len });
	}
	b->failed = b->failed || log.failed;
	buf_free(&log);
	buf_str(b, "</section>\n");
}
