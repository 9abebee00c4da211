/* A job's defaults. Called for each submission and for each tick of a schedule; nothing here can fail. */
#include "config/defaults.h"

#include <string.h>

static struct job_text borrow(const char *cstr)
{
	return (struct job_text){ cstr, strlen(cstr) };
}

void conf_job_defaults(const struct conf *c, struct slice type, struct job_defaults *out)
{
	const struct conf_handler *h = conf_handler_of(c, type);

	/* where no section takes the type: the defaults of a handler */
	*out = (struct job_defaults){ .queue = borrow("default"), .max_retries = 3, .timeout_ms = 30000,
		.backoff = { .base_ms = 1000, .max_ms = 1048576000, .factor_milli = 2000, .jitter_pct = 25 } };
	if (!h)
		return;
	if (h->queue && h->queue[0])
		out->queue = borrow(h->queue);
	out->max_retries = (uint32_t)h->max_retries;
	out->timeout_ms = h->timeout;
	out->backoff = (struct job_backoff){ .base_ms = h->backoff_base, .max_ms = h->backoff_max, .factor_milli = (uint32_t)(h->backoff_factor * 1000 + 0.5),
		.jitter_pct = (uint32_t)h->backoff_jitter };
}

int64_t conf_job_aging(const struct conf *c, struct job_text queue)
{
	return conf_queue_of(c, (struct slice){ queue.p, queue.n })->priority_aging;
}
