/* One job's page: what its files share. */
#ifndef STINT_HTTP_PAGE_JOB_H
#define STINT_HTTP_PAGE_JOB_H

#include "http/http.h"
#include "http/job_read.h"

struct job_page {
	struct http_request *q;
	struct job_read j;              /* without a payload or result that has rows of its own */
	int64_t now_ms, running_since_ms;
	char id[40];
	bool reads;                     /* who asks may see more than the job itself: history, log, the bytes */
};

/* page_job_parts.c: each reads what it shows and appends a section; inside the snapshot. A part that cannot be read is said to be so. */
void page_job_bytes(struct buf *b, const struct job_page *p);           /* payload and result */
void page_job_history(struct buf *b, const struct job_page *p);
void page_job_log_tail(struct buf *b, const struct job_page *p);

#endif
