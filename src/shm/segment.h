/* The shared segment: a file under the run directory, mapped by every process. doc/shm-layout.md has it byte by byte.
 *
 * Rules: fixed-size integers, no pointers; each word has one writer (named below); what is read from it is checked before it is used, and the
 * master never acts on a pid, an index or a length in it. It outlives every child, so counters do not go backwards when one is replaced. */
#ifndef STINT_SHM_SEGMENT_H
#define STINT_SHM_SEGMENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shm/histogram.h"

#define SHM_MAGIC "STINTSHM"
#define SHM_LAYOUT 1u
#define SHM_KEEPER_SLOT 1u      /* slot 0 is the master's */
#define SHM_COUNTERS 64
#define SHM_TYPES 256           /* histograms by type and by queue: the first so many names, then "other" */
#define SHM_NAME 128
#define SHM_EVENTS 4096         /* entries of the event ring: a power of two */
#define SHM_WANT_TYPES 32
#define SHM_HANDOUTS 2048       /* an acceptor */

enum shm_role { SHM_ROLE_NONE, SHM_ROLE_MASTER, SHM_ROLE_KEEPER, SHM_ROLE_ACCEPTOR, SHM_ROLE_WORKER };

/* Life of a process slot. The master writes it, but for ABANDONED -> FREE, which the keeper writes when it has taken what lay there. */
enum shm_proc_state {
	SHM_PROC_FREE,          /* nobody; may be given out */
	SHM_PROC_STARTING,      /* forked, not READY */
	SHM_PROC_READY,         /* READY said, not yet told to go */
	SHM_PROC_RUNNING,
	SHM_PROC_DRAINING,      /* finishing: no new work */
	SHM_PROC_ABANDONED,     /* the process is gone and so is everything it had started; the keeper has to take its leases and requests */
};

enum shm_server_state { SHM_SERVER_STARTING, SHM_SERVER_RUNNING, SHM_SERVER_DRAINING, SHM_SERVER_STOPPING };

enum shm_counter {              /* by whom: A acceptor, K keeper, W worker, M master */
	SHM_C_HTTP_REQUESTS,            /* A */
	SHM_C_HTTP_CONNECTIONS,         /* A */
	SHM_C_HTTP_OPEN,                /* A, a gauge */
	SHM_C_HTTP_2XX, SHM_C_HTTP_4XX, SHM_C_HTTP_5XX, /* A */
	SHM_C_REJECTED,                 /* A: submissions answered 4xx or 5xx */
	SHM_C_COMMITS,                  /* K */
	SHM_C_COMMIT_FAILURES,          /* K */
	SHM_C_OPERATIONS,               /* K: operations committed */
	SHM_C_GRANTS,                   /* K */
	SHM_C_RESTARTS,                 /* M: children that died and were replaced, in the child's slot */
	SHM_C_SPAWNS,                   /* W: handler programs started */
	SHM_C_SPAWN_FAILURES,           /* W */
	SHM_C_OUTPUT_BYTES,             /* W: handler output read, dropped bytes included */
	SHM_C_LOG_DROPPED,              /* all */
	SHM_C_RELOADS, SHM_C_RELOAD_FAILURES,   /* M */
	SHM_C_STORE_USED,               /* K, gauge: bytes in use, free pages not counted */
	SHM_C_STORE_FREE,               /* K, gauge: free bytes on its disk */
	SHM_C_STORE_REFUSING,           /* K, gauge: 1 while submissions are refused for want of room, 2 while commits fail, 3 while the files are gone from their place */
	SHM_C_SUBMITTED,                /* K: the totals below mirror the store's rows, since the store was made */
	SHM_C_PROCESSED,                /* K: attempts that ended */
	SHM_C_SUCCEEDED,                /* K */
	SHM_C_FAILED,                   /* K: failed attempts */
	SHM_C_RETRIED,                  /* K */
	SHM_C_RECOVERED,                /* K: jobs queued again after a crash or a lost lease */
	SHM_C_DEAD,                     /* K: jobs */
	SHM_C_STATE_FIRST,              /* K, gauges: jobs now in state i, at SHM_C_STATE_FIRST + i */
	SHM_C_STATE_LAST = SHM_C_STATE_FIRST + 9,
	SHM_C_QUEUE_US_SUM, SHM_C_EXEC_US_SUM,  /* K: since the server's start */
	SHM_C_IN_USE
};
_Static_assert(SHM_C_IN_USE <= SHM_COUNTERS, "the counters fit");

/* A process slot. 128-byte aligned; one line per writer. */
struct shm_proc {
	/* master */
	_Alignas(128) _Atomic uint32_t state;           /* enum shm_proc_state */
	_Atomic uint32_t role;
	_Atomic uint32_t incarnation;   /* raised at each fork into this slot: (slot, incarnation) owns leases */
	_Atomic uint32_t generation;    /* of the conf */
	_Atomic int32_t pid;
	_Atomic uint32_t restarts;
	_Atomic int64_t started_ms;     /* wall clock */
	_Atomic uint32_t number;        /* worker 1, worker 2 */
	/* the process itself */
	_Alignas(128) _Atomic int64_t heartbeat_ns;     /* clock_boot_ns(), every second */
	_Atomic uint32_t sleeping;      /* it waits on its doorbell: ring it */
	_Atomic uint32_t running;       /* jobs it runs now */
	_Atomic uint64_t rss_kb;
	_Atomic uint64_t want;          /* worker: see grant.h */
	_Atomic uint64_t grant_tail;    /* worker: bytes of its grant ring consumed */
	_Atomic uint32_t want_type[SHM_WANT_TYPES];     /* worker: the rooms that it has a share of besides its own in all; 0 ends the list */
	_Atomic uint64_t want_room[SHM_WANT_TYPES];     /* worker: each one's, as `want` is */
	_Atomic uint32_t listening;     /* acceptor: somebody waits for events: the keeper rings it for them */
	/* keeper */
	_Alignas(128) _Atomic uint64_t grant_head;      /* bytes of the grant ring published; acceptors: 1 while their table of handouts is full */
	_Atomic uint64_t grant_seq;     /* sequence of the last published grant; acceptors: raised by each batch with handouts */
	_Atomic uint64_t grant_next_head, grant_next_seq;       /* the pair that is being published: see grant_publish() */
	/* the process itself, the keeper's for the totals */
	_Alignas(128) _Atomic uint64_t counter[SHM_COUNTERS];
};

/* One job a worker holds: written by the worker, read by the keeper when the worker is dead and by the status page. */
enum shm_run_state { SHM_RUN_FREE, SHM_RUN_GRANTED, SHM_RUN_STARTED };
struct shm_run {
	_Atomic uint32_t state;
	uint32_t attempt;
	uint64_t token;                 /* of the lease */
	int64_t started_ms;             /* wall clock */
	uint8_t id[16];
	char type[40];                  /* cut, NUL-terminated */
};
_Static_assert(sizeof(struct shm_run) == 80, "layout");

/* A job on its way to a remote worker: see handout.h. */
enum shm_handout_state { SHM_HANDOUT_FREE, SHM_HANDOUT_WRITTEN, SHM_HANDOUT_GRANTED, SHM_HANDOUT_TAKEN };
struct shm_handout {
	_Atomic uint32_t state;
	uint32_t batch;                 /* counts as granted when the slot's grant_seq has come so far: all of a batch at once */
	uint64_t claim;                 /* the acceptor's own number of who waits */
	uint64_t token;                 /* of the lease */
	uint8_t id[16];
};
_Static_assert(sizeof(struct shm_handout) == 40, "layout");

struct shm_named {                      /* one named pair of histograms; index SHM_TYPES is "other" */
	_Atomic uint32_t ready;         /* name is complete */
	char name[SHM_NAME + 4];
	struct shm_histogram h;
};

/* What is fixed when the segment is made. It lies at its beginning for those who look from outside; those who live with it use the copy in struct segment, which no child can change under them. */
struct shm_geometry {
	char magic[8];
	uint32_t layout;                /* SHM_LAYOUT */
	uint32_t header_bytes;
	uint64_t total_bytes;
	uint64_t epoch;                 /* of this segment: wall-clock ns at its making; part of every request token */
	int64_t created_ms;
	uint8_t boot_id[16];
	char version[32];
	uint32_t nproc;                 /* slots: 0 master, 1 keeper, then acceptors, then workers */
	uint32_t nacceptor, nworker;
	uint32_t run_capacity;          /* shm_run entries a worker */
	uint32_t nrequest_acceptor, nrequest_worker;    /* request slots a process */
	uint32_t request_bytes_acceptor, request_bytes_worker, result_bytes_acceptor, result_bytes_worker;
	uint32_t grant_bytes;           /* of a worker's grant ring */
	uint32_t reserved;
	uint64_t off_proc, off_run, off_request, off_area, off_grant, off_handout, off_event, off_queue_hist, off_type_hist, off_submit_hist, off_commit_hist;
};

struct shm_header {
	struct shm_geometry geo;
	/* master */
	_Alignas(128) _Atomic uint32_t server_state;    /* enum shm_server_state */
	_Atomic uint32_t no_claims;     /* WINCH: 1 until HUP */
	_Atomic uint32_t generation;    /* of the conf in force */
	_Atomic int64_t reload_ok_ms;   /* when the last good reload was; 0: none yet */
	_Atomic uint32_t reload_failed; /* the last reload failed */
	/* keeper */
	_Alignas(128) _Atomic uint64_t event_head;      /* next event's sequence */
	_Atomic uint64_t keeper_turn;   /* raised by each keeper that starts: those who wait re-read */
};
_Static_assert(sizeof(struct shm_header) <= 4096, "one page");

struct segment {                        /* this process's view; every pointer points into the mapping */
	struct shm_geometry geo;        /* our own copy */
	struct shm_header *h;           /* the words that change; h->geo is not to be trusted */
	struct shm_proc *proc;
	struct shm_run *run;
	struct shm_named *queue_hist, *type_hist;       /* SHM_TYPES + 1 of each: time in queue by queue, execution by type */
	struct shm_histogram *queue_us, *exec_us, *submit_us, *commit_us;       /* the totals */
	char *base;
	size_t bytes;
	uid_t owner;                    /* of the file; in a view from outside */
	int *bell;                      /* eventfd of each slot; NULL in a view from outside */
	int *line;                      /* a pair of sockets a worker slot: line.h; likewise */
};

struct segment_plan {
	uint32_t workers, worker_jobs;
	const char *version;
	const gid_t *group;             /* that may read the file; NULL: the caller's */
};

/* Makes path (under a temporary name, posix_fallocate'd, then renamed), mapped shared, with a doorbell a slot. `plan->workers` is worker_processes: room is made for twice as many and
 * some, so that two generations fit. epoch and times are given by the caller. 0, or -1 with errno. */
int segment_create(struct segment *s, const char *path, const struct segment_plan *plan, uint64_t epoch, int64_t wall_ms, const uint8_t boot_id[16]);
/* Maps an existing one read-only, as `stint status` does. -1 with errno; EPROTO where magic, layout or sizes do not agree. */
int segment_view(struct segment *s, const char *path);
void segment_close(struct segment *s);          /* unmaps and closes; the file stays */

uint32_t segment_acceptor_slot(const struct segment *s, uint32_t i);    /* the i-th acceptor's process slot */
uint32_t segment_worker_slot(const struct segment *s, uint32_t i);
struct shm_run *segment_runs(const struct segment *s, uint32_t slot);   /* run_capacity entries; NULL where slot is no worker's */

/* Wakes the process in `slot` where it sleeps. Order: the caller has published its work with release before. */
void segment_ring(const struct segment *s, uint32_t slot);
/* To be called before blocking: says that we sleep; the caller then looks once more for work, and blocks only if there is none. */
void segment_sleep(const struct segment *s, uint32_t slot);
void segment_awake(const struct segment *s, uint32_t slot);             /* after waking: clears `sleeping` and the eventfd */

static inline void shm_count(struct shm_proc *p, enum shm_counter c, uint64_t n)
{
	/* single writer: a plain add through relaxed load and store, no locked instruction */
	atomic_store_explicit(&p->counter[c], atomic_load_explicit(&p->counter[c], memory_order_relaxed) + n, memory_order_relaxed);
}
static inline void shm_gauge(struct shm_proc *p, enum shm_counter c, uint64_t v)
{
	atomic_store_explicit(&p->counter[c], v, memory_order_relaxed);
}
static inline uint64_t shm_counter(const struct shm_proc *p, enum shm_counter c)
{
	return atomic_load_explicit(&p->counter[c], memory_order_relaxed);
}
/* Sum over all slots, also of processes long gone. */
uint64_t segment_total(const struct segment *s, enum shm_counter c);

#endif
