/* A job as a row of a table. */
#ifndef STINT_HTTP_JOB_ROW_H
#define STINT_HTTP_JOB_ROW_H

#include "job/job.h"
#include "text/buf.h"

struct job_row {
	struct job job;
	struct slice type, queue, name, error, worker;  /* p NULL: none */
};

#define JOB_ROW_COLUMNS "id,type,queue,state,#attempts,#time,#submitted"

void job_row_put(struct buf *b, int64_t now_ms, const struct job_row *r);
void job_row_none(struct buf *b, const char *why);      /* the one row of an empty table */
/* The worker of the job's last attempt: what a remote one calls itself, or "worker-SLOT:PID". Nothing where it has had none. */
void job_row_worker(struct buf *b, const struct job *j, struct slice remote);

#endif
