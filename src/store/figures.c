/* Figures of the whole store, of its queues and of its types, as a reader sees them. Called by whoever shows them; nothing here changes anything. */
#include "store/embedded.h"

#include <stdlib.h>

enum store_rc store_read_totals(struct store_reader *r, struct store_tally *out)
{
	struct key k = key_count('t', (struct job_text){ NULL, 0 });
	struct kv_bytes v;
	struct limit none;
	enum store_rc rc = r->kv->ops->get(r->txn, KV_COUNT, key_of(&k), &v);

	memset(out, 0, sizeof(*out));
	return rc == STORE_OK ? tally_decode(v, out, &none) : may(rc);
}

/* --- the oldest queued job of each queue ---
 *
 * Of each lane that has work the first entry, which under aging or equal priorities is its oldest. All queues in one walk over the lanes that have work: thousands of queues are usual. */

struct oldest { struct job_text queue; int64_t at_ms; };
struct ages { struct oldest *v; size_t n, cap; };

static int by_queue(const void *a, const void *b)
{
	const struct oldest *x = a, *y = b;
	size_t n = x->queue.n < y->queue.n ? x->queue.n : y->queue.n;
	int c = memcmp(x->queue.p, y->queue.p, n);

	return c ? c : (x->queue.n > y->queue.n) - (x->queue.n < y->queue.n);
}

static int by_queue_and_age(const void *a, const void *b)
{
	const struct oldest *x = a, *y = b;
	int c = by_queue(a, b);

	return c ? c : (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

/* The queue of a lane and when its head was queued; false where either cannot be read: figures are not worth an error. */
static bool lane_age(struct store_reader *r, uint32_t lane, struct job_id head, struct oldest *out)
{
	struct key k = { .n = 0 };
	struct kv_bytes v;
	uint16_t type_len;
	struct job j;

	key_u32(&k, lane);
	if (r->kv->ops->get(r->txn, KV_LANE, key_of(&k), &v) != STORE_OK || v.n < 3)
		return false;
	memcpy(&type_len, (const char *)v.p + 1, sizeof(type_len));
	if (3u + type_len >= v.n || store_get(r, head, &j, NULL) != STORE_OK)
		return false;
	*out = (struct oldest){ { (const char *)v.p + 3 + type_len, v.n - 3 - type_len }, j.queued_ms };
	return true;
}

static enum store_rc ages_add(struct ages *a, struct oldest one)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 64;
		struct oldest *v = realloc(a->v, cap * sizeof(*v));
		if (!v)
			return STORE_NO_MEMORY;
		a->v = v;
		a->cap = cap;
	}
	a->v[a->n++] = one;
	return STORE_OK;
}

static enum store_rc ages_collect(struct store_reader *r, struct ages *a)
{
	struct key k = { .n = 0 };
	struct kv_bytes found, v;
	enum store_rc rc;

	while ((rc = r->kv->ops->seek(r->txn, KV_READY, key_of(&k), &found, &v)) == STORE_OK) {
		uint32_t lane = found.n >= 4 ? key_get32(found.p) : UINT32_MAX;
		struct job_id head;
		struct oldest one;
		if (found.n == 28) {
			memcpy(&head, (const uint8_t *)found.p + 12, sizeof(head));
			if (lane_age(r, lane, head, &one))
				TRY(ages_add(a, one));
		}
		if (lane == UINT32_MAX)
			break;
		k.n = 0;
		key_u32(&k, lane + 1);
	}
	return may(rc);
}

/* One entry a queue, its oldest, in order of name. */
static void ages_settle(struct ages *a)
{
	size_t n = 0;

	if (a->n)
		qsort(a->v, a->n, sizeof(*a->v), by_queue_and_age);
	for (size_t i = 0; i < a->n; i++)
		if (n == 0 || by_queue(&a->v[n - 1], &a->v[i]) != 0)
			a->v[n++] = a->v[i];
	a->n = n;
}

static int64_t age_of(const struct ages *a, struct job_text queue)
{
	struct oldest wanted = { queue, 0 }, *found = a->n ? bsearch(&wanted, a->v, a->n, sizeof(*a->v), by_queue) : NULL;

	return found ? found->at_ms : 0;
}

/* --- queues and types --- */

static enum store_rc each_figure(struct store_reader *r, char kind, const struct ages *ages, bool (*fn)(void *arg, const struct store_figure *f), void *arg)
{
	struct key k = key_count(kind, (struct job_text){ NULL, 0 });

	for (;;) {
		struct kv_bytes found, v;
		struct store_figure f = { .oldest_queued_ms = 0 };
		struct limit limit;
		enum store_rc rc = r->kv->ops->seek(r->txn, KV_COUNT, key_of(&k), &found, &v);
		if (rc == STORE_NOT_FOUND || (rc == STORE_OK && *(const char *)found.p != kind))
			return STORE_OK;
		TRY(rc);
		TRY(tally_decode(v, &f.tally, &limit));
		f.paused = limit.paused;
		f.breaker = (struct store_breaker){ limit.failures, limit.rest_until_us, limit.trial != 0 };
		f.name = (struct job_text){ (const char *)found.p + 1, found.n - 1 };
		if (f.tally.state[JOB_QUEUED])
			f.oldest_queued_ms = age_of(ages, f.name);
		k.n = 0;
		key_bytes(&k, found.p, found.n);
		key_u8(&k, 0);
		if (!fn(arg, &f))
			return STORE_OK;
	}
}

enum store_rc store_queues(struct store_reader *r, bool (*fn)(void *arg, const struct store_figure *f), void *arg)
{
	struct ages ages = { .n = 0 };
	enum store_rc rc = ages_collect(r, &ages);

	ages_settle(&ages);
	if (rc == STORE_OK)
		rc = each_figure(r, 'q', &ages, fn, arg);
	free(ages.v);
	return rc;
}

enum store_rc store_queue(struct store_reader *r, struct job_text name, bool age, struct store_figure *out)
{
	struct key k = key_count('q', name);
	struct ages ages = { .n = 0 };
	struct kv_bytes v;
	struct limit limit;

	*out = (struct store_figure){ .name = name };
	TRY(r->kv->ops->get(r->txn, KV_COUNT, key_of(&k), &v));
	TRY(tally_decode(v, &out->tally, &limit));
	out->paused = limit.paused;
	if (!age || out->tally.state[JOB_QUEUED] == 0)
		return STORE_OK;
	enum store_rc rc = ages_collect(r, &ages);
	ages_settle(&ages);
	out->oldest_queued_ms = age_of(&ages, name);
	free(ages.v);
	return rc;
}

enum store_rc store_types(struct store_reader *r, bool (*fn)(void *arg, const struct store_figure *f), void *arg)
{
	return each_figure(r, 'y', &(struct ages){ .n = 0 }, fn, arg);
}
