/* Random histories of the store against a plain model of its rules: no indexes, no bytes, no memory of its own, every question answered by looking at all jobs.
 * history_model.c has the rules, history_keys.c those of keys and history_breakers.c those of breakers; history_submit.c, _attempts.c, _remote.c, _acts.c, _time.c and _bytes.c do operations to store and model alike and compare the answers, history_check.c compares all that can be seen, histories.c makes them. */
#ifndef STINT_TESTS_STORE_HISTORY_H
#define STINT_TESTS_STORE_HISTORY_H

#include "tests/store/contract.h"

#include <string.h>

#define M_JOBS 20u
#define M_PARENTS 3u
#define M_ATTEMPTS 24u
#define M_NOTES 40u
#define M_KEYS 24u                      /* rows of the log of idempotency keys */
#define M_STAGED 6u
#define QUEUES 3u
#define TYPES 3u
#define SLOTS 2u
#define NAMES 3u                        /* schedules, request slots */
#define FIRST_SLOT 7u
#define HISTORY_TEXT (64u * 1024)

#define IN(s) (1u << (s))
#define WAITING_STATES (IN(JOB_SCHEDULED) | IN(JOB_WAITING) | IN(JOB_QUEUED) | IN(JOB_RETRYING))
#define FINAL_BAD (IN(JOB_DEAD) | IN(JOB_CANCELLED) | IN(JOB_EXPIRED))
#define FINAL (FINAL_BAD | IN(JOB_SUCCEEDED))
#define ANY_STATE (~0u)

struct mbytes { uint32_t seed, n; };    /* a text that can be made again */

struct mlink { struct job_id id; enum { LINK_OPEN, LINK_DONE, LINK_BAD } how; enum job_state state; };
struct mattempt { uint64_t token; uint32_t attempt, outcome; unsigned far; int64_t claimed_ms, started_ms, ended_ms, retry_at_ms; int32_t exit_code; struct mbytes log; char error[72]; };
struct mnote { int64_t at_us; uint32_t event, attempt; bool parent; };        /* parent: its text names one that ended */

struct mjob {
	struct job_id id;
	enum job_state state;
	unsigned queue, type, number;
	int32_t priority;
	int64_t rank_ms;                /* the moment from which its wait counts */
	int64_t created_ms, run_at_ms, expires_at_ms, started_ms, finished_ms;
	uint32_t attempts, retry_count, max_retries, crashes, last_outcome;
	uint64_t token, grant;
	uint32_t slot, incarnation;
	bool begun, cancel_asked;       /* begun: its worker has started its program */
	unsigned far;                   /* 1 + the remote worker of its last claim; 0: it was one of ours */
	uint64_t lease_epoch;           /* while that one has it: in which run the lease was heard of last, its end there, its period */
	int64_t lease_end_ms, lease_ms;
	unsigned unique, key;           /* 0: none */
	uint64_t arrival;               /* of one with a key, while it lives: when it was queued first */
	bool holds;                     /* the key is its own, where only so many may have it */
	char tag;
	struct mlink parent[M_PARENTS];
	unsigned nparents;
	struct mbytes payload, result, message;
	int32_t percent;                /* the last that was said, in which attempt and when */
	uint32_t said_attempt;
	int64_t said_ms;
	struct mattempt attempt[M_ATTEMPTS];
	struct mnote note[M_NOTES];
	unsigned nattempts, nnotes;
};

struct mkey { unsigned key, print; struct job_id job; int64_t created_ms; };
struct mstaged { uint64_t blob; uint32_t slot, incarnation; struct mbytes bytes; };
struct mbucket { double low, high; int64_t low_since, high_since; };            /* what it has at least and at most: clocks are set back */
struct mbreaker { unsigned failures; bool rests; int64_t from_us, until_us; uint64_t trial; };          /* it rests until some moment between the two */
struct mtally { uint64_t submitted, processed, succeeded, failed, retried, recovered, dead; };

struct model {                          /* what a crash takes back */
	unsigned n, nkeys, nstaged, numbers;
	struct job_id last_id;
	uint64_t last_token, token_seq[NAMES];
	int64_t latest_us;              /* the latest time that any batch has seen */
	bool paused[QUEUES];
	uint64_t arrivals;
	bool unsure[TYPES];             /* its lines of keys are not yet what the reload wants: who has a key is not known */
	struct mbucket bucket[QUEUES + TYPES];  /* queues, then types */
	struct mbreaker breaker[TYPES];
	struct mtally tally[QUEUES + TYPES + 1];        /* queues, types, all */
	struct store_schedule schedule[NAMES];
	bool scheduled[NAMES];
	struct mkey key[M_KEYS];
	struct mstaged staged[M_STAGED];
	struct mjob job[M_JOBS];
};

struct mrules {                         /* what a reload changes */
	struct store_limit limit[QUEUES + TYPES];
	unsigned far;                   /* 1 << type: those that do not run here */
	bool rates;                     /* any of the limits has one, or a breaker */
	bool keyed;                     /* types may have a limit of their keys; of the whole history */
};

struct heard { enum job_event event; enum job_outcome outcome; enum store_breaker_said said; struct job job; };

struct history {
	struct fixture *f;
	struct model m, saved;
	struct mrules rules;
	int64_t seen_us;                /* what the store took for now last */
	int64_t boot_ms;                /* the clock that leases of remote workers go by; a reboot sets it back */
	uint64_t seed, grants;
	uint32_t incarnation[SLOTS], saved_incarnation[SLOTS];
	bool open;                      /* a batch is */
	/* turns: of this memory of the store alone */
	uint64_t pass[2][QUEUES], clock[2];     /* of what runs here, and of what does not */
	bool in_turn[2][QUEUES], turns_unknown;
	uint64_t far_news;
	bool far_had;                   /* something may have been there for remote workers */
	bool rests;                     /* the type that takes room of its own: nobody has any */
	enum store_breaker_said said;   /* what was to be heard of a breaker */
	struct heard heard[64];
	unsigned nheard;
	char *text;                     /* what was done, for whoever has to find a fault */
	size_t ntext;
};
extern struct history h;
extern const char *const queue_names[QUEUES], *const type_names[TYPES];
#define ROOM_TYPE 1u                    /* the type whose jobs take room that not everybody has */

enum yes { NO, MAYBE, YES };

/* --- history_model.c --- */
uint32_t dice(uint32_t sides);
int64_t now_ms(void);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct job_text text_of(const char *s);
struct job_text bytes_of(struct mbytes b, unsigned buffer);     /* in one of four buffers */
bool same_id(struct job_id a, struct job_id b);
struct mjob *model_of(struct job_id id);        /* NULL: none such */
struct mjob *any_of(unsigned states);           /* by the dice; NULL: none */
bool past(const struct mjob *j);                /* its expires_at */
bool is_alone(const struct mjob *j);
bool before(const struct mjob *a, const struct mjob *b);
bool is_far(const struct mjob *j);              /* its type does not run here */
enum yes may_start(const struct mjob *j);       /* of a queued one: nothing holds it back here */
enum yes may_go_far(const struct mjob *j);      /* nor from being given to a remote worker */
struct mjob *any_running(bool far);
unsigned running_of(unsigned which);            /* queue, or QUEUES + type */
uint64_t waiting_of(unsigned queue);            /* QUEUES: all */
void model_count(struct mjob *j, void (*fn)(struct mtally *t));
void model_count_processed(struct mjob *j);     /* an attempt has ended */
void model_end(struct mjob *j, enum job_state state);           /* final now: its children's links and its keys follow */
void model_drop(struct mjob *j);
void model_requeued(struct mjob *j);            /* of a parent that is retried: its children wait on */
struct mjob *unique_holder(const struct mjob *j);
struct mattempt *model_attempt(struct mjob *j, enum job_outcome outcome);
void model_note(struct mjob *j, int64_t at_us, enum job_event event, bool parent);
void keys_expire(void);                         /* from the log's head, but for those of a time to come */
int retention_next(const struct store_rules *r);        /* of the model's jobs, the next to go; -1: none */
void buckets_clock(void);
void bucket_take(unsigned which);
void turns_forget(void);
void turns_look(void);                          /* after each operation */
void turns_taken(const struct mjob *j, bool far);
void check_rank(const struct mjob *j, const struct job *out, bool later);       /* takes its queued_ms over */
void lay_down(struct mjob *j);                  /* ends its lease in the model */
struct mattempt *attempt_of(struct mjob *j, uint64_t token);    /* NULL: none has ended under it, or it left no row */

/* --- history_keys.c --- */
unsigned running_of_key(const struct mjob *j);
enum yes key_lets(const struct mjob *j);        /* of a queued one */
void key_check_start(const struct mjob *j);     /* of one that is handed out */
void key_check_place(const struct mjob *j, const struct job *in);       /* of a job that was read */
void keys_look(void);                           /* after each transition: keys that are to be had are given */
void keys_settle(void);

/* --- history_breakers.c --- */
void breakers_clock(void);
enum yes breaker_lets(unsigned type);
void breaker_start(const struct mjob *j);       /* under its new token */
void breaker_end(const struct mjob *j, enum job_outcome outcome);
void breaker_check(unsigned type, const struct store_breaker *s);

/* --- what was heard during the last operation --- */
void hear_begin(void);
void heard_one(const struct mjob *j, enum job_event event, enum job_outcome outcome);        /* this, of that job in its present state, and nothing else */
void heard_none(void);

/* --- history_cover.c: which operation has met which state --- */
enum cover {
	C_SUBMIT, C_CLAIM, C_SUCCEED, C_FAIL, C_TIME_OUT, C_RELEASE, C_END_CANCELLED, C_STALE, C_PROGRESS, C_CANCEL, C_RETRY, C_RUN_NOW, C_DELETE,
	C_BULK_CANCEL, C_BULK_RETRY, C_BULK_DELETE, C_CRASHED, C_LET_GO, C_DUE, C_EXPIRE, C_RELEASED, C_PARENT_FAILED, C_RETAIN, C_REPLAYED, C_LIVE, C_PARENT, C_KEYED, C_HOLDS, C_LINED, C_RELINED, C_BREAKS, C_TRIAL, C_TRIAL_FAILED, C_CLOSES, C_CRASH, C_REOPEN,
	C_FAR_CLAIM, C_FAR_ALONE, C_FAR_EXTEND, C_FAR_SUCCEED, C_FAR_FAIL, C_FAR_RELEASE, C_FAR_AGAIN, C_FAR_STALE, C_FAR_LOST, C_FAR_BACK, C_FAR_CANCEL, C_FAR_RENEW, COVERS
};
void covered(enum cover what, enum job_state state);
void covered_rc(enum store_rc rc);
bool cover_report(bool whole);                  /* prints the table; whether all that must be was met, or not all was run */

/* --- operations: each to store and model --- */
void op_submit(void);
void op_claim(void);
void op_finish(void);
void op_progress(void);
void op_abandon(void);
void op_due(void);
void op_spread(void);
void op_retain(void);
void op_act(void);
void op_bulk(void);
void op_pause(void);
void op_stage(void);
void op_unstage(void);
void op_sweep(void);                            /* drops what dead workers staged, too */
void op_schedule(void);
void op_token(void);
void op_lines(void);
void check_list(void);                          /* between the reader's begin and end */
void op_rules(void);                            /* outside a batch */
void op_leases(void);                           /* what a new keeper asks for */
void given_up(struct mjob *j, enum job_outcome outcome);        /* its worker is gone: CRASHED, LEASE_EXPIRED, or RELEASED where it had not begun */
struct ending { struct store_finish f; char error[32]; struct mbytes result, log; struct mstaged *staged; };
void choose_end(struct ending *e, const struct mjob *j);
void op_taken(struct mjob *j, const struct store_claimed *c, unsigned expired);         /* handed out, but for whom */
unsigned expired_on_the_way(enum yes (*may)(const struct mjob *j));     /* jobs that a claim found past their time */
void op_ended(struct mjob *j, const struct ending *e);          /* its attempt: with all that comes of it */
/* history_remote.c */
void op_far(void);
bool far_renew(unsigned limit);                 /* leases of older runs, in a batch; whether some may be left */
void far_cancelled(struct mjob *j);             /* by hand, while a remote worker has it */
void far_check(const struct mjob *j, const struct job *in);     /* of a job that was read */
struct job_text far_name(unsigned far);
void far_alarms(void);
void far_look(void);                            /* after each operation */
struct mstaged *staged_any(void);
void staged_own(struct mstaged *b);             /* it is somebody's now */
struct mbytes some_bytes(void);
void rules_first(void);                         /* of a new history */

/* --- history_check.c: between two batches --- */
void check_all(void);
void check_empty(void);                         /* ends everything and looks for rows that are left */

/* --- histories.c --- */
void batch_begin(void);
void batch_commit(void);
int histories_main(int (*setup)(void **state), unsigned long count);

#endif
