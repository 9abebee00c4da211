/* What a whole job is made of: its members as a table, and its memory. Used by whole_put.c, whole_parse.c and the store. */
#include "job/whole.h"

#include <stdlib.h>
#include <string.h>

#include "text/duration.h"

#define TIME_LAST INT64_C(253402300799999)      /* the end of year 9999 */
#define MANY (INT64_C(1) << 53)                 /* what every reader of JSON can hold */

#define J(name, type, member, absent, min, max) { name, type, offsetof(struct job_whole, member), absent, min, max }
#define TEXT(name, member, max) J(name, WHOLE_TEXT, member, 0, 0, max)
#define TIME(name, member) J(name, WHOLE_I64, member, 0, 0, TIME_LAST)
const struct whole_field whole_job_fields[] = {
	TEXT("type", spec.type, JOB_TYPE_MAX),
	TEXT("queue", spec.queue, JOB_QUEUE_MAX),
	TEXT("name", spec.name, JOB_NAME_MAX),
	TEXT("trace", spec.trace, 64),
	TEXT("content_type", spec.content_type, 256),
	TEXT("idempotency_key", spec.idempotency_key, JOB_KEY_MAX),
	TEXT("unique_key", spec.unique_key, JOB_KEY_MAX),
	TEXT("key", spec.key, JOB_KEY_MAX),
	J("priority", WHOLE_I32, spec.priority, 0, -32768, 32767),
	TIME("asked_run_at_ms", spec.run_at_ms),
	TIME("expires_at_ms", spec.expires_at_ms),
	J("max_retries", WHOLE_U32, spec.max_retries, 0, 0, 1000),
	J("timeout_ms", WHOLE_I64, spec.timeout_ms, 0, 0, DURATION_LIMIT_MS),
	J("aging_ms", WHOLE_I64, spec.aging_ms, 0, 0, DURATION_LIMIT_MS),
	J("backoff_base_ms", WHOLE_I64, spec.backoff.base_ms, 0, 0, DURATION_LIMIT_MS),
	J("backoff_max_ms", WHOLE_I64, spec.backoff.max_ms, 0, 0, DURATION_LIMIT_MS),
	J("backoff_factor_milli", WHOLE_U32, spec.backoff.factor_milli, 0, 0, UINT32_MAX),
	J("backoff_jitter_percent", WHOLE_U32, spec.backoff.jitter_pct, 0, 0, 100),
	TIME("created_ms", job.created_ms),
	TIME("updated_ms", job.updated_ms),
	TIME("run_at_ms", job.run_at_ms),
	TIME("queued_ms", job.queued_ms),
	J("queued_us", WHOLE_I64, job.queued_us, 0, 0, TIME_LAST * 1000),
	TIME("started_ms", job.started_ms),
	TIME("finished_ms", job.finished_ms),
	J("sort_key", WHOLE_I64, job.sortkey, 0, INT64_MIN, INT64_MAX),
	J("arrival", WHOLE_U64, job.arrival, 0, 0, MANY),
	J("attempts", WHOLE_U32, job.attempts, 0, 0, UINT32_MAX),
	J("retry_count", WHOLE_U32, job.retry_count, 0, 0, UINT32_MAX),
	J("crashes", WHOLE_U32, job.crashes, 0, 0, UINT32_MAX),
	J("last_outcome", WHOLE_U32, job.last_outcome, 0, 0, JOB_OUTCOMES - 1),
	J("exit_code", WHOLE_I32, job.exit_code, -1, INT32_MIN, INT32_MAX),
	J("signal", WHOLE_I32, job.term_signal, 0, INT32_MIN, INT32_MAX),
	J("worker", WHOLE_U32, job.worker, 0, 0, UINT32_MAX),
	J("worker_pid", WHOLE_I32, job.worker_pid, 0, INT32_MIN, INT32_MAX),
	J("duration_us", WHOLE_I64, job.duration_us, 0, 0, MANY),
	J("cpu_us", WHOLE_I64, job.cpu_us, 0, 0, MANY),
	J("max_rss_kb", WHOLE_U64, job.max_rss_kb, 0, 0, MANY),
	J("log_len", WHOLE_U64, job.log_len, 0, 0, MANY),
	J("result_truncated", WHOLE_BOOL, job.result_truncated, 0, 0, 1),
	J("result_is_json", WHOLE_BOOL, job.result_json, 0, 0, 1),
	J("cancel_asked", WHOLE_BOOL, job.cancel_asked, 0, 0, 1),
	{ .name = NULL },
};
#undef J
#undef TEXT
#undef TIME

#define A(name, type, member, absent, min, max) { name, type, offsetof(struct record_attempt, member), absent, min, max }
#define TIME(name, member) A(name, WHOLE_I64, member, 0, 0, TIME_LAST)
const struct whole_field whole_attempt_fields[] = {
	A("attempt", WHOLE_U32, attempt, 0, 0, UINT32_MAX),
	A("outcome", WHOLE_U32, outcome, 0, 1, JOB_OUTCOMES - 1),
	TIME("claimed_ms", claimed_ms),
	TIME("started_ms", started_ms),
	TIME("ended_ms", ended_ms),
	TIME("retry_at_ms", retry_at_ms),
	A("exit_code", WHOLE_I32, exit_code, 0, INT32_MIN, INT32_MAX),
	A("signal", WHOLE_I32, term_signal, 0, INT32_MIN, INT32_MAX),
	A("duration_us", WHOLE_I64, duration_us, 0, 0, MANY),
	A("cpu_us", WHOLE_I64, cpu_us, 0, 0, MANY),
	A("max_rss_kb", WHOLE_U64, max_rss_kb, 0, 0, MANY),
	A("worker", WHOLE_U32, worker, 0, 0, UINT32_MAX),
	A("worker_pid", WHOLE_I32, worker_pid, 0, INT32_MIN, INT32_MAX),
	A("worker_name", WHOLE_TEXT, who, 0, 0, 64),
	A("error", WHOLE_TEXT, error, 0, 0, JOB_ERROR_MAX),
	A("log_len", WHOLE_U64, log_len, 0, 0, MANY),
	A("log", WHOLE_TEXT, log, 0, 0, MANY),
	{ .name = NULL },
};
#undef A
#undef TIME

void whole_clear(struct job_whole *w)
{
	struct record_attempt *attempt = w->attempt;
	struct whole_note *note = w->note;
	struct buf bytes = w->bytes;

	buf_clear(&bytes);
	*w = (struct job_whole){ .attempt = attempt, .note = note, .bytes = bytes };
}

void whole_free(struct job_whole *w)
{
	free(w->attempt);
	free(w->note);
	buf_free(&w->bytes);
	*w = (struct job_whole){ .attempt = NULL };
}

void whole_line_free(struct whole_line *l)
{
	whole_free(&l->job);
}
