/* What people do to a queue by hand: pause and resume. */
#include "store/embedded.h"

enum store_rc store_pause(struct store *s, struct job_text queue, bool paused)
{
	if (queue.n == 0 || queue.n > JOB_QUEUE_MAX)
		return STORE_INVALID;
	struct turn_named *q = turn_queue(s->turn, queue, paused);      /* what is not known is not paused either */
	if (!q)
		return paused ? STORE_NO_MEMORY : STORE_OK;
	if (q->limit.paused == paused)
		return STORE_OK;
	q->limit.paused = paused;
	turn_dirty(s->turn, q, false);
	s->totals_dirty = true;
	if (turn_settle(s->turn, q))
		return STORE_OK;
	s->spoilt = true;
	return STORE_NO_MEMORY;
}
