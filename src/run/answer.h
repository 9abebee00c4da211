/* What an HTTP status means for the job. Pure. */
#ifndef STINT_RUN_ANSWER_H
#define STINT_RUN_ANSWER_H

#include "run/run.h"

/* Sets outcome and no_retry: 2xx succeeded; 408, 409, 425, 429, 5xx and what is no status failed, to be retried; the others failed for good. */
void answer_judge(long status, struct run_result *r);
/* The pause that a Retry-After asks for, seconds or a date (RFC 9110, 10.2.3), at most max_ms. -1 where it is neither. */
int64_t answer_retry_after(struct slice value, int64_t now_ms, int64_t max_ms);
const char *answer_phrase(long status);         /* "Not Found"; NULL for rare ones */

#endif
