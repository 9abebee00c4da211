/* What `stint submit` sends: a job as JSON, or the query of a raw body. */
#ifndef STINT_CLI_SUBMIT_JOB_H
#define STINT_CLI_SUBMIT_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/options.h"
#include "text/buf.h"

struct submit_job {
	const char *type;
	const char *queue, *name, *run_at, *key, *idempotency_key, *unique_key;         /* NULL: not said */
	int64_t priority, delay_ms, retries, timeout_ms, expires_ms;
	bool has_priority, has_delay, has_retries, has_timeout, has_expires;
	struct option_list tags, depends_on;
};

/* What the server would refuse too, but says here by the options' own names. False with why. */
bool submit_job_check(const struct submit_job *j, bool raw, char *why, size_t why_size);
void submit_job_json(struct buf *out, const struct submit_job *j, struct slice payload);        /* payload: JSON, kept byte for byte */
void submit_job_query(struct buf *out, const struct submit_job *j);     /* "type=resize&queue=a%20b"; the payload is the body */

#endif
