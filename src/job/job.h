/* What a job is. Pure: no I/O, no clock, no allocation; everything else in Stint speaks in these terms. */
#ifndef STINT_JOB_JOB_H
#define STINT_JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job_id { uint8_t b[16]; };       /* UUIDv7, compared with memcmp */

/* Bytes borrowed from wherever the job was decoded from. */
struct job_text { const char *p; size_t n; };

#define JOB_TYPE_MAX 128
#define JOB_QUEUE_MAX 128
#define JOB_NAME_MAX 256
#define JOB_TAGS_MAX 16
#define JOB_TAG_MAX 128
#define JOB_KEY_MAX 255                 /* idempotency_key, unique_key, key */
#define JOB_LINE_BYTES 12
#define JOB_DEPENDS_MAX 256
#define JOB_ERROR_MAX 1024              /* last_error is cut to this */
#define JOB_INLINE_MAX 4096             /* a payload or output up to this travels inside messages; a longer one is staged */

enum job_state {                        /* stored: never renumber */
	JOB_NONE = 0,
	JOB_SCHEDULED = 1,      /* waits for run_at */
	JOB_WAITING = 2,        /* waits for depends_on */
	JOB_QUEUED = 3,
	JOB_RUNNING = 4,
	JOB_RETRYING = 5,       /* waits for its backoff */
	JOB_SUCCEEDED = 6,
	JOB_DEAD = 7,
	JOB_CANCELLED = 8,
	JOB_EXPIRED = 9,
	JOB_STATES
};

enum job_outcome {                      /* how an attempt ended; stored: never renumber */
	JOB_OUTCOME_NONE = 0,
	JOB_OUTCOME_SUCCEEDED = 1,
	JOB_OUTCOME_FAILED = 2,
	JOB_OUTCOME_TIMED_OUT = 3,
	JOB_OUTCOME_CRASHED = 4,        /* our own worker died under it: uses up no retry */
	JOB_OUTCOME_LEASE_EXPIRED = 5,
	JOB_OUTCOME_RELEASED = 6,       /* given back unrun or by a drain: uses up no retry */
	JOB_OUTCOME_CANCELLED = 7,
	JOB_OUTCOMES
};

/* Where a job stands in the line of its key, which only jobs of a type with a key_concurrency have; stored: never renumber. */
enum job_place {
	JOB_FREE = 0,           /* in no line */
	JOB_HOLDS = 1,          /* has the key: is queued in its lane, or runs */
	JOB_LINED = 2,          /* queued, and waits for the key */
	JOB_RESTS = 3,          /* retrying: lines up again, at its old place, when its backoff is over */
};

bool job_type_is(struct job_text t);                    /* a type: 1 to JOB_TYPE_MAX of A-Z a-z 0-9 . _ : / - */
bool job_queue_is(struct job_text t);                   /* a queue: 1 to JOB_QUEUE_MAX bytes, none of them a control character */

const char *job_state_name(enum job_state s);           /* "queued"; "none" for what is not a state */
enum job_state job_state_of(const char *p, size_t n);   /* JOB_NONE where it is no name */
bool job_state_final(enum job_state s);
const char *job_outcome_name(enum job_outcome o);       /* the history event: "timed_out" */

struct job_backoff {
	int64_t base_ms, max_ms;
	uint32_t factor_milli;          /* 2000 is 2.0 */
	uint32_t jitter_pct;            /* 0..100 */
};

/* What was asked for; never changes after the submission. Every default is resolved by whoever submits. */
struct job_spec {
	struct job_text type, queue, name, trace;       /* trace: W3C traceparent or empty */
	struct job_text tag[JOB_TAGS_MAX];
	unsigned ntags;
	int32_t priority;               /* -32768..32767 */
	int64_t run_at_ms;              /* wall clock; 0: at once */
	int64_t expires_at_ms;          /* wall clock; 0: never */
	uint32_t max_retries;           /* 0..1000 */
	int64_t timeout_ms;             /* of one attempt; 0: none */
	int64_t aging_ms;               /* the queue's priority_aging when it was submitted; 0: strict priorities */
	struct job_backoff backoff;
	struct job_text idempotency_key, unique_key, key;       /* empty: none */
	uint8_t fingerprint[16];        /* where there is an idempotency key: hash of the request that gave it */
	unsigned ndepends;              /* jobs that must have succeeded before it starts */
	const uint8_t *depends;         /* their ids, 16 bytes each; NULL where they lie in rows of their own: store_depends() */
	struct job_text content_type;   /* of a raw body; empty where the payload is JSON */
	uint64_t payload_len;
	uint64_t payload_blob;          /* staged bytes' number, 0 where the payload is inline */
	struct job_text payload;        /* inline bytes; empty where payload_blob is set. An absent payload is the text "null" */
};

/* Where a job stands; rewritten at each transition. */
struct job {
	struct job_id id;
	enum job_state state;           /* written by job_state_apply() and the decoder alone; a test looks */
	int32_t priority;
	uint32_t lane;                  /* interned (queue, type) */
	uint64_t sortkey;               /* order within its queue, see order.h */
	int64_t created_ms, updated_ms, run_at_ms, queued_ms, started_ms, finished_ms, expires_at_ms;   /* wall clock; 0: not yet, or none */
	uint32_t attempts;              /* starts, all of them */
	uint32_t retry_count;           /* retries used up: failures and time-outs */
	uint32_t max_retries;
	uint32_t crashes;               /* attempts lost with our own worker, since the last manual retry */
	int64_t queued_us;              /* wall clock, microseconds: when it last became ready */
	uint64_t lease_token;           /* of the last claim; 0: never claimed */
	uint64_t lease_epoch, grant_seq;/* where its lease lies while it runs */
	uint32_t last_outcome;          /* enum job_outcome of the last attempt that ended */
	int32_t exit_code;              /* of it; -1 where it did not exit */
	int32_t term_signal;            /* of it; 0 where none */
	uint32_t worker;                /* process slot of the last claim */
	int32_t worker_pid;
	int64_t duration_us, cpu_us;    /* of the last attempt that ended */
	uint64_t max_rss_kb;
	uint64_t result_len, result_blob;       /* blob 0: the result row holds it inline */
	uint64_t log_len, log_blob;             /* of the last attempt; likewise */
	bool result_truncated;
	bool result_json;
	int32_t progress_pct;           /* -1: none said */
	bool cancel_asked;              /* it runs, and is to end cancelled */
	uint64_t unique[2];             /* hash of its type and unique_key; both 0: it has none */
	bool has_children;              /* jobs have waited for it, and may still */
	uint8_t line[JOB_LINE_BYTES];   /* hash of its key; all 0: it has none */
	uint64_t arrival;               /* its place in the order of arrival, where it has a key; 0: it has not been queued yet, or is final */
	enum job_place place;
};

#endif
