/* Looks under a store: how many rows a table has, and how often the engine is asked. */
#ifndef STINT_TESTS_STORE_KV_COUNT_H
#define STINT_TESTS_STORE_KV_COUNT_H

#include "tests/store/contract.h"

#include "store/embedded.h"

static __attribute__((unused)) uint64_t line_rows(struct store *s)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	struct kv_txn *txn;
	uint64_t n = 0;

	assert_int_equal(s->kv->ops->begin(s->kv, false, &txn), STORE_OK);
	for (; s->kv->ops->seek(txn, KV_LINE, key_of(&k), &found, &v) == STORE_OK; n++) {
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
	}
	s->kv->ops->abort(txn);
	return n;
}

/* --- every question and every row that is written, counted on its way to the engine --- */

static struct kv_ops counted_ops;
static const struct kv_ops *real_ops;
static uint64_t asked;

static __attribute__((unused)) enum store_rc counted_get(struct kv_txn *t, enum kv_table table, struct kv_bytes k, struct kv_bytes *v)
{
	asked++;
	return real_ops->get(t, table, k, v);
}

static __attribute__((unused)) enum store_rc counted_put(struct kv_txn *t, enum kv_table table, struct kv_bytes k, struct kv_bytes v)
{
	asked++;
	return real_ops->put(t, table, k, v);
}

static __attribute__((unused)) enum store_rc counted_del(struct kv_txn *t, enum kv_table table, struct kv_bytes k)
{
	asked++;
	return real_ops->del(t, table, k);
}

static __attribute__((unused)) enum store_rc counted_seek(struct kv_txn *t, enum kv_table table, struct kv_bytes k, struct kv_bytes *f, struct kv_bytes *v)
{
	asked++;
	return real_ops->seek(t, table, k, f, v);
}

static __attribute__((unused)) enum store_rc counted_before(struct kv_txn *t, enum kv_table table, struct kv_bytes k, struct kv_bytes *f, struct kv_bytes *v)
{
	asked++;
	return real_ops->before(t, table, k, f, v);
}

/* From now on `asked` counts; the engine's own operations are to be put back. */
static __attribute__((unused)) void count_engine(struct kv *kv)
{
	real_ops = kv->ops;
	counted_ops = *kv->ops;
	counted_ops.get = counted_get;
	counted_ops.put = counted_put;
	counted_ops.del = counted_del;
	counted_ops.seek = counted_seek;
	counted_ops.before = counted_before;
	kv->ops = &counted_ops;
	asked = 0;
}

static __attribute__((unused)) void count_asked(struct store *s)
{
	count_engine(s->kv);
}

#endif
