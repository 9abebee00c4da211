/* Handing out the next job under a lease, and handing out again what a dead keeper had leased. */
#include "store/embedded.h"

static enum store_rc lease_put(struct store *s, const struct job *j, uint32_t incarnation)
{
	struct lease_row row = { j->id, j->lease_token, incarnation, 0 };
	struct key k = key_lease(j->lease_epoch, j->worker, j->grant_seq);

	return row_put(s, KV_LEASE, key_of(&k), (struct kv_bytes){ &row, sizeof(row) });
}

/* A job past its expires_at is not worth starting. */
static enum store_rc expire(struct store *s, struct job *j)
{
	TRY(ready_del(s, j));
	j->finished_ms = s->now_ms;
	TRY(job_event(s, j, JOB_EV_EXPIRE, JOB_OUTCOME_NONE));
	TRY(final_put(s, j));
	return job_save(s, j);
}

static enum store_rc lease(struct store *s, struct job *j, const struct store_owner *owner, uint64_t grant_seq)
{
	TRY(ready_del(s, j));
	j->attempts++;
	j->lease_token = s->head.next_token++;
	j->lease_epoch = s->epoch;
	j->grant_seq = grant_seq;
	j->worker = owner->slot;
	j->worker_pid = owner->pid;
	j->started_ms = s->now_ms;
	j->finished_ms = 0;
	TRY(job_event(s, j, JOB_EV_CLAIM, JOB_OUTCOME_NONE));
	TRY(lease_put(s, j, owner->incarnation));
	return job_save(s, j);
}

static enum store_rc claim(struct store *s, const struct store_owner *owner, uint64_t grant_seq, bool idle_owner, struct store_claimed *out, struct turn_lane **from)
{
	struct turn_lane *l;

	while ((l = turn_pick(s->turn, idle_owner)) != NULL) {
		*from = l;
		TRY(must(job_load(s, l->head, &out->job)));
		if (out->job.state != JOB_QUEUED || out->job.sortkey != l->key || out->job.lane != l->id)
			return STORE_DAMAGED;
		if (out->job.expires_at_ms && out->job.expires_at_ms <= s->now_ms) {
			TRY(expire(s, &out->job));
			continue;
		}
		turn_taken(s->turn, l);
		TRY(lease(s, &out->job, owner, grant_seq));
		struct tally_set set = tally_of(s, l);
		for (int i = 0; i < 3; i++) {
			set.t[i]->queue_us_sum += (uint64_t)(s->now_us > out->job.queued_us ? s->now_us - out->job.queued_us : 0);
			set.t[i]->queue_n++;
		}
		out->alone = l->alone;
		return spec_load(s, out->job.id, &out->spec);
	}
	return STORE_NOT_FOUND;
}

enum store_rc store_claim(struct store *s, const struct store_owner *owner, uint64_t grant_seq, bool idle_owner, struct store_claimed *out)
{
	struct turn_lane *l = NULL;
	enum store_rc rc = claim(s, owner, grant_seq, idle_owner, out, &l);

	if (rc == STORE_DAMAGED && l && s->nheld < HELD_LANES)
		s->held_lane[s->nheld++] = l->id;
	return rc;
}

enum store_rc store_regrant(struct store *s, const struct store_owner *owner, uint64_t after_seq, bool (*fn)(void *arg, uint64_t grant_seq, const struct store_claimed *c), void *arg)
{
	uint64_t seq = after_seq + 1;

	for (;;) {
		struct key k = key_lease(s->epoch, owner->slot, seq);
		struct kv_bytes found, v;
		struct store_claimed c;
		struct lease_row row;
		enum store_rc rc = row_seek(s, KV_LEASE, key_of(&k), &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (found.n != k.n || memcmp(found.p, k.b, 12) != 0)))
			return STORE_OK;
		TRY(rc);
		if (v.n != sizeof(row))
			return STORE_DAMAGED;
		memcpy(&row, v.p, sizeof(row));
		seq = key_get64((const uint8_t *)found.p + 12);
		if (row.incarnation == owner->incarnation) {
			TRY(must(job_load(s, row.id, &c.job)));
			TRY(spec_load(s, row.id, &c.spec));
			const struct turn_lane *l = turn_lane_of(s->turn, c.job.lane);
			c.alone = l && l->alone;
			if (!fn(arg, seq, &c))
				return STORE_OK;
		}
		seq++;
	}
}
