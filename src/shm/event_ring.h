/* The broadcast ring of job events. The keeper alone writes; anybody reads without a lock and finds out when it was overtaken. */
#ifndef STINT_SHM_EVENT_RING_H
#define STINT_SHM_EVENT_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/segment.h"

struct shm_event {
	_Atomic uint64_t seq;           /* of this entry + 1; 0 while it is being written */
	int64_t at_ms;
	uint8_t id[16];
	uint32_t attempt;
	uint8_t state;                  /* enum job_state after it */
	uint8_t event;                  /* enum job_event */
	uint8_t outcome;                /* enum job_outcome, where an attempt ended */
	uint8_t cut;                    /* type or queue did not fit */
	char type[64], queue[40];       /* NUL-terminated */
	int32_t percent;                /* JOB_EV_PROGRESS: how far it is */
	uint32_t reserved;
};

void event_start(struct segment *s, uint64_t told);             /* the keeper begins: the next is at least this one. What lies between was lost with a keeper before it */
void event_put(struct segment *s, const struct shm_event *e);   /* seq is given by the ring */
uint64_t event_head(const struct segment *s);                   /* the next event's sequence */
/* Copies the event `seq`: 1 copied, 0 not written yet, -1 overwritten (the reader was overtaken: go on from event_head() - SHM_EVENTS / 2). */
int event_get(const struct segment *s, uint64_t seq, struct shm_event *out);

#endif
