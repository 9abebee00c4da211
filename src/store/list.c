/* Which jobs there are: a listing by the indexes of their states, in pieces. Called by whoever reads; a piece looks at so many rows and no more, wherever the jobs are that are looked for.
 *
 * A cursor is the place in one index where the next piece begins, so that a listing goes on whatever has changed in between: a job that stays where it is is given once. */
#include "store/embedded.h"

#include <stdlib.h>

#define LANES_MAX 4096          /* more queues and types with work than this are not merged: they are listed one after the other */
#define LANES_ROOM (2 * LANES_MAX)      /* so many where a listing has begun merged, and they have become more since */
#define LANES_SEEN 2                    /* times as many are looked at for those that are meant */
#define PLACE_BYTES 24          /* sort key and id: a place in the order of all lanes */
#define IN_VALUE 255u

enum order { FORWARD, BACKWARD, MERGED };

/* Where the jobs of a state are: the table, the length of its keys, where the id lies in them, the first byte where it is a class. */
static const struct part {
	unsigned states;
	enum kv_table table;
	enum order order;
	uint8_t key_bytes, id_at, class;
	uint8_t then;                   /* the part that the listing goes on in at its end; 0: none */
} parts[] = {
	[0] = { 0, KV_JOB, BACKWARD, 16, 0, 0, 0 },
	[1] = { 1u << JOB_QUEUED, KV_READY, MERGED, PLACE_BYTES, 8, 0, 0 },
	[2] = { 1u << JOB_QUEUED, KV_READY, FORWARD, 28, 12, 0, 0 },
	[3] = { 1u << JOB_SCHEDULED | 1u << JOB_RETRYING, KV_DUE, FORWARD, 24, 8, 0, 0 },
	[4] = { 1u << JOB_RUNNING, KV_LEASE, FORWARD, 20, IN_VALUE, 0, 8 },
	[5] = { 1u << JOB_WAITING, KV_WAITING, FORWARD, 16, 0, 0, 0 },
	[6] = { 1u << JOB_SUCCEEDED, KV_FINAL, BACKWARD, 25, 9, 0, 0 },
	[7] = { 1u << JOB_DEAD | 1u << JOB_CANCELLED | 1u << JOB_EXPIRED, KV_FINAL, BACKWARD, 25, 9, 1, 0 },
	[8] = { 1u << JOB_RUNNING, KV_REMOTE, FORWARD, 24, IN_VALUE, 0, 0 },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))
#define BEGUN 0x100u            /* in a cursor's part: the key says where to go on */

struct lane { uint32_t lane; uint8_t place[PLACE_BYTES]; };     /* one with work, and its next job */

struct walk {
	struct store_reader *r;
	const struct part *part;
	struct filter_look filter;
	unsigned looks;
	struct store_cursor *at;
	struct lane *heap;              /* MERGED: least place first */
	size_t lanes;
	store_list_fn fn;
	void *arg;
};

/* Whether the job is meant, and if so it is given away. *go_on: another is wanted. */
static enum store_rc give(struct walk *w, struct job_id id, bool *go_on)
{
	unsigned states = w->filter.filter->states;
	struct kv_bytes v;
	struct job j;
	bool fits;

	enum store_rc rc = kv_get(w->r->kv, w->r->txn, KV_JOB, id_key(&id), &v);
	if (rc != STORE_OK)
		return may(rc);
	if (job_decode(v, id, &j) != STORE_OK || (states && !(states & 1u << j.state)))
		return STORE_OK;        /* one that cannot be read does not hide the others */
	TRY(filter_job(&w->filter, &j, &fits));
	if (fits)
		*go_on = w->fn(w->arg, id);
	return STORE_OK;
}

static bool look(struct walk *w)
{
	if (w->looks == 0)
		return false;
	w->looks--;
	return true;
}

/* --- one index, in its order or against it --- */

static enum store_rc find(struct walk *w, struct kv_bytes *found, struct kv_bytes *v)
{
	const struct part *p = w->part;
	struct kv_bytes key = { w->at->key, p->key_bytes };

	if (p->order == FORWARD)
		return w->r->kv->ops->seek(w->r->txn, p->table, key, found, v);
	if (!(w->at->part & BEGUN)) {           /* from the end: of the table, or of the class */
		w->at->key[0] = (uint8_t)(p->class + 1);
		key.n = p->table == KV_FINAL ? 1 : 0;
	}
	return w->r->kv->ops->before(w->r->txn, p->table, key, found, v);
}

/* In the index of lanes: one that is not meant is stepped over as a whole. */
static enum store_rc skip_lane(struct walk *w, struct kv_bytes found, bool *skipped)
{
	uint8_t *key = w->at->key;
	bool fits;

	TRY(filter_lane(&w->filter, key_get32(found.p), &fits));
	*skipped = !fits;
	if (fits)
		return STORE_OK;
	memcpy(key, found.p, 4);
	memset(key + 4, 0xff, PLACE_BYTES);
	key_step(key, w->part->key_bytes);
	w->at->part |= BEGUN;
	return STORE_OK;
}

static enum store_rc walk_index(struct walk *w, bool *go_on)
{
	while (*go_on && look(w)) {
		const struct part *p = w->part;
		struct kv_bytes found, v;
		struct job_id id;
		enum store_rc rc = find(w, &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && p->table == KV_FINAL && *(const uint8_t *)found.p != p->class)) {
			*w->at = (struct store_cursor){ .part = p->then ? p->then : STORE_CURSOR_END };
			w->part = &parts[p->then];
			if (p->then)
				continue;
			return STORE_OK;
		}
		TRY(rc);
		if (found.n != p->key_bytes || (p->id_at == IN_VALUE && v.n < sizeof(id)))
			return STORE_DAMAGED;
		if (p->table == KV_READY) {
			bool skipped;
			TRY(skip_lane(w, found, &skipped));
			if (skipped)
				continue;
		}
		memcpy(&id, p->id_at != IN_VALUE ? (const uint8_t *)found.p + p->id_at : (const uint8_t *)v.p, sizeof(id));
		memcpy(w->at->key, found.p, found.n);
		if (p->order == FORWARD)
			key_step(w->at->key, p->key_bytes);
		w->at->part |= BEGUN;
		TRY(give(w, id, go_on));
	}
	return STORE_OK;
}

/* --- all lanes with work as one --- */

static void sink(struct walk *w, size_t i)
{
	struct lane moved = w->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;
		if (child + 1 < w->lanes && memcmp(w->heap[child + 1].place, w->heap[child].place, PLACE_BYTES) < 0)
			child++;
		if (child >= w->lanes || memcmp(w->heap[child].place, moved.place, PLACE_BYTES) >= 0)
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = moved;
}

/* The first job at or behind a place in a lane, or in the lanes after it. */
static enum store_rc head_of(struct walk *w, uint32_t lane, const uint8_t *place, struct lane *out, bool *there)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;

	key_u32(&k, lane);
	key_bytes(&k, place, PLACE_BYTES);
	enum store_rc rc = w->r->kv->ops->seek(w->r->txn, KV_READY, key_of(&k), &found, &v);
	*there = rc == STORE_OK;
	if (rc != STORE_OK)
		return may(rc);
	if (found.n != 4 + PLACE_BYTES)
		return STORE_DAMAGED;
	out->lane = key_get32(found.p);
	memcpy(out->place, (const uint8_t *)found.p + 4, PLACE_BYTES);
	return STORE_OK;
}

/* Every lane with work that is meant, with its first job at or behind the cursor. *many: they, or all with work, are too many for this. */
static enum store_rc gather(struct walk *w, bool *many)
{
	static const uint8_t begin[PLACE_BYTES];
	size_t most = w->at->part & BEGUN ? LANES_ROOM : LANES_MAX, left = LANES_SEEN * most;
	struct lane l, first;
	bool there, fits;

	for (uint32_t next = 0;; next = first.lane + 1) {
		TRY(head_of(w, next, begin, &first, &there));
		if (!there)
			return STORE_OK;
		*many = left-- == 0;
		if (*many)
			return STORE_OK;
		TRY(filter_lane(&w->filter, first.lane, &fits));
		if (fits) {
			TRY(head_of(w, first.lane, w->at->key, &l, &there));
			if (there && l.lane == first.lane) {
				*many = w->lanes == most;
				if (*many)
					return STORE_OK;
				w->heap[w->lanes++] = l;
			}
		}
		if (first.lane == UINT32_MAX)
			return STORE_OK;
	}
}

static enum store_rc merge(struct walk *w, bool *go_on)
{
	for (size_t i = w->lanes / 2; i-- > 0;)
		sink(w, i);
	while (*go_on && w->lanes > 0 && look(w)) {
		uint32_t lane = w->heap[0].lane;
		struct job_id id;
		bool there;
		memcpy(&id, w->heap[0].place + 8, sizeof(id));
		memcpy(w->at->key, w->heap[0].place, PLACE_BYTES);
		key_step(w->at->key, PLACE_BYTES);
		TRY(head_of(w, lane, w->at->key, &w->heap[0], &there));
		if (!there || w->heap[0].lane != lane)
			w->heap[0] = w->heap[--w->lanes];
		sink(w, 0);
		w->at->part |= BEGUN;
		TRY(give(w, id, go_on));
	}
	if (w->lanes == 0)
		w->at->part = STORE_CURSOR_END;
	return STORE_OK;
}

static enum store_rc walk_lanes(struct walk *w, bool *go_on)
{
	bool many = false;

	w->heap = malloc(LANES_ROOM * sizeof(*w->heap));
	if (!w->heap)
		return STORE_NO_MEMORY;
	enum store_rc rc = gather(w, &many);
	if (rc == STORE_OK && !many)
		rc = merge(w, go_on);
	free(w->heap);
	if (rc != STORE_OK || !many)
		return rc;
	/* One that had begun merged begins anew: lanes have become twice as many meanwhile, and giving some jobs twice is better than leaving some out. */
	*w->at = (struct store_cursor){ .part = 2 };
	w->part = &parts[2];
	return walk_index(w, go_on);
}

static bool part_of(const struct store_filter *f, struct store_cursor *at)
{
	uint32_t part = at->part & ~BEGUN;

	if (at->part == 0)
		for (uint32_t i = 1; f->states && i < PARTS && at->part == 0; i++)
			at->part = parts[i].states & f->states ? i : 0;
	else if (part >= PARTS || (f->states ? !(parts[part].states & f->states) : part != 0))
		return false;
	part = at->part & ~BEGUN;
	if (parts[part].table == KV_FINAL && !(at->part & BEGUN))
		at->key[0] = parts[part].class;
	/* one state alone, or states of one index */
	return !f->states || !(f->states & ~parts[part].states);
}

enum store_rc store_list(struct store_reader *r, const struct store_filter *f, unsigned looks, struct store_cursor *at, store_list_fn fn, void *arg)
{
	struct walk w = { .r = r, .looks = looks, .at = at, .fn = fn, .arg = arg };
	bool go_on = true;

	if (at->part == STORE_CURSOR_END)
		return STORE_OK;
	if (!part_of(f, at))
		return STORE_INVALID;
	w.part = &parts[at->part & ~BEGUN];
	w.filter = (struct filter_look){ .kv = r->kv, .txn = r->txn, .filter = f, .looks = &w.looks };
	return w.part->order == MERGED ? walk_lanes(&w, &go_on) : walk_index(&w, &go_on);
}
