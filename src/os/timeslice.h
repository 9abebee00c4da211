/* How long a process may run before another has its turn. A short slice does not change its share of the processor: it is chosen sooner when it wakes among many that run, and gives way sooner. */
#ifndef STINT_OS_TIMESLICE_H
#define STINT_OS_TIMESLICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define TIMESLICE_SHORT_NS 100000u      /* the least that Linux takes */

struct timeslice_attr {                 /* the kernel's struct sched_attr, first version */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* Makes ours short, which our children inherit. False where the kernel knows no slices of one's own (before 6.12), or we have a policy that has none. */
bool timeslice_short(void);
bool timeslice_is_short(void);          /* it was made so by this process, or by its parent before the fork */

/* What a child of ours gives itself, by SYS_sched_setattr, to have the usual slice again: its policy and its nice value stay what they are. */
struct timeslice_attr timeslice_usual(int nice);

/* Where Linux shares the processor out between sessions first (autogroups): how much ours weighs, as a nice value. Only whoever may lower its nice value may go below 0. False with errno. */
bool timeslice_weigh_session(int nice);

bool timeslice_of(pid_t pid, struct timeslice_attr *out);       /* 0: ours */

#endif
