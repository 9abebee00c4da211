/* Histograms by name: the first SHM_TYPES names get their own, the rest share the last. One writer. */
#ifndef STINT_SHM_NAMED_H
#define STINT_SHM_NAMED_H

#include "job/job.h"
#include "shm/segment.h"

#define NAMED_CACHE 1024                /* a power of two above SHM_TYPES */

/* The writer's index over a table; zeroed it is empty and learns what stands there already. */
struct named_index { struct shm_named *table; uint16_t place[NAMED_CACHE]; unsigned used; };

void named_attach(struct named_index *x, struct shm_named *table);
struct shm_histogram *named_histogram(struct named_index *x, struct job_text name);

#endif
