/* What the two halves of the exec kind share: exec.c begins and stops attempts, exec_end.c reaps and ends them. */
#ifndef STINT_RUN_EXEC_H
#define STINT_RUN_EXEC_H

#include <sys/queue.h>
#include <sys/resource.h>

#include "run/kind.h"
#include "run/output.h"

enum exec_stage {
	EXEC_RUNNING,
	EXEC_ASKED,             /* SIGTERM sent */
	EXEC_KILLED,            /* SIGKILL sent */
	EXEC_GONE,              /* the leader is reaped; what it forked may be left */
};

struct exec_attempt {
	struct run_base base;
	LIST_ENTRY(exec_attempt) link;
	pid_t pid;              /* leader of its own session and process group */
	enum exec_stage stage;
	enum job_outcome forced;/* NONE: the exit decides */
	bool left;              /* found by this sweep: something of it is alive */
	unsigned kills;         /* rounds of SIGKILL */
	struct loop_io out, err;/* fd -1: closed */
	struct loop_timer timer;
	int64_t started_ns, started_ms, ended_ns;
	int status;
	struct rusage usage;
	struct output_head head;
	struct output_log log;
};

LIST_HEAD(exec_list, exec_attempt);
extern struct exec_list exec_attempts;

/* Reads what is in a pipe, at most `rounds` buffers of it; closes it at its end. */
void exec_read(struct exec_attempt *a, struct loop_io *io, unsigned rounds);
void exec_close(struct exec_attempt *a, struct loop_io *io);
void exec_free(struct exec_attempt *a);
void exec_look_again(void);            /* for what is left of attempts that are over */

#endif
