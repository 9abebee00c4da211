/* When a failed attempt is tried again. */
#ifndef STINT_JOB_RETRY_H
#define STINT_JOB_RETRY_H

#include <stdint.h>

#include "job/job.h"

/* Delay after the n-th failure (n >= 1): min(base * factor^(n-1), max), times a random 1 +- jitter, never under base.
 * `random` is any 32 random bits. Milliseconds; never overflows. */
int64_t retry_delay_ms(const struct job_backoff *b, uint32_t failures, uint32_t random);

#endif
