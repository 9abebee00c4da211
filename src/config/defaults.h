/* What a job has where nobody says otherwise: its type's handler decides, else the defaults of every handler. */
#ifndef STINT_CONFIG_DEFAULTS_H
#define STINT_CONFIG_DEFAULTS_H

#include "config/config.h"
#include "job/job.h"

struct job_defaults {
	struct job_text queue;          /* points into the conf, or is static */
	uint32_t max_retries;
	int64_t timeout_ms;
	struct job_backoff backoff;
};

void conf_job_defaults(const struct conf *c, struct slice type, struct job_defaults *out);
/* How fast a waiting job of that queue rises. */
int64_t conf_job_aging(const struct conf *c, struct job_text queue);

#endif
