/* The figures as JSON. */
#ifndef STINT_HTTP_STATS_H
#define STINT_HTTP_STATS_H

#include "http/figures.h"
#include "text/buf.h"

void stats_put(struct buf *b, const struct figures *f);
const char *stats_role_name(enum shm_role role);
const char *stats_proc_state_name(enum shm_proc_state state);

#endif
