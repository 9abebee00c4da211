/* What a dry run of a bulk retry has met so far, so that it counts as many as the doing would: of those with the same unique key the first takes it, and a job whose parent has ended otherwise can be retried only
 * behind that parent. Called by store_bulk_count(). Memory: 8 to 16 bytes for each counted job that has a unique key or children; others cost nothing. */
#include "store/embedded.h"

#include <stdlib.h>

static uint64_t mixed(const void *p)
{
	uint64_t v[2];

	memcpy(v, p, sizeof(v));
	v[0] = (v[0] ^ (v[1] << 29 | v[1] >> 35)) * UINT64_C(0x9e3779b97f4a7c15) ^ v[1];
	return v[0] ? v[0] : 1;         /* 0: free */
}

static size_t place(const struct store_bulk_seen *x, uint64_t h)
{
	size_t i = (size_t)h & (x->cap - 1);

	while (x->v[i] && x->v[i] != h)
		i = (i + 1) & (x->cap - 1);
	return i;
}

static bool has(const struct store_bulk_seen *x, const void *p)
{
	return x->cap && x->v[place(x, mixed(p))] != 0;
}

static bool add(struct store_bulk_seen *x, const void *p)
{
	if (2 * (x->n + 1) > x->cap) {
		struct store_bulk_seen bigger = { .n = x->n, .cap = x->cap ? 2 * x->cap : 64 };
		bigger.v = calloc(bigger.cap, sizeof(*bigger.v));
		if (!bigger.v)
			return false;
		for (size_t i = 0; i < x->cap; i++)
			if (x->v[i])
				bigger.v[place(&bigger, x->v[i])] = x->v[i];
		free(x->v);
		*x = bigger;
	}
	size_t i = place(x, mixed(p));
	x->n += x->v[i] == 0;
	x->v[i] = mixed(p);
	return true;
}

void store_bulk_seen_free(struct store_bulk_seen *x)
{
	free(x->v);
	*x = (struct store_bulk_seen){ .n = 0 };
}

/* Whether each of its parents has succeeded, may yet, or would be retried before it. */
static enum store_rc parents_fine(struct kv *kv, struct kv_txn *txn, const struct store_bulk_seen *x, const struct job *j, unsigned *looks, bool *fine)
{
	struct kv_bytes v;

	*fine = true;
	for (unsigned i = 0; *fine && i < JOB_DEPENDS_MAX; i++) {
		struct key k = key_parent(&j->id, i);
		struct job_id id;
		struct job parent;
		enum store_rc rc = kv_get(kv, txn, KV_PARENT, key_of(&k), &v);
		if (rc != STORE_OK || v.n != sizeof(id))
			return may(rc);
		memcpy(&id, v.p, sizeof(id));
		*looks -= *looks > 0;
		rc = kv_get(kv, txn, KV_JOB, id_key(&id), &v);
		if (rc == STORE_NOT_FOUND)
			continue;               /* past its retention */
		TRY(rc);
		*fine = job_decode(v, id, &parent) == STORE_OK && (!job_state_final(parent.state) || parent.state == JOB_SUCCEEDED || has(x, &id));
	}
	return STORE_OK;
}

enum store_rc bulk_seen_retry(struct store_bulk_seen *x, struct kv *kv, struct kv_txn *txn, const struct job *j, unsigned *looks, bool *can)
{
	bool unique = j->unique[0] || j->unique[1];
	struct kv_bytes v;

	*can = false;
	if (unique) {
		enum store_rc rc = kv_get(kv, txn, KV_UNIQUE, (struct kv_bytes){ j->unique, sizeof(j->unique) }, &v);
		if (rc == STORE_OK || has(x, j->unique))
			return STORE_OK;
		TRY(may(rc));
	}
	TRY(parents_fine(kv, txn, x, j, looks, can));
	if (*can && ((unique && !add(x, j->unique)) || (j->has_children && !add(x, &j->id))))
		return STORE_NO_MEMORY;
	return STORE_OK;
}
