/* The check of a whole store: the walk over all tables, slice by slice, and what its parts share. See check.h. */
#include "store/check_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WHAT_MAX 300
#define TELL_EVERY 65536u               /* rows */

void check_flaw(struct check *c, enum kv_table t, const struct job_id *id, const char *fmt, ...)
{
	struct store_flaw f = { .table = kv_table_names[t], .of_job = id != NULL };
	char what[WHAT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	f.what = what;
	if (id)
		f.id = *id;
	c->out->flaws++;
	if (c->w->flaw)
		c->w->flaw(c->w->arg, &f);
}

/* --- reading --- */

/* A page that cannot be read spoils LMDB's transaction as well. */
static bool renew(struct check *c)
{
	store_read_end(c->r);
	enum store_rc rc = store_read_begin(c->r);
	if (rc != STORE_OK)
		c->failed = rc;
	return rc == STORE_OK;
}

static bool fetched(struct check *c, enum kv_table t, enum store_rc rc)
{
	if (rc == STORE_DAMAGED) {
		check_flaw(c, t, NULL, "a page of this table cannot be read");
		renew(c);
	} else if (rc != STORE_OK && rc != STORE_NOT_FOUND && c->failed == STORE_OK) {
		c->failed = rc;
	}
	return rc == STORE_OK;
}

bool check_get(struct check *c, enum kv_table t, struct kv_bytes key, struct kv_bytes *v)
{
	return fetched(c, t, c->r->kv->ops->get(c->r->txn, t, key, v));
}

bool check_has(struct check *c, enum kv_table t, const struct key *k)
{
	struct kv_bytes v;

	return check_get(c, t, key_of(k), &v);
}

/* The first row from the key on. One before it, which a damaged page may bring, would have the walk go round for ever. */
static enum store_rc seek(struct check *c, enum kv_table t, struct kv_bytes from, struct kv_bytes *found, struct kv_bytes *v)
{
	enum store_rc rc = c->r->kv->ops->seek(c->r->txn, t, from, found, v);

	if (rc != STORE_OK || from.n == 0)
		return rc;
	int d = memcmp(found->p, from.p, found->n < from.n ? found->n : from.n);
	return d > 0 || (d == 0 && found->n >= from.n) ? STORE_OK : STORE_DAMAGED;
}

bool check_seek(struct check *c, enum kv_table t, const struct key *k, struct kv_bytes *found, struct kv_bytes *v)
{
	enum store_rc rc = seek(c, t, key_of(k), found, v);

	return fetched(c, t, rc == STORE_OK && found->n >= sizeof(k->b) ? STORE_DAMAGED : rc);
}

bool check_remember(struct check *c, struct check_blobs *b, uint64_t blob, uint64_t len)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 1024;
		struct check_blob *v = realloc(b->v, cap * sizeof(*v));
		if (!v) {
			c->failed = STORE_NO_MEMORY;
			return false;
		}
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n++] = (struct check_blob){ blob, len };
	return true;
}

bool check_lane(struct check *c, uint32_t lane, struct lane_row *out)
{
	struct key k = { .n = 0 };
	struct kv_bytes v;

	key_u32(&k, lane);
	return check_get(c, KV_LANE, key_of(&k), &v) && lane_decode(key_of(&k), v, out);
}

/* All types of the table of lanes, anew: it only grows, and a type's number stays. */
static void read_types(struct check *c)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	struct lane_row row;

	key_u32(&k, 0);
	while (c->failed == STORE_OK && check_seek(c, KV_LANE, &k, &found, &v)) {
		size_t i = 0;
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
		if (!lane_decode(found, v, &row))
			continue;
		while (i < c->ntype && (c->type[i].n != row.type.n || memcmp(c->type[i].name, row.type.p, row.type.n) != 0))
			i++;
		if (i < c->ntype)
			continue;
		struct check_type *more = realloc(c->type, (c->ntype + 1) * sizeof(*more));
		char *name = malloc(row.type.n);
		if (more)
			c->type = more;
		if (!more || !name) {
			free(name);
			c->failed = STORE_NO_MEMORY;
			return;
		}
		memcpy(name, row.type.p, row.type.n);
		c->type[c->ntype++] = (struct check_type){ name, row.type.n, row.id };
	}
}

uint32_t check_type_number(struct check *c, struct job_text type)
{
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < c->ntype; i++)
			if (c->type[i].n == type.n && memcmp(c->type[i].name, type.p, type.n) == 0)
				return c->type[i].number;
		if (!again)
			read_types(c);
	}
	return 0;
}

enum check_job check_job_of(struct check *c, const struct job_id *id, struct job *out)
{
	struct kv_bytes v;

	if (!check_get(c, KV_JOB, id_key(id), &v))
		return CHECK_JOB_GONE;
	return job_decode(v, *id, out) == STORE_OK ? CHECK_JOB_FINE : CHECK_JOB_DAMAGED;
}

/* --- the walk --- */

static void look_at_head(struct check *c)
{
	struct kv_bytes v;
	char why[160] = "the store has no head";

	c->headless = !check_get(c, KV_META, HEAD_KEY, &v) || head_decode(v, &c->head, why, sizeof(why)) != STORE_OK;
	if (c->headless)
		check_flaw(c, KV_META, NULL, "%s", why);
}

/* Every row of one table; false where it came to no end. */
static bool walk(struct check *c, enum kv_table t, unsigned step, unsigned slice)
{
	uint8_t at[KV_KEY_MAX + 1];
	size_t n = 0;

	for (uint64_t i = 1; c->failed == STORE_OK; i++) {
		struct kv_bytes found, v;
		enum store_rc rc = seek(c, t, (struct kv_bytes){ at, n }, &found, &v);
		if (rc == STORE_NOT_FOUND)
			return true;
		if (rc == STORE_DAMAGED || (rc == STORE_OK && (found.n == 0 || found.n > KV_KEY_MAX))) {
			check_flaw(c, t, NULL, "a page of this table cannot be read: what comes behind its first %llu rows was not looked at", (unsigned long long)i - 1);
			renew(c);
			return false;
		}
		if (!fetched(c, t, rc))
			return false;
		memcpy(at, found.p, found.n);
		at[found.n] = 0;
		n = found.n + 1;
		c->out->rows++;
		check_rows[t](c, found, v);
		if (i % slice == 0 && !renew(c))
			return false;
		if (i % TELL_EVERY == 0 && c->w->at)
			c->w->at(c->w->arg, step, 0, c->out->rows);
	}
	return false;
}

/* The order in which they are looked at: rows of bytes after all that may own them, the figures last. */
static const enum kv_table steps[] = {
	KV_META, KV_LANE, KV_STAGE, KV_JOB, KV_SPEC, KV_ATTEMPT, KV_RESULT, KV_PROGRESS, KV_NOTE, KV_READY, KV_DUE, KV_EXPIRY, KV_LEASE, KV_REMOTE, KV_FINAL,
	KV_UNIQUE, KV_LINE, KV_PARENT, KV_CHILD, KV_WAITING, KV_SPREAD, KV_SCHEDULE, KV_TOKEN, KV_IDEM, KV_BLOB, KV_COUNT,
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))
_Static_assert(STEPS == KV_TABLES, "every table is looked at");

const char *store_check_step(unsigned step)
{
	return step < STEPS ? kv_table_names[steps[step]] : NULL;
}

static void one_step(struct check *c, unsigned step, unsigned slice)
{
	enum kv_table t = steps[step];

	if (t == KV_META)
		return;                 /* it was looked at first of all */
	if (t == KV_BLOB)
		check_owned_twice(c);
	if (t == KV_COUNT)
		check_tallies(c);
	else
		c->whole &= walk(c, t, step, slice);
}

enum store_rc store_check(struct store_reader *r, unsigned from, unsigned slice, const struct store_check_watch *w, struct store_checked *out)
{
	struct check c = { .r = r, .w = w, .out = out, .whole = from == 0, .nobodys = UINT64_MAX };
	unsigned step;

	*out = (struct store_checked){ .jobs = 0 };
	c.failed = store_read_begin(r);
	if (c.failed != STORE_OK)
		return c.failed;
	if (w->at)
		w->at(w->arg, from, STEPS, 0);
	look_at_head(&c);
	for (step = from; step < STEPS && c.failed == STORE_OK; step++) {
		if (w->at)
			w->at(w->arg, step, STEPS, out->rows);
		if (renew(&c))
			one_step(&c, step, slice ? slice : STORE_CHECK_SLICE);
	}
	store_read_end(r);
	for (size_t i = 0; i < c.ntype; i++)
		free(c.type[i].name);
	free(c.type);
	free(c.owned.v);
	free(c.staged.v);
	return c.failed;
}
