/* The page for people. */
#ifndef STINT_HTTP_STATUS_PAGE_H
#define STINT_HTTP_STATUS_PAGE_H

#include "http/figures.h"
#include "http/health.h"
#include "http/schedules.h"
#include "text/buf.h"

#define STATUS_PAGE_RECENT 25

struct status_recent {                  /* one of the newest jobs */
	struct job job;
	struct slice type, queue, name, error;  /* error p NULL: none */
};

void status_page_put(struct buf *b, const struct figures *f, const struct health *health, const struct status_recent *recent, size_t nrecent,
	const struct schedule_view *schedule, size_t nschedule);

#endif
