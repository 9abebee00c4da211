/* Whether all jobs of a group would be taken: what store_submit() would say to each after those before it, without making any. Called by the keeper for an array of jobs, which is taken whole or not at all.
 * What the jobs of a group mean to each other (the same key twice, the room they take together) is kept in a table for the while; running out of memory is told, never fatal. */
#include "store/embedded.h"

#include <stdlib.h>

enum kind { BY_KEY = 1, BY_UNIQUE, BY_QUEUE };

struct place { uint32_t at, n; uint8_t kind; };        /* the first job of the group with that key or queue, + 1; 0: free. BY_QUEUE: how many would be new there */

struct group {
	struct store *s;
	const struct job_spec *spec;
	struct place *v;
	uint32_t cap;           /* a power of two, never more than three quarters full */
	uint64_t made, keys;    /* would be, so far */
};

static bool text_same(struct job_text a, struct job_text b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool same(enum kind kind, const struct job_spec *a, const struct job_spec *b)
{
	switch (kind) {
	case BY_KEY: return text_same(a->idempotency_key, b->idempotency_key);
	case BY_UNIQUE: return text_same(a->unique_key, b->unique_key) && text_same(a->type, b->type);
	default: return text_same(a->queue, b->queue);
	}
}

static struct place *find(struct group *g, enum kind kind, const struct job_spec *j)
{
	struct job_text text = kind == BY_KEY ? j->idempotency_key : kind == BY_UNIQUE ? j->unique_key : j->queue;
	uint8_t hash[SIPHASH_BYTES];
	uint32_t i;

	siphash(g->s->idem_secret, text.p, text.n, hash);
	memcpy(&i, hash, sizeof(i));
	for (i &= g->cap - 1; g->v[i].at; i = (i + 1) & (g->cap - 1))
		if (g->v[i].kind == kind && same(kind, &g->spec[g->v[i].at - 1], j))
			break;
	return &g->v[i];
}

static void take(struct place *p, enum kind kind, unsigned i)
{
	if (p->at == 0)
		*p = (struct place){ .at = i + 1, .kind = (uint8_t)kind };
}

/* REPLAYED, LIVE: it is there already, or will be by then. OK: a new one as far as keys go. */
static enum store_rc check_keys(struct group *g, unsigned i, struct job *out)
{
	const struct job_spec *j = &g->spec[i];
	struct place *key = NULL;
	uint64_t old = 0;
	enum store_rc rc;

	if (idem_remembers(g->s, j)) {
		key = find(g, BY_KEY, j);
		if (key->at)
			return memcmp(g->spec[key->at - 1].fingerprint, j->fingerprint, sizeof(j->fingerprint)) == 0 ? STORE_REPLAYED : STORE_KEY_REUSED;
		rc = idem_check(g->s, j, out, &old);
		if (rc != STORE_NOT_FOUND)
			return rc;
		if (g->s->idem.n + g->keys - (old != 0) >= g->s->rules.idempotency_max)
			return STORE_KEYS_FULL;
		g->keys += old == 0;
		take(key, BY_KEY, i);
	}
	if (j->unique_key.n == 0)
		return STORE_OK;
	struct place *unique = find(g, BY_UNIQUE, j);
	if (unique->at)
		return STORE_LIVE;
	rc = unique_known(g->s, j, out);
	if (rc == STORE_NOT_FOUND)
		take(unique, BY_UNIQUE, i);
	return may(rc);
}

static enum store_rc check_room(struct group *g, unsigned i)
{
	struct place *queue = find(g, BY_QUEUE, &g->spec[i]);
	const struct turn_named *q = turn_queue(g->s->turn, g->spec[i].queue, false);
	uint64_t waiting = (q ? waiting_jobs(&q->tally) : 0) + queue->n;
	uint64_t most = q ? q->limit.rule.max_queued : g->s->rules.queue_limit ? g->s->rules.queue_limit(g->s->rules.arg, g->spec[i].queue).max_queued : 0;

	if (g->s->max_queued && waiting_jobs(&g->s->totals) + g->made >= g->s->max_queued)
		return STORE_QUEUE_FULL;
	if (most && waiting >= most)
		return STORE_QUEUE_LIMIT;
	take(queue, BY_QUEUE, i);
	queue->n++;
	g->made++;
	return STORE_OK;
}

static enum store_rc check_one(struct group *g, unsigned i, struct job *out)
{
	const struct job_spec *j = &g->spec[i];
	struct depends parents = { .open = 0 };

	if (!time_sane(j->run_at_ms) || !time_sane(j->expires_at_ms))
		return STORE_INVALID;
	enum store_rc rc = check_keys(g, i, out);
	if (rc != STORE_OK)
		return rc == STORE_REPLAYED || rc == STORE_LIVE ? STORE_OK : rc;
	TRY(check_room(g, i));
	if (j->ndepends) {
		rc = depends_check(g->s, j, &parents);
		if (rc != STORE_OK)
			*out = (struct job){ .id = parents.bad, .state = parents.bad_state };
		TRY(rc);
	}
	return j->payload_blob && !stage_there(g->s, j->payload_blob, j->payload_len) ? STORE_INVALID : STORE_OK;
}

static unsigned keyed(const struct store *s, const struct job_spec *spec, unsigned n)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < n; i++)
		keys += idem_remembers(s, &spec[i]);
	return keys;
}

enum store_rc store_submit_check(struct store *s, const struct job_spec *spec, unsigned n, unsigned *bad, struct job *out)
{
	struct group g = { .s = s, .spec = spec, .cap = 16 };
	unsigned keys = keyed(s, spec, n);
	enum store_rc rc = STORE_OK;
	bool more;

	*bad = 0;
	if (keys && s->idem_loaded && s->idem.n + keys > s->rules.idempotency_max)
		TRY(settled(s, idem_expire(s, keys + IDEM_FULL_SLICE, &more)));
	while (g.cap < 4 * n)
		g.cap *= 2;
	g.v = calloc(g.cap, sizeof(*g.v));
	if (!g.v)
		return STORE_NO_MEMORY;
	for (; rc == STORE_OK && *bad < n; ++*bad)
		rc = check_one(&g, *bad, out);
	*bad -= rc != STORE_OK;
	free(g.v);
	return settled(s, rc);
}
