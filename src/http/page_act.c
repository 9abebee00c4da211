/* What the pages' buttons do: to a job, a queue or a schedule. Called by the wire half through http_routes. The API's handlers do it; what they answer becomes the way back to a page, or a page that says
 * why not. Nothing here is fatal. */
#include "http/form.h"
#include "http/page.h"
#include "text/json.h"

typedef void (*instead_fn)(struct http_request *q, int status, const char *field, struct slice text);

/* A button sends nothing but itself. */
static void press(struct http_request *q, void (*api)(struct http_request *q), instead_fn instead)
{
	struct form f;

	if (!form_read(&f, q, ""))
		return;
	form_free(&f);
	q->instead = instead;
	api(q);
}

/* False: it was refused, and that has been said. */
static bool went_well(struct http_request *q, int status, const char *field, struct slice text)
{
	if (status < 400)
		return true;
	problem_send(q, status, field, "%.*s", (int)text.n, text.p);
	return false;
}

static void to_job(struct http_request *q, struct slice id, const char *done)
{
	struct buf where = { 0 };

	buf_printf(&where, "/status/jobs/%.*s?done=%s", (int)id.n, id.p, done);
	reply_see_other(q, buf_cstr(&where));
	buf_free(&where);
}

/* --- a job --- */

static void cancelled(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		to_job(q, q->arg[0], "cancel");
}

static void retried(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		to_job(q, q->arg[0], "retry");
}

static void queued(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		to_job(q, q->arg[0], "run-now");
}

static void deleted(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		reply_see_other(q, "/status/jobs?done=delete&count=1");
}

void page_job_cancel(struct http_request *q)
{
	press(q, api_job_cancel, cancelled);
}

void page_job_retry(struct http_request *q)
{
	press(q, api_job_retry, retried);
}

void page_job_run_now(struct http_request *q)
{
	press(q, api_job_run_now, queued);
}

void page_job_delete(struct http_request *q)
{
	press(q, api_job_delete, deleted);
}

/* --- a queue, a schedule --- */

static void paused(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		reply_see_other(q, "/status/queues?done=pause");
}

static void resumed(struct http_request *q, int status, const char *field, struct slice text)
{
	if (went_well(q, status, field, text))
		reply_see_other(q, "/status/queues?done=resume");
}

/* To the job that was submitted. */
static void ran(struct http_request *q, int status, const char *field, struct slice text)
{
	struct slice id;

	if (!went_well(q, status, field, text))
		return;
	if (json_member(text.p, text.n, "id", &id) && id.n > 2)
		to_job(q, (struct slice){ id.p + 1, id.n - 2 }, "run");
	else
		reply_see_other(q, "/status/schedules");
}

void page_queue_pause(struct http_request *q)
{
	press(q, api_queue_pause, paused);
}

void page_queue_resume(struct http_request *q)
{
	press(q, api_queue_resume, resumed);
}

void page_schedule_run(struct http_request *q)
{
	press(q, api_schedule_run, ran);
}
