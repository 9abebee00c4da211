/* The memory engine: sorted arrays with an undo log. For tests: one process, reads see the writer's state between batches (and inside one, its changes).
 * Insertion moves pointers, so it is meant for thousands of rows, not millions. */
#include "store/kv.h"

#include <stdlib.h>
#include <string.h>

struct row { size_t klen, vlen; char data[]; };         /* key, then value */

struct table { struct row **row; size_t n, cap; };

struct undo { enum kv_table table; struct row *was; struct row *key; };         /* was: the row before the change, NULL where there was none */

struct mem_kv {
	struct kv kv;
	struct table table[KV_TABLES];
	struct undo *undo;
	size_t nundo, cap_undo;
};

struct kv_txn { struct mem_kv *m; bool write; };

static int compare(const struct row *r, struct kv_bytes key)
{
	size_t n = r->klen < key.n ? r->klen : key.n;
	int c = n ? memcmp(r->data, key.p, n) : 0;

	return c ? c : (r->klen > key.n) - (r->klen < key.n);
}

/* Index of the first row >= key. */
static size_t lower(const struct table *t, struct kv_bytes key)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (compare(t->row[mid], key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct row *row_new(struct kv_bytes key, struct kv_bytes value)
{
	struct row *r = malloc(sizeof(*r) + key.n + value.n);

	if (!r)
		return NULL;
	r->klen = key.n;
	r->vlen = value.n;
	memcpy(r->data, key.p, key.n);
	if (value.n)
		memcpy(r->data + key.n, value.p, value.n);
	return r;
}

static enum store_rc begin(struct kv *kv, bool write, struct kv_txn **out)
{
	struct mem_kv *m = (struct mem_kv *)(void *)kv;
	struct kv_txn *t = malloc(sizeof(*t));

	if (!t)
		return STORE_NO_MEMORY;
	*t = (struct kv_txn){ m, write };
	*out = t;
	return STORE_OK;
}

static void forget_undo(struct mem_kv *m)
{
	for (size_t i = 0; i < m->nundo; i++) {
		free(m->undo[i].was);
		free(m->undo[i].key);
	}
	m->nundo = 0;
}

static enum store_rc commit(struct kv_txn *t)
{
	if (t->write)
		forget_undo(t->m);
	free(t);
	return STORE_OK;
}

static bool table_room(struct table *t)
{
	if (t->n < t->cap)
		return true;
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct row **row = realloc(t->row, cap * sizeof(*row));
	if (!row)
		return false;
	t->row = row;
	t->cap = cap;
	return true;
}

static void insert_at(struct table *t, size_t i, struct row *r)
{
	memmove(t->row + i + 1, t->row + i, (t->n - i) * sizeof(*t->row));
	t->row[i] = r;
	t->n++;
}

static void remove_at(struct table *t, size_t i)
{
	t->n--;
	memmove(t->row + i, t->row + i + 1, (t->n - i) * sizeof(*t->row));
}

static bool found_at(const struct table *t, size_t i, struct kv_bytes key)
{
	return i < t->n && compare(t->row[i], key) == 0;
}

static void abort_txn(struct kv_txn *txn)
{
	struct mem_kv *m = txn->m;

	while (txn->write && m->nundo) {
		struct undo *u = &m->undo[--m->nundo];
		struct table *t = &m->table[u->table];
		struct kv_bytes key = { u->key->data, u->key->klen };
		size_t i = lower(t, key);
		if (found_at(t, i, key)) {
			free(t->row[i]);
			if (u->was)
				t->row[i] = u->was;
			else
				remove_at(t, i);
		} else if (u->was) {
			insert_at(t, i, u->was);        /* there was room for it before */
		}
		free(u->key);
	}
	free(txn);
}

/* Remembers how to take a change back. Takes `was` over. */
static bool remember(struct mem_kv *m, enum kv_table table, struct kv_bytes key, struct row *was)
{
	if (m->nundo == m->cap_undo) {
		size_t cap = m->cap_undo ? m->cap_undo * 2 : 64;
		struct undo *u = realloc(m->undo, cap * sizeof(*u));
		if (!u)
			return false;
		m->undo = u;
		m->cap_undo = cap;
	}
	struct row *k = row_new(key, (struct kv_bytes){ NULL, 0 });
	if (!k)
		return false;
	m->undo[m->nundo++] = (struct undo){ table, was, k };
	return true;
}

static enum store_rc get(struct kv_txn *txn, enum kv_table table, struct kv_bytes key, struct kv_bytes *value)
{
	struct table *t = &txn->m->table[table];
	size_t i = lower(t, key);

	if (!found_at(t, i, key))
		return STORE_NOT_FOUND;
	*value = (struct kv_bytes){ t->row[i]->data + t->row[i]->klen, t->row[i]->vlen };
	return STORE_OK;
}

static enum store_rc put(struct kv_txn *txn, enum kv_table table, struct kv_bytes key, struct kv_bytes value)
{
	struct table *t = &txn->m->table[table];
	size_t i = lower(t, key);
	bool there = found_at(t, i, key);
	struct row *r = key.n && key.n <= KV_KEY_MAX ? row_new(key, value) : NULL;

	if (!r)
		return key.n && key.n <= KV_KEY_MAX ? STORE_NO_MEMORY : STORE_IO;
	if (!table_room(t) || !remember(txn->m, table, key, there ? t->row[i] : NULL)) {
		free(r);
		return STORE_NO_MEMORY;
	}
	if (there)
		t->row[i] = r;
	else
		insert_at(t, i, r);
	return STORE_OK;
}

static enum store_rc del(struct kv_txn *txn, enum kv_table table, struct kv_bytes key)
{
	struct table *t = &txn->m->table[table];
	size_t i = lower(t, key);

	if (!found_at(t, i, key))
		return STORE_NOT_FOUND;
	if (!remember(txn->m, table, key, t->row[i]))
		return STORE_NO_MEMORY;
	remove_at(t, i);
	return STORE_OK;
}

static enum store_rc row_out(const struct row *r, struct kv_bytes *key, struct kv_bytes *value)
{
	*key = (struct kv_bytes){ r->data, r->klen };
	*value = (struct kv_bytes){ r->data + r->klen, r->vlen };
	return STORE_OK;
}

static enum store_rc seek(struct kv_txn *txn, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	struct table *t = &txn->m->table[table];
	size_t i = key.n ? lower(t, key) : 0;

	return i < t->n ? row_out(t->row[i], found, value) : STORE_NOT_FOUND;
}

static enum store_rc before(struct kv_txn *txn, enum kv_table table, struct kv_bytes key, struct kv_bytes *found, struct kv_bytes *value)
{
	struct table *t = &txn->m->table[table];
	size_t i = key.n ? lower(t, key) : t->n;

	return i > 0 ? row_out(t->row[i - 1], found, value) : STORE_NOT_FOUND;
}

static void usage(struct kv *kv, uint64_t *used, uint64_t *limit)
{
	struct mem_kv *m = (struct mem_kv *)(void *)kv;

	*used = 0;
	*limit = UINT64_MAX;
	for (int t = 0; t < KV_TABLES; t++)
		for (size_t i = 0; i < m->table[t].n; i++)
			*used += m->table[t].row[i]->klen + m->table[t].row[i]->vlen;
}

static bool housekeep(struct kv *kv)
{
	(void)kv;
	return true;
}

static void close_kv(struct kv *kv)
{
	struct mem_kv *m = (struct mem_kv *)(void *)kv;

	for (int t = 0; t < KV_TABLES; t++) {
		for (size_t i = 0; i < m->table[t].n; i++)
			free(m->table[t].row[i]);
		free(m->table[t].row);
	}
	forget_undo(m);
	free(m->undo);
	free(m);
}

static const struct kv_ops mem_ops = {
	.begin = begin, .commit = commit, .abort = abort_txn, .get = get, .put = put, .del = del, .seek = seek, .before = before,
	.usage = usage, .housekeep = housekeep, .close = close_kv,
};

struct kv *mem_kv_open(void)
{
	struct mem_kv *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kv.ops = &mem_ops;
	return &m->kv;
}
