/* The one key that orders a queue: the smaller runs first, equal keys in order of id (that is, of arrival). */
#ifndef STINT_JOB_ORDER_H
#define STINT_JOB_ORDER_H

#include <stdint.h>

/* aging_ms > 0: queued_ms - priority * aging_ms, shifted to unsigned: one priority gained for each step waited, exactly, without touching an entry.
 * aging_ms == 0: strict priorities, the priority in the high bits and queued_ms below. */
uint64_t order_key(int64_t queued_ms, int32_t priority, int64_t aging_ms);

#endif
