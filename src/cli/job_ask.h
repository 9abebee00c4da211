/* Asking the server about one job, for submit and show. */
#ifndef STINT_CLI_JOB_ASK_H
#define STINT_CLI_JOB_ASK_H

#include <stdbool.h>

#include "cli/client.h"

bool job_ask_id(const char *text);      /* whether it looks like an id */

/* GET /jobs/ID and `rest` ("", "/history", "?wait=30s"), the body into *answer. 0, or an exit code with c->why. */
int job_ask(struct client *c, const char *id, const char *rest, struct buf *answer);

/* Waits until the job is final; *answer is it then. Rides out a server that restarts. 0, or an exit code with c->why. */
int job_ask_final(struct client *c, const char *id, struct buf *answer);

/* The job has ended: 0 where it succeeded, else CLI_JOB_FAILED, with the reason on stderr; another exit code, told of too, where its result could not be had. Prints what is asked for. */
enum job_ended { JOB_ENDED_QUIET, JOB_ENDED_RESULT, JOB_ENDED_JSON };
int job_ask_ended(struct client *c, const char *id, const struct buf *job, enum job_ended print);
bool job_ask_is_final(const struct buf *job);

/* Writes the job's result to stdout as it is, nothing where it has none. */
int job_ask_result(struct client *c, const char *id);

#endif
