/* Ending processes with everybody below them where they may fork faster than one can kill: all are stopped before one is killed. In slices, for callers that have something else to do. */
#ifndef STINT_OS_HUNT_H
#define STINT_OS_HUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct hunt;

/* Stops the roots. Each must stay what it is until the hunt is over: a child of the caller that is not reaped meanwhile. NULL where memory is out; nobody is stopped then. */
struct hunt *hunt_begin(const pid_t *roots, size_t n);

/* Looks at `max` more processes of this machine, and stops those below the roots; once nobody is new and nobody runs, or after `walks` walks through all of them, kills those and the roots. True while
 * there is more to do. */
bool hunt_step(struct hunt *h, size_t max, unsigned walks);

/* Whether all stand still and are being killed. Each that is killed runs once more to end: who lets time pass between steps then keeps them from running all at once. */
bool hunt_kills(const struct hunt *h);

/* Frees it; NULL does nothing. One that is not over has stopped some, and killed nobody. */
void hunt_drop(struct hunt *h);

/* The whole of it at once: the roots and everybody below them. */
void hunt_all(const pid_t *roots, size_t n, unsigned walks);

/* Everybody below `root`, not itself. Returns how many it signalled. */
size_t hunt_below(pid_t root, unsigned walks);

#endif
