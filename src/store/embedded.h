/* The embedded store's inside: the rules of store.h over an ordered key-value engine. Shared by its files (open, submit, idem, claim, finish, abandon, due, expire, stage, tally) and nobody else.
 *
 * Between two transitions the rows agree with each other; one that fails after its first write has torn them, and the batch is spoilt. So whatever can be found damaged is
 * looked at before the first write: then one bad record costs its own job and nothing else. */
#ifndef STINT_STORE_EMBEDDED_H
#define STINT_STORE_EMBEDDED_H

#include <string.h>

#include "store/breaker.h"
#include "store/idem_index.h"
#include "store/kv.h"
#include "store/turn.h"
#include "text/siphash.h"

/* The store's head: the one row that every batch may change. */
struct head {
	struct job_id last_id;
	uint64_t next_token, next_blob;
	uint32_t next_lane;
	int64_t last_us;                /* the latest `now` ever seen */
	uint64_t told;                  /* changes that a watcher was told of, or would have been, ever */
};

struct key { uint8_t b[160]; size_t n; };

/* store_lines(): the type that it is at, and where. */
enum lining_step { LINING_LANES, LINING_LEASES, LINING_REMOTE, LINING_DUE, LINING_THROUGH, LINING_DISSOLVE };
struct lining {
	bool due;                       /* there may be something to do */
	bool heal;                      /* a job cannot be read: all lines are to be gone through */
	struct turn_named *type;        /* NULL: none begun */
	enum lining_step step;
	struct key at;                  /* the next row */
	struct turn_lane *lane;         /* LANES: this one; NULL: the one after the last */
	uint32_t last_lane;
	bool pull;                      /* THROUGH: too many have the key of this line: who does not run gives it back */
	bool passed;                    /* somebody could not be read, and stands where he stood */
};

struct store {
	struct kv *kv;
	struct kv_txn *txn;             /* the open batch */
	struct head head, saved_head;   /* as of the last commit, to see whether it is to be written */
	struct turn *turn;
	struct store_tally totals;
	bool totals_dirty;
	int64_t now_us, now_ms;
	int64_t order_ms;               /* the same, but never behind an earlier batch: arrival order survives a clock set back */
	int64_t next_due_ms, next_expiry_ms;
	uint64_t epoch;
	uint64_t max_queued;
	bool (*random)(void *p, size_t n);
	struct store_rules rules;
	store_change_fn watch;
	void *watch_arg;
	struct job_id *held;            /* jobs whose rows cannot be read, sorted: passed over until the store is opened anew (held.c) */
	size_t nheld, cap_held;
	struct job_id last_held;
	enum store_breaker_said breaker_said;   /* what the end that is being told meant for its type */
	unsigned expire_left;           /* jobs that this batch may still expire instead of handing out */
	uint64_t rows;                  /* written or deleted, ever */
	bool torn;                      /* a row was written since the rows last agreed with each other */
	bool changed;                   /* by this batch, at all */
	bool spoilt;                    /* this batch can only be aborted */
	bool spreading;                 /* parents have ended whose children are to be told: store_spread() */
	struct lining lining;           /* how far store_lines() has come */
	bool doomed;                    /* there may be bytes that nobody owns: store_sweep() */
	struct idem_index idem;         /* idempotency keys, rebuilt after the opening; an abort takes it back by itself */
	uint8_t idem_secret[SIPHASH_BYTES];
	uint64_t next_idem;             /* number of the log's next row */
	uint64_t idem_ahead;            /* rows before this one were looked at for their age, and are from a time that the clock says is to come; 0: none */
	int64_t idem_ahead_ms;          /* when the first of them was written */
	uint64_t idem_at;               /* the log is in the index up to here, and the rest goes there slice by slice; 0: not begun */
	unsigned idem_slice;
	bool idem_loaded;               /* all of it is */
	int64_t next_lease_ms;          /* CLOCK_BOOTTIME: no remote lease ends before */
	uint64_t who_token;             /* what the worker of the remote lease that was deleted last calls itself: for its attempt's row */
	size_t who_n;
	char who[STORE_WORKER_MAX];
	bool stale;                     /* memory and store may differ: to be loaded anew before the next batch */
	uint8_t scratch[RECORD_SPEC_MAX];
};

struct store_reader {
	struct kv *kv;
	bool borrowed;                  /* the memory engine's: not ours to close */
	struct kv_txn *txn;
};

#define TRY(x) do { enum store_rc try_rc_ = (x); if (try_rc_ != STORE_OK) return try_rc_; } while (0)

/* --- filter.c: whether a filter means a job; its states are the caller's to look at --- */
struct filter_look {
	struct kv *kv;
	struct kv_txn *txn;
	const struct store_filter *filter;
	unsigned *looks;                /* rows that may still be looked at: less, where it costs some */
	uint32_t lane;                  /* the last one asked about, and the answer */
	bool lane_known, lane_fits;
};
enum store_rc filter_lane(struct filter_look *f, uint32_t lane, bool *fits);    /* its queue and type */
enum store_rc filter_lined(struct filter_look *f, uint32_t lane, bool *lined);  /* it is of jobs that wait for their key */
enum store_rc filter_job(struct filter_look *f, const struct job *j, bool *fits);

/* --- keys: big-endian, so that bytewise order is numeric order (key.c) --- */
void key_u8(struct key *k, uint8_t v);
void key_u32(struct key *k, uint32_t v);
void key_u64(struct key *k, uint64_t v);
void key_bytes(struct key *k, const void *p, size_t n);
void key_step(uint8_t *key, size_t n);          /* to the key after this one, of the same length */
uint32_t key_get32(const void *p);
uint64_t key_get64(const void *p);
static inline struct kv_bytes key_of(const struct key *k) { return (struct kv_bytes){ k->b, k->n }; }
static inline struct kv_bytes id_key(const struct job_id *id) { return (struct kv_bytes){ id->b, sizeof(id->b) }; }

struct key key_ready(uint32_t lane, uint64_t sortkey, const struct job_id *id);
struct key key_due(int64_t wall_ms, const struct job_id *id);
struct key key_lease(uint64_t epoch, uint32_t slot, uint64_t grant_seq);
struct key key_remote(uint64_t epoch, int64_t boot_ms, uint64_t token);
struct key key_final(enum job_state state, int64_t finished_ms, const struct job_id *id);
struct key key_attempt(const struct job_id *id, uint64_t token);
struct key key_note(const struct job_id *id, int64_t wall_us, uint8_t event);
struct key key_blob(uint64_t blob, uint32_t row);
struct key key_stage(uint64_t epoch, uint64_t blob);
struct key key_parent(const struct job_id *child, unsigned n);
struct key key_child(const struct job_id *parent, const struct job_id *child);
struct key key_line(uint32_t type, const uint8_t hash[JOB_LINE_BYTES], unsigned class, uint64_t arrival);
struct key key_count(char kind, struct job_text name);

/* --- one line each over the engine --- */
static inline enum store_rc kv_get(struct kv *kv, struct kv_txn *t, enum kv_table table, struct kv_bytes k, struct kv_bytes *v) { return kv->ops->get(t, table, k, v); }
static inline enum store_rc row_noted(struct store *s, enum store_rc rc, bool write)
{
	if (rc == STORE_OK && write) {
		s->torn = s->changed = true;
		s->rows++;
	} else if (rc != STORE_OK && rc != STORE_NOT_FOUND) {
		s->spoilt = true;       /* the engine's transaction is good for nothing any more */
	}
	return rc;
}
static inline enum store_rc row_get(struct store *s, enum kv_table t, struct kv_bytes k, struct kv_bytes *v) { return row_noted(s, s->kv->ops->get(s->txn, t, k, v), false); }
static inline enum store_rc row_put(struct store *s, enum kv_table t, struct kv_bytes k, struct kv_bytes v) { return row_noted(s, s->kv->ops->put(s->txn, t, k, v), true); }
static inline enum store_rc row_del(struct store *s, enum kv_table t, struct kv_bytes k) { return row_noted(s, s->kv->ops->del(s->txn, t, k), true); }
static inline enum store_rc row_seek(struct store *s, enum kv_table t, struct kv_bytes k, struct kv_bytes *f, struct kv_bytes *v) { return row_noted(s, s->kv->ops->seek(s->txn, t, k, f, v), false); }
static inline enum store_rc row_before(struct store *s, enum kv_table t, struct kv_bytes k, struct kv_bytes *f, struct kv_bytes *v) { return row_noted(s, s->kv->ops->before(s->txn, t, k, f, v), false); }
/* The rows agree again. */
static inline void row_whole(struct store *s) { s->torn = false; }
/* The end of a transition. */
static inline enum store_rc settled(struct store *s, enum store_rc rc)
{
	s->spoilt |= rc != STORE_OK && s->torn;
	s->torn = false;
	return rc;
}
/* A row that has to be there: its absence is damage. */
static inline enum store_rc must(enum store_rc rc) { return rc == STORE_NOT_FOUND ? STORE_DAMAGED : rc; }
/* A row that may be gone already. */
static inline enum store_rc may(enum store_rc rc) { return rc == STORE_NOT_FOUND ? STORE_OK : rc; }

#define PROGRESS_HEAD 16u               /* of its row: percent, attempt, when */
#define PROGRESS_TEXT_MAX 256u

struct lease_row { struct job_id id; uint64_t token; uint32_t incarnation, reserved; };
struct remote_row { struct job_id id; int64_t lease_ms; };      /* the worker's name follows */

/* --- jobs (jobs.c) --- */
enum store_rc job_decode(struct kv_bytes v, struct job_id id, struct job *out);                 /* DAMAGED also where it is the record of another */
enum store_rc job_load(struct store *s, struct job_id id, struct job *out);                     /* NOT_FOUND, DAMAGED; its lane is known */
enum store_rc job_of_lease(struct store *s, struct job_id id, uint64_t token, struct job *out);   /* DAMAGED, also where it is gone: then it is no breaker's trial any more */
enum store_rc job_save(struct store *s, struct job *j);                                         /* writes it with updated_ms = now */
enum store_rc job_write(struct store *s, const struct job *j);                                  /* as it is: nothing has happened to it that it would tell */
enum store_rc spec_load(struct store *s, struct job_id id, struct job_spec *out);               /* must be there; texts point into the store */
/* Applies the event, keeps the tallies right, tells the watcher. The job is not written. */
enum store_rc job_event(struct store *s, struct job *j, enum job_event event, enum job_outcome outcome);
enum store_rc ready_put(struct store *s, struct job *j);        /* into the line of its key, where it has one, and into its lane from now on; a job with two crashes goes to the lone lane */
enum store_rc ready_del(struct store *s, const struct job *j);
enum store_rc lane_put(struct store *s, struct job *j);         /* into its lane alone, by its place in the line */
enum turn_kind lane_kind(const struct job *j);                  /* of a queued one: the kind of lane that it belongs in */
struct lane_row { uint32_t id; enum turn_kind kind; struct job_text type, queue; };
bool lane_decode(struct kv_bytes key, struct kv_bytes v, struct lane_row *out);
enum store_rc due_put(struct store *s, const struct job *j);    /* at run_at_ms */
enum store_rc final_put(struct store *s, struct job *j);
struct turn_lane *lane_make(struct store *s, struct job_text queue, struct job_text type, enum turn_kind kind, enum store_rc *rc);
enum store_rc lane_refresh(struct store *s, struct turn_lane *l);       /* reads the lane's head from the store */
#define TIME_MAX_MS INT64_C(253402300799999)    /* the end of year 9999: microseconds and sums of it stay far from overflow */

/* --- jobs that cannot be read (held.c) --- */
enum store_rc hold_job(struct store *s, struct job_id id);
bool is_held(const struct store *s, struct job_id id);
/* Whether this rc is of one job that can be held and passed over: then it is. */
bool passed_over(struct store *s, struct job_id id, enum store_rc rc);

/* --- rows of bytes with a checksum behind them: of the bytes and of their place (stage.c) --- */
enum store_rc sealed_put(struct store *s, enum kv_table t, struct kv_bytes key, struct job_text bytes);
enum store_rc sealed_open(struct kv_bytes key, struct kv_bytes *v);     /* checks it and cuts it off: DAMAGED */

enum store_rc due_del(struct store *s, const struct job *j);
enum store_rc job_take_out(struct store *s, const struct job *j);        /* one that waits: of the index of its state */
enum store_rc note_put(struct store *s, const struct job *j, int64_t wall_us, enum job_event event, struct job_text detail);

/* --- idempotency keys and unique keys (idem.c) --- */
struct idem_row {
	uint32_t crc;                   /* of what follows, the key included */
	uint32_t key_len;               /* the key's bytes follow */
	struct job_id id;
	uint8_t fingerprint[SIPHASH_BYTES];
	int64_t created_ms;
};
bool idem_decode(struct kv_bytes v, struct idem_row *row, struct job_text *key);
enum store_rc idem_load(struct store *s);
enum store_rc idem_read(struct store *s);       /* at a batch's begin: one slice of the log */
enum store_rc idem_expire(struct store *s, unsigned limit, bool *more);         /* from the log's head */
/* What a submission with keys is answered with; OK: a new job, for which keys_put() is then given *old. */
enum store_rc keys_check(struct store *s, const struct job_spec *spec, struct job *out, uint64_t *old);
#define IDEM_FULL_SLICE 64u     /* where the index is full: so many rows are looked at for old ones before a key is refused */
bool idem_remembers(const struct store *s, const struct job_spec *spec);
/* What its idempotency key is answered with, NOT_FOUND: a new job; *old is then a row that stands in its place, 0: none. */
enum store_rc idem_check(struct store *s, const struct job_spec *spec, struct job *out, uint64_t *old);
enum store_rc unique_known(struct store *s, const struct job_spec *spec, struct job *out);      /* LIVE, with *out; else NOT_FOUND */
enum store_rc keys_put(struct store *s, const struct job_spec *spec, const struct job *j, uint64_t old);
enum store_rc idem_put(struct store *s, const struct job_spec *spec, const struct job_id *id, int64_t created_ms, uint64_t old);       /* remembered since then; the row `old`, where it is not 0, goes */
void unique_hash(const struct job_spec *spec, uint64_t out[2]);
/* These do nothing for a job without a unique key. */
enum store_rc unique_free(struct store *s, const struct job *j);                /* LIVE where another job holds its key */
enum store_rc unique_put(struct store *s, const struct job *j);                 /* from now on it holds it */
enum store_rc unique_end(struct store *s, const struct job *j);                 /* and no more */

/* --- submit.c --- */
enum store_rc spec_put(struct store *s, struct job_id id, const struct job_spec *spec, const uint8_t *bytes, size_t n);    /* what was asked; its depends have rows of their own */
uint64_t waiting_jobs(const struct store_tally *t);     /* in whatever state they wait */
bool time_sane(int64_t ms);

/* --- ends of attempts (finish.c) --- */
enum store_rc lease_del(struct store *s, const struct job *j);
enum store_rc attempt_put(struct store *s, const struct job *j, const struct record_attempt *a);

/* --- leases that end otherwise (abandon.c) --- */
enum store_rc lease_end(struct store *s, struct job_id id, uint64_t token, enum job_outcome how);       /* CRASHED, LEASE_EXPIRED, RELEASED. STALE: it is not the job's */

/* --- leases of remote workers (remote.c) --- */
enum store_rc remote_put(struct store *s, const struct job *j, const struct store_lease *l);
enum store_rc remote_del(struct store *s, const struct job *j);         /* and keeps its worker's name for attempt_put() */
enum store_rc remote_cancel(struct store *s, struct job *j);            /* of one that runs */
enum store_rc remote_refresh(struct store *s);                          /* reads next_lease_ms from the store */

/* --- logs (log.c) --- */
enum store_rc log_trim(struct store *s, struct job_id id, uint64_t token);      /* this attempt's row is written: the log of the one that is now too old goes */

/* --- removal (due.c) --- */
enum store_rc job_purge(struct store *s, const struct key *k, struct job_id id);     /* all of a final job; *k is its place in the final index */

/* --- tallies (tally.c) --- */
struct tally_set { struct store_tally *t[3]; };
struct tally_set tally_of(struct store *s, const struct turn_lane *l);  /* total, queue and type, all marked to be written */
enum store_rc tally_flush(struct store *s);
enum store_rc tally_load(struct store *s, char *why, size_t size);
enum store_rc tally_decode(struct kv_bytes row, struct store_tally *out, struct limit *l);      /* of the limit: paused and the bucket */

/* --- blobs (stage.c) --- */
enum store_rc blob_put(struct store *s, struct job_text bytes, uint64_t *blob);  /* as rows of a new blob */
struct stage_row { uint32_t incarnation, slot; uint64_t len; };
bool stage_there(struct store *s, uint64_t blob, uint64_t len);
enum store_rc stage_own(struct store *s, uint64_t blob, uint64_t len);  /* takes a staged blob over: INVALID, with nothing written, where there is none of that length */
enum store_rc blob_drop(struct store *s, uint64_t blob, uint64_t len);  /* a short one at once, a long one bit by bit: store_sweep() */

/* --- open.c --- */
#define HEAD_KEY ((struct kv_bytes){ "head", 4 })
enum store_rc head_put(struct store *s);
enum store_rc head_decode(struct kv_bytes v, struct head *out, char *why, size_t size);        /* DAMAGED, INVALID (a newer format) with a line in why */

/* --- depends.c --- */
struct depends { unsigned open; struct job_id bad; enum job_state bad_state; };        /* how its parents stand; bad_state JOB_NONE with a bad id: there is none such */
enum store_rc depends_check(struct store *s, const struct job_spec *spec, struct depends *d);  /* of a submission. PARENT: *d names the one at fault */
enum store_rc depends_put(struct store *s, const struct job *j, const struct job_spec *spec, unsigned open);    /* its rows, and its children's mark on the parents */
enum store_rc depends_again(struct store *s, struct job_id id, struct depends *d);      /* of one that is retried. STATE: a parent has ended otherwise */
enum store_rc depends_wait(struct store *s, struct job_id id, unsigned open);           /* it waits again */
enum store_rc depends_forget(struct store *s, struct job_id id);       /* it waits no more */
enum store_rc spread_put(struct store *s, const struct job *parent);   /* it has ended */
enum store_rc spread_drop(struct store *s, const struct job *parent);  /* and is retried: whom it has not told waits on */
enum store_rc spread_load(struct store *s);

/* --- bulk_seen.c --- */
/* Whether this job, which a retry is for, would be retried after those that have been counted: then it is one of them. */
enum store_rc bulk_seen_retry(struct store_bulk_seen *x, struct kv *kv, struct kv_txn *txn, const struct job *j, unsigned *looks, bool *can);

/* --- lines of keys (keyed.c); all for jobs that have a key --- */
static inline bool job_has_line(const struct job *j) { return j->line[0] != 0; }
void keyed_hash(const struct job_spec *spec, struct job *out);
enum store_rc keyed_enter(struct store *s, struct job *j);       /* it is queued: from now on it holds the key, or is lined up. In its lane the caller puts it */
enum store_rc keyed_rest(struct store *s, struct job *j);        /* it is to be tried again */
enum store_rc keyed_leave(struct store *s, struct job *j);       /* it has ended */

/* What keyed_settle.c does to one line at a time. */
enum keyed_class { KEYED_HEAD, KEYED_HOLDS, KEYED_RESTS, KEYED_LINED };
struct keyed_line { struct turn_named *type; uint8_t hash[JOB_LINE_BYTES]; uint64_t holders; };
#define KEYED_KEY_BYTES 25u
struct key keyed_key(const struct keyed_line *l, enum keyed_class class, uint64_t arrival);
enum store_rc keyed_open(struct store *s, struct keyed_line *l);                       /* reads how many hold it */
enum store_rc keyed_close(struct store *s, const struct keyed_line *l);                /* and writes it */
enum store_rc keyed_recount(struct store *s, struct keyed_line *l);                    /* counts who holds it */
enum store_rc keyed_first(struct store *s, const struct keyed_line *l, enum keyed_class class, uint64_t *arrival, bool *one);
enum store_rc keyed_put(struct store *s, struct keyed_line *l, struct job *j, enum job_place place);   /* takes the job from its place to this one; its record is the caller's to write */
enum store_rc keyed_admit(struct store *s, struct keyed_line *l, struct job *self, bool *more);        /* gives the key to those whose turn it is; more: to be called again. self: see there */

/* --- keyed_settle.c --- */
void keyed_load(struct store *s);       /* memory was built, or rules have changed */
void keyed_mixed(struct store *s, struct turn_named *type);             /* its lines are not made for one rule */
void keyed_moved(struct store *s);      /* a remote lease to an earlier place */
void keyed_held(struct store *s);       /* a job that cannot be read may stand in a line */

/* --- schedule.c --- */
enum store_rc schedule_decode(struct kv_bytes key, struct kv_bytes v, struct store_schedule *out);

/* --- due.c --- */
enum store_rc due_refresh(struct store *s);     /* reads next_due_ms from the store */
/* The first row of a table of times (KV_DUE, KV_EXPIRY) whose job is not held; INT64_MAX in *at where there is none. */
enum store_rc time_first(struct store *s, enum kv_table t, struct key *k, int64_t *at, struct job_id *id);

/* --- expire.c --- */
enum store_rc expiry_refresh(struct store *s);                          /* reads next_expiry_ms from the store */
enum store_rc expiry_moved(struct store *s, const struct job *j, enum job_state from);  /* it has an expires_at and has gone on from this state: keeps its row right */
enum store_rc job_expire(struct store *s, struct job *j);               /* one that waits */
enum store_rc expire_due(struct store *s, unsigned limit, bool *more);  /* those whose time has come */

#endif
