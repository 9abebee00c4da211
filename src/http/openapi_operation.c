/* What is said of each route in the contract: a pure table, a row for each, and the parameters that routes share. Used by openapi.c, which adds the answers that follow from a route's flags: those of
 * every request (400, 408, 414, 417, 421, 431, 503, 505), of tokens and origins (401, 403), of bodies (413) and of submissions (429). */
#include "http/openapi.h"

#include "http/job_wait.h"
#include "http/members.h"

#define JSON(name) { "application/json", SCHEMA_REF(name) }
#define BYTES(type) { type, SCHEMA_ANY }
#define WORDS(type) { type, SCHEMA_STRING }
#define ONE_OF(...) { "application/json", { .kind = SCHEMA_IS_ONE_OF, .of = (const struct schema[]){ __VA_ARGS__ } } }
#define PAGE WORDS("text/html")
#define BUTTON .body = { { OPENAPI_FORM, SCHEMA_ANY } }, .reply = { { 303, "Done: back to a page.", NO_CONTENT, "Location" } }, .error = { CHANGE_ERRORS }
#define NO_CONTENT { NULL, SCHEMA_ANY }
#define OK(...) .reply = { { 200, "Done.", __VA_ARGS__, NULL } }
#define END { .name = NULL }
#define KEPT_ERRORS 404, 503
#define CHANGE_ERRORS 404, 409, 507

/* --- parameters --- */

static const struct schema_member parameters[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, "The job's." },
	{ "name", SCHEMA_TEXT(1, JOB_QUEUE_MAX), SCHEMA_ALWAYS, "The queue's." },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_MAYBE, "Jobs in this state alone." },
	{ "type", SCHEMA_TEXT(1, JOB_TYPE_MAX), SCHEMA_MAYBE, "Jobs of this type alone." },
	{ "queue", SCHEMA_TEXT(1, JOB_QUEUE_MAX), SCHEMA_MAYBE, "Jobs of this queue alone." },
	{ "tag", SCHEMA_TEXT(1, JOB_TAG_MAX), SCHEMA_MAYBE, "Jobs with this tag alone." },
	{ "q", SCHEMA_TEXT(1, MEMBERS_SEARCH_MAX), SCHEMA_MAYBE, "Searches id, name, tags, key and error text." },
	{ "limit", SCHEMA_INTEGER(1, MEMBERS_LIMIT_MAX), SCHEMA_MAYBE, "Jobs of a page; else 50." },
	{ "cursor", SCHEMA_STRING, SCHEMA_MAYBE, "As the page before gave it, with the same filters." },
	{ "wait", SCHEMA_DURATION(0, JOB_WAIT_MAX_MS), SCHEMA_MAYBE, "How long the answer may be held until the job is final." },
	{ "attempt", SCHEMA_INTEGER(1, 1000000000), SCHEMA_MAYBE, "Else the one that runs, or the last." },
	{ "follow", SCHEMA_CHOICE("0,1"), SCHEMA_MAYBE, "1: goes on as long as the attempt runs." },
	{ "done", SCHEMA_STRING, SCHEMA_MAYBE, "What the form that led here has done, to be shown." },
	{ "count", SCHEMA_COUNT, SCHEMA_MAYBE, "To how many jobs." },
	{ "v", SCHEMA_STRING, SCHEMA_MAYBE, "Of no meaning; makes another address for caches." },
	END
};

const struct schema_member *openapi_parameter(const struct openapi_operation *op, struct slice name)
{
	const struct schema_member *const table[] = { op->parameter, parameters };

	for (unsigned i = 0; i < 2; i++)
		for (const struct schema_member *m = table[i]; m && m->name; m++)
			if (slice_eq(name, m->name))
				return m;
	return NULL;
}

static const struct schema_member purge_state[] = { { "state", SCHEMA_CHOICE("queued"), SCHEMA_ALWAYS, "Has to be said." }, END };
static const struct schema_member schedule_name[] = { { "name", SCHEMA_STRING, SCHEMA_ALWAYS, "The schedule's." }, END };
static const struct schema_member typed_before[] = { { "type", SCHEMA_STRING, SCHEMA_MAYBE, "Stands in the form." }, { "queue", SCHEMA_STRING, SCHEMA_MAYBE, "Likewise." }, END };
static const struct schema_member any_state[] = { { "state", SCHEMA_STRING, SCHEMA_MAYBE, "Jobs in this state alone; empty: in any." }, END };
static const struct schema_member raw_tag[] = { { "tag", SCHEMA_TEXT(1, JOB_TAG_MAX), SCHEMA_MAYBE, "Of a raw body; up to 16 times." }, END };
static const struct schema_member submit_headers[] = {
	{ "Idempotency-Key", SCHEMA_TEXT(1, JOB_KEY_MAX), SCHEMA_MAYBE, "As the field idempotency_key; for one job alone." },
	{ "traceparent", SCHEMA_STRING, SCHEMA_MAYBE, "As the field trace; passed over where it is none." },
	END
};
static const struct schema_member event_headers[] = {
	{ "Last-Event-ID", SCHEMA_PATTERN(0, 19, "^[0-9]*$"), SCHEMA_MAYBE, "Goes on after this event, within the ring that is kept in memory." }, END
};

/* --- operations --- */

const struct openapi_operation openapi_operations[OPENAPI_OPERATIONS] = {
	[OPENAPI_SUBMIT] = {
		"submitJob", "jobs", "Submits a job, or many",
		"A JSON object is one job; an array of up to 1,000 is all or nothing; application/x-ndjson is one job a line, of any number, each stored and answered for itself. With type in the query the body, whatever "
		"its Content-Type, is the payload of one job, and the query says the rest; without it no query parameter is allowed. 201 is sent when the job is on stable storage. 200: an idempotency_key or "
		"unique_key has found the job that is there.",
		.body = { ONE_OF(SCHEMA_REF("JobSubmission"), SCHEMA_LIST(0, MEMBERS_ARRAY_MAX, SCHEMA_REF("JobSubmission"))), WORDS("application/x-ndjson"), BYTES("*/*") },
		.parameter = raw_tag, .header = submit_headers,
		.reply = {
			{ 200, "No job was made but for what NDJSON says: the one that is there, the array of those that are, or a line for each job (JobAccepted or LineProblem).",
				ONE_OF(SCHEMA_REF("Job"), SCHEMA_LIST(0, MEMBERS_ARRAY_MAX, SCHEMA_REF("JobAccepted"))), "Location,Idempotent-Replayed" },
			{ 200, NULL, WORDS("application/x-ndjson"), NULL },
			{ 201, "Stored: the job, or the array of what was submitted.", ONE_OF(SCHEMA_REF("Job"), SCHEMA_LIST(0, MEMBERS_ARRAY_MAX, SCHEMA_REF("JobAccepted"))), "Location" },
		},
		.error = { 415, 422, 507 },
	},
	[OPENAPI_JOBS] = {
		"listJobs", "jobs", "Lists and searches jobs, page by page",
		"Newest first; with state in the order of that state. A call looks at a bounded number of jobs, so that a page may be short while its cursor says that there is more.",
		.reply = { { 200, "A page.", JSON("JobPage"), NULL } },
	},
	[OPENAPI_BULK_CANCEL] = { "cancelJobs", "jobs", "Cancels all jobs that a filter means", NULL, .body = { JSON("JobFilter") }, OK(JSON("Count")), .error = { 507 } },
	[OPENAPI_BULK_RETRY] = { "retryJobs", "jobs", "Retries all jobs that a filter means", NULL, .body = { JSON("JobFilter") }, OK(JSON("Count")), .error = { 507 } },
	[OPENAPI_BULK_DELETE] = { "deleteJobs", "jobs", "Deletes all jobs that a filter means", NULL, .body = { JSON("JobFilter") }, OK(JSON("Count")), .error = { 507 } },
	[OPENAPI_JOB] = {
		"getJob", "jobs", "A job as it is now, or when it has ended", NULL, .reply = { { 200, "The job.", JSON("Job"), NULL } }, .error = { KEPT_ERRORS },
	},
	[OPENAPI_CANCEL] = {
		"cancelJob", "jobs", "Cancels a job", NULL,
		.reply = { { 200, "It is cancelled.", JSON("Job"), NULL }, { 202, "It runs, and is being ended.", JSON("Job"), NULL } }, .error = { CHANGE_ERRORS },
	},
	[OPENAPI_RETRY] = { "retryJob", "jobs", "Queues a final, unsuccessful job again, its attempts at 0", NULL, OK(JSON("Job")), .error = { CHANGE_ERRORS } },
	[OPENAPI_RUN_NOW] = { "runJobNow", "jobs", "Queues a scheduled or retrying job at once", NULL, OK(JSON("Job")), .error = { CHANGE_ERRORS } },
	[OPENAPI_DELETE] = { "deleteJob", "jobs", "Removes a final job", NULL, .reply = { { 204, "It is gone.", NO_CONTENT, NULL } }, .error = { CHANGE_ERRORS } },
	[OPENAPI_HISTORY] = { "getJobHistory", "jobs", "What happened to a job", NULL, .reply = { { 200, "In the order of time.", JSON("History"), NULL } }, .error = { KEPT_ERRORS } },
	[OPENAPI_RESULT] = {
		"getJobResult", "jobs", "A job's result as its bytes", NULL,
		.reply = { { 200, "JSON, text or bytes, as the result is.", BYTES("application/json"), NULL }, { 200, NULL, WORDS("text/plain"), NULL }, { 200, NULL, BYTES("application/octet-stream"), NULL } },
		.error = { KEPT_ERRORS },
	},
	[OPENAPI_PAYLOAD] = {
		"getJobPayload", "jobs", "A job's payload as its bytes", NULL,
		.reply = { { 200, "JSON, or a raw body with the Content-Type that it came with.", BYTES("application/json"), NULL }, { 200, NULL, BYTES("*/*"), NULL } }, .error = { KEPT_ERRORS },
	},
	[OPENAPI_LOG] = { "getJobLog", "jobs", "What an attempt wrote to its standard error", NULL, .reply = { { 200, "As its bytes.", WORDS("text/plain"), NULL } }, .error = { KEPT_ERRORS } },
	[OPENAPI_COMPLETE] = { "completeJob", "workers", "The attempt has succeeded", NULL, .body = { JSON("LeaseComplete") }, OK(JSON("LeaseEnd")), .error = { CHANGE_ERRORS } },
	[OPENAPI_FAIL] = { "failJob", "workers", "The attempt has failed", NULL, .body = { JSON("LeaseFail") }, OK(JSON("LeaseEnd")), .error = { CHANGE_ERRORS } },
	[OPENAPI_EXTEND] = { "extendJob", "workers", "Extends a lease", NULL, .body = { JSON("LeaseExtend") }, OK(JSON("LeaseExtended")), .error = { CHANGE_ERRORS } },
	[OPENAPI_PROGRESS] = { "progressJob", "workers", "Says how far the attempt is", NULL, .body = { JSON("LeaseProgress") }, OK(JSON("LeaseEnd")), .error = { CHANGE_ERRORS } },
	[OPENAPI_RELEASE] = { "releaseJob", "workers", "Gives the job back: queued again, no retry used", NULL, .body = { JSON("LeaseRelease") }, OK(JSON("LeaseEnd")), .error = { CHANGE_ERRORS } },
	[OPENAPI_CLAIMS] = {
		"claimJobs", "workers", "Claims jobs, and waits for them", NULL,
		.body = { JSON("Claim") }, .reply = { { 200, "What there is: none where nothing came in time.", JSON("ClaimedJobs"), NULL } }, .error = { 422, 507 },
	},
	[OPENAPI_CLAIM_RESULTS] = {
		"endClaims", "workers", "Completes, fails and releases many in one commit", NULL,
		.body = { { "application/json", SCHEMA_LIST(0, MEMBERS_ARRAY_MAX, SCHEMA_REF("ClaimEnd")) } }, .reply = { { 200, "One for each, in order.", JSON("ClaimResults"), NULL } },
	},
	[OPENAPI_IMPORT] = {
		"importJobs", "jobs", "Takes in the lines of an export",
		"What stint export writes, its first line first: jobs with their ids, states, payloads and histories. Each line is put into the store and answered for itself, in order; a job whose id is there is left as it is. "
		"A line may have twice max_body and 32 MiB.",
		.body = { WORDS("application/x-ndjson") },
		.reply = { { 200, "A line for each line: ImportedLine or LineProblem.", WORDS("application/x-ndjson"), NULL } }, .error = { 415 },
	},
	[OPENAPI_QUEUES] = { "listQueues", "queues", "All queues", NULL, .reply = { { 200, "Those of the conf, and those that have had a job.", JSON("Queues"), NULL } } },
	[OPENAPI_QUEUE] = { "getQueue", "queues", "A queue", NULL, .reply = { { 200, "The queue.", JSON("Queue"), NULL } }, .error = { 404 } },
	[OPENAPI_PAUSE] = { "pauseQueue", "queues", "No job of the queue starts any more", NULL, OK(JSON("Queue")), .error = { 507 } },
	[OPENAPI_RESUME] = { "resumeQueue", "queues", "Its jobs start again", NULL, OK(JSON("Queue")), .error = { 507 } },
	[OPENAPI_PURGE] = { "purgeQueue", "queues", "Cancels what is queued there", NULL, .parameter = purge_state, OK(JSON("Count")), .error = { 404, 507 } },
	[OPENAPI_SCHEDULES] = { "listSchedules", "schedules", "The conf's schedules", NULL, .reply = { { 200, "All of them.", JSON("Schedules"), NULL } } },
	[OPENAPI_SCHEDULE_RUN] = {
		"runSchedule", "schedules", "Submits a schedule's job now", NULL,
		.parameter = schedule_name, .reply = { { 201, "Stored.", JSON("Job"), "Location" } }, .error = { 404, 507 },
	},
	[OPENAPI_EVENTS] = {
		"watchEvents", "watching", "Changes of jobs as they happen, and the figures every second",
		"Server-Sent Events: stats with Stats as its data, job with JobEvent, lost with EventsLost where a client has fallen behind the ring. Ids are increasing integers.",
		.header = event_headers, .reply = { { 200, "Goes on until one side ends it.", WORDS("text/event-stream"), NULL } },
	},
	[OPENAPI_STATS] = { "getStats", "watching", "All figures", NULL, .reply = { { 200, "Now.", JSON("Stats"), NULL } } },
	[OPENAPI_STATUS_JSON] = { "getStatusJson", "watching", "The same as /stats", NULL, .reply = { { 200, "Now.", JSON("Stats"), NULL } } },
	[OPENAPI_STATUS] = {
		"getStatus", "pages", "The status page, or its figures", NULL, .reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("Stats"), NULL } },
	},
	[OPENAPI_LOGIN_PAGE] = { "getLogin", "pages", "The form that takes an access token", NULL, .reply = { { 200, "The page.", PAGE, NULL } } },
	[OPENAPI_LOGIN] = {
		"login", "pages", "Keeps an access token in a cookie", NULL,
		.body = { { OPENAPI_FORM, SCHEMA_REF("Login") } },
		.reply = { { 303, "To the status page.", NO_CONTENT, "Location" }, { 401, "The form again.", PAGE, "WWW-Authenticate" } },
	},
	[OPENAPI_LOGOUT] = { "logout", "pages", "Forgets it", NULL, .reply = { { 303, "To the form.", NO_CONTENT, "Location" } } },
	[OPENAPI_STYLE] = { "getStyle", "pages", "The pages' style sheet", NULL, .reply = { { 200, "The file.", WORDS("text/css"), NULL } } },
	[OPENAPI_SCRIPT] = { "getScript", "pages", "The pages' script", NULL, .reply = { { 200, "The file.", WORDS("text/javascript"), NULL } } },
	[OPENAPI_ICON] = { "getIcon", "pages", "The pages' icon", NULL, .reply = { { 200, "The file.", WORDS("image/svg+xml"), NULL } } },
	[OPENAPI_JOBS_PAGE] = {
		"getJobsPage", "pages", "The jobs, with filters and buttons", NULL, .parameter = any_state, .reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("JobPage"), NULL } },
	},
	[OPENAPI_BULK_PAGE] = {
		"actOnJobsPage", "pages", "Asks whether all jobs of a filter are meant, and then does it", NULL, .body = { { OPENAPI_FORM, SCHEMA_REF("BulkForm") } },
		.reply = { { 200, "The question.", PAGE, NULL }, { 303, "Done: back to the jobs.", NO_CONTENT, "Location" } }, .error = { 507 },
	},
	[OPENAPI_JOB_PAGE] = {
		"getJobPage", "pages", "One job, with its history, payload, result and log", NULL,
		.reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("Job"), NULL } }, .error = { KEPT_ERRORS },
	},
	[OPENAPI_CANCEL_FORM] = { "cancelJobPage", "pages", "A job's button: cancel", NULL, BUTTON },
	[OPENAPI_RETRY_FORM] = { "retryJobPage", "pages", "A job's button: retry", NULL, BUTTON },
	[OPENAPI_RUN_NOW_FORM] = { "runJobNowPage", "pages", "A job's button: run now", NULL, BUTTON },
	[OPENAPI_DELETE_FORM] = { "deleteJobPage", "pages", "A job's button: delete", NULL, BUTTON },
	[OPENAPI_QUEUES_PAGE] = {
		"getQueuesPage", "pages", "The queues, with their limits and buttons", NULL, .reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("Queues"), NULL } },
	},
	[OPENAPI_PAUSE_FORM] = { "pauseQueuePage", "pages", "A queue's button: pause", NULL, BUTTON },
	[OPENAPI_RESUME_FORM] = { "resumeQueuePage", "pages", "A queue's button: resume", NULL, BUTTON },
	[OPENAPI_WORKERS_PAGE] = {
		"getWorkersPage", "pages", "Processes, what runs now, and workers on other machines", NULL,
		.reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("Stats"), NULL } },
	},
	[OPENAPI_SCHEDULES_PAGE] = {
		"getSchedulesPage", "pages", "The schedules, with their last and next runs", NULL,
		.reply = { { 200, "By the header Accept.", PAGE, NULL }, { 200, NULL, JSON("Schedules"), NULL } },
	},
	[OPENAPI_SCHEDULE_RUN_FORM] = { "runSchedulePage", "pages", "A schedule's button: run now", NULL, .parameter = schedule_name, BUTTON },
	[OPENAPI_SUBMIT_PAGE] = { "getSubmitPage", "pages", "A form to submit a job with", NULL, .parameter = typed_before, .reply = { { 200, "The form.", PAGE, NULL } } },
	[OPENAPI_SUBMIT_FORM] = {
		"submitJobPage", "pages", "Submits a job by form", NULL, .body = { { OPENAPI_FORM, SCHEMA_REF("SubmitForm") } },
		.reply = { { 303, "Stored: to the job's page.", NO_CONTENT, "Location" } }, .error = { 422, 429, 507 },
	},
	[OPENAPI_METRICS] = {
		"getMetrics", "watching", "Figures for Prometheus, or a short JSON", NULL,
		.reply = { { 200, "By the header Accept.", WORDS("text/plain"), NULL }, { 200, NULL, WORDS("application/openmetrics-text"), NULL }, { 200, NULL, JSON("ShortFigures"), NULL } },
	},
	[OPENAPI_LIVEZ] = { "getLivez", "watching", "Whether the server answers", NULL, .reply = { { 200, "It does.", JSON("Alive"), NULL } } },
	[OPENAPI_READYZ] = { "getReadyz", "watching", "Whether it may be sent to; 503 says why not", NULL, .reply = { { 200, "It may.", JSON("Ready"), NULL } } },
	[OPENAPI_HEALTH] = {
		"getHealth", "watching", "Whether the store is there", NULL,
		.reply = { { 200, "It is.", JSON("Health"), NULL }, { 503, "It is not.", JSON("Health"), NULL }, { 503, NULL, { "application/problem+json", SCHEMA_REF("Problem") }, NULL } },
	},
	[OPENAPI_CONTRACT] = { "getOpenapi", "watching", "This document", NULL, .reply = { { 200, "OpenAPI 3.1.", BYTES("application/json"), NULL } } },
	[OPENAPI_ROOT] = { "getRoot", "pages", "Leads to the status page", NULL, .reply = { { 302, "To /status.", NO_CONTENT, "Location" } } },
};
