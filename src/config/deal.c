/* How the instances of coprocess handlers are dealt out. Called by keeper and workers, which must come to the same; allocates nothing. */
#include "config/config.h"

uint32_t conf_room_of(const struct conf_handler *h)
{
	uint32_t id = 2166136261u;      /* FNV-1a */

	if (!h || h->kind != CONF_HANDLER_COPROCESS)
		return 0;
	for (const char *p = h->pattern; *p; p++)
		id = (id ^ (uint8_t)*p) * 16777619u;
	return id ? id : 1;
}

/* One after the other round the workers, each handler going on where the one before it ended: many handlers with one instance each do not all meet in the first worker. */
uint64_t conf_deal(const struct conf *c, const struct conf_handler *h, uint64_t worker)
{
	uint64_t workers = c->worker_processes, first = 0;

	if (h->kind != CONF_HANDLER_COPROCESS || worker < 1 || worker > workers)
		return 0;
	for (const struct conf_handler *before = c->handler; before != h; before++)
		if (before->kind == CONF_HANDLER_COPROCESS)
			first = (first + before->instances) % workers;
	uint64_t place = (worker - 1 + workers - first) % workers;
	return h->instances / workers + (place < h->instances % workers);
}
