/* Which options a job's type and queue have. Called for every submission and claim; allocates nothing. */
#include "config/config.h"

#include <string.h>

const struct conf_handler *conf_handler_of(const struct conf *c, struct slice type)
{
	const struct conf_handler *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < c->nhandler; i++) {
		const struct conf_handler *h = &c->handler[i];
		size_t n = strlen(h->pattern);
		if (!n || h->pattern[n - 1] != '*') {
			if (slice_eq(type, h->pattern))
				return h;
			continue;
		}
		n--;
		if (n <= type.n && (!n || memcmp(type.p, h->pattern, n) == 0) && (!found || n > longest)) {
			found = h;
			longest = n;
		}
	}
	return found;
}

const struct conf_queue *conf_queue_of(const struct conf *c, struct slice queue)
{
	for (size_t i = 0; i < c->nqueue; i++)
		if (slice_eq(queue, c->queue[i].name))
			return &c->queue[i];
	return &c->queue[0];
}
