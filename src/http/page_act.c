/* POST /status/jobs/ID/cancel, /retry, /run-now and /delete: a job's buttons. Called by the wire half through http_routes. The API's handlers do it; what they answer becomes the way back to the job's
 * page, or a page that says why not. Nothing here is fatal. */
#include "http/form.h"
#include "http/page.h"

static void lead(struct http_request *q, int status, const char *field, struct slice text, const char *done)
{
	struct buf where = { 0 };

	if (status >= 400) {
		problem_send(q, status, field, "%.*s", (int)text.n, text.p);
		return;
	}
	if (done)
		buf_printf(&where, "/status/jobs/%.*s?done=%s", (int)q->arg[0].n, q->arg[0].p, done);
	else
		buf_str(&where, "/status/jobs?done=delete&count=1");
	reply_see_other(q, buf_cstr(&where));
	buf_free(&where);
}

static void cancelled(struct http_request *q, int status, const char *field, struct slice text)
{
	lead(q, status, field, text, "cancel");
}

static void retried(struct http_request *q, int status, const char *field, struct slice text)
{
	lead(q, status, field, text, "retry");
}

static void queued(struct http_request *q, int status, const char *field, struct slice text)
{
	lead(q, status, field, text, "run-now");
}

static void deleted(struct http_request *q, int status, const char *field, struct slice text)
{
	lead(q, status, field, text, NULL);
}

/* A button sends nothing but itself. */
static bool is_empty(struct http_request *q)
{
	struct form f;

	if (!form_read(&f, q, ""))
		return false;
	form_free(&f);
	return true;
}

void page_job_cancel(struct http_request *q)
{
	if (!is_empty(q))
		return;
	q->instead = cancelled;
	api_job_cancel(q);
}

void page_job_retry(struct http_request *q)
{
	if (!is_empty(q))
		return;
	q->instead = retried;
	api_job_retry(q);
}

void page_job_run_now(struct http_request *q)
{
	if (!is_empty(q))
		return;
	q->instead = queued;
	api_job_run_now(q);
}

void page_job_delete(struct http_request *q)
{
	if (!is_empty(q))
		return;
	q->instead = deleted;
	api_job_delete(q);
}
