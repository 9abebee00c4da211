/* What is said of the JSON in requests and answers: pure tables. What a request may hold is taken from the tables by which it is checked; what answers hold is held against real ones by the tests.
 * Used by openapi.c. */
#include "http/openapi.h"

#include <string.h>

#include "http/envelope_field.h"
#include "http/lease.h"
#include "http/members.h"
#include "http/stats.h"
#include "job/state.h"

#define END { .name = NULL }
#define SECONDS SCHEMA_NUMBER(0, INFINITY)
#define REAL SCHEMA_NUMBER(0, INFINITY)
#define SHARE SCHEMA_NUMBER(0, 1)

/* --- strings --- */

const struct schema_member openapi_types[] = {
	{ "JobId", { .kind = SCHEMA_IS_FORMAT, .text = "uuid" }, SCHEMA_ALWAYS, "A UUID of version 7, in lower case; ids only grow." },
	{ "DurationText", SCHEMA_PATTERN(1, INFINITY, "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)?$"), SCHEMA_ALWAYS, "Such as 250ms, 30s, 5m, 2h or 7d; without a unit it is seconds." },
	END
};

static const char *state_at(unsigned i)
{
	return i + 1 < JOB_STATES ? job_state_name((enum job_state)(i + 1)) : NULL;
}

static const char *outcome_at(unsigned i)
{
	return i + 1 < JOB_OUTCOMES ? job_outcome_name((enum job_outcome)(i + 1)) : NULL;
}

/* What a history and the stream of events may tell: transitions, ends of attempts, and that one has started. */
static const char *any_event(unsigned i)
{
	if (i < JOB_EVENTS)
		return job_event_name((enum job_event)i);
	return i == JOB_EVENTS ? "started" : outcome_at(i - JOB_EVENTS - 1);
}

/* Several transitions have one name: each is told once. */
static const char *event_at(unsigned i)
{
	const char *name;

	for (unsigned k = 0; (name = any_event(k)); k++) {
		unsigned earlier = 0;
		while (earlier < k && strcmp(any_event(earlier), name) != 0)
			earlier++;
		if (earlier == k && i-- == 0)
			return name;
	}
	return NULL;
}

static const char *role_at(unsigned i)
{
	return i + 1 <= SHM_ROLE_WORKER ? stats_role_name((enum shm_role)(i + 1)) : NULL;
}

static const char *process_state_at(unsigned i)
{
	return i + 1 <= SHM_PROC_ABANDONED ? stats_proc_state_name((enum shm_proc_state)(i + 1)) : NULL;
}

static const char *breaker_at(unsigned i)
{
	return i < FIGURES_BREAKERS ? figures_breaker_name((enum figures_breaker)i) : NULL;
}

const struct openapi_names openapi_names[] = {
	{ "JobState", "succeeded, dead, cancelled and expired are final.", state_at },
	{ "EventName", "What happened to a job.", event_at },
	{ "Outcome", "How an attempt ended.", outcome_at },
	{ "ProcessRole", NULL, role_at },
	{ "ProcessState", NULL, process_state_at },
	{ "Breaker", "off: the type has none; open: it rests; half-open: one trial job decides.", breaker_at },
	{ NULL, NULL, NULL }
};

/* --- jobs --- */

static const struct schema_member backoff[] = {
	{ "base", SECONDS, SCHEMA_ALWAYS, "Seconds." },
	{ "factor", SCHEMA_NUMBER(1, 1000), SCHEMA_ALWAYS, NULL },
	{ "max", SECONDS, SCHEMA_ALWAYS, "Seconds." },
	{ "jitter", SCHEMA_INTEGER(0, 100), SCHEMA_ALWAYS, "Percent." },
	END
};

static const struct schema_member progress[] = {
	{ "percent", SCHEMA_INTEGER(0, 100), SCHEMA_ALWAYS, NULL },
	{ "message", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	END
};

static const struct schema_member job[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "name", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "queue", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_ALWAYS, NULL },
	{ "priority", SCHEMA_INTEGER(-32768, 32767), SCHEMA_ALWAYS, NULL },
	{ "payload", SCHEMA_ANY, SCHEMA_MAYBE, "Left out where it is a raw body, and in listings where it is long." },
	{ "content_type", SCHEMA_STRING, SCHEMA_MAYBE, "Of a raw body: GET /jobs/{id}/payload has it." },
	{ "run_at", SCHEMA_TIME, SCHEMA_MAYBE, "Of a retrying job its next attempt." },
	{ "max_retries", SCHEMA_INTEGER(0, 1000), SCHEMA_ALWAYS, NULL },
	{ "timeout", SECONDS, SCHEMA_MAYBE, "Seconds." },
	{ "backoff", SCHEMA_REF("Backoff"), SCHEMA_ALWAYS, NULL },
	{ "expires_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	{ "idempotency_key", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "unique_key", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "key", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "depends_on", SCHEMA_LIST(1, JOB_DEPENDS_MAX, SCHEMA_ID), SCHEMA_MAYBE, NULL },
	{ "trace", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "tags", SCHEMA_LIST(1, JOB_TAGS_MAX, SCHEMA_STRING), SCHEMA_MAYBE, NULL },
	{ "attempts", SCHEMA_COUNT, SCHEMA_ALWAYS, "All starts." },
	{ "retry_count", SCHEMA_COUNT, SCHEMA_ALWAYS, "Retries used up: by failures and time-outs alone." },
	{ "created_at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	{ "updated_at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	{ "started_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	{ "finished_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	{ "worker", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "last_error", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "progress", SCHEMA_REF("Progress"), SCHEMA_MAYBE, NULL },
	{ "result", SCHEMA_ANY, SCHEMA_MAYBE, "JSON where the handler's output is JSON, else a string." },
	{ "result_truncated", SCHEMA_FLAG, SCHEMA_MAYBE, "The output went beyond max_output." },
	END
};

static const struct schema_member accepted[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member page[] = {
	{ "jobs", SCHEMA_LIST(0, MEMBERS_LIMIT_MAX, SCHEMA_REF("Job")), SCHEMA_ALWAYS, NULL },
	{ "cursor", { .kind = SCHEMA_IS_TEXT_OR_NULL }, SCHEMA_ALWAYS, "For the next page; null: there is none." },
	END
};

static const struct schema_member count[] = { { "count", SCHEMA_COUNT, SCHEMA_ALWAYS, NULL }, END };

static const struct schema_member history[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "history", SCHEMA_LIST(1, INFINITY, SCHEMA_REF("HistoryEvent")), SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member history_event[] = {
	{ "event", SCHEMA_REF("EventName"), SCHEMA_ALWAYS, NULL },
	{ "at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	{ "attempt", SCHEMA_INTEGER(1, INFINITY), SCHEMA_MAYBE, NULL },
	{ "worker", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "detail", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "run_at", SCHEMA_TIME, SCHEMA_MAYBE, "Of scheduled and retry_scheduled." },
	{ "percent", SCHEMA_INTEGER(0, 100), SCHEMA_MAYBE, "Of progress." },
	{ "exit_code", SCHEMA_INTEGER(0, INFINITY), SCHEMA_MAYBE, NULL },
	{ "signal", SCHEMA_INTEGER(1, INFINITY), SCHEMA_MAYBE, NULL },
	{ "duration_ms", REAL, SCHEMA_MAYBE, NULL },
	{ "cpu_ms", REAL, SCHEMA_MAYBE, NULL },
	{ "max_rss_kb", SCHEMA_COUNT, SCHEMA_MAYBE, NULL },
	END
};

static const struct schema_member job_event[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "queue", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_ALWAYS, NULL },
	{ "event", SCHEMA_REF("EventName"), SCHEMA_ALWAYS, NULL },
	{ "attempt", SCHEMA_COUNT, SCHEMA_ALWAYS, NULL },
	{ "at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	{ "percent", SCHEMA_INTEGER(0, 100), SCHEMA_MAYBE, "Of progress." },
	{ "outcome", SCHEMA_REF("Outcome"), SCHEMA_MAYBE, "Where it ended an attempt." },
	END
};

static const struct schema_member lost[] = {
	{ "from", SCHEMA_COUNT, SCHEMA_ALWAYS, "The first id that was missed." },
	{ "to", SCHEMA_COUNT, SCHEMA_ALWAYS, "The last." },
	END
};

/* --- queues and schedules --- */

static const struct schema_member states[] = { { "", { .kind = SCHEMA_IS_STATES }, SCHEMA_ALWAYS, NULL }, END };

static const struct schema_member queue[] = {
	{ "name", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "paused", SCHEMA_FLAG, SCHEMA_ALWAYS, NULL },
	{ "counts", SCHEMA_REF("StateCounts"), SCHEMA_ALWAYS, NULL },
	{ "oldest_queued_s", SECONDS, SCHEMA_ALWAYS, NULL },
	{ "weight", SCHEMA_COUNT, SCHEMA_ALWAYS, "Its share of turns." },
	{ "concurrency", SCHEMA_COUNT, SCHEMA_ALWAYS, "Jobs that may run at once; 0: no limit." },
	{ "running", SCHEMA_COUNT, SCHEMA_ALWAYS, NULL },
	{ "rate", REAL, SCHEMA_ALWAYS, "Starts a second; 0: no limit." },
	{ "max_queued", SCHEMA_COUNT, SCHEMA_ALWAYS, "Jobs that may wait; 0: no limit." },
	END
};

static const struct schema_member queues[] = { { "queues", SCHEMA_LIST(0, INFINITY, SCHEMA_REF("Queue")), SCHEMA_ALWAYS, NULL }, END };

static const struct schema_member schedule[] = {
	{ "name", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "cron", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "timezone", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "queue", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "missed", SCHEMA_CHOICE("once,all,skip"), SCHEMA_ALWAYS, NULL },
	{ "last_run_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	{ "last_job", SCHEMA_ID, SCHEMA_MAYBE, NULL },
	{ "next_run_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	END
};

static const struct schema_member schedules[] = { { "schedules", SCHEMA_LIST(0, INFINITY, SCHEMA_REF("Schedule")), SCHEMA_ALWAYS, NULL }, END };

/* --- workers on other machines --- */

static const struct schema_member claimed_job[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "queue", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "name", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "priority", SCHEMA_INTEGER(-32768, 32767), SCHEMA_ALWAYS, NULL },
	{ "attempt", SCHEMA_INTEGER(1, INFINITY), SCHEMA_ALWAYS, NULL },
	{ "max_attempts", SCHEMA_INTEGER(1, INFINITY), SCHEMA_ALWAYS, NULL },
	{ "lease", SCHEMA_PATTERN(1, 19, "^[0-9]+$"), SCHEMA_ALWAYS, "What the calls about this attempt carry." },
	{ "lease_expires_at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	{ "timeout", SECONDS, SCHEMA_MAYBE, "Seconds; left out: no limit." },
	{ "trace", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "tags", SCHEMA_LIST(1, JOB_TAGS_MAX, SCHEMA_STRING), SCHEMA_MAYBE, NULL },
	{ "payload", SCHEMA_ANY, SCHEMA_MAYBE, "Either this, or the next two." },
	{ "content_type", SCHEMA_STRING, SCHEMA_MAYBE, "Of a raw body." },
	{ "payload_base64", SCHEMA_STRING, SCHEMA_MAYBE, "Its bytes." },
	END
};

static const struct schema_member claimed_jobs[] = { { "jobs", SCHEMA_LIST(0, INFINITY, SCHEMA_REF("ClaimedJob")), SCHEMA_ALWAYS, "None: nothing came in time." }, END };

static const struct schema_member lease_end[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_ALWAYS, NULL },
	{ "run_at", SCHEMA_TIME, SCHEMA_MAYBE, "Of a retrying job." },
	END
};

static const struct schema_member lease_extended[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "lease_expires_at", SCHEMA_TIME, SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member claim_result[] = {
	{ "id", SCHEMA_ID, SCHEMA_ALWAYS, NULL },
	{ "status", SCHEMA_INTEGER(200, 507), SCHEMA_ALWAYS, "What the call alone would have been answered with." },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_MAYBE, "With 200." },
	{ "run_at", SCHEMA_TIME, SCHEMA_MAYBE, "With 200, of a retrying job." },
	{ "detail", SCHEMA_STRING, SCHEMA_MAYBE, "With any other." },
	END
};

static const struct schema_member claim_results[] = { { "results", SCHEMA_LIST(0, INFINITY, SCHEMA_REF("ClaimResult")), SCHEMA_ALWAYS, NULL }, END };

/* --- figures --- */

static const struct schema_member spread[] = {
	{ "p50", REAL, SCHEMA_ALWAYS, NULL }, { "p95", REAL, SCHEMA_ALWAYS, NULL }, { "p99", REAL, SCHEMA_ALWAYS, NULL }, { "max", REAL, SCHEMA_ALWAYS, NULL }, END
};

#define SPREAD SCHEMA_REF("Spread")
#define COUNTED(name) { name, SCHEMA_COUNT, SCHEMA_ALWAYS, NULL }
#define STATES { "", { .kind = SCHEMA_IS_STATES }, SCHEMA_ALWAYS, NULL }

static const struct schema_member stats_queue[] = {
	STATES, { "oldest_queued_s", SECONDS, SCHEMA_ALWAYS, NULL }, { "queue_ms", SPREAD, SCHEMA_ALWAYS, NULL }, { "paused", SCHEMA_FLAG, SCHEMA_ALWAYS, NULL }, END
};

static const struct schema_member stats_type[] = {
	STATES, COUNTED("processed"), COUNTED("succeeded_total"), COUNTED("failed_total"), COUNTED("retried_total"), COUNTED("dead_total"),
	{ "execution_ms", SPREAD, SCHEMA_ALWAYS, NULL },
	{ "breaker", SCHEMA_REF("Breaker"), SCHEMA_ALWAYS, NULL },
	{ "breaker_failures", SCHEMA_COUNT, SCHEMA_MAYBE, "In a row." },
	{ "breaker_until", SCHEMA_TIME, SCHEMA_MAYBE, "While it is open." },
	END
};

static const struct schema_member stats_process[] = {
	{ "role", SCHEMA_REF("ProcessRole"), SCHEMA_ALWAYS, NULL },
	{ "pid", SCHEMA_INTEGER(-INFINITY, INFINITY), SCHEMA_ALWAYS, NULL },
	COUNTED("slot"), COUNTED("generation"),
	{ "state", SCHEMA_REF("ProcessState"), SCHEMA_ALWAYS, NULL },
	{ "started_at", SCHEMA_TIME, SCHEMA_MAYBE, NULL },
	COUNTED("restarts"), COUNTED("running"), COUNTED("rss_kb"),
	END
};

static const struct schema_member stats_store[] = {
	{ "engine", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	COUNTED("jobs"), COUNTED("used_bytes"), COUNTED("limit_bytes"), COUNTED("free_bytes"), COUNTED("commits"),
	{ "commit_ms", SPREAD, SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member stats[] = {
	COUNTED("total"), STATES, COUNTED("submitted_total"), COUNTED("processed"), COUNTED("succeeded_total"),
	{ "failed_total", SCHEMA_COUNT, SCHEMA_ALWAYS, "Failed attempts." },
	COUNTED("retried_total"), COUNTED("recovered_total"),
	{ "dead_total", SCHEMA_COUNT, SCHEMA_ALWAYS, "Jobs that ended dead." },
	COUNTED("rejected_total"),
	{ "queue_depth", SCHEMA_COUNT, SCHEMA_ALWAYS, "Queued, without scheduled and retrying." },
	COUNTED("active_workers"), COUNTED("workers"),
	{ "avg_time_in_queue_ms", REAL, SCHEMA_ALWAYS, NULL }, { "avg_execution_ms", REAL, SCHEMA_ALWAYS, NULL },
	{ "queue_ms", SPREAD, SCHEMA_ALWAYS, NULL }, { "execution_ms", SPREAD, SCHEMA_ALWAYS, NULL }, { "submit_ms", SPREAD, SCHEMA_ALWAYS, NULL },
	{ "throughput_1m", REAL, SCHEMA_ALWAYS, "Attempts that ended, a second." },
	{ "error_rate_1m", SHARE, SCHEMA_ALWAYS, NULL }, { "success_rate", SHARE, SCHEMA_ALWAYS, NULL }, { "avg_retry_count", REAL, SCHEMA_ALWAYS, NULL },
	COUNTED("tasks_with_retries"),
	{ "queues", SCHEMA_MAP(SCHEMA_REF("StatsQueue")), SCHEMA_ALWAYS, "By name." },
	{ "types", SCHEMA_MAP(SCHEMA_REF("StatsType")), SCHEMA_ALWAYS, "By name." },
	{ "processes", SCHEMA_LIST(0, INFINITY, SCHEMA_REF("StatsProcess")), SCHEMA_ALWAYS, NULL },
	{ "store", SCHEMA_REF("StatsStore"), SCHEMA_ALWAYS, NULL },
	{ "uptime_s", SECONDS, SCHEMA_ALWAYS, NULL },
	{ "version", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member short_figures[] = {
	COUNTED("Processed"),
	{ "Failed", SCHEMA_COUNT, SCHEMA_ALWAYS, "Jobs that ended dead." },
	COUNTED("Recovered"), COUNTED("active_workers"), COUNTED("queue_depth"), COUNTED("retry_count"), COUNTED("success_count"), COUNTED("failure_count"), COUNTED("dead_letter_count"),
	{ "avg_time_in_queue_ms", REAL, SCHEMA_ALWAYS, NULL }, { "avg_execution_ms", REAL, SCHEMA_ALWAYS, NULL },
	END
};

/* --- the rest --- */

static const struct schema_member alive[] = { { "status", SCHEMA_CHOICE("alive"), SCHEMA_ALWAYS, NULL }, END };
static const struct schema_member ready[] = { { "status", SCHEMA_CHOICE("ready"), SCHEMA_ALWAYS, NULL }, END };
static const struct schema_member health[] = {
	{ "status", SCHEMA_CHOICE("healthy,unhealthy"), SCHEMA_ALWAYS, NULL },
	{ "store", SCHEMA_CHOICE("connected,disconnected"), SCHEMA_ALWAYS, NULL },
	{ "version", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member problem[] = {
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "title", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "status", SCHEMA_INTEGER(400, 599), SCHEMA_ALWAYS, NULL },
	{ "detail", SCHEMA_STRING, SCHEMA_ALWAYS, "What was wrong, and what would be right." },
	{ "instance", SCHEMA_STRING, SCHEMA_MAYBE, "The path asked for." },
	{ "field", SCHEMA_STRING, SCHEMA_MAYBE, "The one at fault, such as tags[0]." },
	END
};

static const struct schema_member imported[] = {
	{ "id", SCHEMA_ID, SCHEMA_MAYBE, "Of a job." },
	{ "state", SCHEMA_REF("JobState"), SCHEMA_MAYBE, "In which it was put there; what ran is queued." },
	{ "kind", SCHEMA_CHOICE("stint-export,key,queue,schedule,end"), SCHEMA_MAYBE, "Of a line that is no job." },
	{ "there", SCHEMA_FLAG, SCHEMA_MAYBE, "true: it is there already, and was left as it is." },
	END
};

static const struct schema_member line_problem[] = {
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "title", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "status", SCHEMA_INTEGER(400, 599), SCHEMA_ALWAYS, "What this job alone would have been answered with." },
	{ "line", SCHEMA_INTEGER(1, INFINITY), SCHEMA_ALWAYS, NULL },
	{ "instance", SCHEMA_STRING, SCHEMA_ALWAYS, "The path asked for." },
	{ "field", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "detail", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	END
};

static const struct schema_member login[] = { { "token", SCHEMA_STRING, SCHEMA_ALWAYS, NULL }, END };

static const struct schema_member submit_form[] = {
	{ "type", SCHEMA_STRING, SCHEMA_ALWAYS, NULL },
	{ "queue", SCHEMA_STRING, SCHEMA_MAYBE, "Empty, as each of these may be: as if it were not there." },
	{ "name", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "priority", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "delay", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "payload", SCHEMA_STRING, SCHEMA_MAYBE, "JSON." },
	END
};

static const struct schema_member bulk_form[] = {
	{ "act", SCHEMA_CHOICE("retry,cancel,delete"), SCHEMA_ALWAYS, NULL },
	{ "sure", SCHEMA_STRING, SCHEMA_MAYBE, "yes: the question was answered." },
	{ "state", SCHEMA_STRING, SCHEMA_MAYBE, NULL }, { "type", SCHEMA_STRING, SCHEMA_MAYBE, NULL }, { "queue", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	{ "tag", SCHEMA_STRING, SCHEMA_MAYBE, NULL }, { "q", SCHEMA_STRING, SCHEMA_MAYBE, NULL },
	END
};

const struct schema_object openapi_objects[] = {
	{ .name = "JobSubmission", .closed = true, .at = envelope_member },
	{ .name = "BackoffSubmission", .closed = true, .at = envelope_backoff },
	{ .name = "JobFilter", .what = "Jobs that are meant: at least one member, or all.", .closed = true, .at = members_of_bulk },
	{ .name = "Claim", .closed = true, .at = members_of_claim },
	{ .name = "LeaseComplete", .closed = true, .at = members_of_lease, .arg = LEASE_COMPLETE },
	{ .name = "LeaseFail", .closed = true, .at = members_of_lease, .arg = LEASE_FAIL },
	{ .name = "LeaseExtend", .closed = true, .at = members_of_lease, .arg = LEASE_EXTEND },
	{ .name = "LeaseProgress", .closed = true, .at = members_of_lease, .arg = LEASE_PROGRESS },
	{ .name = "LeaseRelease", .closed = true, .at = members_of_lease, .arg = LEASE_RELEASE },
	{ .name = "ClaimEnd", .closed = true, .at = members_of_lease, .arg = LEASE_COMPLETE | LEASE_FAIL | LEASE_RELEASE | MEMBERS_IN_ARRAY },
	{ .name = "Login", .member = login },
	{ .name = "BulkForm", .member = bulk_form },
	{ .name = "SubmitForm", .member = submit_form },
	{ .name = "Job", .what = "What a job does not have is left out. Durations are seconds.", .member = job },
	{ .name = "Backoff", .member = backoff },
	{ .name = "Progress", .member = progress },
	{ .name = "JobAccepted", .member = accepted },
	{ .name = "JobPage", .member = page },
	{ .name = "Count", .member = count },
	{ .name = "History", .member = history },
	{ .name = "HistoryEvent", .member = history_event },
	{ .name = "JobEvent", .what = "The data of an event: job in GET /events.", .member = job_event },
	{ .name = "EventsLost", .what = "The data of an event: lost in GET /events.", .member = lost },
	{ .name = "StateCounts", .what = "Jobs in each state.", .member = states },
	{ .name = "Queue", .member = queue },
	{ .name = "Queues", .member = queues },
	{ .name = "Schedule", .member = schedule },
	{ .name = "Schedules", .member = schedules },
	{ .name = "ClaimedJob", .member = claimed_job },
	{ .name = "ClaimedJobs", .member = claimed_jobs },
	{ .name = "LeaseEnd", .member = lease_end },
	{ .name = "LeaseExtended", .member = lease_extended },
	{ .name = "ClaimResult", .member = claim_result },
	{ .name = "ClaimResults", .member = claim_results },
	{ .name = "Spread", .what = "Milliseconds, since the server's start.", .member = spread },
	{ .name = "Stats", .member = stats },
	{ .name = "StatsQueue", .member = stats_queue },
	{ .name = "StatsType", .member = stats_type },
	{ .name = "StatsProcess", .member = stats_process },
	{ .name = "StatsStore", .member = stats_store },
	{ .name = "ShortFigures", .member = short_figures },
	{ .name = "Alive", .member = alive },
	{ .name = "Ready", .member = ready },
	{ .name = "Health", .member = health },
	{ .name = "Problem", .what = "RFC 9457.", .member = problem },
	{ .name = "ImportedLine", .what = "What became of a line of an export.", .member = imported },
	{ .name = "LineProblem", .what = "In the place of a line's job.", .member = line_problem },
	END
};
