/* Lines of keys and rules that have changed: a type's key_concurrency is another than its lines were made for. Called by the keeper with every batch while there is something to do, so many rows at a time.
 *
 * What the lines are made for stands in the type's count row, and "mixed" while a change is under way, so that one that a death breaks off begins again. A limit where there was none: all live jobs are
 * gathered into the lines, then the keys are given. More at once: the keys are given. Fewer: who holds one too many and does not run goes back into the line. None: all lines are dissolved. Nothing of the type
 * starts while it could be too many of a key; its other jobs and all other types go on. */
#include "store/embedded.h"

#define COUNTED_ANEW 256u               /* a head that says no more than this is held against its line */

bool store_has_lines(const struct store *s)
{
	return s->lining.due;
}

void keyed_load(struct store *s)
{
	s->lining = (struct lining){ .due = true, .heal = s->nheld > 0 };
}

void keyed_held(struct store *s)
{
	s->lining.due = s->lining.heal = true;
}

void keyed_moved(struct store *s)
{
	if (s->lining.type && s->lining.step == LINING_REMOTE)
		s->lining.at.n = 0;
}

/* A job that cannot be read is passed over: where it stood it may stand again when the store is opened anew. */
static enum store_rc pass(struct store *s, struct job_id id, enum store_rc rc)
{
	if (!passed_over(s, id, rc))
		return rc;
	s->lining.passed = true;
	return STORE_OK;
}

static bool of_type(struct store *s, const struct job *j)
{
	return turn_lane_of(s->turn, j->lane)->type == s->lining.type;
}

/* --- begin and end of a type --- */

static void go_to(struct store *s, enum lining_step step)
{
	s->lining.step = step;
	s->lining.at.n = 0;
	if (step == LINING_THROUGH || step == LINING_DISSOLVE)
		key_u32(&s->lining.at, s->lining.type->number);
	s->lining.pull = false;
}

static void lined(struct store *s, struct turn_named *type, uint64_t n)
{
	type->limit.lined = n;
	turn_dirty(s->turn, type, true);
	s->totals_dirty = true;
}

void keyed_mixed(struct store *s, struct turn_named *type)
{
	lined(s, type, LIMIT_MIXED);
}

/* Its lines are to be gone through as if their limit had been raised. */
static void unsettle(void *arg, struct turn_named *type)
{
	(void)arg;
	if (type->limit.lines == LIMIT_SETTLED && type->limit.lined)
		type->limit.lines = LIMIT_RAISED;
}

static void take_unsettled(void *arg, struct turn_named *type)
{
	struct turn_named **one = arg;

	if (type->limit.lines != LIMIT_SETTLED)
		*one = type;
}

static enum store_rc begin(struct store *s)
{
	struct lining *at = &s->lining;

	if (at->heal)
		turn_each_type(s->turn, unsettle, NULL);
	at->heal = at->passed = false;
	turn_each_type(s->turn, take_unsettled, &at->type);
	at->due = at->type != NULL;
	if (!at->due)
		return STORE_OK;
	struct limit *l = &at->type->limit;
	at->lane = NULL;
	at->last_lane = 0;
	go_to(s, l->lines == LIMIT_GATHERED ? LINING_LANES : l->lines == LIMIT_DISSOLVED ? LINING_DISSOLVE : LINING_THROUGH);
	if (l->lined != l->rule.key_concurrency)        /* else they are only looked through */
		keyed_mixed(s, at->type);
	return STORE_OK;
}

/* All that lived are where they belong. With somebody left out the store has it that it is not done. */
static enum store_rc end(struct store *s)
{
	struct turn_named *type = s->lining.type;

	s->lining.type = NULL;
	type->limit.lines = LIMIT_SETTLED;
	if (type->limit.lined != type->limit.rule.key_concurrency && !s->lining.passed)
		lined(s, type, type->limit.rule.key_concurrency);
	return turn_settle(s->turn, type) ? STORE_OK : STORE_NO_MEMORY;
}

/* --- into the lines --- */

static struct turn_lane *next_lane(const struct lining *at)
{
	struct turn_lane *next = NULL;

	for (struct turn_lane *l = at->type->lanes; l; l = l->next_of_type)
		if (l->kind != TURN_LINED && l->id > at->last_lane && (!next || l->id < next->id))
			next = l;
	return next;
}

static enum store_rc line_one(struct store *s, struct job_id id)
{
	struct job j;

	TRY(job_load(s, id, &j));
	if (j.state != JOB_QUEUED || !job_has_line(&j) || j.place != JOB_FREE)
		return STORE_OK;
	TRY(ready_del(s, &j));
	TRY(ready_put(s, &j));
	return job_write(s, &j);
}

static enum store_rc gather_lanes(struct store *s)
{
	struct lining *at = &s->lining;
	struct kv_bytes found, v;
	struct job_id id;

	if (!at->lane) {
		at->lane = next_lane(at);
		if (!at->lane) {
			go_to(s, LINING_LEASES);
			return STORE_OK;
		}
		at->last_lane = at->lane->id;
		at->at.n = 0;
		key_u32(&at->at, at->lane->id);
	}
	enum store_rc rc = row_seek(s, KV_READY, key_of(&at->at), &found, &v);
	if (rc != STORE_OK || found.n != 28 || key_get32(found.p) != at->lane->id) {
		at->lane = NULL;
		return may(rc);
	}
	memcpy(&id, (const uint8_t *)found.p + 12, sizeof(id));
	at->at.n = 0;
	key_bytes(&at->at, found.p, found.n);
	key_u8(&at->at, 0);
	return is_held(s, id) ? STORE_OK : pass(s, id, must(line_one(s, id)));
}

/* The next row of a table of many types' jobs; false behind the last. */
static enum store_rc next_row(struct store *s, enum kv_table t, struct kv_bytes *found, struct kv_bytes *v, bool *one)
{
	struct key *k = &s->lining.at;
	enum store_rc rc = row_seek(s, t, key_of(k), found, v);

	*one = rc == STORE_OK;
	if (*one) {
		k->n = 0;
		key_bytes(k, found->p, found->n);
		key_u8(k, 0);
	}
	return may(rc);
}

static enum store_rc hold_one(struct store *s, struct job_id id, enum job_state state)
{
	struct job j;

	TRY(job_load(s, id, &j));
	if (j.state != state || !job_has_line(&j) || j.place != JOB_FREE || !of_type(s, &j))
		return STORE_OK;
	if (state == JOB_RETRYING) {
		TRY(keyed_rest(s, &j));
		return job_write(s, &j);
	}
	struct keyed_line l = { .type = s->lining.type };
	memcpy(l.hash, j.line, sizeof(l.hash));
	TRY(keyed_open(s, &l));
	TRY(keyed_put(s, &l, &j, JOB_HOLDS));
	TRY(keyed_close(s, &l));
	return job_write(s, &j);
}

/* The rows of a table of leases begin with the job's id. */
static enum store_rc gather_running(struct store *s, enum kv_table t, enum lining_step next)
{
	struct kv_bytes found, v;
	struct job_id id;
	bool one = false;

	if (s->lining.type->tally.state[JOB_RUNNING])
		TRY(next_row(s, t, &found, &v, &one));
	if (!one) {
		go_to(s, next);
		return STORE_OK;
	}
	if (v.n < sizeof(id))
		return STORE_OK;
	memcpy(&id, v.p, sizeof(id));
	return is_held(s, id) ? STORE_OK : pass(s, id, must(hold_one(s, id, JOB_RUNNING)));
}

static enum store_rc gather_leases(struct store *s)
{
	return gather_running(s, KV_LEASE, LINING_REMOTE);
}

static enum store_rc gather_remote(struct store *s)
{
	return gather_running(s, KV_REMOTE, LINING_DUE);
}

/* With those who rest all are there: from now on keys are given. Those of a change that was broken off may be held by too many. */
static enum store_rc gathered(struct store *s)
{
	s->lining.type->limit.lines = LIMIT_LOWERED;
	go_to(s, LINING_THROUGH);
	return STORE_OK;
}

static enum store_rc gather_due(struct store *s)
{
	struct kv_bytes found, v;
	struct job_id id;
	bool one = false;

	if (s->lining.type->tally.state[JOB_RETRYING])
		TRY(next_row(s, KV_DUE, &found, &v, &one));
	if (!one)
		return gathered(s);
	if (found.n != 24)
		return STORE_OK;
	memcpy(&id, (const uint8_t *)found.p + 8, sizeof(id));
	return is_held(s, id) ? STORE_OK : pass(s, id, must(hold_one(s, id, JOB_RETRYING)));
}

/* --- along the lines --- */

struct member { struct keyed_line line; enum keyed_class class; uint64_t arrival; struct job_id id; struct key row; bool stray; };

/* The next row of the type's lines; *one is false behind the last. A row that is none of ours (stray) is removed. */
static enum store_rc next_member(struct store *s, struct member *m, bool *one)
{
	struct kv_bytes found, v;
	enum store_rc rc = row_seek(s, KV_LINE, key_of(&s->lining.at), &found, &v);

	*m = (struct member){ .line.type = s->lining.type };
	*one = rc == STORE_OK && found.n >= 4 && key_get32(found.p) == s->lining.type->number;
	if (!*one)
		return may(rc);
	key_bytes(&m->row, found.p, found.n);
	const uint8_t *p = m->row.b;
	m->stray = m->row.n != KEYED_KEY_BYTES || p[16] > KEYED_LINED;
	if (m->stray)
		return row_del(s, KV_LINE, key_of(&m->row));
	memcpy(m->line.hash, p + 4, sizeof(m->line.hash));
	m->class = (enum keyed_class)p[16];
	m->arrival = key_get64(p + 17);
	if (v.n == sizeof(m->id))
		memcpy(&m->id, v.p, sizeof(m->id));
	return keyed_open(s, &m->line);
}

static void step_over(struct store *s, const struct member *m)
{
	s->lining.at = m->row;
	key_u8(&s->lining.at, 0);
}

/* Whether the job of a row stands there by its own account; NOT_FOUND where it does not. */
static enum store_rc load_member(struct store *s, const struct member *m, struct job *j)
{
	static const enum job_place place_of[] = { [KEYED_HOLDS] = JOB_HOLDS, [KEYED_RESTS] = JOB_RESTS, [KEYED_LINED] = JOB_LINED };

	TRY(job_load(s, m->id, j));
	return j->place == place_of[m->class] && j->arrival == m->arrival && memcmp(j->line, m->line.hash, sizeof(j->line)) == 0 ? STORE_OK : STORE_NOT_FOUND;
}

/* One that is nobody's. */
static enum store_rc drop_row(struct store *s, struct member *m)
{
	TRY(row_del(s, KV_LINE, key_of(&m->row)));
	if (m->class != KEYED_HOLDS)
		return STORE_OK;
	m->line.holders -= m->line.holders > 0;
	return keyed_close(s, &m->line);
}

/* One who holds the key: there by rights, or by nobody's account, or to give it back. */
static enum store_rc look_at_holder(struct store *s, struct member *m)
{
	enum store_rc rc = is_held(s, m->id) ? STORE_NOT_FOUND : STORE_OK;
	struct job j;

	if (rc == STORE_OK) {
		rc = load_member(s, m, &j);
		if (passed_over(s, m->id, rc))
			rc = STORE_NOT_FOUND;
	}
	if (rc == STORE_NOT_FOUND)
		return drop_row(s, m);
	TRY(rc);
	if (!s->lining.pull || j.state != JOB_QUEUED)
		return STORE_OK;
	TRY(ready_del(s, &j));
	TRY(keyed_put(s, &m->line, &j, JOB_LINED));
	TRY(keyed_close(s, &m->line));
	TRY(lane_put(s, &j));
	return job_write(s, &j);
}

/* Whether those who have the key of this line and do not run are to give it back: they are too many, or the one who has it is not the first that came. */
static enum store_rc says_pull(struct store *s, struct keyed_line *l, bool *pull)
{
	uint64_t limit = l->type->limit.rule.key_concurrency, holds, other;
	bool holder, one;

	*pull = false;
	if (l->holders <= COUNTED_ANEW)
		TRY(keyed_recount(s, l));
	if (l->type->limit.lines != LIMIT_LOWERED)
		return STORE_OK;
	*pull = l->holders > limit;
	if (*pull || limit > 1)
		return STORE_OK;
	TRY(keyed_first(s, l, KEYED_HOLDS, &holds, &holder));
	TRY(keyed_first(s, l, KEYED_LINED, &other, &one));
	*pull = holder && one && other < holds;
	TRY(keyed_first(s, l, KEYED_RESTS, &other, &one));
	*pull |= holder && one && other < holds;
	return STORE_OK;
}

static enum store_rc go_through(struct store *s)
{
	struct lining *at = &s->lining;
	struct member m;
	bool one, more;

	TRY(next_member(s, &m, &one));
	if (!one)
		return end(s);
	if (m.stray)
		return STORE_OK;
	if (m.class <= KEYED_HOLDS) {
		step_over(s, &m);
		return m.class == KEYED_HEAD ? says_pull(s, &m.line, &at->pull) : look_at_holder(s, &m);
	}
	uint64_t before = m.line.holders;
	TRY(keyed_admit(s, &m.line, NULL, &more));
	if (!more) {
		at->at = keyed_key(&m.line, KEYED_LINED, UINT64_MAX);
		key_u8(&at->at, 0);
	}
	return m.line.holders == before ? STORE_OK : keyed_close(s, &m.line);
}

static enum store_rc free_one(struct store *s, struct member *m)
{
	struct job j;
	enum store_rc rc = load_member(s, m, &j);

	if (rc == STORE_NOT_FOUND)
		return drop_row(s, m);
	TRY(rc);
	if (m->class == KEYED_LINED)
		TRY(ready_del(s, &j));
	TRY(keyed_put(s, &m->line, &j, JOB_FREE));
	if (m->class == KEYED_HOLDS)
		TRY(keyed_close(s, &m->line));
	if (m->class == KEYED_LINED)
		TRY(lane_put(s, &j));
	return job_write(s, &j);
}

static enum store_rc dissolve(struct store *s)
{
	struct member m;
	bool one;

	TRY(next_member(s, &m, &one));
	if (!one)
		return end(s);
	if (m.stray)
		return STORE_OK;
	step_over(s, &m);
	if (m.class == KEYED_HEAD)
		return m.line.holders <= COUNTED_ANEW ? keyed_recount(s, &m.line) : STORE_OK;
	return is_held(s, m.id) ? STORE_OK : pass(s, m.id, free_one(s, &m));
}

/* --- what the keeper calls --- */

static enum store_rc step(struct store *s)
{
	static enum store_rc (*const steps[])(struct store *s) = {
		[LINING_LANES] = gather_lanes, [LINING_LEASES] = gather_leases, [LINING_REMOTE] = gather_remote, [LINING_DUE] = gather_due, [LINING_THROUGH] = go_through, [LINING_DISSOLVE] = dissolve,
	};

	return s->lining.type ? steps[s->lining.step](s) : begin(s);
}

enum store_rc store_lines(struct store *s, unsigned rows)
{
	uint64_t begun = s->rows;

	for (unsigned looks = 0; s->lining.due && looks < rows && s->rows - begun < rows; looks++) {
		enum store_rc rc = step(s);
		if (rc != STORE_OK)
			return settled(s, rc);
		row_whole(s);
	}
	return STORE_OK;
}
