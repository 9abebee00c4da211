/* Readers of the log of an attempt that runs, or is to run. */
#ifndef STINT_HTTP_JOB_LOG_H
#define STINT_HTTP_JOB_LOG_H

#include "http/http.h"

#define JOB_LOG_READERS 1000u           /* at once, in one process */

/* Streams what attempt `attempt` writes, from what is kept of it. It runs as `job` says; or is to come, and is waited for. follow: until it ends; else what there is now. */
void job_log_stream(struct http_request *q, const struct job *job, uint32_t attempt, bool follow);
unsigned job_log_readers(void);

#endif
