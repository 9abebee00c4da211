/* Stride scheduling over two levels of binary heaps. Pure memory; called by the embedded store alone. */
#include "store/turn_heap.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/breaker.h"

#define HASH 4096u
#define STRIDE (UINT64_C(1) << 20)

struct turn {
	struct turn_named *queues[HASH], *types[HASH];
	struct turn_lane *lanes[HASH];
	struct turn_lane **by_id;
	uint32_t nid, cap_id;
	struct turn_named **heap;       /* queues with work */
	uint32_t nheap, cap_heap;
	struct turn_lane **lone;
	uint32_t nlone, cap_lone;
	uint32_t alone_lanes;           /* with or without work */
	uint64_t clock[2];              /* pass of the queue served last: newcomers start here, so that sleeping earns no credit. As struct turn_named has it */
	uint64_t news;
	struct turn_named *dirty[2];    /* queues, types */
	struct store_rules rules;
	struct limits limits;
	struct turn_named *rests;       /* types for which nobody has room */
};

struct turn *turn_new(void)
{
	return calloc(1, sizeof(struct turn));
}

static void free_named(struct turn_named **chain)
{
	for (unsigned i = 0; i < HASH; i++)
		while (chain[i]) {
			struct turn_named *n = chain[i];
			chain[i] = n->next;
			free(n->lane);
			free(n);
		}
}

void turn_free(struct turn *t)
{
	if (!t)
		return;
	free_named(t->queues);
	free_named(t->types);
	for (uint32_t i = 0; i < t->nid; i++)
		free(t->by_id[i]);
	free(t->by_id);
	free(t->heap);
	free(t->lone);
	limit_free(&t->limits);
	free(t);
}

static uint32_t hash(struct job_text s)
{
	uint32_t h = 2166136261u;               /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 16777619u;
	return h % HASH;
}

static struct turn_named *named(struct turn_named **chain, struct job_text name, bool make, bool *made)
{
	struct turn_named **at = &chain[hash(name)], *n;

	*made = false;
	for (n = *at; n; n = n->next)
		if (n->name.n == name.n && memcmp(n->name.p, name.p, name.n) == 0)
			return n;
	if (!make)
		return NULL;
	n = calloc(1, sizeof(*n) + name.n);
	if (!n)
		return NULL;
	char *text = (char *)(n + 1);
	memcpy(text, name.p, name.n);
	n->name = (struct job_text){ text, name.n };
	n->weight = 1;
	n->runs_here = true;
	n->next = *at;
	*at = n;
	*made = true;
	return n;
}

/* What the rules say of a name. */
static void ask(const struct turn *t, struct turn_named *n)
{
	const struct store_rules *r = &t->rules;

	if (n->is_type) {
		n->runs_here = r->runs_here ? r->runs_here(r->arg, n->name) : true;
		n->room = r->room ? r->room(r->arg, n->name) : 0;
		n->limit.rule = r->type_limit ? r->type_limit(r->arg, n->name) : (struct store_limit){ .concurrency = 0 };
		turn_line_up(n);
	} else {
		n->weight = r->weight ? r->weight(r->arg, n->name) : 1;
		n->limit.rule = r->queue_limit ? r->queue_limit(r->arg, n->name) : (struct store_limit){ .concurrency = 0 };
	}
}

struct turn_named *turn_queue(struct turn *t, struct job_text name, bool make)
{
	bool made;
	struct turn_named *q = named(t->queues, name, make, &made);

	if (made)
		ask(t, q);
	return q;
}

struct turn_named *turn_type(struct turn *t, struct job_text name, bool make)
{
	bool made;
	struct turn_named *y = named(t->types, name, make, &made);

	if (made) {
		y->is_type = true;
		ask(t, y);
	}
	return y;
}

static uint32_t lane_hash(const struct turn_named *q, const struct turn_named *y)
{
	return (uint32_t)(((uintptr_t)q >> 5) * 31 + ((uintptr_t)y >> 5)) % HASH;
}

struct turn_lane *turn_lane_find(struct turn *t, const struct turn_named *queue, const struct turn_named *type, enum turn_kind kind)
{
	struct turn_lane *l = t->lanes[lane_hash(queue, type)];

	while (l && (l->queue != queue || l->type != type || l->kind != kind))
		l = l->next;
	return l;
}

struct turn_lane *turn_lane_add(struct turn *t, uint32_t id, struct turn_named *queue, struct turn_named *type, enum turn_kind kind)
{
	struct turn_lane *l = calloc(1, sizeof(*l));
	struct turn_lane **at = &t->lanes[lane_hash(queue, type)];

	if (!l)
		return NULL;
	while (id >= t->nid) {
		struct turn_lane **v = turn_grown(t->by_id, t->nid, &t->cap_id);
		if (!v) {
			free(l);
			return NULL;
		}
		t->by_id = v;
		t->by_id[t->nid++] = NULL;
	}
	*l = (struct turn_lane){ .next = *at, .id = id, .queue = queue, .type = type, .kind = kind, .alone = kind == TURN_ALONE };
	*at = l;
	t->by_id[id] = l;
	t->alone_lanes += l->alone;
	l->next_of_type = type->lanes;
	type->lanes = l;
	l->next_of_queue = queue->lanes;
	queue->lanes = l;
	if (!type->number || id < type->number)
		type->number = id;
	return l;
}

struct turn_lane *turn_lane_of(const struct turn *t, uint32_t id)
{
	return id < t->nid ? t->by_id[id] : NULL;
}

/* --- the heap of queues with work --- */

static void queue_set(struct turn *t, uint32_t i, struct turn_named *q)
{
	t->heap[i] = q;
	q->place = i + 1;
}

static void queue_sift(struct turn *t, uint32_t i)
{
	struct turn_named *q = t->heap[i];

	while (i > 0 && q->pass[0] < t->heap[(i - 1) / 2]->pass[0]) {
		queue_set(t, i, t->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (uint32_t c = 2 * i + 1; c < t->nheap; c = 2 * i + 1) {
		if (c + 1 < t->nheap && t->heap[c + 1]->pass[0] < t->heap[c]->pass[0])
			c++;
		if (t->heap[c]->pass[0] >= q->pass[0])
			break;
		queue_set(t, i, t->heap[c]);
		i = c;
	}
	queue_set(t, i, q);
}

/* Puts the queue into the heap or takes it out, by whether it has lanes with work and may start any. */
static bool queue_settle(struct turn *t, struct turn_named *q)
{
	bool in = q->nlane && !q->limit.blocked;

	if (in && !q->place) {
		struct turn_named **v = turn_grown(t->heap, t->nheap, &t->cap_heap);
		if (!v)
			return false;
		t->heap = v;
		if (q->pass[0] < t->clock[0])
			q->pass[0] = t->clock[0];
		queue_set(t, t->nheap++, q);
		queue_sift(t, t->nheap - 1);
	} else if (!in && q->place) {
		uint32_t i = q->place - 1;
		struct turn_named *last = t->heap[--t->nheap];
		q->place = 0;
		if (last != q) {
			queue_set(t, i, last);
			queue_sift(t, i);
		}
	}
	return true;
}

static bool lone_insert(struct turn *t, struct turn_lane *l)
{
	struct turn_lane **v = turn_grown(t->lone, t->nlone, &t->cap_lone);

	if (!v)
		return false;
	t->lone = v;
	t->lone[t->nlone++] = l;
	l->place = t->nlone;
	return true;
}

static void lone_remove(struct turn *t, struct turn_lane *l)
{
	struct turn_lane *last = t->lone[--t->nlone];

	t->lone[l->place - 1] = last;
	last->place = l->place;
	l->place = 0;
}

/* Where it belongs, by its head and what holds its queue and type back. A queue that is blocked keeps its own heap and leaves that of the queues. */
static enum turn_home home_of(const struct turn_lane *l)
{
	bool here = l->type->runs_here;

	if (!l->has || l->type->limit.blocked || (l->queue->limit.blocked && (l->alone || !here)))
		return TURN_HELD;
	return !here ? TURN_TYPE : l->alone ? TURN_LONE : l->type->rests ? TURN_HELD : TURN_QUEUE;
}

static void lane_leave(struct turn *t, struct turn_lane *l)
{
	if (l->home == TURN_LONE)
		lone_remove(t, l);
	else if (l->home != TURN_HELD)
		turn_lane_remove(turn_heap_of(l), l);
	l->queue->nremote -= l->home == TURN_TYPE;
	l->home = TURN_HELD;
}

static bool lane_enter(struct turn *t, struct turn_lane *l, enum turn_home home)
{
	struct turn_named *q = l->queue;

	if (home == TURN_TYPE && q->nremote == 0 && q->pass[1] < t->clock[1])
		q->pass[1] = t->clock[1];
	l->home = home;
	if (home != TURN_HELD && !(home == TURN_LONE ? lone_insert(t, l) : turn_lane_insert(turn_heap_of(l), l))) {
		l->home = TURN_HELD;
		return false;
	}
	q->nremote += home == TURN_TYPE;
	t->news += home == TURN_TYPE;
	return true;
}

static bool lane_settle(struct turn *t, struct turn_lane *l)
{
	enum turn_home home = home_of(l);
	bool ok = true;

	if (home != l->home) {
		lane_leave(t, l);
		ok = lane_enter(t, l, home);
	} else if (home == TURN_QUEUE || home == TURN_TYPE) {
		turn_lane_sift(turn_heap_of(l), l->place - 1);
	}
	return ok & queue_settle(t, l->queue);
}

bool turn_head(struct turn *t, struct turn_lane *l, bool has, uint64_t key, struct job_id id)
{
	l->has = has;
	l->key = key;
	l->head = id;
	return lane_settle(t, l);
}

struct turn_lane *turn_pick(struct turn *t)
{
	return t->nheap ? t->heap[0]->lane[0] : NULL;
}

struct turn_lane *turn_lone(struct turn *t, uint32_t i)
{
	return i < t->nlone ? t->lone[i] : NULL;
}

uint64_t turn_news(const struct turn *t)
{
	return t->news;
}

void turn_taken(struct turn *t, struct turn_lane *l)
{
	struct turn_named *q = l->queue;
	bool remote = l->home == TURN_TYPE;
	uint64_t *pass = &q->pass[remote], *clock = &t->clock[remote];

	*clock = *pass > *clock ? *pass : *clock;
	*pass = *clock + STRIDE / (q->weight ? q->weight : 1);
	if (remote)
		turn_lanes_later(t, q);
	else if (q->place)
		queue_sift(t, q->place - 1);
}

bool turn_has(const struct turn *t)
{
	return t->nheap > 0;
}

bool turn_has_lone(const struct turn *t)
{
	return t->nlone > 0;
}

bool turn_knows_lone(const struct turn *t)
{
	return t->alone_lanes > 0;
}

bool turn_rules(struct turn *t, const struct store_rules *r)
{
	bool ok = true;

	t->rules = *r;
	for (unsigned i = 0; i < HASH; i++) {
		for (struct turn_named *q = t->queues[i]; q; q = q->next) {
			ask(t, q);
			ok &= turn_settle(t, q);
		}
		for (struct turn_named *y = t->types[i]; y; y = y->next) {
			ask(t, y);
			ok &= turn_settle(t, y);
		}
	}
	for (uint32_t i = 0; i < t->nid; i++)
		if (t->by_id[i])
			ok &= lane_settle(t, t->by_id[i]);
	return ok;
}

/* --- what is held back --- */

bool turn_settle(struct turn *t, struct turn_named *n)
{
	bool was = n->limit.blocked, ok = limit_check(&t->limits, &n->limit, n->tally.state[JOB_RUNNING]);

	if (was == n->limit.blocked)
		return ok;
	for (struct turn_lane *l = n->lanes; l; l = n->is_type ? l->next_of_type : l->next_of_queue)
		if (n->is_type || l->alone || !l->type->runs_here)
			ok &= lane_settle(t, l);
	return n->is_type ? ok : ok & queue_settle(t, n);
}

void turn_each_type(struct turn *t, void (*fn)(void *arg, struct turn_named *type), void *arg)
{
	for (unsigned i = 0; i < HASH; i++)
		for (struct turn_named *y = t->types[i]; y; y = y->next)
			fn(arg, y);
}

bool turn_ran(struct turn *t, struct turn_lane *l, bool started)
{
	if (started) {
		limit_started(&t->limits, &l->queue->limit);
		limit_started(&t->limits, &l->type->limit);
	}
	return turn_settle(t, l->queue) & turn_settle(t, l->type);
}

static bool settle_lanes(struct turn *t, struct turn_named *type)
{
	bool ok = true;

	for (struct turn_lane *l = type->lanes; l; l = l->next_of_type)
		ok &= lane_settle(t, l);
	return ok;
}

bool turn_rest(struct turn *t, struct turn_named *type)
{
	type->rests = true;
	type->next_rests = t->rests;
	t->rests = type;
	return settle_lanes(t, type);
}

bool turn_rests(const struct turn *t)
{
	return t->rests != NULL;
}

bool turn_wake(struct turn *t, bool (*has_room)(void *arg, uint32_t room), void *arg)
{
	bool ok = true;

	for (struct turn_named **at = &t->rests, *n; (n = *at) != NULL;) {
		if (n->room && !has_room(arg, n->room)) {
			at = &n->next_rests;
			continue;
		}
		*at = n->next_rests;
		n->rests = false;
		ok &= settle_lanes(t, n);
	}
	return ok;
}

bool turn_lost(struct turn *t, uint64_t token)
{
	for (unsigned i = 0; i < HASH; i++)
		for (struct turn_named *y = t->types[i]; y; y = y->next)
			if (breaker_over(&y->limit, token)) {
				turn_dirty(t, y, true);
				return turn_settle(t, y);
			}
	return true;
}

bool turn_clock(struct turn *t, int64_t now_us)
{
	struct limit *l;
	bool ok = true;

	limit_clock(&t->limits, now_us);
	while ((l = limit_due(&t->limits)) != NULL)
		ok &= turn_settle(t, (struct turn_named *)((char *)l - offsetof(struct turn_named, limit)));
	return ok;
}

int64_t turn_next_token_us(const struct turn *t)
{
	return limit_next_us(&t->limits);
}

void turn_dirty(struct turn *t, struct turn_named *n, bool type)
{
	if (n->dirty)
		return;
	n->dirty = true;
	n->next_dirty = t->dirty[type];
	t->dirty[type] = n;
}

void turn_each_dirty(struct turn *t, bool types, void (*fn)(void *arg, struct turn_named *n), void *arg)
{
	while (t->dirty[types]) {
		struct turn_named *n = t->dirty[types];
		t->dirty[types] = n->next_dirty;
		n->dirty = false;
		fn(arg, n);
	}
}
