/* Owns the one table of routes. Called by request.c for every request. Nothing here is fatal. */
#include "http/route.h"

#include <string.h>

#include "http/openapi.h"
#include "http/page.h"

#define SUBMIT_QUERY "type,queue,name,priority,run_at,delay,max_retries,timeout,expires_in,expires_at,idempotency_key,unique_key,key,trace,tag*"

/* A name in `query` that ends in * may come again. */
const struct http_route http_routes[] = {
	{ HTTP_M_POST, "/jobs", HTTP_ROUTE_BODY | HTTP_ROUTE_SUBMIT | HTTP_ROUTE_FOR_SUBMIT | HTTP_ROUTE_BY_QUEUE, api_submit, SUBMIT_QUERY, OPENAPI_SUBMIT },
	{ HTTP_M_GET, "/jobs", HTTP_ROUTE_BY_QUEUE, api_jobs, "state,type,queue,tag,q,limit,cursor", OPENAPI_JOBS },
	{ HTTP_M_POST, "/jobs/cancel", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, api_bulk_cancel, "", OPENAPI_BULK_CANCEL },
	{ HTTP_M_POST, "/jobs/retry", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, api_bulk_retry, "", OPENAPI_BULK_RETRY },
	{ HTTP_M_POST, "/jobs/delete", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, api_bulk_delete, "", OPENAPI_BULK_DELETE },
	{ HTTP_M_GET, "/jobs/:id", HTTP_ROUTE_FOR_SUBMIT | HTTP_ROUTE_BY_QUEUE, api_job, "wait", OPENAPI_JOB },
	{ HTTP_M_DELETE, "/jobs/:id", HTTP_ROUTE_BY_QUEUE, api_job_cancel, "", OPENAPI_CANCEL },
	{ HTTP_M_POST, "/jobs/:id/retry", HTTP_ROUTE_BY_QUEUE, api_job_retry, "", OPENAPI_RETRY },
	{ HTTP_M_POST, "/jobs/:id/run-now", HTTP_ROUTE_BY_QUEUE, api_job_run_now, "", OPENAPI_RUN_NOW },
	{ HTTP_M_POST, "/jobs/:id/delete", HTTP_ROUTE_BY_QUEUE, api_job_delete, "", OPENAPI_DELETE },
	{ HTTP_M_GET, "/jobs/:id/history", HTTP_ROUTE_BY_QUEUE, api_job_history, "", OPENAPI_HISTORY },
	{ HTTP_M_GET, "/jobs/:id/result", HTTP_ROUTE_BY_QUEUE, api_job_result, "", OPENAPI_RESULT },
	{ HTTP_M_GET, "/jobs/:id/payload", HTTP_ROUTE_BY_QUEUE, api_job_payload, "", OPENAPI_PAYLOAD },
	{ HTTP_M_GET, "/jobs/:id/log", HTTP_ROUTE_HANGUP | HTTP_ROUTE_BY_QUEUE, api_job_log, "attempt,follow", OPENAPI_LOG },
	{ HTTP_M_POST, "/jobs/:id/complete", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_lease_complete, "", OPENAPI_COMPLETE },
	{ HTTP_M_POST, "/jobs/:id/fail", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_lease_fail, "", OPENAPI_FAIL },
	{ HTTP_M_POST, "/jobs/:id/extend", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_lease_extend, "", OPENAPI_EXTEND },
	{ HTTP_M_POST, "/jobs/:id/progress", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_lease_progress, "", OPENAPI_PROGRESS },
	{ HTTP_M_POST, "/jobs/:id/release", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_lease_release, "", OPENAPI_RELEASE },
	{ HTTP_M_POST, "/claims", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE | HTTP_ROUTE_HANGUP, api_claims, "", OPENAPI_CLAIMS },
	{ HTTP_M_POST, "/claims/results", HTTP_ROUTE_BODY | HTTP_ROUTE_FOR_WORK | HTTP_ROUTE_BY_QUEUE, api_claim_results, "", OPENAPI_CLAIM_RESULTS },
	{ HTTP_M_POST, "/import", HTTP_ROUTE_BODY, api_import, "", OPENAPI_IMPORT },
	{ HTTP_M_GET, "/queues", HTTP_ROUTE_BY_QUEUE, api_queues, "", OPENAPI_QUEUES },
	{ HTTP_M_GET, "/queues/:name", HTTP_ROUTE_BY_QUEUE, api_queue, "", OPENAPI_QUEUE },
	{ HTTP_M_POST, "/queues/:name/pause", HTTP_ROUTE_BY_QUEUE, api_queue_pause, "", OPENAPI_PAUSE },
	{ HTTP_M_POST, "/queues/:name/resume", HTTP_ROUTE_BY_QUEUE, api_queue_resume, "", OPENAPI_RESUME },
	{ HTTP_M_DELETE, "/queues/:name/jobs", HTTP_ROUTE_BY_QUEUE, api_queue_purge, "state", OPENAPI_PURGE },
	{ HTTP_M_GET, "/schedules", HTTP_ROUTE_BY_QUEUE, api_schedules, "", OPENAPI_SCHEDULES },
	{ HTTP_M_POST, "/schedules/:name/run", HTTP_ROUTE_SUBMIT | HTTP_ROUTE_BY_QUEUE, api_schedule_run, "", OPENAPI_SCHEDULE_RUN },
	{ HTTP_M_GET, "/events", HTTP_ROUTE_HANGUP | HTTP_ROUTE_BY_QUEUE, api_events, "type,queue,state", OPENAPI_EVENTS },
	{ HTTP_M_GET, "/stats", 0, api_stats, "", OPENAPI_STATS },
	{ HTTP_M_GET, "/status.json", 0, api_stats, "", OPENAPI_STATUS_JSON },
	{ HTTP_M_GET, "/status", 0, api_status_page, "", OPENAPI_STATUS },
	{ HTTP_M_GET, "/status/login", HTTP_ROUTE_OPEN, api_login_page, "", OPENAPI_LOGIN_PAGE },
	{ HTTP_M_POST, "/status/login", HTTP_ROUTE_OPEN | HTTP_ROUTE_BODY, api_login, "", OPENAPI_LOGIN },
	{ HTTP_M_POST, "/status/logout", HTTP_ROUTE_OPEN, api_logout, "", OPENAPI_LOGOUT },
	{ HTTP_M_GET, "/status/jobs", HTTP_ROUTE_BY_QUEUE, page_jobs, "state,type,queue,tag,q,limit,cursor,done,count", OPENAPI_JOBS_PAGE },
	{ HTTP_M_POST, "/status/jobs/bulk", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_bulk, "", OPENAPI_BULK_PAGE },
	{ HTTP_M_GET, "/status/jobs/:id", HTTP_ROUTE_FOR_SUBMIT | HTTP_ROUTE_BY_QUEUE, page_job, "done", OPENAPI_JOB_PAGE },
	{ HTTP_M_POST, "/status/jobs/:id/cancel", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_job_cancel, "", OPENAPI_CANCEL_FORM },
	{ HTTP_M_POST, "/status/jobs/:id/retry", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_job_retry, "", OPENAPI_RETRY_FORM },
	{ HTTP_M_POST, "/status/jobs/:id/run-now", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_job_run_now, "", OPENAPI_RUN_NOW_FORM },
	{ HTTP_M_POST, "/status/jobs/:id/delete", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_job_delete, "", OPENAPI_DELETE_FORM },
	{ HTTP_M_GET, "/status/queues", HTTP_ROUTE_BY_QUEUE, page_queues, "done", OPENAPI_QUEUES_PAGE },
	{ HTTP_M_POST, "/status/queues/:name/pause", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_queue_pause, "", OPENAPI_PAUSE_FORM },
	{ HTTP_M_POST, "/status/queues/:name/resume", HTTP_ROUTE_BODY | HTTP_ROUTE_BY_QUEUE, page_queue_resume, "", OPENAPI_RESUME_FORM },
	{ HTTP_M_GET, "/status/workers", 0, page_workers, "", OPENAPI_WORKERS_PAGE },
	{ HTTP_M_GET, "/status/schedules", HTTP_ROUTE_BY_QUEUE, page_schedules, "", OPENAPI_SCHEDULES_PAGE },
	{ HTTP_M_POST, "/status/schedules/:name/run", HTTP_ROUTE_BODY | HTTP_ROUTE_SUBMIT | HTTP_ROUTE_BY_QUEUE, page_schedule_run, "", OPENAPI_SCHEDULE_RUN_FORM },
	{ HTTP_M_GET, "/status/submit", HTTP_ROUTE_FOR_SUBMIT | HTTP_ROUTE_BY_QUEUE, page_submit, "type,queue", OPENAPI_SUBMIT_PAGE },
	{ HTTP_M_POST, "/status/submit", HTTP_ROUTE_BODY | HTTP_ROUTE_SUBMIT | HTTP_ROUTE_FOR_SUBMIT | HTTP_ROUTE_BY_QUEUE, page_submit_post, "", OPENAPI_SUBMIT_FORM },
	{ HTTP_M_GET, "/status/style.css", HTTP_ROUTE_OPEN, api_asset, "v", OPENAPI_STYLE },
	{ HTTP_M_GET, "/status/script.js", HTTP_ROUTE_OPEN, api_asset, "v", OPENAPI_SCRIPT },
	{ HTTP_M_GET, "/status/icon.svg", HTTP_ROUTE_OPEN, api_asset, "v", OPENAPI_ICON },
	{ HTTP_M_GET, "/metrics", 0, api_metrics, "", OPENAPI_METRICS },
	{ HTTP_M_GET, "/livez", HTTP_ROUTE_OPEN, api_livez, "", OPENAPI_LIVEZ },
	{ HTTP_M_GET, "/readyz", HTTP_ROUTE_OPEN, api_readyz, "", OPENAPI_READYZ },
	{ HTTP_M_GET, "/health", HTTP_ROUTE_OPEN, api_health, "", OPENAPI_HEALTH },
	{ HTTP_M_GET, "/openapi.json", HTTP_ROUTE_BY_QUEUE, api_openapi, "", OPENAPI_CONTRACT },
	{ HTTP_M_GET, "/", HTTP_ROUTE_OPEN, api_root, "", OPENAPI_ROOT },
	{ HTTP_M_OTHER, NULL, 0, NULL, NULL, 0 },
};

static bool matches(const char *pattern, const struct slice *segment, unsigned n, struct slice arg[HTTP_PATH_ARGS])
{
	unsigned args = 0;

	for (unsigned i = 0; i < n; i++) {
		size_t len = strcspn(++pattern, "/");

		if (*pattern == ':') {
			if (segment[i].n == 0 || args == HTTP_PATH_ARGS)
				return false;
			arg[args++] = segment[i];
		} else if (segment[i].n != len || memcmp(segment[i].p, pattern, len) != 0) {
			return false;
		}
		pattern += len;
		if (*pattern == '\0')
			return i + 1 == n;
	}
	return false;
}

static void add_method(char allow[ROUTE_ALLOW_BYTES], enum http_method m)
{
	static const char *const name[] = { [HTTP_M_GET] = "GET, HEAD", [HTTP_M_POST] = "POST", [HTTP_M_PUT] = "PUT", [HTTP_M_DELETE] = "DELETE", [HTTP_M_PATCH] = "PATCH" };
	size_t have = strlen(allow), more = strlen(name[m]);

	if (have + more + 3 > ROUTE_ALLOW_BYTES)
		return;
	if (have) {
		memcpy(allow + have, ", ", 2);
		have += 2;
	}
	memcpy(allow + have, name[m], more + 1);
}

const struct http_route *route_find(enum http_method method, const struct slice *segment, unsigned n, struct slice arg[HTTP_PATH_ARGS], char allow[ROUTE_ALLOW_BYTES])
{
	enum http_method wanted = method == HTTP_M_HEAD ? HTTP_M_GET : method;

	allow[0] = '\0';
	for (const struct http_route *r = http_routes; r->handle; r++) {
		if (!matches(r->pattern, segment, n, arg))
			continue;
		if (r->method == wanted)
			return r;
		add_method(allow, r->method);
	}
	return NULL;
}

bool route_takes(const struct http_route *r, struct slice name, bool *again)
{
	for (const char *p = r->query; *p;) {
		size_t len = strcspn(p, ",");

		*again = len && p[len - 1] == '*';
		if (name.n == len - *again && memcmp(name.p, p, name.n) == 0 && name.n)
			return true;
		p += len;
		p += *p == ',';
	}
	return false;
}
