/* Submissions that come while the keeper still reads the idempotency keys of before its start: asked again until it can tell, and refused where that takes too long. Called by submission.c and api_submit.c. */
#include "http/submission.h"

#define PAUSE_NS INT64_C(50000000)
#define PATIENCE_NS INT64_C(10000000000)

static void ask_again(struct loop_timer *t)
{
	struct submission *s = LOOP_OWNER(t, struct submission, again);

	if (s->kind == SUBMISSION_ARRAY)
		submission_ask_group(s);
	else
		submission_ask(s);
}

bool submission_later(struct submission *s)
{
	struct loop *loop = s->q->api->loop;
	bool any = false;

	for (size_t i = 0; i < s->n; i++)
		any |= s->item[i].result.rc == STORE_KEYS_LATER;
	if (!any || s->q->gone || s->q->api->draining)
		return false;
	if (s->patience_ns == 0)
		s->patience_ns = loop_now(loop) + PATIENCE_NS;
	if (loop_now(loop) >= s->patience_ns)
		return false;
	s->open = 1;            /* it has no answer yet */
	s->again.fire = ask_again;
	loop_timer_set(loop, &s->again, PAUSE_NS);
	return true;
}
