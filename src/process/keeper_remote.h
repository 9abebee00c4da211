/* Remote workers that wait for jobs, as the keeper knows them. keeper_waiter.c keeps the list, keeper_remote.c gives them jobs. */
#ifndef STINT_PROCESS_KEEPER_REMOTE_H
#define STINT_PROCESS_KEEPER_REMOTE_H

#include <sys/queue.h>

#include "process/keeper.h"

#define WAITER_CHAINS 4096u

struct keeper_group;

struct keeper_waiter {                  /* one claim */
	TAILQ_ENTRY(keeper_waiter) link;/* of its group, oldest first */
	struct keeper_waiter *next;     /* in its hash chain */
	struct keeper_waiter *next_fresh, *next_served;
	struct keeper_group *group;
	uint32_t slot;                  /* of its acceptor */
	uint64_t claim;                 /* its number there */
	uint64_t arrived;
	uint32_t max, got;              /* got: in this batch */
	uint64_t bytes;                 /* of payload, in this batch */
	int64_t lease_ms;
	bool once;
	uint32_t worker_n;
	char worker[STORE_WORKER_MAX];
};
TAILQ_HEAD(waiter_list, keeper_waiter);

struct keeper_group {                   /* those that ask for the same types and queues */
	struct keeper_group *next;      /* in its hash chain */
	LIST_ENTRY(keeper_group) link;
	struct waiter_list waiters;
	struct keeper_waiter *first;    /* within a batch: the first that has not got all that it may */
	struct store_pick pick;
	struct job_text name[2 * STORE_PICK_MAX];
	size_t n;
	char text[];                    /* types and queues as they were asked for */
};
LIST_HEAD(group_list, keeper_group);

struct keeper_waiters {
	struct keeper_waiter *chain[WAITER_CHAINS];
	struct keeper_group *group_chain[WAITER_CHAINS];
	struct group_list groups;
	struct keeper_waiter *fresh;    /* those that this batch has brought */
	struct keeper_waiter *served;   /* those that have got something in it */
	uint64_t arrivals;
	size_t n;
};

/* Adds a claim, or ends one. INVALID: it makes no sense; NO_MEMORY. One that is known already stays as it is. */
enum store_rc waiters_take(struct keeper_waiters *w, uint32_t slot, const struct request_claim *m, struct job_text texts);
void waiters_drop(struct keeper_waiters *w, struct keeper_waiter *one);
void waiters_drop_slot(struct keeper_waiters *w, uint32_t slot);        /* of an acceptor that is gone */
void waiters_settle(struct keeper_waiters *w, bool committed);          /* the batch is over: those who got something go, and so do those that do not wait; or else those that it brought */
void waiters_free(struct keeper_waiters *w);

#endif
