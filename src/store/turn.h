/* Whose turn it is: the store's memory of queues, types and lanes. A lane is the jobs of one (queue, type); its head, the least key, is cached here. Among the queues with work the turn goes by weight
 * (stride scheduling), within a queue to the least head. Cost per pick: the heaps' logarithm; empty queues and lanes cost nothing. A queue or type that is blocked (limit.h) has left the heaps, so what
 * waits there is never looked at. Everything here can be rebuilt from the store. */
#ifndef STINT_STORE_TURN_H
#define STINT_STORE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "store/limit.h"
#include "store/store.h"

enum turn_kind {                        /* of lanes; stored: never renumber */
	TURN_PLAIN,
	TURN_ALONE,                     /* jobs that must have no neighbours */
	TURN_LINED,                     /* jobs that wait for their key: nobody's turn, an index only */
};

struct turn_named {                     /* a queue or a type */
	struct turn_named *next;        /* in its hash chain */
	struct job_text name;           /* owned, behind the struct */
	struct store_tally tally;
	struct limit limit;
	struct turn_lane *lanes;        /* all: types by next_of_type, queues by next_of_queue */
	bool is_type;
	bool dirty;                     /* on the list of those whose tally is to be written with this batch */
	struct turn_named *next_dirty;
	bool runs_here;                 /* types; others are for remote workers */
	uint32_t room;                  /* types: whose room they take; 0: anybody's */
	bool rests;                     /* types: nobody has room for them now; on the list of those */
	struct turn_named *next_rests;
	uint32_t number;                /* types: the least id of its lanes, which stays; 0: it has none yet */
	uint32_t weight;                /* queues */
	uint64_t pass[2];               /* queues: the stride scheduler's clock, of what runs here and of what does not */
	uint32_t nremote;               /* queues: lanes of theirs in the heaps of types */
	struct turn_lane **lane;        /* heap of lanes with work. queues: of theirs that run here, by head; types that do not: of all queues, by turn and head */
	uint32_t nlane, cap_lane;
	uint32_t place;                 /* queues: in the heap of queues + 1, 0 where it is not in it */
};

enum turn_home { TURN_HELD, TURN_QUEUE, TURN_TYPE, TURN_LONE };         /* where a lane stands: nowhere, in its queue's heap, in its type's, in the list of lone ones */

struct turn_lane {
	struct turn_lane *next;         /* in its hash chain */
	struct turn_lane *next_of_type, *next_of_queue;
	uint32_t id;
	struct turn_named *queue, *type;
	enum turn_kind kind;
	bool alone;                     /* TURN_ALONE */
	bool has;                       /* something waits: key and id are its head */
	uint64_t key;
	struct job_id head;
	enum turn_home home;
	uint32_t place;                 /* there + 1 */
};

struct turn;

struct turn *turn_new(void);
void turn_free(struct turn *t);
struct turn_named *turn_queue(struct turn *t, struct job_text name, bool make);         /* NULL: not known, or memory is out */
struct turn_named *turn_type(struct turn *t, struct job_text name, bool make);
struct turn_lane *turn_lane_find(struct turn *t, const struct turn_named *queue, const struct turn_named *type, enum turn_kind kind);
struct turn_lane *turn_lane_add(struct turn *t, uint32_t id, struct turn_named *queue, struct turn_named *type, enum turn_kind kind);
struct turn_lane *turn_lane_of(const struct turn *t, uint32_t id);                      /* NULL where there is none */

/* Tells the lane's head; false where memory is out. */
bool turn_head(struct turn *t, struct turn_lane *l, bool has, uint64_t key, struct job_id id);
/* The lane whose head is next, NULL where nothing runs here. Lone lanes are not among them: */
struct turn_lane *turn_pick(struct turn *t);
struct turn_lane *turn_lone(struct turn *t, uint32_t i);        /* the i-th lone lane with work; NULL behind the last */
/* The same for remote workers that run these types (and take from these queues alone, where there are any). Cost: a look-up each, or for each pair of both. */
struct turn_lane *turn_pick_remote(struct turn *t, const struct store_pick *p);
uint64_t turn_news(const struct turn *t);                       /* raised whenever a remote lane gets work */
void turn_taken(struct turn *t, struct turn_lane *l);           /* charges the queue for one job */
bool turn_has(const struct turn *t);
bool turn_has_lone(const struct turn *t);
bool turn_knows_lone(const struct turn *t);                     /* there has ever been a lone lane */
bool turn_rules(struct turn *t, const struct store_rules *r);   /* asks anew about every name and builds the heaps again */

/* Limits. Each returns false where memory is out. */
bool turn_ran(struct turn *t, struct turn_lane *l, bool started);      /* one more or less of the lane's queue and type runs, as their tallies say already; started: it took a token of each */
bool turn_settle(struct turn *t, struct turn_named *n);                 /* its limit or its tally is another: says anew whether it is blocked */
bool turn_lost(struct turn *t, uint64_t token);                         /* the attempt under that lease cannot be ended: where it was a trial another is. Else nothing */
/* A type's key_concurrency, what its lines are made for or its tally are others than they were. */
static inline void turn_line_up(struct turn_named *type)
{
	const uint64_t *n = type->tally.state;

	limit_line_up(&type->limit, n[JOB_QUEUED] || n[JOB_RUNNING] || n[JOB_RETRYING]);
}
void turn_each_type(struct turn *t, void (*fn)(void *arg, struct turn_named *type), void *arg);
bool turn_clock(struct turn *t, int64_t now_us);                        /* what the time is; lets go what waited for a token until now */
int64_t turn_next_token_us(const struct turn *t);                       /* INT64_MAX: nothing waits for one */

/* A type for which nobody has room leaves the heaps until it is woken; its lone lanes stay. Each returns false where memory is out. */
bool turn_rest(struct turn *t, struct turn_named *type);
bool turn_rests(const struct turn *t);          /* a type is resting */
bool turn_wake(struct turn *t, bool (*has_room)(void *arg, uint32_t room), void *arg);

void turn_dirty(struct turn *t, struct turn_named *n, bool type);       /* puts it on the list of those whose tally this batch has to write */
void turn_each_dirty(struct turn *t, bool types, void (*fn)(void *arg, struct turn_named *n), void *arg);      /* and empties the list */

#endif
