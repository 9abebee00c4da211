/* The bar that shows that long work goes on: one line on stderr, only where that is a terminal, at most ten times a second. */
#ifndef STINT_CLI_PROGRESS_H
#define STINT_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "text/buf.h"

struct progress {
	bool on;
	const char *what, *unit;        /* "draining", "jobs" */
	int64_t shown_ns;
};

void progress_begin(struct progress *p, const char *what, const char *unit);
/* fraction 0..1, or below 0 where the end is not known; done: so many of the unit, in so much time. */
void progress_show(struct progress *p, double fraction, uint64_t done, int64_t elapsed_ns);
void progress_end(struct progress *p);                          /* wipes the line */

/* The line itself, without what moves the cursor. */
void progress_put(const struct progress *p, double fraction, uint64_t done, int64_t elapsed_ns, struct buf *out);

#endif
