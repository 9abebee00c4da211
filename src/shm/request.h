/* Requests to the keeper: slots with a request area, a result area and a state word.
 *
 * An asker gathers operations in a request, posts it, and finds the results there when it is DONE. The keeper writes the results before its commit, stores (slot, sequence) in
 * the same transaction, and sets DONE after it; so a successor can tell what was committed and only answers it (doc/architecture.md has the protocol). A request is all or nothing only in
 * being committed together: each operation has its own result, but for a group of submissions, which has one for each of them and makes all or none. */
#ifndef STINT_SHM_REQUEST_H
#define STINT_SHM_REQUEST_H

#include "job/job.h"
#include "shm/segment.h"

#define REQUEST_BYTES_MAX (256u << 10)  /* of operations in a request, an acceptor's: a thousand short jobs */

enum shm_request_state { SHM_REQUEST_FREE, SHM_REQUEST_POSTED, SHM_REQUEST_DONE };

struct shm_request {
	_Alignas(128) _Atomic uint32_t state;
	uint32_t owner;                 /* process slot */
	uint64_t seq;                   /* the owner's next number at each post, over all its requests: their order. Never restarts while the segment lives */
	uint32_t nops;
	uint32_t bytes;                 /* of operations in the request area */
	uint64_t off_ops, off_results;  /* set at creation, for its owner; the keeper goes by the slot's index */
	uint32_t ops_capacity, results_capacity;
};

enum request_op {
	REQUEST_SUBMIT = 1,     /* body: a job_spec, record_spec_encode() */
	REQUEST_FINISH = 2,     /* body: struct request_finish, then result, error and log bytes where inline */
	REQUEST_STAGE = 3,      /* body: struct request_stage, then a chunk's bytes */
	REQUEST_PROGRESS = 4,   /* body: struct request_progress, then the message */
	REQUEST_ACT = 5,        /* body: struct request_act: by hand */
	REQUEST_BULK = 6,       /* body: struct request_bulk, then the texts: by hand to many, one slice */
	REQUEST_QUEUE = 7,      /* body: struct request_queue, then the queue's name: by hand */
	REQUEST_GROUP = 8,      /* body: struct request_group, its elements, then their specs where they are not staged: submissions of which all are made or none */
	REQUEST_CLAIM = 9,      /* body: struct request_claim, then the worker's name and, each with its length in a byte before it, types and queues: a remote worker waits, or no longer */
	REQUEST_EXTEND = 10,     /* body: struct request_extend */
	REQUEST_IMPORT = 11,     /* body: struct request_import, then a line of an export where it is not staged */
	REQUEST_SCHEDULE = 12,   /* body: struct request_schedule, the schedule's name, then a job_spec as of REQUEST_SUBMIT: its job is run by hand */
};

/* Before each operation in the area; the next one starts 8-aligned. */
struct request_head {
	uint32_t bytes;         /* of the body */
	uint16_t op;
	uint16_t flags;
	uint64_t tag;           /* the asker's own, handed back */
};

struct request_finish {
	struct job_id id;
	uint64_t token;
	uint32_t outcome;       /* enum job_outcome: SUCCEEDED, FAILED, TIMED_OUT, RELEASED, CANCELLED */
	int32_t exit_code;      /* -1: none */
	int32_t term_signal;
	uint32_t flags;         /* REQUEST_FINISH_* */
	int64_t started_ms;     /* wall clock; 0: it never started */
	int64_t duration_us, cpu_us;
	uint64_t max_rss_kb;
	int64_t retry_in_ms;    /* -1: the backoff decides */
	uint64_t result_blob, log_blob;         /* staged before; then result_len and log_len are theirs and no bytes follow */
	uint64_t result_len, log_len;
	uint32_t error_len;
	uint32_t reserved;
};
#define REQUEST_FINISH_NO_RETRY 1u      /* failed for good */
#define REQUEST_FINISH_RESULT_CUT 2u
#define REQUEST_FINISH_RESULT_JSON 4u
#define REQUEST_FINISH_REMOTE 8u        /* of a remote worker: its times are the store's; one that was said before is STORE_REPLAYED */

struct request_stage { uint64_t blob; /* 0 begins one */ uint64_t offset; };
struct request_progress { struct job_id id; uint64_t token; int32_t percent; uint32_t message_len; };

struct request_act { struct job_id id; uint32_t act; /* enum store_act */ uint32_t reserved; };

struct request_bulk {           /* struct store_bulk and where its slice begins */
	uint32_t act, states;
	struct job_id until_id;
	int64_t until_ms;
	uint32_t part;
	uint8_t key[28];
	uint32_t type_len, queue_len, tag_len, text_len, queues_len;
	uint32_t reserved;
};

struct request_queue { uint32_t act; /* REQUEST_QUEUE_* */ uint32_t name_len; };
#define REQUEST_QUEUE_PAUSE 1u
#define REQUEST_QUEUE_RESUME 2u

struct request_group {
	uint32_t n;             /* submissions; each has a result */
	int32_t refused;        /* enum store_rc: not to be made, since what belongs to one of them could not be staged; what was is dropped. 0: to be made */
	uint32_t bad;           /* which one that was */
	uint32_t reserved;
	uint64_t blob;          /* staged: their specs; 0: they follow */
	uint64_t bytes;         /* of all specs */
};
struct request_element {
	uint64_t tag;           /* of its result */
	uint64_t payload_blob;  /* as its spec says */
	uint32_t bytes;         /* of its spec, a job_spec as of REQUEST_SUBMIT; the next one follows at once */
	uint32_t reserved;
};

struct request_claim {
	uint64_t claim;         /* the asker's own number, never used again: what comes of it lies in the handouts (handout.h). Asked twice it is the same claim */
	int64_t lease_ms;
	uint32_t max, flags;    /* REQUEST_CLAIM_* */
	uint32_t ntypes, nqueues, worker_len, reserved;
};
#define REQUEST_CLAIM_ONCE 1u           /* what is not there in the batch that takes it is not waited for */
#define REQUEST_CLAIM_END 2u            /* that claim waits no more: nothing comes of it after this answer */

struct request_extend { struct job_id id; uint64_t token; int64_t by_ms; /* 0: the lease's own period */ };

struct request_schedule { uint32_t name_len, reserved; };

struct request_import { uint64_t blob; /* staged: the line; 0: it follows */ uint64_t bytes; /* of it */ };

struct request_result {
	uint64_t tag;
	int32_t rc;             /* enum store_rc */
	uint32_t state;         /* SUBMIT, SCHEDULE, GROUP, FINISH, ACT: enum job_state it went into */
	struct job_id id;
	int64_t at_ms;          /* SUBMIT, SCHEDULE: created_at; ACT: updated_at; EXTEND: milliseconds left */
	union {
		uint64_t blob;  /* STAGE: its number */
		struct { uint32_t attempts, retries; } act;     /* ACT: as it left them */
	};
	int64_t run_at_ms;      /* SUBMIT, SCHEDULE, ACT: as stored; FINISH: of the retry */
};

/* What the result of REQUEST_IMPORT says. */
#define REQUEST_FIELD_BYTES 16u
struct request_import_result {
	uint64_t tag;
	int32_t rc;             /* STORE_REPLAYED: it is there */
	uint32_t state;         /* a job's that was put there: enum job_state */
	char field[REQUEST_FIELD_BYTES];        /* refused: the member at fault; "": none alone */
	uint8_t reserved[24];
};
_Static_assert(sizeof(struct request_import_result) == sizeof(struct request_result), "one is read as the other");

/* What the result of REQUEST_BULK says: where the next slice begins. */
struct request_bulk_result {
	uint64_t tag;
	int32_t rc;
	uint32_t part;
	uint8_t key[24];
	uint64_t count;         /* jobs of this slice */
	uint8_t key_end[4];     /* the key's last bytes */
	uint8_t reserved[4];
};
_Static_assert(sizeof(struct request_bulk_result) == sizeof(struct request_result), "one is read as the other");

/* --- the asker's side: one box a process --- */
struct ask_box;
typedef void (*ask_done_fn)(void *arg, const struct request_result *r);

/* The box over this process's request slots. `done` is called from ask_poll() for every operation that was answered, in the order asked within a request. */
struct ask_box *ask_open(struct segment *s, uint32_t slot, ask_done_fn done, void *arg);
void ask_close(struct ask_box *b);
/* Adds an operation with its body from up to `n` pieces. Never refuses for want of a free slot: what does not fit waits in memory, in order. 0, or -1 with errno ENOMEM, EMSGSIZE. */
struct ask_piece { const void *p; size_t n; };
int ask_add(struct ask_box *b, enum request_op op, uint64_t tag, const struct ask_piece *piece, unsigned n);
/* The same for a REQUEST_GROUP, which gets `results` results with tags of their own. EMSGSIZE: it has to be staged. */
int ask_add_group(struct ask_box *b, uint32_t results, const struct ask_piece *piece, unsigned n);
/* Ends a loop turn: posts what was gathered and rings the keeper. */
void ask_post(struct ask_box *b);
/* Takes results that are DONE; fine to call at any time, must be called when our bell rings. Returns how many operations were answered. */
unsigned ask_poll(struct ask_box *b);
unsigned ask_outstanding(const struct ask_box *b);      /* operations added and not answered */

/* Stages `bytes` in chunks (copied: the caller may free them at once) and calls `ready` with its number, or 0 and an rc. -1 with errno where memory is out. */
typedef void (*ask_staged_fn)(void *arg, uint64_t blob, int rc);
int ask_stage(struct ask_box *b, const void *bytes, size_t n, ask_staged_fn ready, void *arg);

/* --- the keeper's side --- */
struct shm_request *request_slot(const struct segment *s, uint32_t index);
uint32_t request_count(const struct segment *s);
uint32_t request_owner(const struct segment *s, const struct shm_request *r);   /* the process slot it belongs to */
void request_place(const struct segment *s, struct shm_request *r);             /* at the segment's making: says in the slot where its areas lie */
/* Walks the operations of a POSTED request with every bound checked. *at starts at 0. 1: *head and *body are set, the latter to a copy in `room`, which its owner cannot change
 * while it is looked at; 0: no more; -1: malformed. */
int request_next(const struct segment *s, const struct shm_request *r, uint32_t *at, struct request_head *head, char room[REQUEST_BYTES_MAX], struct job_text *body);
char *request_ops(const struct segment *s, const struct shm_request *r, uint32_t *capacity);             /* both by the slot's index: what it says of them is not trusted */
struct request_result *request_results(const struct segment *s, const struct shm_request *r, uint32_t *capacity);
void request_publish(struct segment *s, struct shm_request *r);         /* DONE, with release; the caller rings the owner once for all */

#endif
