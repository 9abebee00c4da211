/* The end of an attempt: success, failure with or without a retry, or given back. */
#include "store/embedded.h"

#include "job/retry.h"

enum store_rc lease_del(struct store *s, const struct job *j)
{
	struct key k = key_lease(j->lease_epoch, j->worker, j->grant_seq);

	if (j->worker == STORE_REMOTE)
		return remote_del(s, j);
	return may(row_del(s, KV_LEASE, key_of(&k)));   /* the job's own record is what counts */
}

/* Writes the attempt's row where it tells more than the job's own record does. */
enum store_rc attempt_put(struct store *s, const struct job *j, const struct record_attempt *a)
{
	struct key k = key_attempt(&j->id, j->lease_token);
	struct record_attempt row = *a;

	if (row.worker == STORE_REMOTE && s->who_token == row.token)
		row.who = (struct job_text){ s->who, s->who_n };
	if (row.error.n > JOB_ERROR_MAX)
		row.error.n = JOB_ERROR_MAX;
	if (row.log_blob == 0 && row.error.n + row.who.n + row.log.n + 128 > KV_BLOB_ROW - 100 && row.log.n) {
		TRY(blob_put(s, row.log, &row.log_blob));
		row.log_len = row.log.n;
		row.log.n = 0;
	}
	size_t n = record_attempt_encode(&row, s->scratch, sizeof(s->scratch));
	if (n == 0)
		return STORE_INVALID;
	TRY(row_put(s, KV_ATTEMPT, key_of(&k), (struct kv_bytes){ s->scratch, n }));
	return log_trim(s, j->id, j->lease_token);
}

static enum store_rc result_put(struct store *s, struct job *j, const struct store_finish *f)
{
	j->result_len = f->result_blob ? f->result_len : f->result.n;
	j->result_blob = f->result_blob;
	j->result_truncated = f->result_cut;
	j->result_json = f->result_json;
	if (f->result_blob)
		return stage_own(s, f->result_blob, f->result_len);
	if (f->result.n == 0)
		return STORE_OK;
	if (f->result.n <= KV_BLOB_ROW)
		return sealed_put(s, KV_RESULT, id_key(&j->id), f->result);
	return blob_put(s, f->result, &j->result_blob);
}

/* What the attempt used, in the job's own record. */
static void note_usage(struct job *j, const struct store_finish *f)
{
	j->last_outcome = f->outcome;
	j->exit_code = f->exit_code;
	j->term_signal = f->term_signal;
	j->duration_us = f->duration_us;
	j->cpu_us = f->cpu_us;
	j->max_rss_kb = f->max_rss_kb;
	j->log_len = f->log_blob ? f->log_len : f->log.n;
	j->log_blob = f->log_blob;
	if (f->started_ms)
		j->started_ms = f->started_ms;
}

/* Failed: tried again after its backoff, or dead. Returns the time of the retry in *retry_at, 0 where there is none. */
static enum store_rc fail(struct store *s, struct job *j, const struct store_finish *f, int64_t *retry_at)
{
	struct job_spec spec;
	uint32_t random;
	bool over = f->no_retry || j->retry_count >= j->max_retries;

	*retry_at = 0;
	s->breaker_said = breaker_failed(&turn_lane_of(s->turn, j->lane)->type->limit, j->lease_token, s->now_us);
	if (!over) {
		enum store_rc rc = spec_load(s, j->id, &spec);
		over = rc == STORE_DAMAGED && !s->spoilt;       /* it could not be run again */
		if (!over)
			TRY(rc);
	}
	if (over) {
		j->finished_ms = s->now_ms;
		TRY(job_event(s, j, JOB_EV_FAIL_DEAD, f->outcome));
		return final_put(s, j);
	}
	if (!s->random(&random, sizeof(random)))
		return STORE_IO;
	j->retry_count++;
	int64_t delay = f->retry_in_ms >= 0 ? f->retry_in_ms : retry_delay_ms(&spec.backoff, j->retry_count, random);
	j->run_at_ms = *retry_at = delay < TIME_MAX_MS - s->now_ms ? s->now_ms + delay : TIME_MAX_MS;
	TRY(job_event(s, j, JOB_EV_FAIL_RETRY, f->outcome));
	struct tally_set set = tally_of(s, turn_lane_of(s->turn, j->lane));
	for (int i = 0; i < 3; i++) {
		set.t[i]->retry_sum++;
		set.t[i]->with_retries += j->retry_count == 1;
	}
	if (job_has_line(j))
		TRY(keyed_rest(s, j));
	return due_put(s, j);
}

static enum store_rc succeed(struct store *s, struct job *j, const struct store_finish *f)
{
	j->finished_ms = s->now_ms;
	TRY(result_put(s, j, f));
	s->breaker_said = breaker_succeeded(&turn_lane_of(s->turn, j->lane)->type->limit, j->lease_token);
	TRY(job_event(s, j, JOB_EV_SUCCEED, f->outcome));
	return final_put(s, j);
}

static enum store_rc cancel(struct store *s, struct job *j, const struct store_finish *f)
{
	j->finished_ms = s->now_ms;
	TRY(job_event(s, j, JOB_EV_CANCEL, f->outcome));
	return final_put(s, j);
}

static enum store_rc give_back(struct store *s, struct job *j, const struct store_finish *f)
{
	j->queued_us = s->now_us;       /* its sort key stays: it keeps its place in the queue */
	TRY(job_event(s, j, JOB_EV_GIVE_BACK, f->outcome));
	return ready_put(s, j);
}

static enum store_rc end_attempt(struct store *s, struct job *j, const struct store_finish *f)
{
	struct record_attempt a = {
		.token = j->lease_token, .attempt = j->attempts, .outcome = f->outcome, .claimed_ms = j->started_ms, .started_ms = f->started_ms, .ended_ms = s->now_ms,
		.exit_code = f->exit_code, .term_signal = f->term_signal, .duration_us = f->duration_us, .cpu_us = f->cpu_us, .max_rss_kb = f->max_rss_kb,
		.worker = j->worker, .worker_pid = j->worker_pid, .log_blob = f->log_blob, .log_len = f->log_blob ? f->log_len : f->log.n, .error = f->error, .log = f->log,
	};

	if (f->log_blob)
		TRY(stage_own(s, f->log_blob, f->log_len));
	TRY(lease_del(s, j));
	note_usage(j, f);
	if (j->cancel_asked && f->outcome != JOB_OUTCOME_SUCCEEDED) {
		/* whatever ended it: it was not to run again */
		TRY(cancel(s, j, f));
		return attempt_put(s, j, &a);
	}
	switch (f->outcome) {
	case JOB_OUTCOME_SUCCEEDED:
		TRY(succeed(s, j, f));
		break;
	case JOB_OUTCOME_FAILED:
	case JOB_OUTCOME_TIMED_OUT:
		TRY(fail(s, j, f, &a.retry_at_ms));
		break;
	case JOB_OUTCOME_CANCELLED:
		TRY(cancel(s, j, f));
		break;
	default:
		TRY(give_back(s, j, f));
		break;
	}
	/* A first attempt that succeeded without a word is told by the record alone: the common job costs no further row. */
	if (f->outcome == JOB_OUTCOME_SUCCEEDED && a.log_len == 0 && j->attempts == 1 && j->worker != STORE_REMOTE)
		return STORE_OK;
	return attempt_put(s, j, &a);
}

static bool finish_sane(const struct store_finish *f)
{
	switch (f->outcome) {
	case JOB_OUTCOME_SUCCEEDED:
	case JOB_OUTCOME_FAILED:
	case JOB_OUTCOME_TIMED_OUT:
	case JOB_OUTCOME_RELEASED:
	case JOB_OUTCOME_CANCELLED:
		break;
	default:
		return false;
	}
	if (f->result_blob && f->result_blob == f->log_blob)
		return false;           /* bytes have one owner */
	return f->result.n <= JOB_INLINE_MAX && f->log.n <= JOB_INLINE_MAX && f->retry_in_ms >= -1 && f->duration_us >= 0 && f->cpu_us >= 0;
}

static enum store_rc finish(struct store *s, const struct store_finish *f, struct job *out)
{
	if (!finish_sane(f))
		return STORE_INVALID;
	enum store_rc rc = job_load(s, f->id, out);
	if (rc == STORE_DAMAGED)
		rc = job_of_lease(s, f->id, f->token, out);
	passed_over(s, f->id, rc);      /* its handler has ended: nobody waits for it any more */
	TRY(rc);
	if (out->state != JOB_RUNNING || out->lease_token != f->token)
		return STORE_STALE;
	/* validated before anything is written: the staged bytes are there */
	if ((f->result_blob && f->outcome == JOB_OUTCOME_SUCCEEDED && !stage_there(s, f->result_blob, f->result_len)) || (f->log_blob && !stage_there(s, f->log_blob, f->log_len)))
		return STORE_INVALID;
	TRY(end_attempt(s, out, f));
	if (f->started_ms) {
		struct tally_set set = tally_of(s, turn_lane_of(s->turn, out->lane));
		for (int i = 0; i < 3; i++) {
			set.t[i]->exec_us_sum += (uint64_t)f->duration_us;
			set.t[i]->exec_n++;
		}
	}
	return job_save(s, out);
}

enum store_rc store_finish(struct store *s, const struct store_finish *f, struct job *out)
{
	return settled(s, finish(s, f, out));
}

enum store_rc store_progress(struct store *s, struct job_id id, uint64_t token, int32_t percent, struct job_text message)
{
	uint8_t row[PROGRESS_HEAD + PROGRESS_TEXT_MAX];
	struct job j;

	if (percent < 0 || percent > 100)
		return STORE_INVALID;
	TRY(job_load(s, id, &j));
	if (j.state != JOB_RUNNING || j.lease_token != token)
		return STORE_STALE;
	size_t n = message.n < PROGRESS_TEXT_MAX ? message.n : PROGRESS_TEXT_MAX;
	memcpy(row, &percent, 4);
	memcpy(row + 4, &j.attempts, 4);
	memcpy(row + 8, &s->now_ms, 8);
	if (n)
		memcpy(row + PROGRESS_HEAD, message.p, n);
	j.progress_pct = percent;
	enum store_rc rc = row_put(s, KV_PROGRESS, id_key(&id), (struct kv_bytes){ row, PROGRESS_HEAD + n });
	if (rc == STORE_OK)
		rc = job_save(s, &j);
	s->head.told += rc == STORE_OK;
	if (rc == STORE_OK && s->watch) {       /* no figure changes with it */
		const struct turn_lane *l = turn_lane_of(s->turn, j.lane);
		s->watch(s->watch_arg, &(struct store_change){ .job = j, .type = l->type->name, .queue = l->queue->name, .event = JOB_EV_PROGRESS });
	}
	return settled(s, rc);
}
