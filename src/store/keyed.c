/* Lines of keys: jobs of one type that have the same key, where the type has a key_concurrency. Called by ready_put(), final_put() and the end of an attempt; keyed_settle.c goes through them when the rules change.
 *
 * As many jobs as may run at once hold the key: they are queued in their lanes, or run. The others that are queued stand in line, by arrival; their lanes are of a kind that nobody claims from, so that a claim
 * never looks at them. Who gives the key back has the next ones in line put into their lanes in the same transaction. A job that is to be tried again gives it back too; where one may hold the key at a time
 * nobody passes by a job that came before it and rests, so that the key does nothing meanwhile.
 *
 * The rows of a line lie together: a head, how many hold the key, where anybody does; then a row for each job, by class and arrival. A row that its job knows nothing of is passed over and removed. */
#include "store/embedded.h"

#define ADMIT_MAX 16u                   /* jobs that are given the key at once; there are more only where the rules have changed */

void keyed_hash(const struct job_spec *spec, struct job *out)
{
	static const uint8_t fixed[SIPHASH_BYTES] = "stint key's line";
	uint8_t hash[SIPHASH_BYTES];

	if (spec->key.n == 0)
		return;
	siphash(fixed, spec->key.p, spec->key.n, hash);
	memcpy(out->line, hash, sizeof(out->line));
	out->line[0] |= 1;              /* never nothing */
}

struct key keyed_key(const struct keyed_line *l, enum keyed_class class, uint64_t arrival)
{
	return key_line(l->type->number, l->hash, class, arrival);
}

static uint64_t limit_of(const struct keyed_line *l)
{
	return l->type->limit.rule.key_concurrency;
}

/* Nobody is given the key before all are in line. */
static bool gathers(const struct keyed_line *l)
{
	return l->type->limit.lines == LIMIT_GATHERED;
}

/* A line that is changed under other rules than it was made for is of several minds from now on, also where the rules become what they were. */
static struct keyed_line line_of(struct store *s, const struct job *j)
{
	struct keyed_line l = { .type = turn_lane_of(s->turn, j->lane)->type };

	if (l.type->limit.lined != limit_of(&l))
		keyed_mixed(s, l.type);
	memcpy(l.hash, j->line, sizeof(l.hash));
	return l;
}

/* --- rows --- */

/* The first row of a class from this arrival on. */
static enum store_rc seek_class(struct store *s, const struct keyed_line *l, enum keyed_class class, uint64_t from, uint64_t *arrival, struct job_id *id, bool *one)
{
	struct key k = keyed_key(l, class, from);
	struct kv_bytes found, v;
	enum store_rc rc = row_seek(s, KV_LINE, key_of(&k), &found, &v);

	*one = rc == STORE_OK && found.n == k.n && memcmp(found.p, k.b, k.n - sizeof(from)) == 0;
	if (!*one)
		return may(rc);
	*arrival = key_get64((const uint8_t *)found.p + k.n - sizeof(from));
	memset(id, 0, sizeof(*id));     /* nobody's, where the row is damaged */
	if (v.n == sizeof(*id))
		memcpy(id, v.p, sizeof(*id));
	return STORE_OK;
}

/* The first of a class whose job is not held. */
static enum store_rc first(struct store *s, const struct keyed_line *l, enum keyed_class class, uint64_t *arrival, struct job_id *id, bool *one)
{
	uint64_t from = 0;

	do {
		TRY(seek_class(s, l, class, from, arrival, id, one));
		from = *one ? *arrival + 1 : 0;
	} while (*one && is_held(s, *id));
	return STORE_OK;
}

enum store_rc keyed_first(struct store *s, const struct keyed_line *l, enum keyed_class class, uint64_t *arrival, bool *one)
{
	struct job_id id;

	return first(s, l, class, arrival, &id, one);
}

/* A head that cannot be read is counted anew. */
static enum store_rc count_holders(struct store *s, struct keyed_line *l)
{
	uint64_t arrival = 0;
	struct job_id id;
	bool one;

	l->holders = 0;
	for (;;) {
		TRY(seek_class(s, l, KEYED_HOLDS, arrival, &arrival, &id, &one));
		if (!one)
			return STORE_OK;
		l->holders++;
		arrival++;
	}
}

enum store_rc keyed_open(struct store *s, struct keyed_line *l)
{
	struct key k = keyed_key(l, KEYED_HEAD, 0);
	struct kv_bytes v;
	enum store_rc rc = row_get(s, KV_LINE, key_of(&k), &v);

	l->holders = 0;
	if (rc != STORE_OK)
		return may(rc);
	if (sealed_open(key_of(&k), &v) != STORE_OK || v.n != sizeof(l->holders))
		return count_holders(s, l);
	memcpy(&l->holders, v.p, sizeof(l->holders));
	return STORE_OK;
}

enum store_rc keyed_close(struct store *s, const struct keyed_line *l)
{
	struct key k = keyed_key(l, KEYED_HEAD, 0);

	if (l->holders == 0)
		return may(row_del(s, KV_LINE, key_of(&k)));
	return sealed_put(s, KV_LINE, key_of(&k), (struct job_text){ (const char *)&l->holders, sizeof(l->holders) });
}

enum store_rc keyed_recount(struct store *s, struct keyed_line *l)
{
	uint64_t was = l->holders;

	TRY(count_holders(s, l));
	return l->holders == was ? STORE_OK : keyed_close(s, l);
}

enum store_rc keyed_put(struct store *s, struct keyed_line *l, struct job *j, enum job_place place)
{
	static const enum keyed_class class_of[] = { [JOB_HOLDS] = KEYED_HOLDS, [JOB_LINED] = KEYED_LINED, [JOB_RESTS] = KEYED_RESTS };

	if (j->place != JOB_FREE) {
		struct key k = keyed_key(l, class_of[j->place], j->arrival);
		enum store_rc rc = row_del(s, KV_LINE, key_of(&k));
		TRY(may(rc));
		l->holders -= rc == STORE_OK && j->place == JOB_HOLDS && l->holders > 0;
	}
	j->place = place;
	if (place == JOB_FREE)
		return STORE_OK;
	struct key k = keyed_key(l, class_of[place], j->arrival);
	l->holders += place == JOB_HOLDS;
	return row_put(s, KV_LINE, key_of(&k), id_key(&j->id));
}

/* --- who is next --- */

/* One that came earlier rests, and none may pass it. */
static enum store_rc held_up(struct store *s, const struct keyed_line *l, uint64_t arrival, bool *is)
{
	uint64_t rests;

	*is = false;
	if (limit_of(l) != 1)
		return STORE_OK;
	TRY(keyed_first(s, l, KEYED_RESTS, &rests, is));
	*is &= rests < arrival;
	return STORE_OK;
}

/* Gives the key to the job of this row; one that cannot be read is held, a row that is nobody's goes. */
static enum store_rc admit(struct store *s, struct keyed_line *l, uint64_t arrival, struct job_id id, struct job *self)
{
	struct key row = keyed_key(l, KEYED_LINED, arrival);
	struct job j;

	if (self && memcmp(&id, &self->id, sizeof(id)) == 0 && self->arrival == arrival)
		return keyed_put(s, l, self, JOB_HOLDS);
	enum store_rc rc = job_load(s, id, &j);
	if (rc == STORE_DAMAGED && !s->spoilt)
		return hold_job(s, id);
	if (rc == STORE_NOT_FOUND || (rc == STORE_OK && (j.place != JOB_LINED || j.arrival != arrival || memcmp(j.line, l->hash, sizeof(j.line)) != 0)))
		return row_del(s, KV_LINE, key_of(&row));
	TRY(rc);
	struct key ready = key_ready(j.lane, j.sortkey, &j.id);
	TRY(may(row_del(s, KV_READY, key_of(&ready))));
	TRY(keyed_put(s, l, &j, JOB_HOLDS));
	TRY(lane_put(s, &j));
	return job_write(s, &j);
}

/* Where `self` is the next it is given the key in memory alone: the caller is about to write it. */
enum store_rc keyed_admit(struct store *s, struct keyed_line *l, struct job *self, bool *more)
{
	unsigned left = ADMIT_MAX;

	*more = false;
	while (l->holders < limit_of(l) && !gathers(l)) {
		struct job_id id;
		uint64_t arrival;
		bool one, up;
		TRY(first(s, l, KEYED_LINED, &arrival, &id, &one));
		if (!one)
			return STORE_OK;
		TRY(held_up(s, l, arrival, &up));
		if (up)
			return STORE_OK;
		if (left-- == 0) {
			*more = true;
			return STORE_OK;
		}
		TRY(admit(s, l, arrival, id, self));
	}
	return STORE_OK;
}

/* --- transitions --- */

/* Where nobody waits for a key that is to be had it is given at once; else the job lines up. */
static enum store_rc line_up(struct store *s, struct keyed_line *l, struct job *j)
{
	bool others = true, up = false, more;
	struct job_id id;
	uint64_t arrival;

	if (l->holders < limit_of(l) && !gathers(l)) {
		TRY(first(s, l, KEYED_LINED, &arrival, &id, &others));
		if (!others)
			TRY(held_up(s, l, j->arrival, &up));
	}
	if (!others && !up)
		return keyed_put(s, l, j, JOB_HOLDS);
	TRY(keyed_put(s, l, j, JOB_LINED));
	return keyed_admit(s, l, j, &more);
}

/* Of a type without a limit a job has only its place in the order of arrival, for the day that it gets one. */
static bool nothing_to_do(const struct keyed_line *l, const struct job *j)
{
	return limit_of(l) == 0 && j->place == JOB_FREE;
}

enum store_rc keyed_enter(struct store *s, struct job *j)
{
	struct keyed_line l = line_of(s, j);

	if (j->arrival == 0)
		j->arrival = s->head.next_token++;
	if (nothing_to_do(&l, j))
		return STORE_OK;
	TRY(keyed_open(s, &l));
	uint64_t before = l.holders;
	TRY(keyed_put(s, &l, j, JOB_FREE));
	if (limit_of(&l))
		TRY(line_up(s, &l, j));
	return l.holders == before ? STORE_OK : keyed_close(s, &l);
}

static enum store_rc give_back(struct store *s, struct job *j, enum job_place place)
{
	struct keyed_line l = line_of(s, j);
	bool lined = j->place == JOB_LINED, more;

	if (nothing_to_do(&l, j))
		return STORE_OK;
	TRY(keyed_open(s, &l));
	uint64_t before = l.holders;
	TRY(keyed_put(s, &l, j, limit_of(&l) ? place : JOB_FREE));
	if (!lined)
		TRY(keyed_admit(s, &l, NULL, &more));
	return l.holders == before ? STORE_OK : keyed_close(s, &l);
}

enum store_rc keyed_rest(struct store *s, struct job *j)
{
	return give_back(s, j, JOB_RESTS);
}

enum store_rc keyed_leave(struct store *s, struct job *j)
{
	TRY(give_back(s, j, JOB_FREE));
	j->arrival = 0;
	return STORE_OK;
}
