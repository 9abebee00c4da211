/* Jobs whose rows cannot be read: remembered, so that one bad record stops neither its queue nor the server. Nothing is changed in the store; it may be read better when it is opened anew.
 * Called by the embedded store's transitions; the keeper logs what store_held() says. */
#include "store/embedded.h"

#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct job_id));
}

bool is_held(const struct store *s, struct job_id id)
{
	return s->nheld && bsearch(&id, s->held, s->nheld, sizeof(id), by_id) != NULL;
}

enum store_rc hold_job(struct store *s, struct job_id id)
{
	size_t at = s->nheld;

	if (is_held(s, id))
		return STORE_OK;
	if (s->nheld == s->cap_held) {
		size_t cap = s->cap_held ? s->cap_held * 2 : 16;
		struct job_id *v = realloc(s->held, cap * sizeof(*v));
		if (!v)
			return STORE_NO_MEMORY;
		s->held = v;
		s->cap_held = cap;
	}
	while (at > 0 && by_id(&id, &s->held[at - 1]) < 0)
		at--;
	memmove(&s->held[at + 1], &s->held[at], (s->nheld - at) * sizeof(id));
	s->held[at] = s->last_held = id;
	s->nheld++;
	keyed_held(s);
	return STORE_OK;
}

bool passed_over(struct store *s, struct job_id id, enum store_rc rc)
{
	if (rc != STORE_DAMAGED)
		return false;
	/* also where the batch is lost by it: the next one will not fall over the same job */
	return hold_job(s, id) == STORE_OK && !s->spoilt && !s->torn;
}

size_t store_held(const struct store *s, struct job_id *last)
{
	*last = s->last_held;
	return s->nheld;
}
