/* `stint bench`: what its kinds share. Each kind is a file with one function of the table in bench.c. */
#ifndef STINT_CLI_BENCH_H
#define STINT_CLI_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/load.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "shm/segment.h"

#define BENCH_PAYLOAD 200               /* bytes of a job's payload, quotes included */
#define BENCH_PATIENCE_MS 30000         /* nothing more is done for so long: the run ends */

/* The options, and what is open while a benchmark runs. */
struct bench {
	const char *url, *token, *conf_file, *beanstalkd, *with;
	int64_t priorities, connections, limit_ms, jobs, sleep_ms, delay_ms, at_once, pid;
	bool json, hold, jobs_given, limit_given, at_once_given, conf_given;
	struct client client;
	struct load_http http;
	struct load_beanstalk beanstalk;
	struct progress progress;
	struct conf *conf;              /* NULL: none could be read */
	struct segment seg;             /* h NULL: not to be seen from here */
	pid_t master;                   /* 0: not known */
	struct shm_histogram commits;   /* as they were when the measuring began */
};

int bench_submit(struct bench *b);
int bench_drain(struct bench *b);
int bench_sleep(struct bench *b);
int bench_latency(struct bench *b);

/* --- what the kinds use --- */

/* A job of `type` with BENCH_PAYLOAD bytes of payload, or with `payload` as it is. */
void bench_job(struct buf *out, const char *type, const char *payload);
/* Puts --priorities and --with into it: what is to be another in each request is marked for load_http_prepare(). 0, or a code with the message printed. */
int bench_members(const struct bench *b, struct buf *job);
void bench_payload(struct buf *out);    /* BENCH_PAYLOAD bytes, for a peer that takes them bare */

/* Submits `job` by the load generator, to Stint or to beanstalkd. 0 only where all went well; else the code, with the message printed. jobs 0: as
 * many as the time allows. */
int bench_load(struct bench *b, struct slice job, uint64_t jobs, int64_t limit_ms, const char *what, struct load_result *r);

struct bench_stats { double succeeded, failed, queued, running; };
int bench_stats(struct bench *b, struct bench_stats *s);       /* 0, or a code with the message printed */

/* Waits until succeeded_total has grown by `jobs` over *base, asking every `every_ms`; *first_ns is when it was first seen to have grown
 * (clock_boot_ns()). */
int bench_wait(struct bench *b, const struct bench_stats *base, uint64_t jobs, int64_t every_ms, int64_t begun_ns, int64_t *first_ns);

/* The master: from --pid or the conf's pid file. 0, or a code with the message printed. */
int bench_master(struct bench *b);
int bench_hold(struct bench *b);        /* WINCH, and waits until it is in force */
int bench_release(struct bench *b);     /* HUP; fine where nothing is held */

/* Opens the conf's segment where it can be seen; a help for the figures below, never an error. */
void bench_look(struct bench *b);
/* The server's commits between the two calls, as figures of the report: what the disk was like. Nothing where the segment cannot be seen. */
void bench_commits_begin(struct bench *b);
void bench_commits_report(const struct bench *b, struct report *r);

void bench_sleep_ns(int64_t ns);

#endif
