/* Requests that wait for a job to end. */
#ifndef STINT_HTTP_JOB_WAIT_H
#define STINT_HTTP_JOB_WAIT_H

#include "http/http.h"

#define JOB_WAIT_MAX_MS 600000

/* Answers when the job is final, is not there, or wait_ms are over. */
void job_wait(struct http_request *q, struct job_id id, int64_t wait_ms);

/* api_job.c: answers with the job as it stands now. */
void api_job_answer(struct http_request *q, struct job_id id);          /* 200 and the job as it is now */
void api_job_answer_status(struct http_request *q, struct job_id id, int status);
/* 200 and the job as `r` says that it was put, even where a worker has taken it since. */
void api_job_answer_put(struct http_request *q, const struct request_result *r);
/* api_job.c: the job as JSON, inside a snapshot, without a payload or result that has rows of its own. */
enum store_rc api_job_put_brief(struct store_reader *r, struct job_id id, struct buf *out, enum job_state *state);
/* api_job_history.c: {"id","history":[...]}, inside a snapshot; and when the worker that holds the job's lease has begun it, from the worker's own table: 0 where that is not known. */
enum store_rc api_job_history_put(struct api *a, struct job_id id, struct buf *out);
int64_t api_job_running_since(const struct segment *seg, const struct job *j);

#endif
