/* GET /schedules and POST /schedules/NAME/run. Called by the wire half through http_routes. The keeper ticks; here its schedules are shown, and a job of one is submitted as any client's would be.
 * Nothing here is fatal. */
#include "http/http.h"

#include <stdlib.h>

#include "config/schedule.h"
#include "http/auth.h"
#include "http/job_json.h"
#include "http/schedules.h"
#include "http/submission.h"
#include "os/clock.h"
#include "text/json.h"

static void put_text(struct buf *b, const char *name, struct slice s)
{
	buf_printf(b, "\"%s\":", name);
	json_put_string(b, s);
	buf_char(b, ',');
}

static void put_schedule(struct buf *b, const struct schedule_view *v)
{
	buf_char(b, '{');
	put_text(b, "name", slice_of(v->conf->name));
	put_text(b, "cron", slice_of(v->conf->cron));
	put_text(b, "timezone", slice_of(v->conf->timezone));
	put_text(b, "type", slice_of(v->conf->type));
	put_text(b, "queue", (struct slice){ v->queue.p, v->queue.n });
	buf_printf(b, "\"missed\":\"%s\"", schedules_missed_name(v->conf));
	if (v->last_ms) {
		buf_str(b, ",\"last_run_at\":");
		job_json_time(b, v->last_ms);
		buf_str(b, ",\"last_job\":");
		job_json_id(b, &v->last_job);
	}
	if (v->next_ms) {
		buf_str(b, ",\"next_run_at\":");
		job_json_time(b, v->next_ms);
	}
	buf_char(b, '}');
}

void api_schedules(struct http_request *q)
{
	struct buf b = { 0 };
	bool read;
	size_t n;
	struct schedule_view *v = schedules_look(q->api, clock_wall_ms(), &n, &read);

	buf_str(&b, "{\"schedules\":[");
	for (size_t i = 0, put = 0; v && i < n; i++) {
		if (!auth_queue(q, (struct slice){ v[i].queue.p, v[i].queue.n }))
			continue;
		if (put++)
			buf_char(&b, ',');
		put_schedule(&b, &v[i]);
	}
	buf_str(&b, "]}");
	if (!v || b.failed)
		problem_send(q, 503, NULL, "out of memory");
	else if (!read)
		problem_send(q, 503, NULL, "the store cannot be read now");
	else
		reply_json(q, 200, &b);
	buf_free(&b);
	free(v);
}

static const struct conf_schedule *schedule_of(const struct api *a, struct slice name)
{
	for (size_t i = 0; i < a->conf->nschedule; i++)
		if (slice_eq(name, a->conf->schedule[i].name))
			return &a->conf->schedule[i];
	return NULL;
}

void api_schedule_run(struct http_request *q)
{
	static const struct envelope_problem no_memory = { .status = 503, .detail = "out of memory" };
	const struct conf_schedule *c = schedule_of(q->api, q->arg[0]);
	struct submission_item *item;
	struct submission *s;

	if (!c) {
		problem_send(q, 404, NULL, "there is no such schedule; GET /schedules has them all");
		return;
	}
	s = submission_new(q, SUBMISSION_ONE);
	item = s ? submission_add(s) : NULL;
	if (item)
		item->envelope = calloc(1, sizeof(*item->envelope));
	if (!item || !item->envelope) {
		if (s)
			submission_free(s);
		submission_refuse(q, &no_memory);
		return;
	}
	s->schedule = c->name;
	schedule_spec(q->api->conf, c, &item->envelope->spec);
	struct job_text queue = item->envelope->spec.queue;
	if (auth_queue_or_refuse(q, (struct slice){ queue.p, queue.n }, NULL))
		submission_ask(s);
	else
		submission_free(s);
}
