/* Concurrency, rate, pause and breaker of one queue or type, and the heap of those that wait for a token. Pure memory; called by turn.c alone. */
#include "store/limit.h"

#include <stdlib.h>

#include "store/breaker.h"

#define SECOND_US 1000000.0
#define ALMOST 1e-9                     /* a token this near to whole is one: sums of fractions */

/* One second's worth, and never less than the one token that a start takes. */
static double burst(const struct limit *l)
{
	return l->rule.rate > 1 ? l->rule.rate : 1;
}

static double tokens_at(const struct limit *l, int64_t now_us)
{
	double most = burst(l), have = l->tokens;

	if (l->since_us == 0)
		return most;
	if (now_us > l->since_us)
		have += (double)(now_us - l->since_us) / SECOND_US * l->rule.rate;
	return have < most ? have : most;
}

/* The clock was set back: what is in the bucket is there now, and is filled from now on. */
static void rebase(struct limit *l, int64_t now_us)
{
	if (now_us && l->since_us > now_us)
		l->since_us = now_us;
	breaker_rebase(l, now_us);
}

static int64_t next_token_us(const struct limit *l)
{
	double wait = (1 - l->tokens) / l->rule.rate * SECOND_US;

	/* a rate may be so low that its next token comes in some other age */
	return wait < 1e17 ? l->since_us + (int64_t)wait + 1 : INT64_MAX - 1;
}

/* --- the heap --- */

static void set(struct limits *all, uint32_t i, struct limit *l)
{
	all->v[i] = l;
	l->place = i + 1;
}

static void down(struct limits *all, uint32_t i)
{
	struct limit *l = all->v[i];

	for (uint32_t c = 2 * i + 1; c < all->n; c = 2 * i + 1) {
		if (c + 1 < all->n && all->v[c + 1]->wake_us < all->v[c]->wake_us)
			c++;
		if (all->v[c]->wake_us >= l->wake_us)
			break;
		set(all, i, all->v[c]);
		i = c;
	}
	set(all, i, l);
}

static void sift(struct limits *all, uint32_t i)
{
	struct limit *l = all->v[i];

	while (i > 0 && l->wake_us < all->v[(i - 1) / 2]->wake_us) {
		set(all, i, all->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set(all, i, l);
	down(all, i);
}

static bool wait_until(struct limits *all, struct limit *l, int64_t wake_us)
{
	l->wake_us = wake_us;
	if (l->place) {
		sift(all, l->place - 1);
		return true;
	}
	if (all->n == all->cap) {
		uint32_t cap = all->cap ? all->cap * 2 : 16;
		struct limit **v = realloc(all->v, cap * sizeof(struct limit *));
		if (!v)
			return false;
		all->v = v;
		all->cap = cap;
	}
	set(all, all->n++, l);
	sift(all, all->n - 1);
	return true;
}

static void wait_no_more(struct limits *all, struct limit *l)
{
	uint32_t i = l->place - 1;

	if (!l->place)
		return;
	struct limit *last = all->v[--all->n];
	l->place = 0;
	if (last == l)
		return;
	set(all, i, last);
	sift(all, i);
}

/* --- the policy --- */

/* Until when nothing may start; 0: now it may, INT64_MAX: until something is heard of. */
static int64_t wake_of(const struct limit *l, int64_t now_us)
{
	int64_t rests, wake = 0;

	if (l->rule.rate > 0 && tokens_at(l, now_us) < 1 - ALMOST)
		wake = next_token_us(l);
	if (breaker_blocks(l, now_us, &rests) && rests > wake)
		wake = rests;
	return wake;
}

void limit_line_up(struct limit *l, bool live)
{
	uint64_t want = l->rule.key_concurrency;

	if (!live)
		l->lined = want;        /* nobody is in a line, and nobody should be */
	if (l->lined == want)
		l->lines = LIMIT_SETTLED;
	else if (want == 0)
		l->lines = LIMIT_DISSOLVED;
	else if (l->lined == 0 || l->lined == LIMIT_MIXED)
		l->lines = LIMIT_GATHERED;
	else
		l->lines = l->lined < want ? LIMIT_RAISED : LIMIT_LOWERED;
}

bool limit_check(struct limits *all, struct limit *l, uint64_t running)
{
	int64_t wake = 0;

	l->blocked = l->paused || l->lines >= LIMIT_LOWERED || (l->rule.concurrency && running >= l->rule.concurrency);
	if (!l->blocked) {
		rebase(l, all->now_us);
		wake = wake_of(l, all->now_us);
		l->blocked = wake != 0;
	}
	if (wake != 0 && wake != INT64_MAX)
		return wait_until(all, l, wake);
	wait_no_more(all, l);
	return true;
}

void limit_started(const struct limits *all, struct limit *l)
{
	if (!(l->rule.rate > 0))
		return;
	rebase(l, all->now_us);
	l->tokens = tokens_at(l, all->now_us) - 1;
	l->since_us = all->now_us;
}

void limit_clock(struct limits *all, int64_t now_us)
{
	bool back = now_us < all->now_us || all->now_us == 0;

	all->now_us = now_us;
	for (uint32_t i = 0; back && i < all->n; i++) {
		rebase(all->v[i], now_us);
		all->v[i]->wake_us = wake_of(all->v[i], now_us);        /* never later than it was, or now: then it is due */
	}
	for (uint32_t i = back ? all->n / 2 : 0; i-- > 0;)
		down(all, i);
}

struct limit *limit_due(struct limits *all)
{
	struct limit *l = all->n ? all->v[0] : NULL;

	if (!l || l->wake_us > all->now_us)
		return NULL;
	wait_no_more(all, l);
	return l;
}

int64_t limit_next_us(const struct limits *all)
{
	return all->n ? all->v[0]->wake_us : INT64_MAX;
}

void limit_free(struct limits *all)
{
	free(all->v);
	*all = (struct limits){ .v = NULL };
}
