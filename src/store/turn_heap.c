/* Heaps of lanes with work: a queue's own, or those of a type that remote workers run, over all its queues; and what such a worker is given next. Called by turn.c and, for the latter,
 * through turn.h. Pure memory. */
#include "store/turn_heap.h"

#include <stdlib.h>
#include <string.h>

void *turn_grown(void *vector, uint32_t n, uint32_t *cap)
{
	if (n < *cap)
		return vector;
	uint32_t more = *cap ? *cap * 2 : 8;
	void *v = realloc(vector, more * sizeof(void *));
	if (v)
		*cap = more;
	return v;
}

struct turn_named *turn_heap_of(const struct turn_lane *l)
{
	return l->home == TURN_TYPE ? l->type : l->queue;
}

/* In a queue's heap the first are equal. */
static bool lane_less(const struct turn_lane *a, const struct turn_lane *b)
{
	if (a->queue->pass[1] != b->queue->pass[1])
		return a->queue->pass[1] < b->queue->pass[1];
	return a->key != b->key ? a->key < b->key : memcmp(&a->head, &b->head, sizeof(a->head)) < 0;
}

static void lane_set(struct turn_named *n, uint32_t i, struct turn_lane *l)
{
	n->lane[i] = l;
	l->place = i + 1;
}

void turn_lane_sift(struct turn_named *n, uint32_t i)
{
	struct turn_lane *l = n->lane[i];

	while (i > 0 && lane_less(l, n->lane[(i - 1) / 2])) {
		lane_set(n, i, n->lane[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (uint32_t c = 2 * i + 1; c < n->nlane; c = 2 * i + 1) {
		if (c + 1 < n->nlane && lane_less(n->lane[c + 1], n->lane[c]))
			c++;
		if (!lane_less(n->lane[c], l))
			break;
		lane_set(n, i, n->lane[c]);
		i = c;
	}
	lane_set(n, i, l);
}

bool turn_lane_insert(struct turn_named *n, struct turn_lane *l)
{
	struct turn_lane **v = turn_grown(n->lane, n->nlane, &n->cap_lane);

	if (!v)
		return false;
	n->lane = v;
	lane_set(n, n->nlane++, l);
	turn_lane_sift(n, n->nlane - 1);
	return true;
}

void turn_lane_remove(struct turn_named *n, struct turn_lane *l)
{
	uint32_t i = l->place - 1;
	struct turn_lane *last = n->lane[--n->nlane];

	l->place = 0;
	if (last == l)
		return;
	lane_set(n, i, last);
	turn_lane_sift(n, i);
}

/* A queue may have two lanes in one heap, of which both are out of order now: the deeper one first, since what moves up in its place was looked at by nobody where the other is. */
void turn_lanes_later(struct turn *t, struct turn_named *q)
{
	for (struct turn_lane *l = q->lanes; l && q->nremote; l = l->next_of_queue) {
		struct turn_lane *other = l->home == TURN_TYPE ? turn_lane_find(t, q, l->type, l->alone ? TURN_PLAIN : TURN_ALONE) : NULL;
		if (other && other->home == TURN_TYPE && other->place > l->place)
			turn_lane_sift(l->type, other->place - 1);
		if (l->home == TURN_TYPE)
			turn_lane_sift(l->type, l->place - 1);
	}
}

/* --- what a remote worker is given --- */

static struct turn_lane *earlier(struct turn_lane *a, struct turn_lane *b)
{
	return !a || (b && lane_less(b, a)) ? b : a;
}

/* The earliest lane of a type that remote workers run, of these queues. */
static struct turn_lane *pick_of_type(struct turn *t, struct turn_named *y, struct turn_named *const *queue, unsigned nqueues)
{
	struct turn_lane *best = NULL;

	for (unsigned i = 0; i < 2 * nqueues; i++) {
		struct turn_lane *l = queue[i / 2] ? turn_lane_find(t, queue[i / 2], y, i % 2) : NULL;
		best = earlier(best, l && l->home == TURN_TYPE ? l : NULL);
	}
	return best;
}

struct turn_lane *turn_pick_remote(struct turn *t, const struct store_pick *p)
{
	struct turn_named *queue[STORE_PICK_MAX];
	struct turn_lane *best = NULL;

	for (unsigned i = 0; i < p->nqueues; i++)
		queue[i] = turn_queue(t, p->queue[i], false);
	for (unsigned i = 0; i < p->ntypes; i++) {
		struct turn_named *y = turn_type(t, p->type[i], false);
		if (y && !y->runs_here && y->nlane)
			best = earlier(best, p->nqueues ? pick_of_type(t, y, queue, p->nqueues) : y->lane[0]);
	}
	return best;
}
