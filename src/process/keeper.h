/* The keeper's inside, shared by its files: keeper.c (life), keeper_batch.c (one batch), keeper_grant.c (who gets the next job), keeper_tell.c (after the commit). */
#ifndef STINT_PROCESS_KEEPER_H
#define STINT_PROCESS_KEEPER_H

#include "process/process.h"
#include "shm/grant.h"
#include "shm/named.h"
#include "shm/request.h"
#include "store/store.h"

#define KEEPER_CLAIMS 512               /* at most so many a batch: a transaction holds the store for milliseconds, not more */
#define KEEPER_SLICE 256                /* leases, due jobs */
#define KEEPER_PURGE 64

struct keeper_worker {                  /* what the keeper remembers of a worker slot */
	struct grant_writer writer;     /* within a batch */
	bool wrote;
	uint64_t alone_seq;             /* grant of a job that must have no neighbours; 0: none */
	bool reserved;                  /* kept empty for such a job */
};

struct keeper_cancel { uint32_t slot, incarnation; struct job_id id; uint64_t token; };   /* a worker is to be told */

struct keeper_told { struct store_change *v; size_t n, cap; };

struct keeper {
	struct process *p;
	struct segment *seg;
	struct store *store;
	const struct conf *conf;        /* in force: of the fork, or handed over by a reload */
	struct conf *own_conf;          /* the latter, ours to free */
	struct shm_proc *me;
	struct shm_request **posted;    /* of this batch, workers' first */
	uint32_t nposted;
	bool *abandoned;                /* by slot: gone, and not yet taken care of */
	bool *done;                     /* by slot, within a batch: nothing of it is left */
	bool any_abandoned, due_more, retain_more;
	struct keeper_worker *worker;   /* by slot */
	struct keeper_cancel *cancel;   /* not yet in a ring, ncancel of them */
	size_t ncancel, cap_cancel;
	struct keeper_told told;        /* changes held back until the commit */
	struct named_index queues, types;
	struct loop_timer tick;
	bool check_tokens;              /* the first look of a successor: what is committed already is only answered */
	bool old_run_left;              /* leases of an older run could not be ended for want of room */
	bool ready, stopping;
	bool ticked;                    /* a second has passed: retention and housekeeping */
	int64_t blocked_until_ns;       /* the store cannot be written now: not tried before */
	bool map_full;
	bool refusing;                  /* no room for submissions */
	unsigned ticks;
};

/* Whether there is anything to do now. */
bool keeper_busy(void *arg);
/* One batch: everything that lies there, one commit, then the answers. */
void keeper_work(struct keeper *k);
/* Each second: disk, usage, dead readers. */
void keeper_housekeep(struct keeper *k);

/* --- keeper_grant.c --- */
bool keeper_wanted(struct keeper *k);                           /* something is ready and somebody has room */
enum store_rc keeper_claim(struct keeper *k);                   /* inside the batch */
enum store_rc keeper_grant_again(struct keeper *k);             /* a successor's first batch: what was leased and not published */
void keeper_cancel(struct keeper *k, const struct job *j);       /* its worker is to end it: told after the commit, or when its ring has room */
void keeper_tell_cancels(struct keeper *k);
bool keeper_can_tell(const struct keeper *k);                   /* one waits, and its ring has room */
void keeper_publish_grants(struct keeper *k);
void keeper_forget_grants(struct keeper *k);                    /* after a batch that failed */

/* --- keeper_tell.c --- */
void keeper_hear(void *arg, const struct store_change *c);      /* store_watch() */
void keeper_tell(struct keeper *k, int64_t commit_ns);          /* after a commit: events, histograms, counters */

/* --- keeper_batch.c --- */
void keeper_take_slot_back(struct keeper *k, uint32_t slot);

#endif
