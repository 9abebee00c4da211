/* What the files of the worker share: worker.c claims and is told things, worker_job.c runs what was claimed and reports its end, worker_payload.c reads large payloads,
 * worker_follow.c shows logs as they grow. */
#ifndef STINT_PROCESS_WORKER_H
#define STINT_PROCESS_WORKER_H

#include <sys/queue.h>

#include "process/process.h"
#include "run/coprocess.h"
#include "run/run.h"
#include "shm/grant.h"
#include "shm/request.h"
#include "store/store.h"

#define WORKER_PROGRESS_MAX 256         /* bytes of a progress message */

enum held_state {
	HELD_FREE,
	HELD_RUNNING,           /* handed to its kind */
	HELD_STAGING,           /* over; a long result or log is on its way to the store */
	HELD_ASKED,             /* its finish lies with the keeper */
	HELD_LATER,             /* its finish is to be asked again */
};

struct worker;
struct follower;                        /* somebody who reads the log while it grows */
LIST_HEAD(follower_list, follower);

/* One job that we hold a lease of; the same index in the run table of the segment. Free from the moment its finish was answered. */
struct held {
	struct worker *w;
	uint32_t index;
	enum held_state state;
	struct run_task task;           /* its texts and payload lie in `memory`, a large payload in `payload` */
	struct buf payload;
	char *memory;
	size_t memory_size;             /* kept from job to job */
	const struct run_kind *kind;
	struct run_attempt *attempt;    /* NULL where it is over, or a kind without anything to stop */
	/* its end */
	struct request_finish finish;
	struct buf result, log;
	char error[JOB_ERROR_MAX];
	bool bare;                      /* asked again without result and log */
	/* progress not reported yet */
	int percent;                    /* -1: none */
	size_t message_len;
	char message[WORKER_PROGRESS_MAX];
	int64_t reported_ns;            /* 0: never */
	struct follower_list followers; /* empty from its end on */
};

struct worker_room {                    /* for jobs that take a place in a coprocess */
	const struct conf_handler *handler;
	uint64_t taken, promised;       /* jobs granted; room + taken, as published last */
};

struct worker {
	struct process *p;
	struct run_host host;
	struct ask_box *box;
	struct store_reader *reader;    /* opened for the first large payload */
	struct shm_run *run;            /* our part of the run table */
	struct held *held;              /* capacity of them */
	uint32_t *idle;                 /* stack of free indexes, nidle of them */
	uint32_t capacity, nidle, running, most;        /* most: worker_jobs */
	uint64_t seen;                  /* sequence of the last grant taken */
	uint64_t promised;              /* room + seen, as published last */
	struct worker_room room[SHM_WANT_TYPES];
	uint32_t nroom;
	bool going, paused, draining, drained;
	int64_t short_until_ns;         /* no claims until then: resources were short */
	struct loop_timer later, short_timer, progress_timer, reap_timer;
	uint64_t spawns, spawn_failures, output_bytes;  /* of host, already in the counters */
	char name[12];                  /* "3", for the log */
	struct loop_io line_io;         /* who wants to read a log says so here: shm/line.h */
};

/* worker_job.c */
int held_init(struct worker *w);                                        /* -1 where memory is out */
void held_take(struct worker *w, const struct grant_view *v);           /* a grant becomes a running job, or one that is given back */
void held_answered(struct worker *w, const struct request_result *r);   /* the ask box's answers */
void held_cancel(struct worker *w, uint64_t token);                     /* ends the attempt that runs under that lease; nothing where it is over */
void held_stop_all(struct worker *w, int64_t grace_ms);
void held_started(void *arg, struct run_task *t);                       /* run_host */
void held_ended(void *arg, struct run_task *t, struct run_result *r);
void held_progress(void *arg, struct run_task *t, int percent, struct slice message);

/* worker_follow.c */
int follow_init(struct worker *w);                                      /* -1 with errno */
void follow_logged(void *arg, struct run_task *t);                      /* run_host */
void follow_ended(struct held *j, struct slice log, uint64_t said);     /* its whole log: who reads it gets the rest */

/* worker.c */
void worker_short(struct worker *w, int64_t ms);        /* claims nothing for a while */
void worker_take_grants(struct worker *w);              /* begins what has been granted */

/* worker_payload.c: reads `n` bytes of a staged payload. STORE_OK, or why not, with a text. */
enum store_rc worker_payload(struct worker *w, uint64_t blob, size_t n, struct buf *out, char *why, size_t why_size);

#endif
