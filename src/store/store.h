/* Where jobs lie. Transitions, not get and put; applied in batches: all between store_begin() and store_commit() is one durable commit.
 *
 * One writer (the keeper) uses a struct store; any number of readers use a struct store_reader each. `now` is always an argument. An engine implements struct store_engine
 * (embedded.c over LMDB or memory; PostgreSQL has the same shape: one transaction a batch).
 * Every transition validates before it writes: one that is refused, whatever its rc, has changed nothing and the batch goes on. Unless store_spoilt() says otherwise: then the batch can only be aborted.
 *
 * A job whose rows are damaged is held: passed over by claims, due times, retention and recovery until the store is opened anew, so that it stops neither the others nor the server. */
#ifndef STINT_STORE_STORE_H
#define STINT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/job.h"
#include "job/record.h"
#include "job/state.h"
#include "text/buf.h"

enum store_rc {
	STORE_OK,
	STORE_NOT_FOUND,
	STORE_STALE,            /* the lease is not, or no longer, the caller's */
	STORE_STATE,            /* the job's state forbids it */
	STORE_INVALID,          /* the request itself makes no sense */
	STORE_QUEUE_FULL,       /* max_queued of the store */
	STORE_NO_SPACE,         /* disk or map full, or below min_free */
	STORE_IO,               /* read, write or sync failed; the writer must be opened anew */
	STORE_DAMAGED,          /* a record or page that cannot be */
	STORE_NO_MEMORY,
	STORE_BUSY,             /* draining or not yet ready: nothing was tried */
	STORE_QUEUE_LIMIT,      /* max_queued of the job's own queue */
	STORE_REPLAYED,         /* submit: this idempotency key has made a job with the same request; that one is the answer */
	STORE_LIVE,             /* a live job of the type has this unique key. submit: that one is the answer */
	STORE_KEY_REUSED,       /* this idempotency key was used with another request */
	STORE_KEYS_FULL,        /* idempotency_max */
	STORE_PARENT,           /* a job it depends on is unknown, or has ended and not succeeded */
	STORE_GROUPED,          /* one of a group: it would be made, and another one would not */
	STORE_KEYS_LATER,       /* the idempotency keys of before the opening are not all read yet: to be asked again */
	STORE_RCS
};
const char *store_rc_text(enum store_rc rc);
const char *store_restore_text(enum store_rc rc);       /* why a line of an export was not taken: store/whole.h */

struct store;
struct store_reader;

struct store_options {
	const char *path;               /* directory; NULL: the memory engine */
	uint64_t map_size;
	uint64_t epoch;                 /* of the shared segment: leases and tokens of another epoch are void */
	bool (*random)(void *p, size_t n);      /* bytes for ids and jitter */
	uint64_t max_queued;            /* 0: no limit */
	unsigned idem_slice;            /* idempotency keys that each batch reads after the opening, until all are; 0: as many as keep a batch short */
};

/* What holds a queue or a type back; all 0: nothing. */
struct store_limit {
	uint64_t concurrency;           /* as many run at once, over all workers */
	double rate;                    /* as many start in a second, with bursts of one second's worth and at least of one */
	uint64_t max_queued;            /* queues: as many wait, in whatever state */
	uint64_t breaker_failures;      /* types: after as many failures in a row it rests; 0: never */
	int64_t breaker_cooldown_ms;    /* so long, then one job is tried */
	uint64_t key_concurrency;       /* types: as many jobs with the same key run at once; 1: in order of arrival */
};

/* What the store asks about names; may change at a reload (store_rules() again). */
struct store_rules {
	void *arg;
	bool (*runs_here)(void *arg, struct job_text type);             /* a local worker may run it; else remote workers */
	uint32_t (*weight)(void *arg, struct job_text queue);           /* share of turns, >= 1 */
	uint32_t (*max_crashes)(void *arg, struct job_text type);
	struct store_limit (*queue_limit)(void *arg, struct job_text queue);    /* NULL: no limits */
	struct store_limit (*type_limit)(void *arg, struct job_text type);      /* each type for itself, also one of a family; likewise */
	uint32_t (*room)(void *arg, struct job_text type);              /* whose room its jobs take, where not every owner has some; 0: anybody's. NULL: all 0 */
	int64_t retain_succeeded_ms, retain_failed_ms;
	uint64_t retain_count, max_queued;
	int64_t idempotency_window_ms;          /* 0: keys are not remembered */
	uint64_t idempotency_max;
};

/* Makes what is missing under a temporary name, synced, renamed; refuses a directory that holds anything but our files, a newer format and a damaged head, with one line in `why`.
 * NULL with *rc: STORE_INVALID (not ours), STORE_DAMAGED, STORE_IO, STORE_NO_SPACE, STORE_NO_MEMORY, STORE_BUSY (another writer). */
struct store *store_open(const struct store_options *opt, enum store_rc *rc, char *why, size_t why_size);
/* Whether a store is at `path`, or could be made there; touches nothing. STORE_INVALID: something else lies in the directory. */
enum store_rc store_check_place(const char *path, char *why, size_t why_size);
void store_close(struct store *s);      /* the memory engine's jobs go with it */
void store_rules(struct store *s, const struct store_rules *rules);

/* --- one batch --- */
enum store_rc store_begin(struct store *s, int64_t wall_us);        /* the batch's one `now`, microseconds */
enum store_rc store_commit(struct store *s);    /* durable when it returns STORE_OK; any other: nothing of the batch is there (STORE_IO: unknown until opened anew) */
void store_abort(struct store *s);
void store_spoil(struct store *s);              /* what this batch has done is not to be kept */
bool store_spoilt(const struct store *s);       /* only store_abort() is left; store_commit() would do just that */
bool store_changed(const struct store *s);      /* the batch, or the one that was just committed, has changed anything */

/* Request tokens: whether (slot, seq) is already committed; and remembering it in this batch. */
enum store_rc store_token_seen(struct store *s, uint32_t slot, uint64_t seq, bool *seen);
enum store_rc store_token_put(struct store *s, uint32_t slot, uint64_t seq);

enum store_breaker_said { STORE_BREAKER_SILENT, STORE_BREAKER_RESTS, STORE_BREAKER_RESTS_AGAIN, STORE_BREAKER_CLOSED };        /* again: the trial failed */

/* A transition's outcome for whoever tells the world about it. */
struct store_change {
	struct job job;
	struct job_text type, queue;    /* valid until the next batch begins */
	enum job_event event;
	enum job_outcome outcome;       /* where an attempt ended */
	int64_t queue_us;               /* CLAIM: time in queue */
	enum store_breaker_said breaker;/* what the attempt's end meant for its type */
};
typedef void (*store_change_fn)(void *arg, const struct store_change *c);
void store_watch(struct store *s, store_change_fn fn, void *arg);      /* called for every transition inside the batch; the listener holds them back until the commit */

uint64_t store_told(const struct store *s);     /* how many have been told, or would have been, since the store was made; it never goes back */

/* `spec_bytes` is a record_spec_encode() that has been decoded into *spec. Gives it an id. STORE_REPLAYED and STORE_LIVE: no job is made, *out is the one that is there (and a LIVE one is from now on what the
 * submission's idempotency key, where it has one, is answered with). A job that is gone (deleted, or past its retention) has taken its idempotency key with it. */
enum store_rc store_submit(struct store *s, const struct job_spec *spec, const uint8_t *spec_bytes, size_t n, struct job *out);

/* Whether all of a group would be made, one after the other, or are there already. Else the rc of the first that would not, *bad says which, and of PARENT *out what store_submit() says. Changes nothing but that idempotency keys
 * past their window are forgotten where there is no room for new ones. */
enum store_rc store_submit_check(struct store *s, const struct job_spec *spec, unsigned n, unsigned *bad, struct job *out);

/* The same without making one: REPLAYED, LIVE, KEY_REUSED; NOT_FOUND: it would be a new job. */
enum store_rc store_submit_known(struct store *s, const struct job_spec *spec, struct job *out);

struct store_owner { uint32_t slot, incarnation; int32_t pid; };

struct store_claimed {                  /* one job handed out; texts valid until the next call */
	struct job job;
	struct job_spec spec;
	bool alone;                     /* it crashed its worker twice: to be run with no neighbours */
};
/* Claims the next job by order and turns among those that run here, for `owner`, under a new token. STORE_NOT_FOUND: none that may run (or none in this batch, which has expired its share).
 * grant_seq is stored with the lease. A job whose payload is damaged is not handed out: it is dead, with that for its error. */
enum store_rc store_claim(struct store *s, const struct store_owner *owner, uint64_t grant_seq, bool idle_owner, struct store_claimed *out);
bool store_has_alone(struct store *s);          /* a job waits that only an idle owner may claim. Outside a batch too */

/* The same where the next job's type decides who may have it. choose() is told the type's room (of the rules) and whether it is a job that only an idle owner may claim; it sets *owner and *grant_seq for TAKE.
 * REST: nobody has room for this type now. Its jobs rest until store_wake() lets them go and hold up no others; a job for an idle owner is passed over this time alone.
 * END: nobody has room for anything: STORE_NOT_FOUND (or, said of a job for an idle owner, none is idle: on with the others). */
enum store_choice { STORE_TAKE, STORE_REST, STORE_END };
struct store_chooser {
	void *arg;
	enum store_choice (*choose)(void *arg, uint32_t room, bool alone, struct store_owner *owner, uint64_t *grant_seq);
};
enum store_rc store_claim_for(struct store *s, const struct store_chooser *c, struct store_claimed *out);
/* Types that rest are let go where has_room() says that somebody has room for them again. Costs nothing where none rests. Outside a batch too. */
void store_wake(struct store *s, bool (*has_room)(void *arg, uint32_t room), void *arg);
bool store_waits(const struct store *s);        /* something waits that runs here and no limit holds back, be it at rest. Outside a batch too */
/* Jobs that run now, of all types that take this room. Costs a look at every type. Outside a batch too. */
uint64_t store_room_running(struct store *s, uint32_t room);

/* Whether a job waits that only an idle owner may claim, of a type whose room fits. Outside a batch too. */
bool store_alone_fits(struct store *s, bool (*fits)(void *arg, uint32_t room), void *arg);
/* --- workers on other machines: leases with a time. That is judged on CLOCK_BOOTTIME, which is always an argument; they outlive the server --- */
#define STORE_REMOTE UINT32_MAX         /* struct job's `worker` */
#define STORE_WORKER_MAX 64u            /* bytes of what one calls itself */
#define STORE_PICK_MAX 64u              /* types, and queues */
struct store_pick {                     /* jobs of these types, of which those count that do not run here; of these queues alone, where there are any */
	const struct job_text *type, *queue;
	unsigned ntypes, nqueues;
};
struct store_lease { struct job_text worker; int64_t lease_ms, boot_ms; /* it ends lease_ms after boot_ms */ };
/* As store_claim(), for a remote worker. That a job crashed before makes no difference here. */
enum store_rc store_claim_remote(struct store *s, const struct store_pick *p, const struct store_lease *l, struct store_claimed *out);
bool store_has_remote(struct store *s, const struct store_pick *p);    /* there is one. Outside a batch too */
uint64_t store_remote_news(const struct store *s);                     /* another number than before: look again. Outside a batch too */
struct store_finish;
struct store_ended { enum job_state state; int64_t run_at_ms; };        /* what the job then became */
/* As store_finish(), SUCCEEDED, FAILED and RELEASED; the attempt's times are filled in. STORE_REPLAYED: the lease has ended so before, and *then is as it was. STORE_STALE: it is not the job's, or ended
 * otherwise. */
enum store_rc store_finish_remote(struct store *s, const struct store_finish *f, struct store_ended *then);
enum store_rc store_extend(struct store *s, struct job_id id, uint64_t token, int64_t by_ms, int64_t boot_ms, int64_t *left_ms);    /* to by_ms from now (0: its own period), never to less than it has; *left_ms: what it has then */
bool store_holds(struct store *s, struct job_id id, uint64_t token);   /* the job runs under that token */
enum store_rc store_give_back(struct store *s, struct job_id id, uint64_t token);      /* its worker never heard of it: released */
/* Leases that have run out: their jobs are queued again without using a retry; it counts for max_crashes. At most `limit` a call. */
enum store_rc store_expire_leases(struct store *s, int64_t boot_ms, unsigned limit, bool *more);
int64_t store_next_lease_ms(const struct store *s);                     /* CLOCK_BOOTTIME of the next one, maybe too early; INT64_MAX: none. Outside a batch too */
enum store_rc store_renew_leases(struct store *s, int64_t boot_ms, unsigned limit, bool *more);        /* those of an older epoch get one full period from now */

struct store_finish {
	struct job_id id;
	uint64_t token;
	enum job_outcome outcome;       /* SUCCEEDED, FAILED, TIMED_OUT, RELEASED, CANCELLED */
	int32_t exit_code, term_signal;
	bool no_retry, result_cut, result_json;
	int64_t started_ms, duration_us, cpu_us;
	uint64_t max_rss_kb;
	int64_t retry_in_ms;            /* -1: the backoff decides */
	uint64_t result_blob, result_len, log_blob, log_len;
	struct job_text result, log, error;     /* inline bytes where no blob */
};
enum store_rc store_finish(struct store *s, const struct store_finish *f, struct job *out);

/* By hand. CANCEL: what has not started is cancelled at once; what runs is marked, out->cancel_asked, and its worker is to be told (again, where it was marked already), but with a remote worker it is cancelled at once. RETRY: a final,
 * unsuccessful job is queued again with its attempts at 0. RUN_NOW: a scheduled or retrying one is queued at once. DELETE: a final one is removed with all that belongs to it. STORE_STATE: its state forbids it.
 * STORE_LIVE: RETRY, and another job holds its unique key. */
enum store_act { STORE_ACT_CANCEL = 1, STORE_ACT_RETRY, STORE_ACT_RUN_NOW, STORE_ACT_DELETE, STORE_ACTS };
enum store_rc store_act(struct store *s, struct job_id id, enum store_act act, struct job *out);

/* By hand to many: those that a filter means, in slices; where a slice has ended the next begins, in this batch or a later one, whatever has changed in between. */
struct store_filter {                   /* every member that is set must hold */
	unsigned states;                /* 1 << enum job_state, several; 0: any */
	struct job_text type, queue, tag;       /* empty: any */
	struct job_text queues;         /* its queue is one of these, each of which ends with '\0'; empty: any */
	struct job_text text;           /* stands in the id, the name, the key, a tag or the last error, letters of ASCII in either case */
};
struct store_bulk {
	enum store_act act;             /* but for RUN_NOW */
	struct store_filter filter;     /* of its states those count that the act is for */
	struct job_id until_id;         /* jobs that were submitted later are not meant */
	int64_t until_ms;               /* nor those that have ended later, so that a job that dies again at once is retried once */
};
struct store_cursor { uint32_t part; uint8_t key[28]; };        /* zeroed: the begin */
#define STORE_CURSOR_END UINT32_MAX     /* `part` of the end */
struct store_bulk_limit { unsigned looks, rows; };              /* rows of indexes to look at, rows to write: what is left of both is given back */
unsigned store_act_states(enum store_act act);                  /* 1 << enum job_state: those that it is for */
/* One slice. *count: jobs it was done to; asked(): each that runs and was asked to end. */
enum store_rc store_bulk(struct store *s, const struct store_bulk *b, struct store_bulk_limit *left, struct store_cursor *at, uint64_t *count,
	void (*asked)(void *arg, const struct job *j), void *arg);

/* A queue by hand; it need not have had a job. Paused: nothing of it starts, all else goes on. */
enum store_rc store_pause(struct store *s, struct job_text queue, bool paused);

enum store_rc store_progress(struct store *s, struct job_id id, uint64_t token, int32_t percent, struct job_text message);

/* Leases of a process that is gone: each job goes back to its queue. started(arg, token) says whether the worker had begun it: CRASHED, else RELEASED. At most `limit` a call; *more says that some are left. */
enum store_rc store_abandon(struct store *s, uint32_t slot, uint32_t incarnation, bool (*started)(void *arg, uint64_t token), void *arg, unsigned limit, bool *more);
/* Leases of another epoch: an older run of the server. Those of workers that the server had no time to see die. */
enum store_rc store_abandon_old(struct store *s, unsigned limit, bool *more);

/* Live leases of one owner whose jobs are to be cancelled: what a new keeper has to tell again. */
enum store_rc store_cancels(struct store *s, const struct store_owner *owner, void (*fn)(void *arg, struct job_id id, uint64_t token), void *arg);

/* The grant of one owner's live lease of a job that must have no neighbours; 0: it has none. */
enum store_rc store_lone(struct store *s, const struct store_owner *owner, uint64_t *grant_seq);

/* Live leases of one owner granted after `after_seq`, in that order: what a new keeper has to write into the ring again. */
enum store_rc store_regrant(struct store *s, const struct store_owner *owner, uint64_t after_seq, bool (*fn)(void *arg, uint64_t grant_seq, const struct store_claimed *c), void *arg);

/* Scheduled and retrying jobs whose time has come are queued; those that wait, in whatever state, past their expires_at end expired. At most `limit` of each. */
enum store_rc store_due(struct store *s, unsigned limit, bool *more);
int64_t store_next_due_ms(struct store *s);                                     /* wall clock of the next of both; INT64_MAX: none. Outside a batch too */
/* Parents that have ended: each child that waited for them alone is queued where they succeeded, else cancelled, and its own children are next. About `rows` rows a call. */
enum store_rc store_spread(struct store *s, unsigned rows);
bool store_has_spread(const struct store *s);                                   /* some are left. Outside a batch too */
/* Brings the lines of keys in agreement with rules that have changed: frees those who wait no more, lines up those who have to. About `rows` rows a call; until it is done nothing starts of a type that would
 * have too many of a key. */
enum store_rc store_lines(struct store *s, unsigned rows);
bool store_has_lines(const struct store *s);                                    /* there is some of that to do. Outside a batch too */
enum store_rc store_retain(struct store *s, unsigned limit, bool *more);        /* removes final jobs past their retention, idempotency keys past the window */
bool store_has_unread(const struct store *s);                                   /* idempotency keys are still being read, some with each batch. Outside a batch too */
bool store_has_ready(struct store *s);                                          /* something queued that runs here and may have neighbours. Outside a batch too */

/* Rates. Both outside a batch too: when the next queue or type that waits for a token gets it (INT64_MAX: none waits), and letting go those whose time has come, as store_begin() does. */
int64_t store_next_token_us(const struct store *s);
void store_clock(struct store *s, int64_t wall_us);

/* How far a schedule has come. Written in the batch that submits its job. */
struct store_schedule {
	int64_t upto_ms;                /* wall clock: every tick up to then is done */
	int64_t run_ms;                 /* its last job was submitted then; 0: none yet */
	struct job_id job;              /* that one */
	uint32_t print;                 /* of what ticks: kept for the caller */
};
enum store_rc store_schedule_get(struct store *s, struct job_text name, struct store_schedule *out);            /* NOT_FOUND: never seen; DAMAGED: to be written anew */
enum store_rc store_schedule_put(struct store *s, struct job_text name, const struct store_schedule *row);
enum store_rc store_schedules_prune(struct store *s, bool (*keep)(void *arg, struct job_text name), void *arg, unsigned limit);        /* removes at most so many of those that are not to be kept */

/* Staged bytes: a blob is begun (blob 0), grows at its end, and is owned by the job whose submission or finish names it. Others go with their owner (store_stage_drop), or when what named them was refused. */
enum store_rc store_stage(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob, uint64_t offset, struct job_text chunk, uint64_t *out);
enum store_rc store_staged(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob, uint64_t len, struct buf *out);  /* appends all of one; INVALID: there is none of that length of that process */
enum store_rc store_unstage(struct store *s, uint32_t slot, uint32_t incarnation, uint64_t blob);       /* NOT_FOUND: it is not staged, or not by that process */
enum store_rc store_stage_drop(struct store *s, uint32_t slot, uint32_t incarnation, unsigned limit, bool *more);       /* of a process that is gone */
/* Deletes at most `limit` rows of bytes that nobody owns: dropped, of purged jobs, of older epochs. Costs nothing where there are none. */
enum store_rc store_sweep(struct store *s, unsigned limit, bool *more);

/* --- figures --- */
struct store_tally {
	uint64_t state[JOB_STATES];     /* jobs now in each state */
	uint64_t submitted, processed, succeeded, failed, retried, recovered, dead;     /* ever */
	uint64_t retry_sum, with_retries;       /* over stored jobs: sum of retry_count, jobs with any */
	uint64_t exec_us_sum, queue_us_sum, exec_n, queue_n;    /* ever */
};
size_t store_held(const struct store *s, struct job_id *last);                    /* how many jobs are held because their rows are damaged, and the last of them */
void store_totals(const struct store *s, struct store_tally *out);              /* the writer's own view */
void store_usage(struct store *s, uint64_t *used_bytes, uint64_t *limit_bytes); /* pages in use; outside a batch */
/* Inside a batch: a change that changes nothing. Pages that a commit frees can be used from the second one after it on: where the map is full only a batch this small finds the pages to get there. */
enum store_rc store_touch(struct store *s);
bool store_housekeep(struct store *s);                                          /* every second: readers that died. False: its files are gone from their place */

/* --- reading: short, copied out; any process --- */
/* A reader on the directory (its own environment, read-only) or, where `writer` is given, on that memory store. NULL with *rc and a line in why. Never fork with one open. */
struct store_reader *store_reader_open(const char *path, uint64_t map_size, struct store *writer, enum store_rc *rc, char *why, size_t why_size);
void store_reader_close(struct store_reader *r);
/* Everything between is one snapshot; nothing read in it stays valid after the end. */
enum store_rc store_read_begin(struct store_reader *r);
void store_read_end(struct store_reader *r);
enum store_rc store_get(struct store_reader *r, struct job_id id, struct job *job, struct job_spec *spec);      /* either may be NULL */
enum store_rc store_last_error(struct store_reader *r, struct job_id id, struct job_text *error);               /* of the last attempt that failed; NOT_FOUND: none */
enum store_rc store_worker(struct store_reader *r, const struct job *job, struct job_text *name);               /* what the remote worker of its last claim calls itself; NOT_FOUND: it said nothing, or it was none */
struct store_progress { int32_t percent; uint32_t attempt; int64_t at_ms; struct job_text message; };           /* the last that an attempt has said */
enum store_rc store_progress_get(struct store_reader *r, struct job_id id, struct store_progress *out);        /* NOT_FOUND: none has */
enum store_rc store_attempts(struct store_reader *r, struct job_id id, bool (*fn)(void *arg, const struct record_attempt *a), void *arg);   /* oldest first, those that have a row */
enum store_rc store_depends(struct store_reader *r, struct job_id id, struct buf *out);        /* appends the ids that it depends on, 16 bytes each, in order */
struct store_note { int64_t at_ms; uint32_t event, attempt; struct job_text detail; };                          /* history that no attempt tells: enum job_event */
enum store_rc store_notes(struct store_reader *r, struct job_id id, bool (*fn)(void *arg, const struct store_note *n), void *arg);
enum store_rc store_result(struct store_reader *r, const struct job *job, struct buf *out);                     /* appends all of it; NOT_FOUND: none */
enum store_rc store_payload(struct store_reader *r, struct job_id id, struct buf *out);
/* Appends the kept log of an attempt that has ended, by its number; 0: of the last. NOT_FOUND: it has not ended, or never was. *dropped: it had one that is too old to be kept (the last ten are). */
enum store_rc store_log(struct store_reader *r, const struct job *job, uint32_t attempt, struct buf *out, bool *dropped);
enum store_rc store_blob(struct store_reader *r, uint64_t blob, uint64_t offset, size_t max, struct buf *out);  /* appends up to max bytes from offset */
enum store_rc store_bulk_limits(struct store_reader *r, struct store_bulk *b);                                  /* sets until_id and until_ms: what is there now */
/* One slice of at most `looks` rows of counting what store_bulk() would do. *seen is kept from slice to slice, zeroed at first: what a retry would find changed by those before it. */
struct store_bulk_seen { uint64_t *v; size_t n, cap; };
void store_bulk_seen_free(struct store_bulk_seen *seen);
enum store_rc store_bulk_count(struct store_reader *r, const struct store_bulk *b, int64_t wall_ms, unsigned looks, struct store_bulk_seen *seen, struct store_cursor *at, uint64_t *count);
enum store_rc store_read_totals(struct store_reader *r, struct store_tally *out);
struct store_breaker { uint32_t failures; int64_t rest_until_us; bool trial; };        /* in a row; 0: it does not rest, a time that has come: one is to be tried; that one runs */
struct store_figure { struct job_text name; struct store_tally tally; bool paused; int64_t oldest_queued_ms; /* queues: 0 none */ struct store_breaker breaker; /* types */ };
enum store_rc store_queues(struct store_reader *r, bool (*fn)(void *arg, const struct store_figure *f), void *arg);
enum store_rc store_types(struct store_reader *r, bool (*fn)(void *arg, const struct store_figure *f), void *arg);
/* NOT_FOUND: it has had no job and was never paused. Without `age` oldest_queued_ms is left 0: it costs a look at every lane with work. */
enum store_rc store_queue(struct store_reader *r, struct job_text name, bool age, struct store_figure *out);
enum store_rc store_schedule_read(struct store_reader *r, struct job_text name, struct store_schedule *out);     /* NOT_FOUND: it has not been seen yet */
/* Jobs that a filter means, in the order of the index of its states (one state; or dead, cancelled and expired; or scheduled and retrying): next to run first, last ended first. Without states: newest first.
 * Looks at about so many rows, then stops; *at, zeroed at first, is where the next call goes on, STORE_CURSOR_END where there is no more. fn() false: no more in this call. STORE_INVALID: the cursor is not of this filter. */
typedef bool (*store_list_fn)(void *arg, struct job_id id);
enum store_rc store_list(struct store_reader *r, const struct store_filter *f, unsigned looks, struct store_cursor *at, store_list_fn fn, void *arg);
/* Newest jobs first, at most max: for the page. */
enum store_rc store_recent(struct store_reader *r, unsigned max, bool (*fn)(void *arg, const struct job *j, const struct job_spec *s), void *arg);

#endif
