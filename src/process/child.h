/* What a fork tells the common part of a child before its role's body begins. */
#ifndef STINT_PROCESS_CHILD_H
#define STINT_PROCESS_CHILD_H

#include "process/process.h"

struct child_birth {
	pid_t master;           /* whose end is ours */
	const char *title;      /* "worker 2"; copied */
	bool log_at_go;         /* the conf's log is to be opened at MASTER_GO: until then its lines go where the master's go now */
	unsigned ahead;         /* percent of a processor up to which it goes before ordinary processes, where we are in the background and may; 0: never */
	bool background;        /* at MASTER_GO stderr goes to /dev/null unless it is the log */
};

void child_born(const struct child_birth *birth);

#endif
