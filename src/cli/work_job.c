/* The jobs of `stint work`: from a claim's answer through the exec kind to a report that was answered, and the word that they still run. Called by work.c, by its lines and by the kind.
 * Nothing here is fatal. */
#include "cli/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "os/clock.h"
#include "os/log.h"
#include "run/output.h"
#include "text/base64.h"
#include "text/duration.h"
#include "text/json.h"
#include "text/uuid.h"

#define MS 1000000LL
#define BEAT_NS (WORK_LEASE_MS / 3 * MS)
#define SOON_NS (1000 * MS)             /* progress, at most so often a job */
#define BATCH_BYTES (256u << 10)

static struct work_job *job_of(struct run_task *t)
{
	return LOOP_OWNER(t, struct work_job, task);
}

/* --- the log --- */

static void say(const struct work *w, const struct work_job *j, enum log_level level, const char *outcome, int64_t us, const char *text)
{
	char trace[33] = "";

	if (strlen(j->task.trace) >= 3 + sizeof(trace))         /* 00-TRACE-SPAN-FLAGS */
		snprintf(trace, sizeof(trace), "%.32s", j->task.trace + 3);
	log_write(level, &(struct log_job){ .id = j->id, .type = j->task.type, .queue = j->task.queue, .worker = w->worker, .trace_id = trace[0] ? trace : NULL,
		.attempt = j->task.attempt, .duration_us = us, .outcome = outcome }, "%s", text);
}

/* --- its beginning --- */

static void forget(struct work *w, struct work_job *j)
{
	buf_free(&j->texts);
	buf_free(&j->payload);
	buf_free(&j->report);
	if (w->said == j)
		w->said = NULL;
	memset(j, 0, sizeof(*j));
	w->held--;
	work_claim(w);
}

/* Copies a string member behind the others, NUL-terminated; its place. */
static size_t text(struct work_job *j, struct slice job, const char *member)
{
	size_t at = j->texts.len;
	struct buf v = { 0 };

	if (client_string(job, member, &v))
		buf_add(&j->texts, v.data, v.len);
	buf_char(&j->texts, '\0');
	buf_free(&v);
	return at;
}

static bool payload(struct work_job *j, struct slice job)
{
	struct slice raw;
	struct buf coded = { 0 };
	bool good = true;

	if (json_member(job.p, job.n, "payload_base64", &raw))
		good = client_string(job, "payload_base64", &coded) && base64_parse((struct slice){ coded.data, coded.len }, &j->payload);
	else if (json_member(job.p, job.n, "payload", &raw))
		buf_slice(&j->payload, raw);
	buf_free(&coded);
	return good && !j->payload.failed;
}

static bool read_job(struct work *w, struct work_job *j, struct slice job)
{
	double attempt = 0, most = 0, timeout = 0;
	struct buf v = { 0 };
	size_t at[6];
	static const char *const member[] = { "type", "queue", "name", "trace", "content_type", "lease" };

	for (size_t i = 0; i < 6; i++)
		at[i] = text(j, job, member[i]);
	client_number(job, "attempt", &attempt);
	client_number(job, "max_attempts", &most);
	client_number(job, "timeout", &timeout);
	bool good = client_string(job, "id", &v) && uuid_parse(v.data, v.len, j->task.id.b) && !j->texts.failed;
	buf_free(&v);
	if (!good || !payload(j, job))
		return false;
	uuid_format(j->task.id.b, j->id);
	char **to[] = { &j->task.type, &j->task.queue, &j->task.name, &j->task.trace, &j->task.content_type };
	for (size_t i = 0; i < 5; i++)
		*to[i] = j->texts.data + at[i];
	snprintf(j->lease, sizeof(j->lease), "%s", j->texts.data + at[5]);
	buf_cstr(&j->payload);
	j->task.attempt = (uint32_t)attempt;
	j->task.max_attempts = (uint32_t)most;
	j->task.timeout_ms = (int64_t)(timeout * 1000);
	j->task.deadline_ms = j->task.timeout_ms ? clock_wall_ms() + j->task.timeout_ms : 0;
	j->task.payload = j->payload.data;
	j->task.payload_len = j->payload.len;
	j->task.handler = conf_handler_of(w->conf, slice_of(j->task.type));
	return j->task.handler != NULL;
}

static void over(struct work *w, struct work_job *j)
{
	j->state = WORK_OVER;
	work_report(w);
}

static void report_release(struct work_job *j)
{
	buf_clear(&j->report);
	buf_printf(&j->report, "{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"release\"}", j->id, j->lease);
}

void work_take(struct work *w, struct slice job)
{
	struct work_job *j = w->job;

	while (j < w->job + w->jobs && j->state != WORK_FREE)
		j++;
	if (j == w->job + w->jobs) {
		log_error("the server gave more jobs than were asked for: their leases will run out");
		return;
	}
	w->held++;
	j->percent = -1;
	j->beat_ns = clock_boot_ns() + BEAT_NS;
	if (!read_job(w, j, job)) {
		log_error("the server gave a job that cannot be read, or memory is out; its lease will run out");
		forget(w, j);
		return;
	}
	if (w->stops) {
		report_release(j);
		over(w, j);
		return;
	}
	j->state = WORK_RUNNING;
	w->running++;
	say(w, j, LOG_LEVEL_INFO, NULL, -1, "processing");
	if (!w->beat_timer.place)
		loop_timer_set(w->loop, &w->beat_timer, SOON_NS);
	run_exec.start(&w->host, &j->task, &j->attempt);
}

/* --- its end --- */

void work_started(void *arg, struct run_task *t)
{
	(void)arg;
	job_of(t)->started = true;
}

static void put_log(struct buf *b, const struct buf *log)
{
	if (!log->len)
		return;
	buf_str(b, ",\"log\":");
	json_put_string(b, (struct slice){ log->data, log->len });
}

static void put_failure(struct work_job *j, const struct run_result *r)
{
	struct buf *b = &j->report;

	buf_printf(b, "{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"fail\",\"error\":", j->id, j->lease);
	json_put_string(b, slice_of(r->error));
	if (r->no_retry)
		buf_str(b, ",\"retry\":false");
	if (r->retry_in_ms >= 0)
		buf_printf(b, ",\"retry_in\":\"%" PRId64 "ms\"", r->retry_in_ms);
	if (r->exit_code >= 0)
		buf_printf(b, ",\"exit_code\":%d", r->exit_code);
	if (r->term_signal > 0)
		buf_printf(b, ",\"signal\":%d", r->term_signal);
	put_log(b, &r->log);
	buf_char(b, '}');
}

static void put_success(struct work_job *j, const struct run_result *r)
{
	struct buf *b = &j->report;

	buf_printf(b, "{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"complete\",\"exit_code\":%d", j->id, j->lease, r->exit_code < 0 ? 0 : r->exit_code);
	if (r->output.len) {            /* its bytes, whatever they are: the server looks whether they are JSON, as with its own */
		buf_str(b, ",\"result_base64\":\"");
		base64_put(b, r->output.data, r->output.len);
		buf_char(b, '"');
	}
	if (r->output_cut)
		buf_str(b, ",\"result_truncated\":true");
	put_log(b, &r->log);
	buf_char(b, '}');
}

void work_ended(void *arg, struct run_task *t, struct run_result *r)
{
	struct work *w = arg;
	struct work_job *j = job_of(t);

	j->attempt = NULL;
	w->running--;
	say(w, j, r->error[0] ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, job_outcome_name(r->outcome), j->started ? r->duration_us : -1, r->error[0] ? r->error : "finished");
	buf_clear(&j->report);
	if (j->lost) {
		forget(w, j);
		return;
	}
	if (r->outcome == JOB_OUTCOME_SUCCEEDED)
		put_success(j, r);
	else if (r->outcome == JOB_OUTCOME_FAILED || r->outcome == JOB_OUTCOME_TIMED_OUT)
		put_failure(j, r);
	else
		report_release(j);
	if (j->report.failed) {
		buf_free(&j->report);
		report_release(j);
	}
	over(w, j);
}

void work_stop_all(struct work *w, int64_t grace_ms)
{
	for (struct work_job *j = w->job; j < w->job + w->jobs; j++)
		if (j->state == WORK_RUNNING && j->attempt)
			run_exec.stop(&w->host, j->attempt, RUN_STOP_RELEASE, grace_ms);
}

/* --- reports --- */

void work_report(struct work *w)
{
	struct buf body = { 0 };

	if (w->results.stage != LINK_IDLE || w->result_timer.place)
		return;
	w->sent = 0;
	for (struct work_job *j = w->job; j < w->job + w->jobs && w->sent < w->batch; j++) {
		if (j->state != WORK_OVER || (w->sent && body.len + j->report.len > BATCH_BYTES))
			continue;
		buf_char(&body, w->sent ? ',' : '[');
		buf_add(&body, j->report.data, j->report.len);
		j->state = WORK_SENT;
		w->sent++;
	}
	buf_char(&body, ']');
	if (w->sent)
		link_post(&w->results, "/claims/results", (struct slice){ body.data, body.len }, WORK_ANSWER_MS);
	else
		w->batch = WORK_BATCH;          /* whatever was not taken in one is behind us */
	buf_free(&body);
}

static struct work_job *sent_job(struct work *w, const char *id)
{
	for (struct work_job *j = w->job; j < w->job + w->jobs; j++)
		if (j->state == WORK_SENT && strcmp(j->id, id) == 0)
			return j;
	return NULL;
}

static bool one_reported(void *arg, struct slice result)
{
	struct work *w = arg;
	struct work_job *j;
	struct buf id = { 0 };
	double status = 0;

	if (client_string(result, "id", &id) && client_number(result, "status", &status) && (j = sent_job(w, buf_cstr(&id))) != NULL) {
		if (status == 404 || status == 409)
			say(w, j, LOG_LEVEL_WARN, NULL, -1, "how it ended was not taken: the lease is no longer ours");
		if (status == 200 || status == 404 || status == 409)
			forget(w, j);
	}
	buf_free(&id);
	return true;
}

/* The server does not take a report as it is: then each by itself, and at last without what it has to say. */
static void not_taken(struct work *w, int status)
{
	char why[120];

	if (w->sent > 1) {
		w->batch = 1;
		return;
	}
	for (struct work_job *j = w->job; j < w->job + w->jobs; j++) {
		if (j->state != WORK_SENT)
			continue;
		snprintf(why, sizeof(why), "how it ended was not taken: the server answered %d", status);
		say(w, j, LOG_LEVEL_ERROR, NULL, -1, why);
		if (j->plain) {
			forget(w, j);
			continue;
		}
		j->plain = true;
		buf_clear(&j->report);
		buf_printf(&j->report, "{\"id\":\"%s\",\"lease\":\"%s\",\"outcome\":\"fail\",\"error\":\"its result or log was not taken: the server answered %d\"}", j->id, j->lease, status);
	}
}

void work_reported(struct link *l, int status, struct slice body, const char *why)
{
	struct work *w = l->arg;
	struct slice results;
	bool refused = status == 400 || status == 413 || status == 422, left = false;

	(void)why;
	if (status == 200 && json_valid(body.p, body.n, &(struct json_error){ 0 }) && json_member(body.p, body.n, "results", &results))
		json_each(results.p, results.n, one_reported, w);
	if (refused)
		not_taken(w, status);
	for (struct work_job *j = w->job; j < w->job + w->jobs; j++)
		if (j->state == WORK_SENT) {
			j->state = WORK_OVER;
			left = true;
		}
	if ((status == 401 || status == 403) && w->stops && w->running == 0) {
		log_error("the server does not take how %u jobs ended: %d; their leases will run out", w->held, status);
		w->code = w->code ? w->code : EX_NOPERM;
		w->over = true;
		return;
	}
	if (left && !refused)
		loop_timer_set(w->loop, &w->result_timer, work_pause(++w->result_tries));
	else
		w->result_tries = 0;
	work_report(w);
}

/* --- while it runs --- */

void work_progress(void *arg, struct run_task *t, int percent, struct slice message)
{
	struct work_job *j = job_of(t);

	(void)arg;
	j->percent = percent;
	output_copy(message, j->message, sizeof(j->message));
}

static void post_progress(struct work *w, struct work_job *j)
{
	struct buf body = { 0 };
	char target[80];

	buf_printf(&body, "{\"lease\":\"%s\",\"percent\":%d,\"message\":", j->lease, j->percent);
	json_put_string(&body, slice_of(j->message));
	buf_char(&body, '}');
	j->percent = -1;
	snprintf(target, sizeof(target), "/jobs/%s/progress", j->id);
	link_post(&w->beats, target, (struct slice){ body.data, body.len }, WORK_ANSWER_MS / 2);
	buf_free(&body);
}

static void post_extend(struct work *w, struct work_job *j, int64_t now)
{
	char target[80], body[64];

	j->beat_ns = now + BEAT_NS;
	snprintf(body, sizeof(body), "{\"lease\":\"%s\"}", j->lease);
	snprintf(target, sizeof(target), "/jobs/%s/extend", j->id);
	link_post(&w->beats, target, slice_of(body), WORK_ANSWER_MS / 2);
}

/* What has ended and could not be said yet is extended too: the server may be away for longer than a lease. */
void work_beat(struct work *w)
{
	int64_t now = clock_boot_ns();
	struct work_job *due = NULL;

	if (w->beats.stage != LINK_IDLE || w->held == 0)
		return;
	for (struct work_job *j = w->job; j < w->job + w->jobs; j++)
		if (j->state != WORK_FREE && !j->lost && j->beat_ns <= now && (!due || j->beat_ns < due->beat_ns))
			due = j;
	w->said_progress = due == NULL;
	for (struct work_job *j = w->job; !due && j < w->job + w->jobs; j++)
		due = j->state == WORK_RUNNING && !j->lost && j->percent >= 0 ? j : NULL;
	if (!w->beat_timer.place)
		loop_timer_set(w->loop, &w->beat_timer, SOON_NS);
	w->said = due;
	if (due && w->said_progress)
		post_progress(w, due);
	else if (due)
		post_extend(w, due, now);
}

void work_beaten(struct link *l, int status, struct slice body, const char *why)
{
	struct work *w = l->arg;
	struct work_job *j = w->said;

	(void)body;
	(void)why;
	w->said = NULL;
	if (!j)
		return;
	if ((status == 404 || status == 409) && j->state == WORK_RUNNING) {
		say(w, j, LOG_LEVEL_WARN, NULL, -1, "the lease is no longer ours: ending it");
		j->lost = true;
		if (j->attempt)
			run_exec.stop(&w->host, j->attempt, RUN_STOP_CANCEL, j->task.handler->kill_grace);
	} else if (status != 200 && !w->said_progress && status != 404 && status != 409) {
		j->beat_ns = clock_boot_ns() + work_pause(1);
	}
	if (status == 200)
		work_beat(w);
}
