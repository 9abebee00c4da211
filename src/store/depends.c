/* Jobs that wait for others: their rows, and what an end means to those who waited for it. Called by submit, act and the indexes' final_put(); store_spread() by the keeper with every batch.
 *
 * A parent that ends is put on a list in the transaction that ends it, and its children are told from there, so many rows a batch: however many there are, the writer is not held, and a death in
 * between leaves the rest on the list. A row of KV_CHILD is a child that has not been told; a job that nobody waits for costs nothing of all this. */
#include "store/embedded.h"

#include <stdio.h>

#include "job/order.h"
#include "text/uuid.h"

static struct job_id depend(const struct job_spec *spec, unsigned n)
{
	struct job_id id;

	memcpy(&id, spec->depends + n * sizeof(id), sizeof(id));
	return id;
}

/* --- a new job --- */

enum store_rc depends_check(struct store *s, const struct job_spec *spec, struct depends *d)
{
	struct job parent;

	*d = (struct depends){ .open = 0 };
	if (spec->ndepends && !spec->depends)
		return STORE_INVALID;
	for (unsigned i = 0; i < spec->ndepends; i++) {
		d->bad = depend(spec, i);
		for (unsigned k = 0; k < i; k++)
			if (memcmp(spec->depends + k * sizeof(d->bad), &d->bad, sizeof(d->bad)) == 0)
				return STORE_INVALID;
		enum store_rc rc = job_load(s, d->bad, &parent);
		if (rc != STORE_OK)
			return rc == STORE_NOT_FOUND || (rc == STORE_DAMAGED && !s->spoilt) ? STORE_PARENT : rc;
		d->bad_state = parent.state;
		if (job_state_final(parent.state) && parent.state != JOB_SUCCEEDED)
			return STORE_PARENT;
		d->open += parent.state != JOB_SUCCEEDED;
		d->bad_state = JOB_NONE;
	}
	return STORE_OK;
}

/* The child waits for this one, where it has not ended. Its time of change is not touched: nothing has happened to it. */
static enum store_rc hang_on(struct store *s, struct job_id parent, const struct job_id *child)
{
	struct key k = key_child(&parent, child);
	struct job j;
	enum store_rc rc = job_load(s, parent, &j);

	if (rc != STORE_OK || job_state_final(j.state))
		return may(rc);
	TRY(row_put(s, KV_CHILD, key_of(&k), (struct kv_bytes){ "", 0 }));
	if (j.has_children)
		return STORE_OK;
	j.has_children = true;
	return job_write(s, &j);
}

static enum store_rc waiting_put(struct store *s, struct job_id id, uint32_t open)
{
	return row_put(s, KV_WAITING, id_key(&id), (struct kv_bytes){ &open, sizeof(open) });
}

enum store_rc depends_put(struct store *s, const struct job *j, const struct job_spec *spec, unsigned open)
{
	for (unsigned i = 0; i < spec->ndepends; i++) {
		struct key k = key_parent(&j->id, i);
		struct job_id parent = depend(spec, i);
		TRY(row_put(s, KV_PARENT, key_of(&k), id_key(&parent)));
		if (open)
			TRY(hang_on(s, parent, &j->id));
	}
	return open ? waiting_put(s, j->id, open) : STORE_OK;
}

/* --- one that was submitted --- */

/* NOT_FOUND behind the last. */
static enum store_rc parent_at(struct store *s, const struct job_id *child, unsigned n, struct job_id *parent)
{
	struct key k = key_parent(child, n);
	struct kv_bytes v;

	TRY(row_get(s, KV_PARENT, key_of(&k), &v));
	if (v.n != sizeof(*parent))
		return STORE_DAMAGED;
	memcpy(parent, v.p, sizeof(*parent));
	return STORE_OK;
}

enum store_rc depends_again(struct store *s, struct job_id id, struct depends *d)
{
	struct job parent;
	enum store_rc rc;

	*d = (struct depends){ .open = 0 };
	for (unsigned i = 0; (rc = parent_at(s, &id, i, &d->bad)) == STORE_OK; i++) {
		rc = job_load(s, d->bad, &parent);
		if (rc == STORE_NOT_FOUND)
			continue;               /* past its retention: nobody can wait for it any more */
		TRY(rc);
		if (job_state_final(parent.state) && parent.state != JOB_SUCCEEDED)
			return STORE_STATE;
		d->open += parent.state != JOB_SUCCEEDED;
	}
	return may(rc);
}

enum store_rc depends_wait(struct store *s, struct job_id id, unsigned open)
{
	struct job_id parent;
	enum store_rc rc;

	for (unsigned i = 0; (rc = parent_at(s, &id, i, &parent)) == STORE_OK; i++)
		TRY(hang_on(s, parent, &id));
	TRY(may(rc));
	return waiting_put(s, id, open);
}

enum store_rc depends_forget(struct store *s, struct job_id id)
{
	struct job_id parent;
	enum store_rc rc;

	for (unsigned i = 0; (rc = parent_at(s, &id, i, &parent)) == STORE_OK; i++) {
		struct key k = key_child(&parent, &id);
		TRY(may(row_del(s, KV_CHILD, key_of(&k))));
	}
	TRY(may(rc));
	return may(row_del(s, KV_WAITING, id_key(&id)));
}

/* --- the list of parents that have ended --- */

enum store_rc spread_put(struct store *s, const struct job *parent)
{
	uint8_t state = (uint8_t)parent->state;

	s->spreading = true;
	return row_put(s, KV_SPREAD, id_key(&parent->id), (struct kv_bytes){ &state, 1 });
}

enum store_rc spread_drop(struct store *s, const struct job *parent)
{
	return may(row_del(s, KV_SPREAD, id_key(&parent->id)));
}

enum store_rc spread_load(struct store *s)
{
	struct kv_bytes found, v;
	enum store_rc rc = row_seek(s, KV_SPREAD, (struct kv_bytes){ "", 0 }, &found, &v);

	s->spreading = rc == STORE_OK;
	return may(rc);
}

bool store_has_spread(const struct store *s)
{
	return s->spreading;
}

/* The last parent it waited for has succeeded. */
static enum store_rc release(struct store *s, struct job *j)
{
	bool later = j->run_at_ms > s->now_ms;
	enum job_event event = later ? JOB_EV_PARENTS_LATER : JOB_EV_PARENTS_DONE;
	struct job_spec spec;

	TRY(spec_load(s, j->id, &spec));
	TRY(row_del(s, KV_WAITING, id_key(&j->id)));
	TRY(note_put(s, j, s->now_us, event, (struct job_text){ NULL, 0 }));
	j->queued_ms = later ? j->run_at_ms : s->order_ms;
	j->queued_us = later ? j->run_at_ms * 1000 : s->now_us;
	j->sortkey = order_key(j->queued_ms, j->priority, spec.aging_ms);
	TRY(job_event(s, j, event, JOB_OUTCOME_NONE));
	TRY(later ? due_put(s, j) : ready_put(s, j));
	return job_save(s, j);
}

static enum store_rc cancel_child(struct store *s, struct job *j, const struct job_id *parent, enum job_state state)
{
	char id[UUID_TEXT_BYTES], why[128];

	uuid_format(parent->b, id);
	int n = snprintf(why, sizeof(why), "job %s, which it depends on, ended %s", id, job_state_name(state));
	TRY(depends_forget(s, j->id));
	j->finished_ms = s->now_ms;
	TRY(note_put(s, j, j->finished_ms * 1000, JOB_EV_CANCEL, (struct job_text){ why, (size_t)n }));
	TRY(job_event(s, j, JOB_EV_CANCEL, JOB_OUTCOME_NONE));
	TRY(final_put(s, j));
	return job_save(s, j);
}

static enum store_rc tell_child(struct store *s, struct job_id id, const struct job_id *parent, enum job_state state)
{
	struct kv_bytes v;
	uint32_t open;
	struct job j;

	TRY(must(job_load(s, id, &j)));
	if (j.state != JOB_WAITING)
		return STORE_OK;
	if (state != JOB_SUCCEEDED)
		return cancel_child(s, &j, parent, state);
	TRY(must(row_get(s, KV_WAITING, id_key(&id), &v)));
	if (v.n != sizeof(open))
		return STORE_DAMAGED;
	memcpy(&open, v.p, sizeof(open));
	return open > 1 ? waiting_put(s, id, open - 1) : release(s, &j);
}

/* One child of the first parent of the list; or that one's entry, where it has no more. */
static enum store_rc spread_one(struct store *s)
{
	struct job_id parent = { { 0 } }, child;
	struct kv_bytes found, v;
	struct key k = { .n = 0 };
	enum store_rc rc = row_seek(s, KV_SPREAD, (struct kv_bytes){ "", 0 }, &found, &v);

	if (rc == STORE_NOT_FOUND)
		s->spreading = false;
	if (rc != STORE_OK)
		return may(rc);
	key_bytes(&k, found.p, found.n);
	if (found.n != sizeof(parent) || v.n != 1)
		return row_del(s, KV_SPREAD, key_of(&k));
	enum job_state state = (enum job_state)*(const uint8_t *)v.p;
	memcpy(&parent, found.p, sizeof(parent));
	rc = row_seek(s, KV_CHILD, id_key(&parent), &found, &v);
	if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (found.n != 2 * sizeof(child) || memcmp(found.p, &parent, sizeof(parent)) != 0)))
		return row_del(s, KV_SPREAD, key_of(&k));
	TRY(rc);
	memcpy(&child, (const uint8_t *)found.p + sizeof(parent), sizeof(child));
	rc = tell_child(s, child, &parent, state);
	if (rc != STORE_OK && !passed_over(s, child, rc))
		return rc;
	k = key_child(&parent, &child);
	return may(row_del(s, KV_CHILD, key_of(&k)));
}

enum store_rc store_spread(struct store *s, unsigned rows)
{
	uint64_t begun = s->rows;

	while (s->spreading && s->rows - begun < rows) {
		enum store_rc rc = spread_one(s);
		if (rc != STORE_OK)
			return settled(s, rc);
		row_whole(s);
	}
	return STORE_OK;
}
