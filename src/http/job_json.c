/* Jobs as JSON. Called by api_submit.c, api_job.c and the status page; nothing here is fatal: running out of memory is remembered by the buffer. */
#include "http/job_json.h"

#include <string.h>

#include "text/duration.h"
#include "text/json.h"
#include "text/uuid.h"

static struct slice slice(struct job_text t)
{
	return (struct slice){ t.p, t.n };
}

/* `n` thousandths as a decimal number without needless zeros. */
static void put_milli(struct buf *b, int64_t n)
{
	int64_t whole = n / 1000, part = n % 1000;

	if (n < 0) {
		buf_char(b, '-');
		whole = -whole;
		part = -part;
	}
	buf_i64(b, whole);
	if (part == 0)
		return;
	buf_char(b, '.');
	for (int64_t unit = 100; part; unit /= 10) {
		buf_char(b, (char)('0' + part / unit));
		part %= unit;
	}
}

void job_json_seconds(struct buf *b, int64_t ms)
{
	put_milli(b, ms);
}

void job_json_millis(struct buf *b, int64_t us)
{
	put_milli(b, us);
}

void job_json_time(struct buf *b, int64_t wall_ms)
{
	char text[TIME_TEXT_BYTES];

	time_format(wall_ms, text);
	buf_char(b, '"');
	buf_str(b, text);
	buf_char(b, '"');
}

void job_json_worker(struct buf *b, uint32_t slot, int32_t pid)
{
	buf_str(b, "\"worker-");
	buf_u64(b, slot);
	buf_char(b, ':');
	buf_i64(b, pid);
	buf_char(b, '"');
}

void job_json_id(struct buf *b, const struct job_id *id)
{
	char text[UUID_TEXT_BYTES];

	uuid_format(id->b, text);
	buf_char(b, '"');
	buf_str(b, text);
	buf_char(b, '"');
}

bool job_json_utf8(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n;) {
		unsigned char c = p[i];
		size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;
		if (more == 4 || more >= s.n - i)
			return false;
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
		for (size_t k = 1; k <= more; k++)
			if ((p[i + k] & 0xc0) != 0x80)
				return false;
		if ((c == 0xe0 && p[i + 1] < 0xa0) || (c == 0xed && p[i + 1] > 0x9f) || (c == 0xf0 && p[i + 1] < 0x90) || (c == 0xf4 && p[i + 1] > 0x8f))
			return false;   /* overlong, surrogate, beyond U+10FFFF */
		i += 1 + more;
	}
	return true;
}

static void member(struct buf *b, const char *name)
{
	buf_str(b, ",\"");
	buf_str(b, name);
	buf_str(b, "\":");
}

static void put_text(struct buf *b, const char *name, struct slice s)
{
	if (!s.p || s.n == 0)
		return;
	member(b, name);
	json_put_string(b, s);
}

static void put_time(struct buf *b, const char *name, int64_t wall_ms)
{
	if (wall_ms <= 0)
		return;
	member(b, name);
	job_json_time(b, wall_ms);
}

/* What was asked for, as in force. */
static void put_spec(struct buf *b, const struct job_view *v)
{
	const struct job_spec *s = v->spec;

	if (v->payload.p && v->payload.n) {
		member(b, "payload");
		buf_slice(b, v->payload);
	}
	put_text(b, "content_type", slice(s->content_type));
	put_time(b, "run_at", v->job->run_at_ms);
	member(b, "max_retries");
	buf_u64(b, v->job->max_retries);
	if (s->timeout_ms > 0) {
		member(b, "timeout");
		job_json_seconds(b, s->timeout_ms);
	}
	buf_str(b, ",\"backoff\":{\"base\":");
	job_json_seconds(b, s->backoff.base_ms);
	buf_str(b, ",\"factor\":");
	put_milli(b, s->backoff.factor_milli);
	buf_str(b, ",\"max\":");
	job_json_seconds(b, s->backoff.max_ms);
	buf_str(b, ",\"jitter\":");
	buf_u64(b, s->backoff.jitter_pct);
	buf_char(b, '}');
	put_time(b, "expires_at", v->job->expires_at_ms);
	put_text(b, "idempotency_key", slice(s->idempotency_key));
	put_text(b, "unique_key", slice(s->unique_key));
	put_text(b, "key", slice(s->key));
	for (size_t i = 0; i + sizeof(struct job_id) <= v->depends.n; i += sizeof(struct job_id)) {
		struct job_id id;
		memcpy(&id, v->depends.p + i, sizeof(id));
		buf_str(b, i ? "," : ",\"depends_on\":[");
		job_json_id(b, &id);
	}
	if (v->depends.n)
		buf_char(b, ']');
	put_text(b, "trace", slice(s->trace));
	if (s->ntags) {
		member(b, "tags");
		for (unsigned i = 0; i < s->ntags; i++) {
			buf_char(b, i ? ',' : '[');
			json_put_string(b, slice(s->tag[i]));
		}
		buf_char(b, ']');
	}
}

static void put_progress(struct buf *b, const struct job_view *v)
{
	if (v->progress_pct < 0)
		return;
	buf_str(b, ",\"progress\":{\"percent\":");
	buf_i64(b, v->progress_pct);
	put_text(b, "message", v->progress);
	buf_char(b, '}');
}

static void put_result(struct buf *b, const struct job_view *v)
{
	if (v->result.p) {
		member(b, "result");
		if (v->job->result_json && v->result.n)
			buf_slice(b, v->result);
		else
			json_put_string(b, v->result);
	}
	if (v->job->result_truncated)
		buf_str(b, ",\"result_truncated\":true");
}

void job_json_put(struct buf *b, const struct job_view *v)
{
	const struct job *j = v->job;

	buf_str(b, "{\"id\":");
	job_json_id(b, &j->id);
	put_text(b, "type", slice(v->spec->type));
	put_text(b, "name", slice(v->spec->name));
	put_text(b, "queue", slice(v->spec->queue));
	put_text(b, "state", slice_of(job_state_name(j->state)));
	member(b, "priority");
	buf_i64(b, j->priority);
	put_spec(b, v);
	member(b, "attempts");
	buf_u64(b, j->attempts);
	member(b, "retry_count");
	buf_u64(b, j->retry_count);
	put_time(b, "created_at", j->created_ms);
	put_time(b, "updated_at", j->updated_ms);
	put_time(b, "started_at", j->started_ms);
	put_time(b, "finished_at", j->finished_ms);
	if (j->attempts && v->worker.p) {
		member(b, "worker");
		json_put_string(b, v->worker);
	} else if (j->attempts && j->worker_pid > 0) {
		member(b, "worker");
		job_json_worker(b, j->worker, j->worker_pid);
	}
	put_text(b, "last_error", v->last_error);
	put_progress(b, v);
	put_result(b, v);
	buf_char(b, '}');
}
