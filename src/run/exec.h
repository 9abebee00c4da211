/* What the two halves of the exec kind share: exec.c begins and stops attempts, exec_end.c tells how they ended. */
#ifndef STINT_RUN_EXEC_H
#define STINT_RUN_EXEC_H

#include "run/family.h"
#include "run/kind.h"
#include "run/output.h"

struct exec_attempt {
	struct run_base base;
	struct family family;
	enum job_outcome forced;/* NONE: the exit decides */
	struct loop_io out, err;/* fd -1: closed */
	struct loop_timer timer;/* its time limit */
	int64_t started_ns, started_ms;
	struct output_head head;
	struct output_log log;
};

/* Reads what is in a pipe, at most `rounds` buffers of it; closes it at its end. */
void exec_read(struct exec_attempt *a, struct loop_io *io, unsigned rounds);
void exec_close(struct exec_attempt *a, struct loop_io *io);
void exec_free(struct exec_attempt *a);
void exec_over(struct family *f);       /* nothing of the program is left */

#endif
