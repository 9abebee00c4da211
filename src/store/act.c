/* What people do to a job by hand: cancel, retry, run now, delete. One transition each, refused where the state forbids it. */
#include "store/embedded.h"

#include "job/order.h"

static enum store_rc act_cancel(struct store *s, struct job *j)
{
	if (job_state_next(j->state, JOB_EV_CANCEL) == JOB_NONE)
		return STORE_STATE;
	if (j->state == JOB_RUNNING && j->worker == STORE_REMOTE)
		return remote_cancel(s, j);
	if (j->state == JOB_RUNNING) {          /* final only when its handler is gone: its worker says so */
		j->cancel_asked = true;
		return job_save(s, j);
	}
	TRY(job_take_out(s, j));
	j->finished_ms = s->now_ms;
	TRY(job_event(s, j, JOB_EV_CANCEL, JOB_OUTCOME_NONE));
	TRY(final_put(s, j));
	return job_save(s, j);
}

static enum job_event end_event(enum job_state s)
{
	return s == JOB_CANCELLED ? JOB_EV_CANCEL : s == JOB_EXPIRED ? JOB_EV_EXPIRE : JOB_EV_FAIL_DEAD;
}

/* A note of this end is there: it said why. */
static bool end_told(struct store *s, const struct job *j)
{
	struct key k = key_note(&j->id, j->finished_ms * 1000, (uint8_t)end_event(j->state));
	struct kv_bytes v;

	return row_get(s, KV_NOTE, key_of(&k), &v) == STORE_OK;
}

static enum store_rc act_retry(struct store *s, struct job *j)
{
	struct key k = key_final(j->state, j->finished_ms, &j->id);
	struct depends parents = { .open = 0 };
	struct job_spec spec;

	if (job_state_next(j->state, JOB_EV_REQUEUE) == JOB_NONE)
		return STORE_STATE;
	if (j->expires_at_ms && j->expires_at_ms <= s->now_ms)
		return STORE_STATE;             /* it would only expire again */
	TRY(spec_load(s, j->id, &spec));
	TRY(unique_free(s, j));
	if (spec.ndepends)
		TRY(depends_again(s, j->id, &parents));
	TRY(must(row_del(s, KV_FINAL, key_of(&k))));
	if (j->has_children)
		TRY(spread_drop(s, j));
	/* the record forgets its first life; the history does not. An attempt that ended cancelled has told it already */
	if (j->state != JOB_CANCELLED || j->last_outcome != JOB_OUTCOME_CANCELLED) {
		if (!end_told(s, j))
			TRY(note_put(s, j, j->finished_ms * 1000, end_event(j->state), (struct job_text){ NULL, 0 }));
	}
	TRY(note_put(s, j, s->now_us, JOB_EV_REQUEUE, (struct job_text){ NULL, 0 }));
	struct tally_set set = tally_of(s, turn_lane_of(s->turn, j->lane));
	for (int i = 0; i < 3; i++) {
		set.t[i]->retry_sum -= j->retry_count;
		set.t[i]->with_retries -= j->retry_count > 0;
	}
	j->attempts = j->retry_count = j->crashes = 0;
	j->cancel_asked = false;
	j->last_outcome = JOB_OUTCOME_NONE;
	j->finished_ms = j->started_ms = j->run_at_ms = 0;
	j->queued_ms = s->order_ms;
	j->queued_us = s->now_us;
	j->sortkey = order_key(j->queued_ms, j->priority, spec.aging_ms);
	TRY(job_event(s, j, parents.open ? JOB_EV_REQUEUE_WAITING : JOB_EV_REQUEUE, JOB_OUTCOME_NONE));
	TRY(parents.open ? depends_wait(s, j->id, parents.open) : ready_put(s, j));
	TRY(unique_put(s, j));
	return job_save(s, j);
}

static enum store_rc act_run_now(struct store *s, struct job *j)
{
	struct job_spec spec;

	if (job_state_next(j->state, JOB_EV_RUN_NOW) == JOB_NONE)
		return STORE_STATE;
	TRY(spec_load(s, j->id, &spec));
	TRY(due_del(s, j));
	TRY(note_put(s, j, s->now_us, JOB_EV_RUN_NOW, (struct job_text){ NULL, 0 }));
	if (j->state == JOB_SCHEDULED) {        /* a retrying one keeps the place that it had */
		j->queued_ms = s->order_ms;
		j->sortkey = order_key(j->queued_ms, j->priority, spec.aging_ms);
	}
	j->run_at_ms = s->now_ms;
	j->queued_us = s->now_us;
	TRY(job_event(s, j, JOB_EV_RUN_NOW, JOB_OUTCOME_NONE));
	TRY(ready_put(s, j));
	return job_save(s, j);
}

static enum store_rc act_delete(struct store *s, struct job *j)
{
	struct key k = key_final(j->state, j->finished_ms, &j->id);

	if (!job_state_final(j->state))
		return STORE_STATE;
	return job_purge(s, &k, j->id);
}

enum store_rc store_act(struct store *s, struct job_id id, enum store_act act, struct job *out)
{
	static enum store_rc (*const acts[STORE_ACTS])(struct store *s, struct job *j) = {
		[STORE_ACT_CANCEL] = act_cancel, [STORE_ACT_RETRY] = act_retry, [STORE_ACT_RUN_NOW] = act_run_now, [STORE_ACT_DELETE] = act_delete,
	};

	if ((unsigned)act >= STORE_ACTS || !acts[act])
		return STORE_INVALID;
	TRY(job_load(s, id, out));
	return settled(s, acts[act](s, out));
}
