/* What every request about one job begins with. */
#ifndef STINT_HTTP_JOB_REQUEST_H
#define STINT_HTTP_JOB_REQUEST_H

#include "http/http.h"

bool job_request_id(struct http_request *q, struct job_id *id);         /* from the path; false: 404 was answered, or 503 */
/* Whether the job is there for the request's token: it is for that job's queue, or for all. False too where that cannot be read. Opens a snapshot of its own. */
bool job_request_for(const struct http_request *q, struct job_id id);
/* Opens a snapshot; false: 503 was answered. */
bool job_request_read(struct http_request *q);
/* Answers for a read that went wrong: 404 for STORE_NOT_FOUND, else 503. */
void job_request_failed(struct http_request *q, enum store_rc rc);

#endif
