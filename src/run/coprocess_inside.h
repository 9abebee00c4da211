/* What the files of the coprocess kind share: coprocess.c (jobs and instances), coprocess_io.c (the lines between us and a program), coprocess_end.c (a program's begin and end). */
#ifndef STINT_RUN_COPROCESS_INSIDE_H
#define STINT_RUN_COPROCESS_INSIDE_H

#include <sys/queue.h>

#include "run/coprocess.h"
#include "run/family.h"
#include "run/kind.h"
#include "run/line.h"
#include "run/line_cut.h"
#include "run/output.h"

#define COPROCESS_NOT_WRITTEN UINT64_MAX
#define COPROCESS_REMEMBERED 64u        /* ids of jobs answered last, to tell a second answer from one for no job of ours */

enum coprocess_life {
	COPROCESS_DOWN,         /* no program; the next job starts it */
	COPROCESS_PAUSED,       /* it has died: the next is started when the timer fires */
	COPROCESS_UP,
	COPROCESS_CLOSING,      /* it runs and takes no more jobs: its input is closed, or it has closed its output; signals when the timer fires */
	COPROCESS_ENDING,       /* and has been told to end */
};

struct coprocess_pool {
	struct coprocess_pool *next;
	const struct conf_handler *handler;
	struct run_host *host;
	struct coprocess *instance;
	unsigned n;
};

struct coprocess_job {
	struct run_base base;
	TAILQ_ENTRY(coprocess_job) link;
	struct coprocess *in;
	uint64_t from, to;              /* its line's place in the stream to the program */
	enum job_outcome verdict;       /* how it ends with its program whatever that says; NONE: by its answer, or failed */
	bool answer_counts;             /* though there is a verdict: it was not its own fault */
	struct loop_timer timer;        /* its time limit */
	int64_t started_ns, started_ms;
	uint64_t output_total;
	struct output_log log;
	char error[JOB_ERROR_MAX];      /* of the verdict */
};

struct coprocess_use {                  /* of processor and memory, by a program */
	int64_t told_us;                /* processor time that jobs have been told of, or that was taken while it had none */
	int64_t children_us;            /* of processes that it started and has reaped */
	int64_t peak_kb;
	int64_t looked_ns;              /* at the last two; 0: never */
};

struct coprocess {
	struct coprocess_pool *pool;
	unsigned number;                /* from 1 */
	enum coprocess_life life;
	struct family family;
	struct coprocess_use use;
	struct loop_io to, from, err;   /* fd -1: closed */
	struct loop_timer timer;        /* of a pause, or of patience with one that is closing */
	TAILQ_HEAD(coprocess_jobs, coprocess_job) jobs;
	unsigned njobs;
	/* to the program */
	struct buf out;
	size_t sent;                    /* of out */
	uint64_t dropped;               /* bytes of the stream that stood before out */
	/* from it */
	struct buf line;                /* the begin of one, kept until its newline comes */
	struct line_cut cut;            /* what is left out of it */
	bool cuts;                      /* it is longer than one is kept whole */
	struct output_log log;          /* the tail of its standard error, for why it died */
	bool deaf;                      /* it broke the protocol: what it says is read and dropped */
	bool drained;                   /* no more jobs, and no successor */
	bool asked;                     /* its end was our doing: a successor at once */
	char fault[JOB_ERROR_MAX];      /* how it broke the protocol, or closed a pipe and stayed; "" */
	unsigned failures;              /* deaths since an answer, each with a longer pause */
	bool refused;                   /* that it cannot be started has been said */
	struct job_id answered[COPROCESS_REMEMBERED];
	unsigned nanswered;
};

extern struct coprocess_pool *coprocess_pools;

/* --- coprocess.c --- */
void coprocess_job_end(struct coprocess_job *j, struct run_result *r);  /* reports it and frees it */
void coprocess_job_free(struct coprocess_job *j);
void coprocess_verdict(struct coprocess *c, enum job_outcome verdict, const char *error);      /* of all its jobs that have none yet; their answers count where it is RELEASED */
struct coprocess_job *coprocess_job_of(struct coprocess *c, const struct job_id *id);           /* of those that were written, be it in part */

/* --- coprocess_io.c --- */
void coprocess_io_init(struct coprocess *c);
int coprocess_listen(struct coprocess *c, int to, int from, int err);   /* takes our ends of its pipes; -1 with errno: all are closed */
void coprocess_close(struct coprocess *c, struct loop_io *io);
void coprocess_write(struct coprocess *c);                              /* as much as it takes now */
bool coprocess_unwritten(const struct coprocess_job *j);                /* the program has not seen a byte of it */
void coprocess_unwrite(struct coprocess_job *j);                        /* such a job's line is taken out */
void coprocess_read_all(struct coprocess *c);                           /* what is left in its pipes when it is gone */

/* --- coprocess_use.c --- */
void coprocess_use_begin(struct coprocess *c);                          /* a program has been started */
void coprocess_use_pass(struct coprocess *c);                           /* what it has taken so far is no job's: it had none */
void coprocess_use_tell(struct coprocess *c, struct run_result *r);     /* what it has taken since the last job that was told */

/* --- coprocess_end.c --- */
bool coprocess_launch(struct coprocess *c, char *why, size_t why_size, bool *ours);    /* DOWN -> UP. False with the reason; *ours: our own resources are short */
void coprocess_launch_by_itself(struct coprocess *c);                   /* without a job to be told why not: the log is */
void coprocess_end(struct coprocess *c, int64_t grace_ms);              /* SIGTERM, SIGKILL after the grace */
void coprocess_fault(struct coprocess *c, const char *what, struct slice line);        /* it broke the protocol: its jobs fail, it is ended */
void coprocess_lost(struct coprocess *c);                               /* it closed a pipe of ours: it is dying, or as good as that */
void coprocess_finish(struct coprocess *c);                             /* closes its input, where it has no job and is to have none */
void coprocess_again(struct loop_timer *t);
void coprocess_over(struct family *f);
void coprocess_dropped(struct family *f);

#endif
