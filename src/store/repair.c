/* A store built anew out of a damaged one: each job is taken out whole by its record and put whole into an empty store, which makes its indexes, figures and lanes by itself. Called by `stint check --repair`. */
#include "store/repair.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/embedded.h"
#include "store/whole.h"
#include "text/uuid.h"

#define JOBS_A_BATCH 500u
#define TOKENS_APART (UINT64_C(1) << 40)        /* where it is not known how many leases there were */

struct rebuild {
	struct store_reader *old;
	struct store *s;
	struct store_repair *r;
	int64_t wall_us;
	struct job_whole w;
	unsigned in_batch;
	uint64_t of;
	struct job_id *gone;            /* jobs that are known to be lost: each is told once */
	size_t ngone;
};

static void lost(struct rebuild *b, const struct job_id *id, const char *what)
{
	b->r->nlost++;
	b->r->lost(b->r->arg, id, what);
}

static bool known_gone(const struct rebuild *b, const struct job_id *id)
{
	for (size_t i = 0; i < b->ngone; i++)
		if (memcmp(&b->gone[i], id, sizeof(*id)) == 0)
			return true;
	return false;
}

static enum store_rc gone(struct rebuild *b, const struct job_id *id, const char *what)
{
	struct job_id *more = b->ngone % 64 ? b->gone : realloc(b->gone, (b->ngone + 64) * sizeof(*more));

	if (!more)
		return STORE_NO_MEMORY;
	b->gone = more;
	b->gone[b->ngone++] = *id;
	lost(b, id, what);
	return STORE_OK;
}

static enum store_rc next_batch(struct rebuild *b, bool at_once)
{
	if (!at_once && ++b->in_batch < JOBS_A_BATCH)
		return STORE_OK;
	b->in_batch = 0;
	if (b->r->at)
		b->r->at(b->r->arg, b->r->jobs, b->of);
	TRY(store_commit(b->s));
	return store_begin(b->s, b->wall_us);
}

/* --- jobs --- */

/* One whose parents are lost can never run. */
static enum store_rc orphan(struct rebuild *b, const char **field)
{
	static const char why[] = "a job that it depends on was lost when the store was damaged";
	struct whole_note *more = realloc(b->w.note, (b->w.nnotes + 8) * sizeof(*more));

	if (!more)
		return STORE_NO_MEMORY;
	b->w.note = more;
	b->w.note[b->w.nnotes++] = (struct whole_note){ b->wall_us, JOB_EV_CANCEL, b->w.job.attempts, { why, sizeof(why) - 1 } };
	b->w.state = JOB_CANCELLED;
	b->w.nwaits = 0;
	b->w.job.finished_ms = b->wall_us / 1000;
	return store_restore(b->s, &b->w, field);
}

static enum store_rc one_job(struct rebuild *b, struct job_id id)
{
	const char *what, *field;
	char text[160];
	bool rest;
	enum store_rc rc = store_whole(b->old, id, &b->w, &what, &rest);

	if (rc == STORE_NOT_FOUND)
		return gone(b, &id, "its record is not there: the job is lost");
	if (rc == STORE_DAMAGED && !rest) {
		snprintf(text, sizeof(text), "%s cannot be read: the job is lost", what ? what : "a page");
		return gone(b, &id, text);
	}
	if (rc == STORE_DAMAGED) {
		snprintf(text, sizeof(text), "%s cannot be read, and is left out", what);
		lost(b, &id, text);
	} else if (rc != STORE_OK) {
		return rc;
	}
	rc = store_restore(b->s, &b->w, &field);
	if (rc == STORE_PARENT) {
		lost(b, &id, "a job that it waits for is lost: it is cancelled");
		rc = orphan(b, &field);
	}
	if ((rc == STORE_INVALID || rc == STORE_LIVE) && !store_spoilt(b->s)) {
		snprintf(text, sizeof(text), "its record does not agree with itself (%s): the job is lost", field);
		return gone(b, &id, text);
	}
	if (rc == STORE_REPLAYED)
		return STORE_OK;
	TRY(rc);
	b->r->jobs++;
	return next_batch(b, false);
}

/* By their records, in order. DAMAGED: a page of that table cannot be read. */
static enum store_rc by_records(struct rebuild *b)
{
	struct job_id at = { { 0 } };
	enum store_rc rc;

	while ((rc = store_next_job(b->old, &at)) == STORE_OK)
		TRY(one_job(b, at));
	return may(rc);
}

static bool there(struct rebuild *b, struct job_id id)
{
	struct job j;

	return job_load(b->s, id, &j) == STORE_OK;
}

/* By what names them elsewhere: each that is missing is looked for by itself, past a page that stopped the walk. Where all records could be read, what was asked is enough to see who has none. */
static enum store_rc by_names(struct rebuild *b, bool all)
{
	static const struct { enum kv_table table; size_t at; } names[] = { { KV_SPEC, 0 }, { KV_FINAL, 9 }, { KV_READY, 12 }, { KV_DUE, 8 }, { KV_WAITING, 0 }, { KV_ATTEMPT, 0 } };

	for (size_t i = 0; i < (all ? sizeof(names) / sizeof(names[0]) : 1); i++) {
		struct kv_bytes found, v;
		struct key k = { .n = 0 };
		struct job_id id;
		while (b->old->kv->ops->seek(b->old->txn, names[i].table, key_of(&k), &found, &v) == STORE_OK && found.n >= names[i].at + sizeof(id) && found.n < sizeof(k.b)) {
			if (k.n && (memcmp(found.p, k.b, found.n < k.n ? found.n : k.n) < 0 || (found.n < k.n && memcmp(found.p, k.b, found.n) == 0)))
				break;
			memcpy(&id, (const uint8_t *)found.p + names[i].at, sizeof(id));
			k.n = 0;
			key_bytes(&k, found.p, found.n);
			key_u8(&k, 0);
			if (!there(b, id) && !known_gone(b, &id))
				TRY(one_job(b, id));
		}
	}
	return STORE_OK;
}

/* --- what is beside them --- */

static enum store_rc keys(struct rebuild *b)
{
	struct whole_key key;
	uint64_t at = 0;
	enum store_rc rc;

	while ((rc = store_next_key(b->old, &at, &key)) == STORE_OK) {
		rc = store_restore_key(b->s, &key);
		if (rc != STORE_OK && rc != STORE_NOT_FOUND && rc != STORE_REPLAYED && rc != STORE_KEYS_FULL)
			return rc;
		TRY(next_batch(b, false));
	}
	if (rc == STORE_DAMAGED)
		lost(b, NULL, "a page of the idempotency keys cannot be read: those behind it are forgotten");
	return rc == STORE_DAMAGED ? STORE_OK : may(rc);
}

static enum store_rc schedules(struct rebuild *b)
{
	struct whole_schedule t = { .upto_ms = 0 };
	char name[256];
	enum store_rc rc;

	while ((rc = store_next_schedule(b->old, t.name, &t)) == STORE_OK) {
		TRY(may(store_restore_schedule(b->s, &t)));
		t.name.n = t.name.n < sizeof(name) ? t.name.n : sizeof(name);
		memcpy(name, t.name.p, t.name.n);
		t.name.p = name;
	}
	if (rc == STORE_DAMAGED)
		lost(b, NULL, "a page of the schedules cannot be read: those behind it begin anew");
	return rc == STORE_DAMAGED ? STORE_OK : may(rc);
}

/* What was ever done, where it can be read; how many jobs there are is counted anew. */
static void take_ever(struct store_tally *now, const struct store_tally *then)
{
	struct store_tally t = *then;

	memcpy(t.state, now->state, sizeof(t.state));
	t.retry_sum = now->retry_sum;
	t.with_retries = now->with_retries;
	*now = t;
}

static enum store_rc figures(struct rebuild *b)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	enum store_rc rc;

	while ((rc = b->old->kv->ops->seek(b->old->txn, KV_COUNT, key_of(&k), &found, &v)) == STORE_OK && found.n <= 1 + JOB_QUEUE_MAX && found.n > 0) {
		struct job_text name = { (const char *)found.p + 1, found.n - 1 };
		char kind = *(const char *)found.p;
		struct limit limit = { .paused = false };
		struct store_tally t;
		if (k.n && memcmp(found.p, k.b, found.n < k.n ? found.n : k.n) < 0)
			break;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
		if (!strchr("tqy", kind) || tally_decode(v, &t, &limit) != STORE_OK) {
			lost(b, NULL, "figures of what was ever done cannot be read: they begin anew");
			continue;
		}
		struct turn_named *n = kind == 't' ? NULL : kind == 'q' ? turn_queue(b->s->turn, name, true) : turn_type(b->s->turn, name, true);
		if (kind != 't' && !n)
			return STORE_NO_MEMORY;
		take_ever(n ? &n->tally : &b->s->totals, &t);
		if (n)
			turn_dirty(b->s->turn, n, kind == 'y');
		b->s->totals_dirty = true;
		if (kind == 'q' && limit.paused)
			TRY(store_pause(b->s, name, true));
	}
	return may(rc) == STORE_DAMAGED ? STORE_OK : may(rc);
}

/* Numbers go on above all that were ever given out: a worker of before must not take another's lease for its own. */
static void numbers(struct rebuild *b)
{
	struct head old;
	struct kv_bytes v;
	char why[160];

	if (b->old->kv->ops->get(b->old->txn, KV_META, HEAD_KEY, &v) == STORE_OK && head_decode(v, &old, why, sizeof(why)) == STORE_OK) {
		b->s->head.told = old.told;
		if (b->s->head.next_token < old.next_token)
			b->s->head.next_token = old.next_token;
		if (memcmp(&b->s->head.last_id, &old.last_id, sizeof(old.last_id)) < 0)
			b->s->head.last_id = old.last_id;
	} else {
		b->s->head.next_token += TOKENS_APART;
	}
}

static enum store_rc all(struct rebuild *b)
{
	struct store_tally t;
	enum store_rc rc;

	if (store_read_totals(b->old, &t) == STORE_OK)
		for (int i = 0; i < JOB_STATES; i++)
			b->of += t.state[i];
	TRY(store_begin(b->s, b->wall_us));
	rc = by_records(b);
	if (rc == STORE_DAMAGED)
		lost(b, NULL, "a page of the jobs' records cannot be read: the others are looked for one by one");
	else
		TRY(rc);
	TRY(by_names(b, rc == STORE_DAMAGED));
	TRY(keys(b));
	TRY(schedules(b));
	TRY(next_batch(b, true));
	TRY(figures(b));
	numbers(b);
	return store_commit(b->s);
}

enum store_rc store_rebuild(struct store_reader *old, struct store *fresh, int64_t wall_us, struct store_repair *r)
{
	struct rebuild b = { .old = old, .s = fresh, .r = r, .wall_us = wall_us };
	enum store_rc rc = store_read_begin(old);

	r->jobs = r->nlost = 0;
	if (rc == STORE_OK)
		rc = all(&b);
	if (fresh->txn)
		store_abort(fresh);
	store_read_end(old);
	whole_free(&b.w);
	free(b.gone);
	return rc;
}
