/* The two halves of `stint check`. */
#ifndef STINT_CLI_CHECK_H
#define STINT_CLI_CHECK_H

#include "cli/place.h"
#include "job/job.h"
#include "text/buf.h"

/* One thing that was found: `"id":"ID","what":"..."}` as JSON, the end of an object that the caller has begun, or `job ID: ...` and a line's end. The id only where of_job. */
void check_put(struct buf *out, bool json, bool of_job, const struct job_id *id, const char *what);
int check_repair(struct place *p, bool json);   /* the exit code, with everything said */

#endif
