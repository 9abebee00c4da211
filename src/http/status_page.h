/* The first of the pages for people: the overview. */
#ifndef STINT_HTTP_STATUS_PAGE_H
#define STINT_HTTP_STATUS_PAGE_H

#include "http/figures.h"
#include "http/health.h"
#include "http/job_row.h"
#include "http/schedules.h"
#include "text/buf.h"

#define STATUS_PAGE_RECENT 25

void status_page_put(struct buf *b, const struct http_request *q, const struct figures *f, const struct health *health, const struct job_row *recent, size_t nrecent,
	const struct schedule_view *schedule, size_t nschedule);

#endif
