/* A page of a listing of jobs, whatever it is written in. */
#ifndef STINT_HTTP_JOB_LIST_H
#define STINT_HTTP_JOB_LIST_H

#include <stdbool.h>

#include "http/http.h"

struct job_list_form {
	/* Appends one job, inside a snapshot. What it appends where it fails is taken back. */
	enum store_rc (*put)(struct http_request *q, struct job_id id, bool first, struct buf *body);
	/* Answers with what was put. cursor: where the next page begins; NULL: there is none. */
	void (*end)(struct http_request *q, struct buf *body, const char *cursor);
};

/* The jobs that the request's query means: "state,type,queue,tag,q,limit,cursor". Calls form->end(), or answers with a problem. */
void job_list(struct http_request *q, const struct job_list_form *form);

#endif
