/* Live leases of one owner, walked: what a new keeper has to tell its workers again. A lease or job that cannot be read is passed over: it goes back, or is held, when its owner ends. */
#include "store/embedded.h"

/* The owner's first lease from *seq on, whose job is sound; NOT_FOUND where there is none. *seq is its grant's. */
static enum store_rc next_lease(struct store *s, const struct store_owner *owner, uint64_t *seq, struct job *j)
{
	struct key k = key_lease(s->epoch, owner->slot, *seq);
	struct kv_bytes found, v;
	struct lease_row row;

	for (;;) {
		TRY(row_seek(s, KV_LEASE, key_of(&k), &found, &v));
		if (found.n != 20 || memcmp(found.p, k.b, 12) != 0)
			return STORE_NOT_FOUND;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		if (v.n == sizeof(row)) {
			memcpy(&row, v.p, sizeof(row));
			*seq = key_get64(k.b + 12);
			enum store_rc rc = row.incarnation == owner->incarnation ? job_load(s, row.id, j) : STORE_NOT_FOUND;
			if (s->spoilt || (rc == STORE_OK && j->state == JOB_RUNNING && j->lease_token == row.token))
				return rc;
		}
		key_u8(&k, 0);
	}
}

enum store_rc store_regrant(struct store *s, const struct store_owner *owner, uint64_t after_seq, bool (*fn)(void *arg, uint64_t grant_seq, const struct store_claimed *c), void *arg)
{
	struct store_claimed c;
	enum store_rc rc;

	for (uint64_t seq = after_seq + 1; (rc = next_lease(s, owner, &seq, &c.job)) == STORE_OK; seq++) {
		rc = spec_load(s, c.job.id, &c.spec);
		if (rc == STORE_DAMAGED && !s->spoilt)
			continue;
		TRY(rc);
		c.alone = turn_lane_of(s->turn, c.job.lane)->alone;
		if (!fn(arg, seq, &c))
			return STORE_OK;
	}
	return may(rc);
}

enum store_rc store_cancels(struct store *s, const struct store_owner *owner, void (*fn)(void *arg, struct job_id id, uint64_t token), void *arg)
{
	enum store_rc rc;
	struct job j;

	for (uint64_t seq = 0; (rc = next_lease(s, owner, &seq, &j)) == STORE_OK; seq++)
		if (j.cancel_asked)
			fn(arg, j.id, j.lease_token);
	return may(rc);
}

enum store_rc store_lone(struct store *s, const struct store_owner *owner, uint64_t *grant_seq)
{
	enum store_rc rc = STORE_NOT_FOUND;
	struct job j;

	*grant_seq = 0;
	if (!turn_knows_lone(s->turn))
		return STORE_OK;
	for (uint64_t seq = 0; (rc = next_lease(s, owner, &seq, &j)) == STORE_OK; seq++)
		if (turn_lane_of(s->turn, j.lane)->alone)
			*grant_seq = seq;
	return may(rc);
}
