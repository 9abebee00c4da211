/* GET /status/schedules: what ticks when, last and next, and a button to run its job now. Called by the wire half through http_routes. Nothing here is fatal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/auth.h"
#include "http/html.h"
#include "http/page.h"
#include "http/schedules.h"
#include "os/clock.h"
#include "text/duration.h"
#include "text/uuid.h"

/* "2026-11-23 03:00:00 +01:00": what a clock on the wall there shows. */
static void put_local(struct buf *b, int64_t at_ms, int32_t offset_s)
{
	char text[TIME_TEXT_BYTES];
	int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

	time_format(at_ms + (int64_t)offset_s * 1000, text);
	buf_printf(b, "%.10s %.8s %c%02d:%02d", text, text + 11, offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void put_last(struct buf *b, int64_t now_ms, const struct schedule_view *v)
{
	char id[UUID_TEXT_BYTES];

	if (!v->last_ms) {
		page_cell_none(b, "last run");
		return;
	}
	uuid_format(v->last_job.b, id);
	page_cell(b, "n", "last run");
	buf_printf(b, "<a href=\"/status/jobs/%s\">", id);
	page_ago(b, now_ms, v->last_ms);
	buf_str(b, "</a><small>");
	page_time(b, v->last_ms);
	buf_str(b, "</small></td>");
}

static void put_next(struct buf *b, int64_t now_ms, const struct schedule_view *v)
{
	if (!v->next_ms) {
		page_cell(b, "n soft", "next run");
		buf_str(b, "it rests</td>");
		return;
	}
	page_cell(b, "n", "next run");
	page_ago(b, now_ms, v->next_ms);
	buf_str(b, "<small>");
	page_time(b, v->next_ms);
	buf_str(b, "</small>");
	if (v->conf->timezone && v->conf->timezone[0] && v->next_offset_s) {
		buf_str(b, "<small>");
		put_local(b, v->next_ms, v->next_offset_s);
		buf_str(b, "</small>");
	}
	buf_str(b, "</td>");
}

static void put_schedule(struct buf *b, const struct http_request *q, int64_t now_ms, const struct schedule_view *v)
{
	page_row_head(b, slice_of(v->conf->name));
	page_cell(b, "", "cron");
	buf_str(b, "<code>");
	html_cut(b, slice_of(v->conf->cron), 80);
	buf_str(b, "</code><small>");
	html_cut(b, slice_of(v->conf->timezone), 64);
	buf_str(b, "</small></td>");
	page_cell_text(b, "type", slice_of(v->conf->type), 60);
	page_cell_text(b, "queue", (struct slice){ v->queue.p, v->queue.n }, 40);
	page_cell_text(b, "missed ticks", slice_of(schedules_missed_name(v->conf)), 10);
	put_last(b, now_ms, v);
	put_next(b, now_ms, v);
	if (auth_may(q, CONF_ROLE_ADMIN)) {
		page_cell(b, "", "");
		page_button(b, "/status/schedules/", slice_of(v->conf->name), "/run", "", "Run now");
		buf_str(b, "</td>");
	}
	buf_str(b, "</tr>");
}

static void put_page(struct buf *b, const struct http_request *q, int64_t now_ms, const struct schedule_view *v, size_t n)
{
	size_t put = 0;

	page_begin(b, q, PAGE_SCHEDULES, PAGE_REFRESHED, "Schedules");
	page_live_begin(b);
	page_table_begin(b, auth_may(q, CONF_ROLE_ADMIN) ? "schedule,cron,type,queue,missed ticks,#last run,#next run,action" : "schedule,cron,type,queue,missed ticks,#last run,#next run");
	for (size_t i = 0; i < n; i++) {
		if (!auth_queue(q, (struct slice){ v[i].queue.p, v[i].queue.n }))
			continue;
		put_schedule(b, q, now_ms, &v[i]);
		put++;
	}
	if (put == 0)
		buf_str(b, "<tr><td colspan=\"8\" class=\"quiet\">none: a section \"schedule NAME { ... }\" in the conf makes one</td></tr>");
	page_table_end(b);
	page_live_end(b);
	page_end(b, q, now_ms);
}

void page_schedules(struct http_request *q)
{
	int64_t now_ms = clock_wall_ms();
	struct schedule_view *v;
	struct buf b = { 0 };
	bool read;
	size_t n;

	if (page_or_json(q, api_schedules))
		return;
	v = schedules_look(q->api, now_ms, &n, &read);
	put_page(&b, q, now_ms, v, v ? n : 0);
	b.failed = b.failed || !v;
	if (b.failed || read) {
		page_send(q, 200, &b);
	} else {
		buf_free(&b);
		problem_send(q, 503, NULL, "the store cannot be read now");
	}
	free(v);
}
