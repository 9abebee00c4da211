/* The keeper's inside, shared by its files: keeper.c (life), keeper_batch.c (one batch), keeper_apply.c (the operations asked for), keeper_bulk.c (those on many jobs), keeper_group.c (arrays of submissions), keeper_import.c (lines of an export), keeper_grant.c (who gets the next job), keeper_room.c (who has room for its type), keeper_slot.c (slots of
 * the dead), keeper_schedule.c (ticks), keeper_tell.c (after the commit), keeper_full.c (when there can be none). */
#ifndef STINT_PROCESS_KEEPER_H
#define STINT_PROCESS_KEEPER_H

#include "config/schedule.h"
#include "process/process.h"
#include "shm/grant.h"
#include "shm/named.h"
#include "shm/request.h"
#include "store/store.h"

/* At most so many a batch: a transaction holds the store for milliseconds, not more. */
#define KEEPER_OPERATIONS 2048
#define KEEPER_CLAIMS 512
#define KEEPER_SLICE 256                /* leases, due jobs */
#define KEEPER_PURGE 64                 /* jobs, besides as many as have ended in the batch */
#define KEEPER_SWEEP 1024               /* rows of bytes */
#define KEEPER_SPREAD 1000              /* rows of children that are told of their parent's end */
#define KEEPER_LINES 500                /* rows of jobs that are put into lines, or out of them, when a key_concurrency has changed */
#define KEEPER_BULK_LOOKS 2000          /* of bulk actions: rows of indexes, */
#define KEEPER_BULK_ROWS 1000           /* and rows written */

#define KEEPER_ACCEPTORS 16             /* no segment has more: keeper.c looks */
#define KEEPER_OPS_MAX 2048             /* no request can have more: keeper.c looks */
#define KEEPER_OPERATION_BYTES 4096u    /* what an operation takes in the store besides its own bytes, at most and by guess */
#define KEEPER_NO_OP UINT32_MAX
#define KEEPER_SLEEP_NS 3600000000000LL /* a time to come is waited for in parts: one in the year 9999 is more nanoseconds than there are */

enum keeper_batch {
	KEEPER_REQUESTS,        /* the requests alone */
	KEEPER_ALL,             /* and what time brings, and claims */
	KEEPER_TOUCH,           /* next to nothing: store_touch() */
	KEEPER_ROOM,            /* removes what is past its time, and nothing else */
};

struct keeper_worker {                  /* what the keeper remembers of a worker slot */
	struct grant_writer writer;     /* within a batch */
	bool wrote;
	uint64_t alone_seq;             /* grant of a job that must have no neighbours; 0: none */
	bool reserved;                  /* kept empty for such a job */
	struct { uint32_t id, left; } room[SHM_WANT_TYPES];     /* of its own for some types, as last looked: what it wants beyond all that was granted */
	uint32_t nroom;
	struct keeper_taken { uint64_t seq; uint32_t id; } *taken;      /* grants that take such room and were not seen when last looked, ntaken of them, in order */
	uint32_t ntaken, cap_taken;
};

struct keeper_family { uint32_t id; uint64_t most, running; bool counted; };      /* a coprocess handler of several types: of its jobs, all types together */
struct keeper_cancel { uint32_t slot, incarnation; struct job_id id; uint64_t token; };   /* a worker is to be told */

struct keeper_stray { struct store_owner owner; uint64_t blob; };       /* staged bytes that nobody waits for any more: to be dropped in the next batch */

struct keeper_told { struct store_change *v; size_t n, cap; };

struct keeper_waiters;

struct keeper_remote {                  /* of remote workers: see keeper_remote.h */
	struct keeper_waiters *waiters;
	bool look;                      /* something may wait that somebody wants */
	uint64_t news;                  /* store_remote_news() when last looked */
	uint32_t from[KEEPER_ACCEPTORS];/* by acceptor, within a batch: where its table of handouts may have room */
	bool full[KEEPER_ACCEPTORS];    /* it had none */
	bool wrote[KEEPER_ACCEPTORS];   /* within a batch */
};

struct keeper_schedule {                /* of one of the conf's, in its order */
	struct store_schedule row;      /* as it is in the store */
	int64_t next_ms;                /* when to look at it next. INT64_MAX: it rests */
	bool waits, behind;             /* and that has been said */
};

struct keeper_schedules {
	struct schedules *set;
	struct keeper_schedule *v;
	int64_t next_ms;                /* the earliest of them */
	bool loaded;                    /* the rows are what the store has */
};

struct keeper {
	struct process *p;
	struct segment *seg;
	struct store *store;
	const struct conf *conf;        /* in force: of the fork, or handed over by a reload */
	struct conf *own_conf;          /* the latter, ours to free */
	struct shm_proc *me;
	struct shm_request **posted;    /* of this batch, workers' first */
	uint32_t nposted, next_acceptor;
	bool left;                      /* more were posted than a batch takes */
	bool *applied;                  /* by request, in this transaction */
	uint8_t *skip;                  /* by operation of the one request that is tried alone: the rc that it gets instead of being applied; 0: none */
	uint32_t failed_op;             /* which of a request's operations spoilt the transaction */
	bool *abandoned;                /* by slot: gone, and not yet taken care of */
	bool *done;                     /* by slot, within a batch: nothing of it is left */
	uint64_t *tokens;               /* room for those of one worker's run table */
	bool any_abandoned, due_more, retain_more, sweep_more;
	size_t held;                    /* damaged jobs told of so far */
	struct keeper_worker *worker;   /* by slot */
	struct keeper_family family[CONF_COPROCESSES];
	uint32_t nfamily;
	struct keeper_cancel *cancel;   /* not yet in a ring, ncancel of them */
	size_t ncancel, cap_cancel;
	struct keeper_stray *stray;
	size_t nstray, cap_stray;
	struct keeper_remote remote;
	bool lease_more;                /* leases have run out and were not ended yet */
	struct keeper_told told;        /* changes held back until the commit */
	struct named_index queues, types;
	struct keeper_schedules schedules;
	int64_t batch_ms;               /* the batch's one `now`, wall clock */
	struct loop_timer tick;
	struct loop_io clock;           /* the wall clock was set. fd -1: it cannot be watched, and is looked at each second */
	bool clock_set;                 /* and no batch has seen it yet */
	struct store_bulk_limit bulk;   /* what this batch may still do of bulk actions */
	bool check_tokens;              /* a successor's first batches: what is committed already is only answered */
	bool old_run_left;              /* leases of an older run could not be ended for want of room */
	bool ready, stopping;
	bool ticked;                    /* a second has passed: retention and housekeeping */
	int64_t blocked_until_ns;       /* the store cannot be written now: not tried before */
	uint64_t room, room_all;        /* bytes that submissions may still take, and results too, when last looked */
	uint64_t unlooked;              /* by guess, what has been taken since */
	bool refusing;                  /* no room for submissions */
	bool map_first;                 /* of map and disk the map is nearer its end, when last looked */
	bool gone;                      /* the store is not where it was opened: what is written now may never be found again */
	bool denied;                    /* one found no room since the last look */
	bool no_staging;                /* a worker's request is tried without its long results */
	unsigned ticks, batches;
	unsigned pace;                  /* claims, leases, due jobs and purges that are tried in one batch: less where the map is all but full, and each batch must find its pages */
};

static inline unsigned keeper_paced(const struct keeper *k, unsigned most) { return k->pace < most ? k->pace : most; }

/* Whether there is anything to do now. */
bool keeper_busy(void *arg);
/* One batch: everything that lies there, one commit, then the answers. */
void keeper_work(struct keeper *k);
/* One transaction of the requests [from, from + n) of the batch. STORE_BUSY: it could not even be begun. */
enum store_rc keeper_transaction(struct keeper *k, uint32_t from, uint32_t n, enum keeper_batch what);
void keeper_publish(struct keeper *k, uint32_t from, uint32_t n);
bool keeper_of_worker(const struct keeper *k, const struct shm_request *r);

/* --- keeper_apply.c --- */
/* Applies one request's operations; what the batch is spoilt by is returned, and k->failed_op says which. `refused` not STORE_OK: nothing is applied, every operation gets this answer. */
enum store_rc keeper_apply(struct keeper *k, struct shm_request *r, enum store_rc refused);
void keeper_add_stray(struct keeper *k, const struct store_owner *owner, uint64_t blob);        /* staged bytes that are refused outside of a transaction: dropped in the next; 0: none */
enum store_rc keeper_drop_strays(struct keeper *k);     /* inside the batch */

/* --- keeper_schedule.c --- */
bool keeper_schedules_take(struct keeper *k, const struct conf *conf);         /* makes the conf's schedules ready; false: memory is out, and the old ones stay */
enum store_rc keeper_tick_schedules(struct keeper *k);          /* inside the batch */
enum store_rc keeper_schedule_ran(struct keeper *k, struct job_text name, struct job_id job);  /* inside the batch: it was run by hand. One that the conf has no more is none; any other failure spoils the batch */
void keeper_schedules_forget(struct keeper *k);                 /* after a batch that failed: the store is asked again */
int64_t keeper_schedules_patience(const struct keeper *k);      /* nanoseconds until there is something to do, at most KEEPER_SLEEP_NS; INT64_MAX: none ticks */

/* --- keeper_slot.c --- */
enum store_rc keeper_end_abandoned(struct keeper *k);   /* inside the batch */
void keeper_free_slots(struct keeper *k);               /* after the commit: those of which nothing is left */

/* --- keeper_full.c --- */
void keeper_failed(struct keeper *k, enum store_rc rc); /* the batch could not be committed */
enum store_rc keeper_judge(struct keeper *k, enum store_rc rc);        /* tells a full disk from an I/O error, which it does not return from */
void keeper_unblock(struct keeper *k);
void keeper_housekeep(struct keeper *k);                /* each second: disk, usage, dead readers */
void keeper_look(struct keeper *k);                     /* how much room there is; outside of a transaction */
bool keeper_look_due(const struct keeper *k);           /* enough was taken since the last look for another */
enum store_rc keeper_room_for(struct keeper *k, size_t bytes, bool submission); /* STORE_NO_SPACE, or STORE_BUSY where the store is not where it should be */

/* --- keeper_grant.c --- */
bool keeper_wanted(struct keeper *k);                           /* something is ready and somebody has room */
enum store_rc keeper_claim(struct keeper *k);                   /* inside the batch */
enum store_rc keeper_grant_again(struct keeper *k);             /* a successor's first batch: what was leased and not published */
void keeper_cancel(struct keeper *k, const struct job *j);       /* its worker is to end it: told after the commit, or when its ring has room */
void keeper_tell_cancels(struct keeper *k);
bool keeper_can_tell(const struct keeper *k);                   /* one waits, and its ring has room */
void keeper_publish_grants(struct keeper *k);
void keeper_forget_grants(struct keeper *k, size_t cancels);    /* after a batch that failed: and the cancellations but for the first so many */

/* --- keeper_room.c --- */
void keeper_room_look(struct keeper *k, uint32_t slot);                         /* reads what the worker wants now */
bool keeper_room_has(const struct keeper_worker *w, uint32_t id);               /* as last looked and taken; id 0: always */
bool keeper_room_share(const struct keeper_worker *w, uint32_t id);             /* it has some when it is idle; id 0: always */
uint32_t keeper_room_left(const struct keeper_worker *w, uint32_t id);
bool keeper_room_take(struct keeper_worker *w, uint32_t id, uint64_t seq);      /* a job was granted; false: memory is out */
void keeper_room_forget(struct keeper_worker *w, uint64_t seq);                 /* grants beyond `seq` were never made */
enum store_rc keeper_room_again(struct keeper *k, uint32_t slot, const struct store_owner *owner);      /* a successor's first batch: what was granted and not yet seen */

void keeper_families(struct keeper *k);                                         /* the conf is another */
void keeper_family_look(struct keeper *k);
bool keeper_family_full(struct keeper *k, uint32_t id);                         /* as many of its jobs run, in old workers too, as its instances take; never so of a handler of one type, which has a limit for that */
void keeper_family_take(struct keeper *k, uint32_t id);                         /* one more of them */

bool keeper_claims_allowed(const struct keeper *k);

/* --- keeper_remote.c --- */
bool keeper_remote_init(struct keeper *k);
enum store_rc keeper_remote_take(struct keeper *k, uint32_t slot, struct job_text body);        /* REQUEST_CLAIM, inside the batch */
bool keeper_remote_wanted(struct keeper *k);                    /* something may be there that a remote worker waits for */
enum store_rc keeper_remote_claim(struct keeper *k);            /* inside the batch */
void keeper_remote_settle(struct keeper *k, bool committed);    /* when the batch is over, one way or the other */
void keeper_remote_publish(struct keeper *k);                   /* after the commit, before the results that tell of it */
void keeper_remote_again(struct keeper *k);                     /* a successor's first batches: what was written and maybe committed */
enum store_rc keeper_remote_end(struct keeper *k, uint32_t slot, bool *more);   /* inside the batch: an acceptor that is gone has not delivered what stands in its table */
void keeper_remote_gone(struct keeper *k, uint32_t slot);       /* and after the last of it */
int64_t keeper_boot_ms(void);                                   /* the clock of leases */

/* --- keeper_bulk.c --- */
enum store_rc keeper_bulk(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out);  /* REQUEST_BULK */

/* --- keeper_import.c --- */
enum store_rc keeper_import(struct keeper *k, const struct store_owner *from, struct job_text body, struct request_result *out);       /* REQUEST_IMPORT */

/* --- keeper_group.c --- */
/* Applies a REQUEST_GROUP, or refuses it with `refused` where that is not STORE_OK; *n results are written, at most `capacity`: 0 where it is malformed. Returns what the batch is spoilt by. */
enum store_rc keeper_group(struct keeper *k, const struct store_owner *from, struct job_text body, enum store_rc refused, struct request_result *result, uint32_t capacity, uint32_t *n);

/* --- keeper_tell.c --- */
void keeper_hear(void *arg, const struct store_change *c);      /* store_watch() */
void keeper_tell(struct keeper *k, int64_t commit_ns);          /* after a commit: events, histograms, counters; 0: nothing was written */

#endif
