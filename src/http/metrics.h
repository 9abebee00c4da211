/* The figures for machines that scrape. */
#ifndef STINT_HTTP_METRICS_H
#define STINT_HTTP_METRICS_H

#include <stdbool.h>

#include "http/figures.h"
#include "text/buf.h"

/* Prometheus text 0.0.4, or OpenMetrics 1.0 with its "# EOF". */
void metrics_put_text(struct buf *b, const struct figures *f, const struct segment *seg, bool openmetrics);
/* The short JSON that simple queues give. */
void metrics_put_json(struct buf *b, const struct figures *f);

#endif
