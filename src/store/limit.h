/* What holds a queue or a type back: paused by hand, as many running as its concurrency, no token left of its rate, or a breaker that is open. The policy alone; store/turn.c acts on it.
 * A rate is a token bucket of one second's worth (at least one token), filled by the batch's clock: a clock that is set back costs at most the wait for one token. */
#ifndef STINT_STORE_LIMIT_H
#define STINT_STORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct limit {                          /* of one queue or type; all 0: none */
	struct store_limit rule;
	bool paused;                    /* by hand; kept in its count row, as the bucket is */
	int64_t since_us;               /* the bucket had `tokens` then; 0: it is full */
	double tokens;
	uint32_t failures;              /* types: breaker.h, and kept likewise. In a row */
	int64_t rest_until_us;          /* 0: it does not rest */
	uint64_t trial;                 /* lease token of the one that is tried; 0: none is */
	bool blocked;                   /* nothing of it may start: limit_check()'s last word */
	int64_t wake_us;                /* blocked by its rate or its breaker alone: until then */
	uint32_t place;                 /* in the heap of those + 1 */
};

struct limits {                         /* those that wait for a token, or rest: a heap by the time it comes */
	struct limit **v;
	uint32_t n, cap;
	int64_t now_us;                 /* 0: not told yet */
};

/* Says anew whether it is blocked. False: memory is out. */
bool limit_check(struct limits *all, struct limit *l, uint64_t running);
void limit_started(const struct limits *all, struct limit *l);          /* takes a token, where it has a rate */
void limit_clock(struct limits *all, int64_t now_us);                   /* what the time is from now on */
struct limit *limit_due(struct limits *all);                            /* takes the next whose token has come out of the heap; it is to be checked. NULL: none */
int64_t limit_next_us(const struct limits *all);                        /* INT64_MAX: nothing waits */
void limit_free(struct limits *all);

#endif
