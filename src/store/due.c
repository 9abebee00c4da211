/* What time brings: scheduled and retrying jobs that are due, and final ones past their retention. In slices that ride in other batches. */
#include "store/embedded.h"

enum store_rc time_first(struct store *s, enum kv_table t, struct key *k, int64_t *at, struct job_id *id)
{
	struct kv_bytes found, v;
	enum store_rc rc;

	*at = INT64_MAX;
	k->n = 0;
	while ((rc = row_seek(s, t, key_of(k), &found, &v)) == STORE_OK) {
		k->n = 0;
		key_bytes(k, found.p, found.n);
		if (found.n == 24) {
			memcpy(id, k->b + 8, sizeof(*id));
			if (!is_held(s, *id)) {
				*at = (int64_t)key_get64(k->b);
				return STORE_OK;
			}
		}
		key_u8(k, 0);
	}
	return may(rc);
}

enum store_rc due_refresh(struct store *s)
{
	struct key k;
	struct job_id id;

	return time_first(s, KV_DUE, &k, &s->next_due_ms, &id);
}

static enum store_rc make_ready(struct store *s, const struct key *k, struct job_id id, int64_t due_ms)
{
	struct job j;

	TRY(must(job_load(s, id, &j)));
	if (job_state_next(j.state, JOB_EV_DUE) == JOB_NONE || due_ms > TIME_MAX_MS)
		return STORE_DAMAGED;
	TRY(row_del(s, KV_DUE, key_of(k)));
	j.queued_ms = due_ms;
	j.queued_us = due_ms * 1000;
	TRY(job_event(s, &j, JOB_EV_DUE, JOB_OUTCOME_NONE));
	TRY(ready_put(s, &j));
	return job_save(s, &j);
}

static enum store_rc due_one(struct store *s)
{
	struct job_id id = { { 0 } };
	struct key k;
	int64_t at;

	TRY(time_first(s, KV_DUE, &k, &at, &id));
	enum store_rc rc = at <= s->now_ms ? make_ready(s, &k, id, at) : STORE_OK;
	if (rc != STORE_OK && !passed_over(s, id, rc))
		return rc;
	row_whole(s);
	return due_refresh(s);
}

enum store_rc store_due(struct store *s, unsigned limit, bool *more)
{
	TRY(expire_due(s, limit, more));
	for (unsigned i = 0; s->next_due_ms <= s->now_ms; i++) {
		if (i == limit) {
			*more = true;
			break;
		}
		enum store_rc rc = due_one(s);
		if (rc != STORE_OK)
			return settled(s, rc);
	}
	return STORE_OK;
}

int64_t store_next_due_ms(struct store *s)
{
	return s->next_due_ms < s->next_expiry_ms ? s->next_due_ms : s->next_expiry_ms;
}

#define KEYS_A_JOB 8u           /* a row at the head of a log goes so much faster than a job */
#define ROWS_A_JOB 32u          /* retention stops early where jobs have more rows than that */

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
		uint64_t log = 0, log_len = 0;
		if (t == KV_ATTEMPT && record_attempt_decode(v.p, v.n, &a) == RECORD_OK) {
			log = a.log_blob;
			log_len = a.log_len;
		}
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		TRY(row_del(s, t, key_of(&k)));
		if (log)
			TRY(blob_drop(s, log, log_len));
	}
}

enum store_rc job_purge(struct store *s, const struct key *k, struct job_id id)
{
	struct job_spec spec;
	struct job j;

	TRY(must(job_load(s, id, &j)));
	if (!job_state_final(j.state))
		return STORE_DAMAGED;
	TRY(spec_load(s, id, &spec));
	uint64_t payload = spec.payload_blob, payload_len = spec.payload_len;
	bool depends = spec.ndepends > 0;
	TRY(row_del(s, KV_FINAL, key_of(k)));
	TRY(row_del(s, KV_SPEC, id_key(&id)));
	if (payload)
		TRY(blob_drop(s, payload, payload_len));
	if (j.result_blob)
		TRY(blob_drop(s, j.result_blob, j.result_len));
	TRY(may(row_del(s, KV_RESULT, id_key(&id))));
	TRY(may(row_del(s, KV_PROGRESS, id_key(&id))));
	TRY(drop_rows(s, KV_ATTEMPT, id));
	TRY(drop_rows(s, KV_NOTE, id));
	if (depends)
		TRY(drop_rows(s, KV_PARENT, id));
	struct tally_set set = tally_of(s, turn_lane_of(s->turn, j.lane));
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
	uint8_t first = k.b[0];
	struct job_id id;
	enum store_rc rc;

	*did = false;
	while ((rc = row_seek(s, KV_FINAL, key_of(&k), &found, &v)) == STORE_OK && *(const uint8_t *)found.p == first) {
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		if (k.n == 25) {
			memcpy(&id, k.b + 9, sizeof(id));
			int64_t finished = (int64_t)key_get64(k.b + 1);
			if (!too_many && (keep_ms <= 0 || finished > s->now_ms - keep_ms))
				return STORE_OK;
			rc = is_held(s, id) ? STORE_OK : job_purge(s, &k, id);
			*did = rc == STORE_OK && !is_held(s, id);
			if (*did || !(rc == STORE_OK || passed_over(s, id, rc)))
				return rc;
		}
		key_u8(&k, 0);
	}
	return may(rc);
}

static uint64_t final_jobs(const struct store *s)
{
	const uint64_t *n = s->totals.state;

	return n[JOB_SUCCEEDED] + n[JOB_DEAD] + n[JOB_CANCELLED] + n[JOB_EXPIRED];
}

enum store_rc store_retain(struct store *s, unsigned limit, bool *more)
{
	bool did = true, more_keys;

	TRY(settled(s, idem_expire(s, limit * KEYS_A_JOB, &more_keys)));
	uint64_t begun = s->rows;
	for (unsigned i = 0; i < limit && did && s->rows - begun < (uint64_t)limit * ROWS_A_JOB; i++) {
		bool too_many = s->rules.retain_count && final_jobs(s) > s->rules.retain_count;
		enum store_rc rc = retain_one(s, JOB_SUCCEEDED, s->rules.retain_succeeded_ms, too_many, &did);
		if (rc == STORE_OK && !did)
			rc = retain_one(s, JOB_DEAD, s->rules.retain_failed_ms, too_many, &did);
		if (rc != STORE_OK)
			return settled(s, rc);
		row_whole(s);
	}
	*more = did || more_keys;
	return STORE_OK;
}
