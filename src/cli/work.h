/* `stint work`: what its files share. work.c asks for jobs and lives, work_job.c runs them and says how they ended. */
#ifndef STINT_CLI_WORK_H
#define STINT_CLI_WORK_H

#include "cli/cli.h"
#include "cli/link.h"
#include "run/run.h"

#define WORK_JOBS_MAX 1000
#define WORK_BATCH 100u                 /* results in one call */
#define WORK_LEASE_MS 30000
#define WORK_ANSWER_MS 20000            /* how long an answer may take that waits for nothing */

enum work_state { WORK_FREE, WORK_RUNNING, WORK_OVER /* to be reported */, WORK_SENT /* being reported */ };

struct work_job {
	enum work_state state;
	struct run_task task;
	struct run_attempt *attempt;
	struct buf texts, payload;      /* what the task points to */
	char id[40], lease[24];
	bool started, lost;             /* lost: the lease is another's, or nobody's: nothing is to be said of it */
	bool plain;                     /* reported as a failure, since what it has to say is not taken */
	int64_t beat_ns;                /* when it is to be extended next */
	int percent;                    /* not said yet; -1: none */
	char message[256];
	struct buf report;              /* JSON: an element of POST /claims/results */
};

struct work {
	struct loop *loop;
	struct client client;
	struct conf *conf;              /* its one handler is the command */
	struct run_host host;
	struct link claims, results, beats;
	struct loop_timer claim_timer, result_timer, beat_timer, reap_timer, stop_timer;
	struct work_job *job;
	int64_t jobs, kill_grace;
	struct buf ask;                 /* what POST /claims is always asked for, but for max */
	char worker[80];
	unsigned held, running;         /* jobs that are not FREE; that run */
	unsigned claim_tries, result_tries, beat_tries;
	unsigned sent, batch;           /* of a batch of results: how many it has; how many it may have */
	struct work_job *said;          /* of whom the last call on the line `beats` was; NULL: he is gone */
	bool said_progress;
	unsigned stops;                 /* signals to end */
	bool away_said;                 /* that the server does not answer */
	bool over;
	int code;
};

/* work.c */
int64_t work_pause(unsigned tries);     /* nanoseconds before the next try, growing, with jitter */
void work_claim(struct work *w);        /* asks for jobs where there is room */

/* work_job.c */
void work_take(struct work *w, struct slice job);       /* one of the answer to a claim */
void work_stop_all(struct work *w, int64_t grace_ms);
void work_report(struct work *w);       /* says what has ended, where nothing is being said */
void work_reported(struct link *l, int status, struct slice body, const char *why);
void work_beat(struct work *w);         /* extends, and says progress, one call at a time */
void work_beaten(struct link *l, int status, struct slice body, const char *why);
void work_started(void *arg, struct run_task *t);
void work_ended(void *arg, struct run_task *t, struct run_result *r);
void work_progress(void *arg, struct run_task *t, int percent, struct slice message);

#endif
