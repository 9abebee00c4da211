/* Leases whose owner is gone: each job goes back to its queue, or is dead where it has done so too often. */
#include "store/embedded.h"

#define DEFAULT_MAX_CRASHES 10u

static uint32_t max_crashes(const struct store *s, const struct job *j)
{
	const struct turn_lane *l = turn_lane_of(s->turn, j->lane);

	return s->rules.max_crashes ? s->rules.max_crashes(s->rules.arg, l->type->name) : DEFAULT_MAX_CRASHES;
}

static enum store_rc give_up(struct store *s, struct job *j, enum job_outcome outcome)
{
	j->finished_ms = s->now_ms;
	TRY(job_event(s, j, JOB_EV_FAIL_DEAD, outcome));
	return final_put(s, j);
}

static enum store_rc requeue(struct store *s, struct job *j, enum job_outcome outcome)
{
	j->queued_us = s->now_us;
	TRY(job_event(s, j, JOB_EV_GIVE_BACK, outcome));
	return ready_put(s, j);
}

static struct job_text why_ended(enum job_outcome how, bool over)
{
	static const char *const why[JOB_OUTCOMES][2] = {
		[JOB_OUTCOME_CRASHED] = { "the worker died while it ran this job", "the worker died while it ran this job, and that as often as max_crashes allows" },
		[JOB_OUTCOME_LEASE_EXPIRED] = { "the lease ran out: nothing was heard of its worker in time",
			"the lease ran out: nothing was heard of its worker in time, and that as often as max_crashes allows" },
	};
	const char *text = why[how][over];

	return (struct job_text){ text, text ? strlen(text) : 0 };
}

enum store_rc lease_end(struct store *s, struct job_id id, uint64_t token, enum job_outcome how)
{
	bool lost = how != JOB_OUTCOME_RELEASED;
	struct job j;

	TRY(job_of_lease(s, id, token, &j));
	if (j.state != JOB_RUNNING || j.lease_token != token)
		return STORE_STALE;
	bool over = lost && !j.cancel_asked && j.crashes + 1 >= max_crashes(s, &j);
	struct record_attempt a = {
		.token = token, .attempt = j.attempts, .outcome = how, .claimed_ms = j.started_ms,
		.started_ms = lost ? j.started_ms : 0, .ended_ms = s->now_ms, .exit_code = -1, .worker = j.worker, .worker_pid = j.worker_pid, .error = why_ended(how, over),
	};
	TRY(lease_del(s, &j));
	j.last_outcome = a.outcome;
	j.exit_code = -1;
	j.term_signal = 0;
	j.duration_us = j.cpu_us = 0;
	j.max_rss_kb = 0;
	j.crashes += lost;
	if (j.cancel_asked) {
		j.finished_ms = s->now_ms;
		TRY(job_event(s, &j, JOB_EV_CANCEL, how));
		TRY(final_put(s, &j));
	} else {
		TRY(over ? give_up(s, &j, how) : requeue(s, &j, how));
	}
	TRY(attempt_put(s, &j, &a));
	return job_save(s, &j);
}

/* The first lease at or after *k whose owner matches; *k is left at it. */
static enum store_rc lease_next(struct store *s, uint32_t slot, uint32_t incarnation, struct key *k, struct lease_row *row, bool *one)
{
	struct kv_bytes found, v;
	enum store_rc rc;

	*one = false;
	while ((rc = row_seek(s, KV_LEASE, key_of(k), &found, &v)) == STORE_OK) {
		bool sane = found.n == 20 && v.n == sizeof(*row);
		if (sane)
			memcpy(row, v.p, sizeof(*row));
		k->n = 0;
		key_bytes(k, found.p, found.n);
		bool old = sane && key_get64(k->b) != s->epoch;
		if (sane && !is_held(s, row->id) && (slot == UINT32_MAX ? old : !old && key_get32(k->b + 8) == slot && row->incarnation == incarnation)) {
			*one = true;
			return STORE_OK;
		}
		if (sane && slot != UINT32_MAX && (old || key_get32(k->b + 8) != slot))
			return STORE_OK;        /* past this owner's leases, which lie together */
		key_u8(k, 0);
	}
	return may(rc);
}

/* Ends the lease at *k. One that its job knows nothing of is only deleted; a job that cannot be read is held, its lease stays. */
static enum store_rc end_one(struct store *s, struct key *k, const struct lease_row *row, bool crashed)
{
	enum store_rc rc = lease_end(s, row->id, row->token, crashed ? JOB_OUTCOME_CRASHED : JOB_OUTCOME_RELEASED);

	if (rc == STORE_STALE)
		rc = row_del(s, KV_LEASE, key_of(k));
	if (passed_over(s, row->id, rc)) {
		key_u8(k, 0);
		rc = STORE_OK;
	}
	return settled(s, rc);
}

enum store_rc store_abandon(struct store *s, uint32_t slot, uint32_t incarnation, bool (*started)(void *arg, uint64_t token), void *arg, unsigned limit, bool *more)
{
	struct key k = { .n = 0 };
	struct lease_row row;
	bool one;

	*more = false;
	key_u64(&k, s->epoch);
	key_u32(&k, slot);
	for (unsigned i = 0; i < limit; i++) {
		TRY(lease_next(s, slot, incarnation, &k, &row, &one));
		if (!one)
			return STORE_OK;
		TRY(end_one(s, &k, &row, started(arg, row.token)));
	}
	*more = true;
	return STORE_OK;
}

enum store_rc store_abandon_old(struct store *s, unsigned limit, bool *more)
{
	struct key k = { .n = 0 };
	struct lease_row row;
	bool one;

	*more = false;
	for (unsigned i = 0; i < limit; i++) {
		TRY(lease_next(s, UINT32_MAX, 0, &k, &row, &one));
		if (!one)
			return STORE_OK;
		TRY(end_one(s, &k, &row, true));
	}
	*more = true;
	return STORE_OK;
}
