/* When a dead child is replaced: policy alone, no clock and no process in it. */
#ifndef STINT_PROCESS_THROTTLE_H
#define STINT_PROCESS_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_FIRST_NS 100000000LL           /* 0.1 s */
#define THROTTLE_MAX_NS 30000000000LL           /* 30 s */
#define THROTTLE_BURST 10u                      /* replacements at once within THROTTLE_WINDOW_NS */
#define THROTTLE_WINDOW_NS 1000000000LL

/* One a place to be filled ("worker 2"); zeroed at first. */
struct throttle {
	int64_t pause_ns;       /* the last one; 0: none */
	int64_t window_ns;      /* when the window of replacements at once began */
	unsigned in_window;
};

/* A child has died: how long to wait before its successor is started. One that had worked is replaced at once (but no more than so often a second:
 * work that kills every worker it meets must not make us fork in a circle); one that had not waits, each time twice as long. */
int64_t throttle_death(struct throttle *t, bool worked, int64_t now_ns);

#endif
