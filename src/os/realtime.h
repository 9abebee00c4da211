/* Running ahead of all others, for a process that mostly waits: Linux's lowest real-time priority (SCHED_RR, 1), only while it is light. sched(7) */
#ifndef STINT_OS_REALTIME_H
#define STINT_OS_REALTIME_H

#include <stdbool.h>
#include <stdint.h>

#define REALTIME_STRETCH_US 50000u      /* who runs so long without a wait is one of many again, at once */

/* Lets this process do so from now on, also when it has become somebody else, and begins: until it takes more than `percent` of a processor, and again when it takes less than two thirds of that. Not inherited
 * by forks. False with errno where it may not (it is not root, or in a container that was not given CAP_SYS_NICE); realtime_look() does nothing then. Takes SIGXCPU. */
bool realtime_allow(unsigned percent);

/* To be called every second or so: now, and the processor time that this process has taken, in any one unit. Judges what it took since the last look. */
void realtime_look(int64_t now, int64_t taken);

#endif
