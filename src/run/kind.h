/* What the kinds have in common. */
#ifndef STINT_RUN_KIND_H
#define STINT_RUN_KIND_H

#include "run/run.h"

struct run_base {                       /* begins every kind's struct run_attempt */
	struct run_host *host;
	struct run_task *task;
};

void run_result_init(struct run_result *r);             /* FAILED, nothing said, nothing asked for */
void run_result_free(struct run_result *r);             /* what the callee of ended() left */
/* Ends an attempt that memory was not there for, and so gives its job back. */
void run_no_memory(struct run_host *h, struct run_task *t);
/* "timed out after 30s" for a task's own limit. */
void run_timed_out(const struct run_task *t, struct run_result *r);
/* Sets a timer from now, not from the begin of the loop's turn, which may have been long. */
void run_timer(struct loop *l, struct loop_timer *t, int64_t ms);

#define RUN_READ_BYTES (64u << 10)
typedef void (*run_take_fn)(void *arg, struct loop_io *io, const char *p, size_t n);
/* Reads what is in a program's pipe, at most `rounds` buffers of it. False: the pipe is at its end, or broken, and to be closed. */
bool run_read(struct run_host *h, struct loop_io *io, unsigned rounds, run_take_fn take, void *arg);

#endif
