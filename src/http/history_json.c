/* Histories. Called by api_job_history.c. What attempts and notes do not tell is derived from the job's record: its submission, the attempt that runs,
 * its end. */
#include "http/history_json.h"

#include <stdlib.h>
#include <string.h>

#include "http/job_json.h"
#include "text/json.h"

/* Of events in the same millisecond these go before all others: submitted, released by its parents, queued, then claimed and the rest. */
enum { ORDER_SUBMITTED, ORDER_RELEASED, ORDER_QUEUED, ORDER_OTHERS };

struct history_event {
	int64_t at_ms;
	size_t order;                   /* of equal times: as added, but for what goes before */
	size_t from, n;                 /* bytes of text */
};

/* Begins an event; its members are then appended to h->text and end_event() closes it. */
static void begin_event(struct history *h, const char *name, int64_t at_ms)
{
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 32;
		struct history_event *v = realloc(h->v, cap * sizeof(*v));
		if (!v) {
			h->failed = true;
			return;
		}
		h->v = v;
		h->cap = cap;
	}
	h->v[h->n] = (struct history_event){ .at_ms = at_ms, .order = h->n + ORDER_OTHERS, .from = h->text.len };
	buf_str(&h->text, "{\"event\":\"");
	buf_str(&h->text, name);
	buf_str(&h->text, "\",\"at\":");
	job_json_time(&h->text, at_ms);
}

static void end_event(struct history *h)
{
	buf_char(&h->text, '}');
	if (h->failed || h->n == h->cap)
		return;
	h->v[h->n].n = h->text.len - h->v[h->n].from;
	h->n++;
}

static void put_attempt_and_worker(struct history *h, uint32_t attempt, uint32_t worker, int32_t pid, struct job_text who)
{
	buf_str(&h->text, ",\"attempt\":");
	buf_u64(&h->text, attempt);
	if (who.n) {
		buf_str(&h->text, ",\"worker\":");
		json_put_string(&h->text, (struct slice){ who.p, who.n });
	} else if (pid > 0) {
		buf_str(&h->text, ",\"worker\":");
		job_json_worker(&h->text, worker, pid);
	}
}

static void put_detail(struct history *h, struct job_text detail)
{
	if (detail.n == 0)
		return;
	buf_str(&h->text, ",\"detail\":");
	json_put_string(&h->text, (struct slice){ detail.p, detail.n });
}

static void plain(struct history *h, const char *name, int64_t at_ms)
{
	begin_event(h, name, at_ms);
	end_event(h);
}

static void comes(struct history *h, size_t order)
{
	if (!h->failed && h->n)
		h->v[h->n - 1].order = order;
}

static void submitted(struct history *h)
{
	const struct job *j = h->job;

	if (h->spec->ndepends)
		return;                 /* a note tells it */
	if (h->spec->run_at_ms <= j->created_ms) {
		plain(h, "queued", j->created_ms);
		return;
	}
	begin_event(h, "scheduled", j->created_ms);
	buf_str(&h->text, ",\"run_at\":");
	job_json_time(&h->text, h->spec->run_at_ms);
	end_event(h);
}

void history_begin(struct history *h, const struct job *job, const struct job_spec *spec)
{
	*h = (struct history){ .job = job, .spec = spec };
	submitted(h);
	comes(h, ORDER_SUBMITTED);
}

/* What a finished attempt used and how it left. */
static void put_end(struct history *h, const struct record_attempt *a)
{
	if (a->exit_code >= 0) {
		buf_str(&h->text, ",\"exit_code\":");
		buf_i64(&h->text, a->exit_code);
	}
	if (a->term_signal > 0) {
		buf_str(&h->text, ",\"signal\":");
		buf_i64(&h->text, a->term_signal);
	}
	buf_str(&h->text, ",\"duration_ms\":");
	job_json_millis(&h->text, a->duration_us);
	buf_str(&h->text, ",\"cpu_ms\":");
	job_json_millis(&h->text, a->cpu_us);
	buf_str(&h->text, ",\"max_rss_kb\":");
	buf_u64(&h->text, a->max_rss_kb);
}

void history_progress(struct history *h, const struct store_progress *p)
{
	h->said = p;
}

/* What an attempt said last goes before its end, which may have come in the same commit. */
static void put_progress(struct history *h, uint32_t attempt, int64_t ended_ms)
{
	const struct store_progress *p = h->said;

	if (!p || p->attempt != attempt || p->at_ms > ended_ms)
		return;
	begin_event(h, "progress", p->at_ms);
	put_attempt_and_worker(h, p->attempt, 0, 0, (struct job_text){ NULL, 0 });
	buf_str(&h->text, ",\"percent\":");
	buf_i64(&h->text, p->percent);
	put_detail(h, p->message);
	end_event(h);
	h->said = NULL;
}

static bool gave_back(uint32_t outcome)
{
	return outcome == JOB_OUTCOME_CRASHED || outcome == JOB_OUTCOME_LEASE_EXPIRED || outcome == JOB_OUTCOME_RELEASED;
}

void history_attempt(struct history *h, const struct record_attempt *a)
{
	const struct job *j = h->job;
	const char *outcome = a->outcome > JOB_OUTCOME_NONE && a->outcome < JOB_OUTCOMES ? job_outcome_name((enum job_outcome)a->outcome) : "ended";
	bool last_of_dead = j->state == JOB_DEAD && a->token == j->lease_token;

	h->last_told = a->token == j->lease_token && a->attempt == j->attempts;
	if (h->first_claim_ms == 0)
		h->first_claim_ms = a->claimed_ms;
	begin_event(h, "claimed", a->claimed_ms);
	put_attempt_and_worker(h, a->attempt, a->worker, a->worker_pid, a->who);
	end_event(h);
	if (a->started_ms > 0) {
		begin_event(h, "started", a->started_ms);
		put_attempt_and_worker(h, a->attempt, a->worker, a->worker_pid, a->who);
		end_event(h);
	}
	put_progress(h, a->attempt, a->ended_ms);
	begin_event(h, outcome, a->ended_ms);
	put_attempt_and_worker(h, a->attempt, a->worker, a->worker_pid, a->who);
	put_detail(h, a->error);
	if (a->started_ms > 0)
		put_end(h, a);
	end_event(h);
	if (a->retry_at_ms > 0) {
		begin_event(h, "retry_scheduled", a->ended_ms);
		put_attempt_and_worker(h, a->attempt, 0, 0, (struct job_text){ NULL, 0 });
		buf_str(&h->text, ",\"run_at\":");
		job_json_time(&h->text, a->retry_at_ms);
		end_event(h);
	} else if (gave_back(a->outcome) && !last_of_dead) {
		plain(h, "requeued", a->ended_ms);
	}
	h->cancelled = h->cancelled || (a->outcome == JOB_OUTCOME_CANCELLED && a->token == j->lease_token);
}

/* Notes tell what no attempt does: what was done by hand, and how an earlier life of the job ended, whose record is overwritten. */
static const char *const note_name[JOB_EVENTS] = {
	[JOB_EV_SUBMIT_NOW] = "queued", [JOB_EV_SUBMIT_LATER] = "scheduled", [JOB_EV_SUBMIT_WAITING] = "waiting", [JOB_EV_PARENTS_LATER] = "scheduled",
	[JOB_EV_PARENTS_DONE] = "queued", [JOB_EV_DUE] = "queued", [JOB_EV_CANCEL] = "cancelled",
	[JOB_EV_EXPIRE] = "expired",
	[JOB_EV_REQUEUE] = "requeued", [JOB_EV_RUN_NOW] = "queued", [JOB_EV_GIVE_BACK] = "released", [JOB_EV_FAIL_DEAD] = "dead",
};

void history_note(struct history *h, const struct store_note *n)
{
	const char *name = n->event < JOB_EVENTS ? note_name[n->event] : NULL;

	if (!name)
		return;
	begin_event(h, name, n->at_ms);
	if (n->attempt) {
		buf_str(&h->text, ",\"attempt\":");
		buf_u64(&h->text, n->attempt);
	}
	put_detail(h, n->detail);
	end_event(h);
	if (n->event == JOB_EV_REQUEUE || n->event == JOB_EV_RUN_NOW)
		comes(h, ORDER_QUEUED);
	else if (n->event == JOB_EV_PARENTS_DONE || n->event == JOB_EV_PARENTS_LATER)
		comes(h, ORDER_RELEASED);
	else if (n->event <= JOB_EV_SUBMIT_WAITING)
		comes(h, ORDER_SUBMITTED);
	h->queued = h->queued || n->event == JOB_EV_PARENTS_DONE;
	h->cancelled = h->cancelled || (n->event == JOB_EV_CANCEL && n->at_ms == h->job->finished_ms);
}

/* The attempt that has no row: the one that runs, or one whose end the record itself tells. */
static void current_attempt(struct history *h, int64_t running_since_ms)
{
	const struct job *j = h->job;
	int64_t started = j->state == JOB_RUNNING ? running_since_ms : j->started_ms;

	if (j->attempts == 0 || h->last_told || j->started_ms <= 0)
		return;
	if (h->first_claim_ms == 0)
		h->first_claim_ms = j->started_ms;
	begin_event(h, "claimed", j->started_ms);
	put_attempt_and_worker(h, j->attempts, j->worker, j->worker_pid, h->who);
	end_event(h);
	if (started > 0) {
		begin_event(h, "started", started);
		put_attempt_and_worker(h, j->attempts, j->worker, j->worker_pid, h->who);
		end_event(h);
	}
	if (j->state == JOB_SUCCEEDED && j->finished_ms > 0) {
		struct record_attempt end = { .exit_code = j->exit_code, .term_signal = j->term_signal, .duration_us = j->duration_us,
			.cpu_us = j->cpu_us, .max_rss_kb = j->max_rss_kb };
		put_progress(h, j->attempts, j->finished_ms);
		begin_event(h, "succeeded", j->finished_ms);
		put_attempt_and_worker(h, j->attempts, j->worker, j->worker_pid, h->who);
		put_end(h, &end);
		end_event(h);
	}
}

/* When a job that was scheduled came to its queue: at its time, or before its first claim where that says it was sooner (run by hand). */
static void queued_when_due(struct history *h)
{
	int64_t at = h->spec->run_at_ms;

	if (at <= h->job->created_ms || h->job->state == JOB_SCHEDULED || h->job->state == JOB_WAITING || h->queued)
		return;
	if (h->first_claim_ms > 0 && h->first_claim_ms < at)
		return;         /* a note has said when */
	if (h->first_claim_ms == 0 && h->job->state != JOB_QUEUED)
		return;         /* it ended while it was scheduled */
	plain(h, "queued", at);
	comes(h, ORDER_QUEUED);
}

static void ended(struct history *h)
{
	const struct job *j = h->job;

	if (j->state == JOB_DEAD)
		plain(h, "dead", j->finished_ms);
	else if (j->state == JOB_CANCELLED && !h->cancelled)
		plain(h, "cancelled", j->finished_ms);
	else if (j->state == JOB_EXPIRED)
		plain(h, "expired", j->finished_ms);
}

static int by_time(const void *x, const void *y)
{
	const struct history_event *a = x, *b = y;

	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

bool history_put(struct history *h, int64_t running_since_ms, struct buf *out)
{
	bool ok;

	current_attempt(h, running_since_ms);
	if (h->said)
		put_progress(h, h->said->attempt, INT64_MAX);
	queued_when_due(h);
	ended(h);
	ok = !h->failed && !h->text.failed;
	if (ok) {
		qsort(h->v, h->n, sizeof(*h->v), by_time);
		buf_str(out, "{\"id\":");
		job_json_id(out, &h->job->id);
		buf_str(out, ",\"history\":");
		for (size_t i = 0; i < h->n; i++) {
			buf_char(out, i ? ',' : '[');
			buf_add(out, h->text.data + h->v[i].from, h->v[i].n);
		}
		buf_str(out, "]}");
	}
	free(h->v);
	buf_free(&h->text);
	*h = (struct history){ 0 };
	return ok && !out->failed;
}
