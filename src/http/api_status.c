/* GET /status, / and the page's assets. Called through http_routes; gathers what status_page.c shows. */
#include "http/http.h"

#include <stdlib.h>
#include <string.h>

#include "http/asset.h"
#include "http/page.h"
#include "http/status_page.h"
#include "os/clock.h"

struct recent {
	struct job_row v[STATUS_PAGE_RECENT];
	size_t n;
	struct store_reader *reader;
	bool failed;
};

/* What a job's row shows is copied: nothing read from the store outlives its snapshot. */
static struct slice copy(struct recent *r, struct job_text t)
{
	char *p = t.n ? slice_dup((struct slice){ t.p, t.n }) : NULL;

	r->failed = r->failed || (t.n && !p);
	return (struct slice){ p, p ? t.n : 0 };
}

static bool recent_add(void *arg, const struct job *j, const struct job_spec *s)
{
	struct recent *r = arg;
	struct job_row *row = &r->v[r->n++];
	struct job_text error = { 0 };

	memcpy(&row->job, j, sizeof(*j));
	row->type = copy(r, s->type);
	row->queue = copy(r, s->queue);
	row->name = copy(r, s->name);
	row->error = row->worker = (struct slice){ 0 };
	if (j->retry_count || j->state == JOB_DEAD || j->crashes)
		if (store_last_error(r->reader, j->id, &error) == STORE_OK)
			row->error = copy(r, error);
	return r->n < STATUS_PAGE_RECENT;
}

static void recent_read(struct recent *r, const struct api *a)
{
	r->n = 0;
	r->failed = false;
	r->reader = a->reader;
	if (!a->reader || store_read_begin(a->reader) != STORE_OK)
		return;
	store_recent(a->reader, STATUS_PAGE_RECENT, recent_add, r);
	store_read_end(a->reader);
}

static void recent_free(struct recent *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct slice mine[] = { r->v[i].type, r->v[i].queue, r->v[i].name, r->v[i].error };
		for (size_t k = 0; k < sizeof(mine) / sizeof(mine[0]); k++)
			free((void *)(uintptr_t)mine[k].p);
	}
}

void api_status_page(struct http_request *q)
{
	struct figures f;
	struct health health = health_judge(q->api);
	struct recent recent;
	struct schedule_view *schedule;
	size_t nschedule;
	bool read;
	struct buf b = { 0 };

	if (page_or_json(q, api_stats))
		return;
	figures_gather(&f, q->api, clock_wall_ms());
	recent_read(&recent, q->api);
	schedule = schedules_look(q->api, f.now_ms, &nschedule, &read);
	status_page_put(&b, q, &f, &health, recent.v, recent.n, schedule, schedule ? nschedule : 0);
	b.failed = b.failed || !schedule || f.failed || recent.failed;
	page_send(q, 200, &b);
	free(schedule);
	recent_free(&recent);
	figures_free(&f);
}

void api_root(struct http_request *q)
{
	reply_header(q, "Location", "/status");
	reply_send(q, 302, NULL, NULL);
}

void api_asset(struct http_request *q)
{
	const struct asset *a = asset_find(q->path);
	struct buf b = { 0 };

	if (!a) {
		problem_send(q, 404, NULL, "there is no such file");
		return;
	}
	buf_add(&b, a->begin, (size_t)(a->end - a->begin));
	reply_header(q, "Cache-Control", "public, max-age=3600");
	reply_header(q, "Content-Security-Policy", "default-src 'none'; style-src 'self'");
	reply_send(q, 200, a->content_type, &b);
	buf_free(&b);
}
