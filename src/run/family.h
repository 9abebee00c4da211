/* A program that a kind has started, and all that it forked, until nothing of it is left. */
#ifndef STINT_RUN_FAMILY_H
#define STINT_RUN_FAMILY_H

#include <stdbool.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include "run/cage.h"
#include "run/run.h"

#define FAMILY_MARK_BYTES 64

enum family_stage {
	FAMILY_RUNNING,
	FAMILY_ASKED,           /* SIGTERM sent */
	FAMILY_KILLED,          /* SIGKILL sent */
	FAMILY_GONE,            /* the leader is reaped; what it forked may be left */
};

struct family {
	LIST_ENTRY(family) link;
	struct run_host *host;
	pid_t pid;              /* leader of its own session and process group */
	const char *handler;    /* the handler's pattern, for the log */
	char mark[FAMILY_MARK_BYTES];   /* the entry of its environment that tells its members: "STINT_JOB_ID=..." or "STINT_COPROCESS=..." */
	struct cage cage;               /* from cage_make(), before spawn(); ended here */
	enum family_stage stage;
	struct loop_timer timer;        /* of its end by signals */
	bool judged, left;      /* this sweep, or the last one, is to find whether something of it is left; and it has */
	unsigned kills;         /* rounds of SIGKILL */
	int status;             /* from here on: once it is GONE */
	struct rusage usage;
	int64_t ended_ns;
	struct cage_use use;            /* of the cage, once it is over */
	void (*over)(struct family *f); /* nothing of it is left; it is off the list, its timer stopped, and the owner's to free */
	void (*drop)(struct family *f); /* the same at family_kill_all(), where nobody is to be told */
};

/* handler, mark, over and drop are set; `pid` is what spawn() gave. */
void family_begin(struct family *f, struct run_host *h, pid_t pid);
/* SIGTERM, and SIGKILL after the grace; where it was asked already the shorter grace counts. */
void family_end(struct family *f, int64_t grace_ms);
void family_kill(struct family *f);     /* SIGKILL at once, again and again */
int64_t family_cpu_us(const struct family *f);  /* what its leader, and what that reaped, have taken; once it is GONE */

/* To be called on SIGCHLD. Reaps every child that has ended, our programs and adopted ones (at most `max`), ends what families whose leader is gone left behind, and tells of those of which nothing
 * is left. True where there may be more to reap: to be called again soon. */
bool family_reap(unsigned max);
/* Process death: every program and what it forked, with SIGKILL, reaped; nobody is told. Blocks at most max_ms. */
void family_kill_all(int64_t max_ms);

#endif
