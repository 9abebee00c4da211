/* What holds a queue or a type back: paused by hand, as many running as its concurrency, no token left of its rate, a breaker that is open, or the lines of its keys not in order. The policy alone; store/turn.c acts on it.
 * A rate is a token bucket of one second's worth (at least one token), filled by the batch's clock: a clock that is set back costs at most the wait for one token. */
#ifndef STINT_STORE_LIMIT_H
#define STINT_STORE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* How the lines of a type's keys and its key_concurrency agree; but for SETTLED store_lines() has to go through them. */
enum limit_lines {
	LIMIT_SETTLED,
	LIMIT_RAISED,                   /* more may have the key than have it */
	LIMIT_DISSOLVED,                /* there are to be no lines any more */
	LIMIT_LOWERED,                  /* more may have it than are allowed to: nothing starts until that is put right */
	LIMIT_GATHERED,                 /* jobs may stand in no line that should: likewise, and nobody is given a key */
};
#define LIMIT_MIXED UINT64_MAX          /* `lined`: of several minds, a change is under way */

struct limit {                          /* of one queue or type; all 0: none */
	struct store_limit rule;
	bool paused;                    /* by hand; kept in its count row, as the bucket is */
	int64_t since_us;               /* the bucket had `tokens` then; 0: it is full */
	double tokens;
	uint32_t failures;              /* types: breaker.h, and kept likewise. In a row */
	int64_t rest_until_us;          /* 0: it does not rest */
	uint64_t trial;                 /* lease token of the one that is tried; 0: none is */
	uint64_t lined;                 /* types: the key_concurrency that the lines' rows are made for; kept in its count row */
	enum limit_lines lines;
	bool blocked;                   /* nothing of it may start: limit_check()'s last word */
	int64_t wake_us;                /* blocked by its rate or its breaker alone: until then */
	uint32_t place;                 /* in the heap of those + 1 */
};

struct limits {                         /* those that wait for a token, or rest: a heap by the time it comes */
	struct limit **v;
	uint32_t n, cap;
	int64_t now_us;                 /* 0: not told yet */
};

void limit_line_up(struct limit *l, bool live);                         /* says `lines` anew; live: it has jobs that are queued, run or are retried */
/* Says anew whether it is blocked. False: memory is out. */
bool limit_check(struct limits *all, struct limit *l, uint64_t running);
void limit_started(const struct limits *all, struct limit *l);          /* takes a token, where it has a rate */
void limit_clock(struct limits *all, int64_t now_us);                   /* what the time is from now on */
struct limit *limit_due(struct limits *all);                            /* takes the next whose token has come out of the heap; it is to be checked. NULL: none */
int64_t limit_next_us(const struct limits *all);                        /* INT64_MAX: nothing waits */
void limit_free(struct limits *all);

#endif
