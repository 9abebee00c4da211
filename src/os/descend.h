/* Finding processes below this one. Needs PR_SET_CHILD_SUBREAPER, so that what a dead child leaves behind becomes ours. */
#ifndef STINT_OS_DESCEND_H
#define STINT_OS_DESCEND_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

int descend_subreaper(void);                            /* prctl(PR_SET_CHILD_SUBREAPER, 1) */

/* Our direct children's pids (zombies included), from /proc/self/task/TID/children or, where the kernel lacks it, a scan of /proc. Returns how many there
 * are; fills at most max. */
size_t descend_children(pid_t *pids, size_t max);

/* Every process of this machine, zombies and ourselves excepted, whose environment has NAME=VALUE with a value that `is` says yes to. Returns how many there are; fills at most max. */
size_t descend_carriers(const char *name, bool (*is)(void *arg, const char *value), void *arg, pid_t *pids, size_t max);

#endif
