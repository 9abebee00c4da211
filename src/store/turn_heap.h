/* Heaps of lanes with work. For turn.c alone. */
#ifndef STINT_STORE_TURN_HEAP_H
#define STINT_STORE_TURN_HEAP_H

#include "store/turn.h"

void *turn_grown(void *vector, uint32_t n, uint32_t *cap);              /* a vector of pointers with room for one element more; NULL: memory is out, and it is as it was */

struct turn_named *turn_heap_of(const struct turn_lane *l);             /* whose heap it stands in, by its home */
bool turn_lane_insert(struct turn_named *n, struct turn_lane *l);       /* false: memory is out */
void turn_lane_remove(struct turn_named *n, struct turn_lane *l);
void turn_lane_sift(struct turn_named *n, uint32_t i);                  /* the i-th may have come out of order */

/* The queue's turn among those of remote workers has moved back: so do its lanes in the heaps of types. */
void turn_lanes_later(struct turn *t, struct turn_named *q);

#endif
