/* Jobs past their expires_at: whatever they wait for, they are not worth starting any more. Called by store_due(), for those whose time has come, by store_claim() for one that it meets first, and at each change
 * of state of a job that has such a time.
 * A row of KV_EXPIRY stands for a job while it waits; who has no expires_at costs nothing of this. */
#include "store/embedded.h"

enum store_rc expiry_refresh(struct store *s)
{
	struct key k;
	struct job_id id;

	return time_first(s, KV_EXPIRY, &k, &s->next_expiry_ms, &id);
}

static bool waits(enum job_state state)
{
	return state == JOB_SCHEDULED || state == JOB_WAITING || state == JOB_QUEUED || state == JOB_RETRYING;
}

enum store_rc expiry_moved(struct store *s, const struct job *j, enum job_state from)
{
	struct key k = key_due(j->expires_at_ms, &j->id);

	if (waits(from) == waits(j->state))
		return STORE_OK;
	if (!waits(j->state))
		return may(row_del(s, KV_EXPIRY, key_of(&k)));
	if (j->expires_at_ms < s->next_expiry_ms)
		s->next_expiry_ms = j->expires_at_ms;
	return row_put(s, KV_EXPIRY, key_of(&k), (struct kv_bytes){ "", 0 });
}

enum store_rc job_expire(struct store *s, struct job *j)
{
	TRY(job_take_out(s, j));
	j->finished_ms = s->now_ms;
	TRY(job_event(s, j, JOB_EV_EXPIRE, JOB_OUTCOME_NONE));
	TRY(final_put(s, j));
	return job_save(s, j);
}

/* A row that its job knows nothing of is only deleted. */
static enum store_rc end_row(struct store *s, const struct key *k, struct job_id id, int64_t at)
{
	struct job j;
	enum store_rc rc = job_load(s, id, &j);

	if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (!waits(j.state) || j.expires_at_ms != at)))
		return row_del(s, KV_EXPIRY, key_of(k));
	return rc == STORE_OK ? job_expire(s, &j) : rc;
}

static enum store_rc expire_one(struct store *s)
{
	struct job_id id = { { 0 } };
	struct key k;
	int64_t at;

	TRY(time_first(s, KV_EXPIRY, &k, &at, &id));
	enum store_rc rc = at <= s->now_ms ? end_row(s, &k, id, at) : STORE_OK;
	if (rc != STORE_OK && !passed_over(s, id, rc))
		return rc;
	row_whole(s);
	return expiry_refresh(s);
}

enum store_rc expire_due(struct store *s, unsigned limit, bool *more)
{
	*more = false;
	for (unsigned i = 0; s->next_expiry_ms <= s->now_ms; i++) {
		if (i == limit) {
			*more = true;
			break;
		}
		enum store_rc rc = expire_one(s);
		if (rc != STORE_OK)
			return settled(s, rc);
	}
	return STORE_OK;
}
