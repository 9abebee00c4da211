/* What time brings: scheduled and retrying jobs that are due, and final ones past their retention. In slices that ride in other batches. */
#include "store/embedded.h"

static enum store_rc refresh_next_due(struct store *s)
{
	struct kv_bytes found, v;
	struct key k = { .n = 0 };
	enum store_rc rc = row_seek(s, KV_DUE, key_of(&k), &found, &v);

	if (rc == STORE_OK && found.n != 24)
		return STORE_DAMAGED;
	s->next_due_ms = rc == STORE_OK ? (int64_t)key_get64(found.p) : INT64_MAX;
	return may(rc);
}

static enum store_rc make_ready(struct store *s, struct job_id id, int64_t due_ms)
{
	struct job j;

	TRY(must(job_load(s, id, &j)));
	j.queued_ms = due_ms;
	j.queued_us = due_ms * 1000;
	TRY(job_event(s, &j, JOB_EV_DUE, JOB_OUTCOME_NONE));
	TRY(ready_put(s, &j));
	return job_save(s, &j);
}

enum store_rc store_due(struct store *s, unsigned limit, bool *more)
{
	*more = false;
	for (unsigned i = 0; s->next_due_ms <= s->now_ms; i++) {
		struct kv_bytes found, v;
		struct key k = { .n = 0 };
		struct job_id id;
		/* what is remembered may be gone: a job that was cancelled, or run by hand */
		TRY(refresh_next_due(s));
		if (s->next_due_ms > s->now_ms)
			return STORE_OK;
		if (i == limit) {
			*more = true;
			return STORE_OK;
		}
		TRY(must(row_seek(s, KV_DUE, key_of(&k), &found, &v)));
		key_bytes(&k, found.p, found.n);
		memcpy(&id, k.b + 8, sizeof(id));
		TRY(row_del(s, KV_DUE, key_of(&k)));
		TRY(make_ready(s, id, (int64_t)key_get64(k.b)));
		TRY(refresh_next_due(s));
	}
	return STORE_OK;
}

int64_t store_next_due_ms(struct store *s)
{
	return s->next_due_ms;
}

/* Removes rows of a table whose keys begin with the job's id; for attempts, with the logs that they own. */
static enum store_rc drop_rows(struct store *s, enum kv_table t, struct job_id id)
{
	for (;;) {
		struct kv_bytes found, v;
		struct key k = { .n = 0 };
		struct record_attempt a;
		key_bytes(&k, &id, sizeof(id));
		enum store_rc rc = row_seek(s, t, key_of(&k), &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (found.n < sizeof(id) || memcmp(found.p, &id, sizeof(id)) != 0)))
			return STORE_OK;
		TRY(rc);
		uint64_t log = t == KV_ATTEMPT && record_attempt_decode(v.p, v.n, &a) == RECORD_OK ? a.log_blob : 0;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		TRY(row_del(s, t, key_of(&k)));
		if (log)
			TRY(blob_delete(s, log));
	}
}

enum store_rc job_purge(struct store *s, struct job_id id)
{
	struct job_spec spec;
	struct job j;

	TRY(must(job_load(s, id, &j)));
	if (!job_state_final(j.state))
		return STORE_DAMAGED;
	const struct turn_lane *l = turn_lane_of(s->turn, j.lane);
	if (!l)
		return STORE_DAMAGED;
	TRY(spec_load(s, id, &spec));
	uint64_t payload = spec.payload_blob;
	TRY(row_del(s, KV_SPEC, id_key(&id)));
	if (payload)
		TRY(blob_delete(s, payload));
	if (j.result_blob)
		TRY(blob_delete(s, j.result_blob));
	TRY(may(row_del(s, KV_RESULT, id_key(&id))));
	TRY(may(row_del(s, KV_PROGRESS, id_key(&id))));
	TRY(drop_rows(s, KV_ATTEMPT, id));
	TRY(drop_rows(s, KV_NOTE, id));
	struct tally_set set = tally_of(s, l);
	for (int i = 0; i < 3; i++) {
		set.t[i]->state[j.state]--;
		set.t[i]->retry_sum -= j.retry_count;
		set.t[i]->with_retries -= j.retry_count > 0;
	}
	return row_del(s, KV_JOB, id_key(&id));
}

/* The oldest final job of a class, where it is past its time or there are too many. */
static enum store_rc retain_one(struct store *s, enum job_state class, int64_t keep_ms, bool too_many, bool *did)
{
	struct kv_bytes found, v;
	struct key k = key_final(class, 0, NULL);
	struct job_id id;
	enum store_rc rc = row_seek(s, KV_FINAL, key_of(&k), &found, &v);

	*did = false;
	if (rc != STORE_OK)
		return may(rc);
	if (found.n != 25 || *(const uint8_t *)found.p != k.b[0])
		return STORE_OK;
	if (!too_many && (keep_ms <= 0 || (int64_t)key_get64((const uint8_t *)found.p + 1) + keep_ms > s->now_ms))
		return STORE_OK;
	memcpy(&id, (const uint8_t *)found.p + 9, sizeof(id));
	k.n = 0;
	key_bytes(&k, found.p, found.n);
	TRY(row_del(s, KV_FINAL, key_of(&k)));
	*did = true;
	return job_purge(s, id);
}

static uint64_t final_jobs(const struct store *s)
{
	const uint64_t *n = s->totals.state;

	return n[JOB_SUCCEEDED] + n[JOB_DEAD] + n[JOB_CANCELLED] + n[JOB_EXPIRED];
}

enum store_rc store_retain(struct store *s, unsigned limit, bool *more)
{
	bool did = true;

	for (unsigned i = 0; i < limit && did; i++) {
		bool too_many = s->rules.retain_count && final_jobs(s) > s->rules.retain_count;
		TRY(retain_one(s, JOB_SUCCEEDED, s->rules.retain_succeeded_ms, too_many, &did));
		if (!did)
			TRY(retain_one(s, JOB_DEAD, s->rules.retain_failed_ms, too_many, &did));
	}
	*more = did;
	return STORE_OK;
}
