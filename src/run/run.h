/* Running one attempt of one job inside a worker's loop. A kind of handler is a struct run_kind; the worker knows nothing else of it. */
#ifndef STINT_RUN_RUN_H
#define STINT_RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/config.h"
#include "event/loop.h"
#include "job/job.h"
#include "text/buf.h"

/* What is to be run: all of it the attempt's own copy, valid until its end was reported. */
struct run_task {
	struct job_id id;
	uint64_t token;
	uint32_t attempt, max_attempts;
	int64_t timeout_ms;             /* 0: none */
	int64_t deadline_ms;            /* wall clock, for STINT_DEADLINE; 0: none */
	int32_t priority;
	char *type, *queue, *name, *trace, *content_type;       /* "" where there is none */
	char *payload;                  /* malloc'ed */
	size_t payload_len;
	const struct conf_handler *handler;
};

struct run_result {
	enum job_outcome outcome;       /* SUCCEEDED, FAILED, TIMED_OUT, RELEASED, CANCELLED */
	bool no_retry;
	int32_t exit_code, term_signal; /* -1, 0 where they say nothing */
	int64_t retry_in_ms;            /* -1: none asked for */
	int64_t started_ms;             /* wall clock */
	int64_t duration_us, cpu_us;
	uint64_t max_rss_kb;
	struct buf output;              /* kept part of stdout */
	struct buf log;                 /* kept tail of stderr */
	uint64_t output_total, log_total;       /* bytes seen, dropped ones included */
	uint64_t log_said;              /* of them, those that were the log's: `log` is the end of it */
	bool output_cut;
	bool crowded;                   /* RELEASED for want of a free place here alone: no resources are short */
	char error[JOB_ERROR_MAX];      /* last_error; "" on success */
};
struct run_attempt;                     /* a kind's own, begins with struct run_base */

struct run_host {                       /* what an attempt may use of its worker */
	struct loop *loop;
	void *arg;
	void (*started)(void *arg, struct run_task *t);                         /* the program runs: to be marked before anything can be lost */
	void (*ended)(void *arg, struct run_task *t, struct run_result *r);     /* once for each start; r is the callee's to take apart; the attempt is freed after it */
	void (*progress)(void *arg, struct run_task *t, int percent, struct slice message);
	void (*logged)(void *arg, struct run_task *t);                          /* there is more in the attempt's log; NULL: nobody wants to know */
	pid_t pid;                      /* of the worker */
	uint64_t spawns, spawn_failures, output_bytes;          /* counted by the kinds */
};

enum run_stop {
	RUN_STOP_CANCEL,        /* outcome CANCELLED; SIGTERM, after kill_grace SIGKILL */
	RUN_STOP_RELEASE,       /* the server stops: outcome RELEASED; the grace is cut to grace_ms */
};

struct run_kind {
	const char *name;
	/* Begins it. Never fails: what goes wrong is an attempt that ends FAILED (or RELEASED where our own resources were short: EAGAIN, ENOMEM, EMFILE), reported through ended(), which may be called before start() returns. */
	void (*start)(struct run_host *h, struct run_task *t, struct run_attempt **out);
	void (*stop)(struct run_host *h, struct run_attempt *a, enum run_stop how, int64_t grace_ms);
	const struct output_log *(*log)(const struct run_attempt *a);           /* what it has written so far; NULL: a kind that shows no log before the end */
};

struct output_log;

const struct run_kind *run_kind_of(const struct conf_handler *h);       /* NULL where this build has none */

extern const struct run_kind run_exec, run_coprocess, run_http, run_smtp, run_builtin;

unsigned exec_running(void);            /* programs of the exec kind */

#endif
