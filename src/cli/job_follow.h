/* A job's log, live: attempt after attempt, until the job has ended. */
#ifndef STINT_CLI_JOB_FOLLOW_H
#define STINT_CLI_JOB_FOLLOW_H

#include "cli/client.h"
#include "cli/log_out.h"

/* Writes the log of the attempt that runs (else of the last one, else of the one to come) and of those after it, as they come. *job is the job at its end. Rides out a server that restarts. 0, or an
 * exit code with c->why. */
int job_follow(struct client *c, const char *id, struct log_out *out, struct buf *job);

#endif
