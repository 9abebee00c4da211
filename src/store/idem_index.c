/* The index of idempotency keys in memory. Called by idem.c; running out of memory is told, never fatal. */
#include "store/idem_index.h"

#include <stdlib.h>

#define FIRST_CAP 16u

static struct idem_shard *shard_of(struct idem_index *x, uint64_t hash)
{
	return &x->shard[hash % IDEM_SHARDS];   /* by the low bits; the place within it goes by the high ones */
}

static uint32_t home(uint64_t hash, uint32_t cap)
{
	return (uint32_t)((hash >> 32) * cap >> 32);
}

static uint32_t next(uint32_t i, uint32_t cap)
{
	return i + 1 == cap ? 0 : i + 1;
}

static void place(struct idem_shard *s, struct idem_entry e)
{
	uint32_t i = home(e.hash, s->cap);

	while (s->entry[i].row)
		i = next(i, s->cap);
	s->entry[i] = e;
	s->n++;
}

static bool room(struct idem_shard *s)
{
	if ((uint64_t)(s->n + 1) * 4 <= (uint64_t)s->cap * 3)
		return true;
	struct idem_shard bigger = { .cap = s->cap ? s->cap + s->cap / 2 : FIRST_CAP };
	bigger.entry = bigger.cap > s->cap ? calloc(bigger.cap, sizeof(*bigger.entry)) : NULL;
	if (!bigger.entry)
		return false;
	for (uint32_t i = 0; i < s->cap; i++)
		if (s->entry[i].row)
			place(&bigger, s->entry[i]);
	free(s->entry);
	*s = bigger;
	return true;
}

/* The entry's place; cap where it is not there. */
static uint32_t find(const struct idem_shard *s, struct idem_entry e)
{
	if (s->cap == 0)
		return 0;
	for (uint32_t i = home(e.hash, s->cap); s->entry[i].row; i = next(i, s->cap))
		if (s->entry[i].hash == e.hash && s->entry[i].row == e.row)
			return i;
	return s->cap;
}

/* Closes the gap that an entry leaves, so that no search ends too early: each one behind it moves up unless it would come before its home. */
static void close_gap(struct idem_shard *s, uint32_t gap)
{
	for (uint32_t i = next(gap, s->cap); s->entry[i].row; i = next(i, s->cap)) {
		uint32_t h = home(s->entry[i].hash, s->cap);
		uint32_t from_home = i >= h ? i - h : i + s->cap - h, from_gap = i >= gap ? i - gap : i + s->cap - gap;
		if (from_home < from_gap)
			continue;
		s->entry[gap] = s->entry[i];
		gap = i;
	}
	s->entry[gap] = (struct idem_entry){ 0, 0 };
	s->n--;
}

static bool insert(struct idem_index *x, struct idem_entry e)
{
	struct idem_shard *s = shard_of(x, e.hash);

	if (!room(s))
		return false;
	place(s, e);
	x->n++;
	return true;
}

static bool take_out(struct idem_index *x, struct idem_entry e)
{
	struct idem_shard *s = shard_of(x, e.hash);
	uint32_t i = find(s, e);

	if (i == s->cap)
		return false;
	close_gap(s, i);
	x->n--;
	return true;
}

/* Room to remember one more change. */
static bool change_room(struct idem_index *x)
{
	if (x->nchange < x->cap_change)
		return true;
	size_t cap = x->cap_change ? x->cap_change * 2 : 64;
	struct idem_change *v = realloc(x->change, cap * sizeof(*v));
	if (!v)
		return false;
	x->change = v;
	x->cap_change = cap;
	return true;
}

bool idem_index_load(struct idem_index *x, uint64_t hash, uint64_t row)
{
	return insert(x, (struct idem_entry){ hash, row });
}

bool idem_index_add(struct idem_index *x, uint64_t hash, uint64_t row)
{
	struct idem_entry e = { hash, row };

	if (!change_room(x) || !insert(x, e))
		return false;
	x->change[x->nchange++] = (struct idem_change){ e, true };
	return true;
}

bool idem_index_remove(struct idem_index *x, uint64_t hash, uint64_t row)
{
	struct idem_entry e = { hash, row };

	if (!change_room(x))
		return false;
	if (take_out(x, e))
		x->change[x->nchange++] = (struct idem_change){ e, false };
	return true;
}

uint64_t idem_index_next(const struct idem_index *x, uint64_t hash, uint32_t *at)
{
	const struct idem_shard *s = &x->shard[hash % IDEM_SHARDS];

	if (s->cap == 0)
		return 0;
	for (uint32_t h = home(hash, s->cap); *at < s->cap;) {
		const struct idem_entry *e = &s->entry[(uint64_t)h + *at < s->cap ? h + *at : h + *at - s->cap];
		if (!e->row)
			return 0;
		++*at;
		if (e->hash == hash)
			return e->row;
	}
	return 0;
}

void idem_index_commit(struct idem_index *x)
{
	x->nchange = 0;
}

void idem_index_abort(struct idem_index *x)
{
	/* backwards: at each step a shard holds no more than it did then, and shards do not shrink, so that there is room */
	while (x->nchange) {
		const struct idem_change *c = &x->change[--x->nchange];
		if (c->added) {
			take_out(x, c->entry);
		} else {
			place(shard_of(x, c->entry.hash), c->entry);
			x->n++;
		}
	}
}

size_t idem_index_bytes(const struct idem_index *x)
{
	size_t n = sizeof(*x) + x->cap_change * sizeof(*x->change);

	for (int i = 0; i < IDEM_SHARDS; i++)
		n += x->shard[i].cap * sizeof(struct idem_entry);
	return n;
}

void idem_index_free(struct idem_index *x)
{
	for (int i = 0; i < IDEM_SHARDS; i++)
		free(x->shard[i].entry);
	free(x->change);
	*x = (struct idem_index){ 0 };
}
