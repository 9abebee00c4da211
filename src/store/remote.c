/* Leases of workers on other machines. Each has a row in order of the time at which it ends, on CLOCK_BOOTTIME of the server's run (epoch) that it was last heard in; its job's record says where
 * that lies (lease_epoch, grant_seq: the time, lease_token). Who holds the token may extend it or end it; nobody else. Called by the keeper; nothing here is fatal. */
#include "store/embedded.h"

static struct key row_key(const struct job *j)
{
	return key_remote(j->lease_epoch, (int64_t)j->grant_seq, j->lease_token);
}

static bool holds(const struct job *j, uint64_t token)
{
	return j->state == JOB_RUNNING && j->worker == STORE_REMOTE && j->lease_token == token;
}

enum store_rc remote_put(struct store *s, const struct job *j, const struct store_lease *l)
{
	struct remote_row head = { j->id, l->lease_ms };
	struct key k = row_key(j);
	uint8_t row[sizeof(head) + STORE_WORKER_MAX];

	memcpy(row, &head, sizeof(head));
	if (l->worker.n)
		memcpy(row + sizeof(head), l->worker.p, l->worker.n);
	if ((int64_t)j->grant_seq < s->next_lease_ms)
		s->next_lease_ms = (int64_t)j->grant_seq;
	return row_put(s, KV_REMOTE, key_of(&k), (struct kv_bytes){ row, sizeof(head) + l->worker.n });
}

/* What the row of its lease says; the name is copied to s->who. */
static enum store_rc row_read(struct store *s, const struct job *j, struct remote_row *out)
{
	struct key k = row_key(j);
	struct kv_bytes v;

	s->who_token = j->lease_token;
	s->who_n = 0;
	TRY(row_get(s, KV_REMOTE, key_of(&k), &v));
	if (v.n < sizeof(*out) || v.n > sizeof(*out) + STORE_WORKER_MAX)
		return STORE_DAMAGED;
	memcpy(out, v.p, sizeof(*out));
	s->who_n = v.n - sizeof(*out);
	memcpy(s->who, (const char *)v.p + sizeof(*out), s->who_n);
	return STORE_OK;
}

enum store_rc remote_del(struct store *s, const struct job *j)
{
	struct key k = row_key(j);
	struct remote_row row;

	if (row_read(s, j, &row) != STORE_OK && s->spoilt)
		return STORE_IO;
	return may(row_del(s, KV_REMOTE, key_of(&k)));  /* the job's own record is what counts */
}

/* Puts the lease to another time. */
static enum store_rc move(struct store *s, struct job *j, int64_t ends_ms, int64_t lease_ms)
{
	struct store_lease l = { .worker = { s->who, s->who_n }, .lease_ms = lease_ms };
	struct key k = row_key(j);

	TRY(may(row_del(s, KV_REMOTE, key_of(&k))));
	j->lease_epoch = s->epoch;
	j->grant_seq = (uint64_t)ends_ms;
	if (memcmp(row_key(j).b, k.b, k.n) < 0)
		keyed_moved(s);
	TRY(remote_put(s, j, &l));
	return job_save(s, j);
}

enum store_rc store_extend(struct store *s, struct job_id id, uint64_t token, int64_t by_ms, int64_t boot_ms, int64_t *left_ms)
{
	struct remote_row row;
	struct job j;

	if (by_ms < 0 || boot_ms < 0)
		return STORE_INVALID;
	TRY(job_load(s, id, &j));
	if (!holds(&j, token))
		return STORE_STALE;
	TRY(must(row_read(s, &j, &row)));
	int64_t ends_ms = boot_ms + (by_ms ? by_ms : row.lease_ms);
	if (j.lease_epoch == s->epoch && ends_ms < (int64_t)j.grant_seq)
		ends_ms = (int64_t)j.grant_seq;
	*left_ms = ends_ms - boot_ms;
	return settled(s, move(s, &j, ends_ms, row.lease_ms));
}

/* --- ends --- */

/* How the attempt under that token ended, where a remote worker held it: REPLAYED where that is what is said of it again. The job itself may have gone on. */
static enum store_rc ended_so(struct store *s, const struct store_finish *f, struct store_ended *then)
{
	struct key k = key_attempt(&f->id, f->token);
	struct record_attempt a;
	struct kv_bytes v;
	enum store_rc rc = row_get(s, KV_ATTEMPT, key_of(&k), &v);

	if (rc != STORE_OK)
		return rc == STORE_NOT_FOUND ? STORE_STALE : rc;
	if (record_attempt_decode(v.p, v.n, &a) != RECORD_OK || a.worker != STORE_REMOTE || a.outcome != (uint32_t)f->outcome)
		return STORE_STALE;
	enum job_state failed = a.retry_at_ms ? JOB_RETRYING : JOB_DEAD;
	then->state = f->outcome == JOB_OUTCOME_SUCCEEDED ? JOB_SUCCEEDED : f->outcome == JOB_OUTCOME_FAILED ? failed : JOB_QUEUED;
	then->run_at_ms = a.retry_at_ms;
	return STORE_REPLAYED;
}

enum store_rc store_finish_remote(struct store *s, const struct store_finish *f, struct store_ended *then)
{
	struct store_finish m = *f;
	struct job j;

	if (f->outcome != JOB_OUTCOME_SUCCEEDED && f->outcome != JOB_OUTCOME_FAILED && f->outcome != JOB_OUTCOME_RELEASED)
		return STORE_INVALID;
	TRY(job_load(s, f->id, &j));
	if (!holds(&j, f->token))
		return ended_so(s, f, then);
	if (f->outcome != JOB_OUTCOME_RELEASED) {
		m.started_ms = j.started_ms;
		m.duration_us = s->now_us > j.started_ms * 1000 ? s->now_us - j.started_ms * 1000 : 0;
	}
	TRY(store_finish(s, &m, &j));
	*then = (struct store_ended){ j.state, j.state == JOB_RETRYING ? j.run_at_ms : 0 };
	return STORE_OK;
}

bool store_holds(struct store *s, struct job_id id, uint64_t token)
{
	struct job j;

	return job_load(s, id, &j) == STORE_OK && holds(&j, token);
}

enum store_rc store_give_back(struct store *s, struct job_id id, uint64_t token)
{
	enum store_rc rc = lease_end(s, id, token, JOB_OUTCOME_RELEASED);

	return passed_over(s, id, rc) ? STORE_OK : settled(s, rc);
}

enum store_rc remote_cancel(struct store *s, struct job *j)
{
	struct record_attempt a = {
		.token = j->lease_token, .attempt = j->attempts, .outcome = JOB_OUTCOME_CANCELLED, .claimed_ms = j->started_ms, .started_ms = j->started_ms, .ended_ms = s->now_ms,
		.exit_code = -1, .worker = j->worker, .duration_us = s->now_ms > j->started_ms ? (s->now_ms - j->started_ms) * 1000 : 0,
	};

	TRY(lease_del(s, j));
	j->finished_ms = s->now_ms;
	j->last_outcome = a.outcome;
	j->exit_code = -1;
	j->term_signal = 0;
	j->duration_us = a.duration_us;
	j->cpu_us = 0;
	j->max_rss_kb = 0;
	TRY(job_event(s, j, JOB_EV_CANCEL, JOB_OUTCOME_CANCELLED));
	TRY(final_put(s, j));
	TRY(attempt_put(s, j, &a));
	return job_save(s, j);
}

/* --- what time brings --- */

static bool read_row(struct kv_bytes key, struct kv_bytes v, struct remote_row *out)
{
	if (key.n != 24 || v.n < sizeof(*out))
		return false;
	memcpy(out, v.p, sizeof(*out));
	return true;
}

/* The first row of this epoch, of a job that is not held; *at is INT64_MAX where there is none. */
static enum store_rc first(struct store *s, struct key *k, int64_t *at, struct job_id *id)
{
	struct kv_bytes found, v;
	struct remote_row row;
	enum store_rc rc;

	*at = INT64_MAX;
	*k = key_remote(s->epoch, 0, 0);
	while ((rc = row_seek(s, KV_REMOTE, key_of(k), &found, &v)) == STORE_OK && found.n >= 8 && key_get64(found.p) == s->epoch) {
		bool sane = read_row(found, v, &row);
		k->n = 0;
		key_bytes(k, found.p, found.n);
		if (sane && !is_held(s, row.id)) {
			*at = (int64_t)key_get64(k->b + 8);
			*id = row.id;
			return STORE_OK;
		}
		key_u8(k, 0);
	}
	return may(rc);
}

enum store_rc remote_refresh(struct store *s)
{
	struct job_id id;
	struct key k;

	return first(s, &k, &s->next_lease_ms, &id);
}

/* The first lease, where it has run out. A row that its job knows nothing of is only deleted. */
static enum store_rc expire_first(struct store *s, int64_t boot_ms)
{
	struct job_id id = { { 0 } };
	struct key k;
	int64_t at;

	TRY(first(s, &k, &at, &id));
	if (at <= boot_ms) {
		enum store_rc rc = lease_end(s, id, key_get64(k.b + 16), JOB_OUTCOME_LEASE_EXPIRED);
		if (rc == STORE_STALE)
			rc = row_del(s, KV_REMOTE, key_of(&k));
		if (rc != STORE_OK && !passed_over(s, id, rc))
			return rc;
		row_whole(s);
	}
	return remote_refresh(s);
}

enum store_rc store_expire_leases(struct store *s, int64_t boot_ms, unsigned limit, bool *more)
{
	*more = false;
	for (unsigned i = 0; s->next_lease_ms <= boot_ms; i++) {
		if (i == limit) {
			*more = true;
			break;
		}
		enum store_rc rc = expire_first(s, boot_ms);
		if (rc != STORE_OK)
			return settled(s, rc);
	}
	return STORE_OK;
}

int64_t store_next_lease_ms(const struct store *s)
{
	return s->next_lease_ms;
}

/* The lease at *k of an older epoch. One that its job knows nothing of is deleted. */
static enum store_rc renew(struct store *s, const struct key *k, struct job_id id, int64_t boot_ms)
{
	struct remote_row row;
	struct job j;

	TRY(must(job_load(s, id, &j)));
	if (!holds(&j, key_get64(k->b + 16)))
		return row_del(s, KV_REMOTE, key_of(k));
	TRY(must(row_read(s, &j, &row)));
	return move(s, &j, boot_ms + row.lease_ms, row.lease_ms);
}

enum store_rc store_renew_leases(struct store *s, int64_t boot_ms, unsigned limit, bool *more)
{
	struct key k = key_remote(0, 0, 0);
	struct kv_bytes found, v;
	struct remote_row row;
	enum store_rc rc;

	*more = true;
	for (unsigned i = 0; i < limit; ) {
		rc = row_seek(s, KV_REMOTE, key_of(&k), &found, &v);
		if (rc == STORE_OK && found.n >= 8 && key_get64(found.p) == s->epoch) {
			k = key_remote(s->epoch + 1, 0, 0);     /* past our own */
			continue;
		}
		if (rc != STORE_OK) {
			*more = false;
			return may(rc);
		}
		bool sane = read_row(found, v, &row);
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		if (sane && !is_held(s, row.id)) {
			rc = renew(s, &k, row.id, boot_ms);
			if (rc != STORE_OK && !passed_over(s, row.id, rc))
				return settled(s, rc);
			row_whole(s);
			i++;
		}
		key_u8(&k, 0);
	}
	return STORE_OK;
}
