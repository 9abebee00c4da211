/* What is done by hand to many jobs at once: which are meant, and the walk to them along the indexes of their states, in slices. The changes are store_act()'s.
 * Called by the keeper, which passes the cursor on, and by the acceptor, which only counts. */
#include "store/embedded.h"

/* --- the walk --- */

#define BIT(state) (1u << (state))

#define IN_VALUE 255u

/* An index: the states that it holds, the length of its keys, where the id lies in them, the first byte where it is a class. Those that wait for a key come before those that have it: who is given it meanwhile
 * is met later. */
enum lanes { LANES_NONE, LANES_LINED, LANES_OTHER };
struct part { enum kv_table table; unsigned states; uint8_t key_bytes, id_at, class; enum lanes lanes; };
static const struct part parts[] = {
	{ KV_DUE, BIT(JOB_SCHEDULED) | BIT(JOB_RETRYING), 24, 8, 0, LANES_NONE },
	{ KV_READY, BIT(JOB_QUEUED), 28, 12, 0, LANES_LINED },
	{ KV_READY, BIT(JOB_QUEUED), 28, 12, 0, LANES_OTHER },
	{ KV_LEASE, BIT(JOB_RUNNING), 20, IN_VALUE, 0, LANES_NONE },
	{ KV_REMOTE, BIT(JOB_RUNNING), 24, IN_VALUE, 0, LANES_NONE },
	{ KV_WAITING, BIT(JOB_WAITING), 16, 0, 0, LANES_NONE },
	{ KV_FINAL, BIT(JOB_SUCCEEDED), 25, 9, 0, LANES_NONE },
	{ KV_FINAL, BIT(JOB_DEAD) | BIT(JOB_CANCELLED) | BIT(JOB_EXPIRED), 25, 9, 1, LANES_NONE },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

struct walk {
	struct kv *kv;
	struct kv_txn *txn;
	const struct store *s;          /* NULL where it is only read */
	const struct store_bulk *b;
	unsigned states;
	int64_t now_ms;
	unsigned *looks;                /* rows that may still be looked at */
	struct store_cursor *at;        /* the first key not looked at */
	struct filter_look filter;
	struct store_bulk_seen *seen;   /* of a count; else NULL */
	uint32_t lane;                  /* of KV_READY: the last one met, and whether its jobs wait for their key */
	bool lane_known, lane_lined;
};

unsigned store_act_states(enum store_act act)
{
	static const enum job_event event[STORE_ACTS] = {
		[STORE_ACT_CANCEL] = JOB_EV_CANCEL, [STORE_ACT_RETRY] = JOB_EV_REQUEUE, [STORE_ACT_RUN_NOW] = JOB_EV_RUN_NOW,
	};
	unsigned states = 0;

	for (unsigned i = JOB_NONE + 1; i < JOB_STATES; i++)
		if (act == STORE_ACT_DELETE ? job_state_final((enum job_state)i) : (unsigned)act < STORE_ACTS && job_state_next((enum job_state)i, event[act]) != JOB_NONE)
			states |= BIT(i);
	return states;
}

static void enter(struct store_cursor *at, uint32_t part)
{
	*at = (struct store_cursor){ .part = part < PARTS ? part : STORE_CURSOR_END };
	if (part < PARTS)
		at->key[0] = parts[part].class;
}

/* --- one job --- */

/* Whether the act would be refused, or has been done already. */
static bool useless(const struct walk *w, const struct job *j)
{
	if (w->b->act == STORE_ACT_CANCEL)
		return j->state == JOB_RUNNING && j->cancel_asked;
	return w->b->act == STORE_ACT_RETRY && j->expires_at_ms && j->expires_at_ms <= w->now_ms;
}

/* Whether the job is meant. One that cannot be read is not. */
static enum store_rc is_meant(struct walk *w, struct job_id id, bool *meant)
{
	struct kv_bytes v;
	struct job j;

	*meant = false;
	if (memcmp(&id, &w->b->until_id, sizeof(id)) > 0 || (w->s && is_held(w->s, id)))
		return STORE_OK;
	enum store_rc rc = kv_get(w->kv, w->txn, KV_JOB, id_key(&id), &v);
	if (rc != STORE_OK)
		return may(rc);
	if (job_decode(v, id, &j) != STORE_OK || !(w->states & BIT(j.state)) || useless(w, &j))
		return STORE_OK;
	TRY(filter_job(&w->filter, &j, meant));
	return *meant && w->seen && w->b->act == STORE_ACT_RETRY ? bulk_seen_retry(w->seen, w->kv, w->txn, &j, w->looks, meant) : STORE_OK;
}

/* Takes the cursor behind a row that was found, or to where the next can be that may be meant. *look: the row's job is to be looked at. */
static enum store_rc pass(struct walk *w, const struct part *p, struct kv_bytes found, struct kv_bytes v, struct job_id *id, bool *look)
{
	bool fits = true;

	*look = found.n == p->key_bytes && (p->id_at != IN_VALUE || v.n >= sizeof(*id));
	if (found.n > p->key_bytes)
		return STORE_DAMAGED;
	memset(w->at->key, 0, sizeof(w->at->key));
	memcpy(w->at->key, found.p, found.n);
	if (*look)
		memcpy(id, p->id_at != IN_VALUE ? (const uint8_t *)found.p + p->id_at : (const uint8_t *)v.p, sizeof(*id));
	if (p->table == KV_READY) {
		uint32_t lane = key_get32(w->at->key);
		if (!w->lane_known || w->lane != lane)
			TRY(filter_lined(&w->filter, lane, &w->lane_lined));
		w->lane = lane;
		w->lane_known = true;
		TRY(filter_lane(&w->filter, lane, &fits));
		fits = fits && w->lane_lined == (p->lanes == LANES_LINED);
	}
	if (fits) {
		key_step(w->at->key, p->key_bytes);
		return STORE_OK;
	}
	*look = false;                  /* nor any of its lane */
	memset(w->at->key + 4, 0xff, p->key_bytes - 4u);
	key_step(w->at->key, p->key_bytes);
	return STORE_OK;
}

/* The next job that is meant; *one is false where the walk is over or may look no further now. */
static enum store_rc next(struct walk *w, struct job_id *id, bool *one)
{
	*one = false;
	while (w->at->part < PARTS) {
		const struct part *p = &parts[w->at->part];
		struct kv_bytes found, v;
		bool look;
		if (!(p->states & w->states)) {
			enter(w->at, w->at->part + 1);
			continue;
		}
		if (*w->looks == 0)
			return STORE_OK;
		(*w->looks)--;
		enum store_rc rc = w->kv->ops->seek(w->txn, p->table, (struct kv_bytes){ w->at->key, p->key_bytes }, &found, &v);
		bool over = rc == STORE_NOT_FOUND || (rc == STORE_OK && p->table == KV_FINAL && (*(const uint8_t *)found.p != p->class ||
			(found.n == p->key_bytes && (int64_t)key_get64((const uint8_t *)found.p + 1) > w->b->until_ms)));
		if (over) {
			enter(w->at, w->at->part + 1);
			continue;
		}
		TRY(rc);
		TRY(pass(w, p, found, v, id, &look));
		if (look)
			TRY(is_meant(w, *id, one));
		if (*one)
			return STORE_OK;
	}
	return STORE_OK;
}

static bool begin(struct walk *w)
{
	unsigned can = store_act_states(w->b->act);

	w->states = w->b->filter.states ? w->b->filter.states & can : can;
	w->filter = (struct filter_look){ .kv = w->kv, .txn = w->txn, .filter = &w->b->filter, .looks = w->looks };
	return w->at->part < PARTS || w->at->part == STORE_CURSOR_END;
}

/* --- what the engine's users call --- */

enum store_rc store_bulk_limits(struct store_reader *r, struct store_bulk *b)
{
	struct kv_bytes found, v;
	struct key none = { .n = 0 };

	b->until_ms = 0;
	memset(&b->until_id, 0, sizeof(b->until_id));
	enum store_rc rc = r->kv->ops->before(r->txn, KV_JOB, key_of(&none), &found, &v);
	if (rc == STORE_OK && found.n == sizeof(b->until_id))
		memcpy(&b->until_id, found.p, found.n);
	TRY(may(rc));
	for (uint8_t class = 1; class <= 2; class++) {
		struct key k = { .n = 0 };
		key_u8(&k, class);
		rc = r->kv->ops->before(r->txn, KV_FINAL, key_of(&k), &found, &v);
		TRY(may(rc));
		if (rc != STORE_OK || found.n != 25)
			continue;
		int64_t at = (int64_t)key_get64((const uint8_t *)found.p + 1);
		b->until_ms = at > b->until_ms ? at : b->until_ms;
	}
	return STORE_OK;
}

enum store_rc store_bulk_count(struct store_reader *r, const struct store_bulk *b, int64_t wall_ms, unsigned looks, struct store_bulk_seen *seen, struct store_cursor *at, uint64_t *count)
{
	struct walk w = { .kv = r->kv, .txn = r->txn, .b = b, .seen = seen, .now_ms = wall_ms, .looks = &looks, .at = at };
	struct job_id id;
	bool one = true;

	*count = 0;
	if (!begin(&w))
		return STORE_INVALID;
	while (one) {
		TRY(next(&w, &id, &one));
		*count += one;
	}
	return STORE_OK;
}

/* The act on one job that is meant. *did: it was done; else its state forbids it after all, another holds its unique key, or it is damaged and held. */
static enum store_rc act(struct store *s, const struct store_bulk *b, struct job_id id, struct job *j, bool *did)
{
	enum store_rc rc = store_act(s, id, b->act, j);

	*did = rc == STORE_OK;
	if (rc == STORE_STATE || rc == STORE_LIVE || rc == STORE_NOT_FOUND || passed_over(s, id, rc))
		return STORE_OK;
	return rc;
}

enum store_rc store_bulk(struct store *s, const struct store_bulk *b, struct store_bulk_limit *left, struct store_cursor *at, uint64_t *count,
	void (*asked)(void *arg, const struct job *j), void *arg)
{
	struct walk w = { .kv = s->kv, .txn = s->txn, .s = s, .b = b, .now_ms = s->now_ms, .looks = &left->looks, .at = at };

	*count = 0;
	if (!begin(&w))
		return STORE_INVALID;
	while (left->rows > 0) {
		uint64_t before = s->rows;
		struct job_id id;
		struct job j;
		bool one, did;
		enum store_rc rc = next(&w, &id, &one);
		if (rc != STORE_OK) {
			s->spoilt = true;
			return rc;
		}
		if (!one)
			return STORE_OK;
		TRY(act(s, b, id, &j, &did));
		*count += did;
		if (did && j.cancel_asked && j.state == JOB_RUNNING)
			asked(arg, &j);
		left->rows -= s->rows - before < left->rows ? (unsigned)(s->rows - before) : left->rows;
	}
	return STORE_OK;
}
