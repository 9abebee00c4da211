/* What /proc tells of the processes of this machine. */
#ifndef STINT_OS_PROC_H
#define STINT_OS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc {
	pid_t pid, ppid, pgrp, session;
	char state;             /* R S D Z T t X I, as proc(5) has them */
	long threads;
	long long ticks;        /* of processor time that the children took which it has reaped, and theirs: sysconf(_SC_CLK_TCK) a second */
};

/* From /proc/PID/stat; false where it is gone. */
bool proc_read(pid_t pid, struct proc *out);
bool proc_ended(const struct proc *p);          /* a zombie that has run its course; one whose other threads live on has not */
bool proc_stopped(const struct proc *p);        /* or ended */

uint64_t proc_resident_kb(void);                /* memory of this process that is not paged out; 0 where /proc does not say */
/* The most memory that it has had resident since it executed its program, in KB; -1 where that cannot be read. */
int64_t proc_peak_kb(pid_t pid);

/* Goes through the environment that a process was started with, up to the first entry ("NAME=VALUE") of which is() says yes, and returns whether one was. False too where it shows none: a zombie,
 * another user's. Of more than 256K the rest is not seen. */
bool proc_environ(pid_t pid, bool (*is)(void *arg, const char *entry), void *arg);

/* /proc, to be gone through: -1 with errno where it cannot be opened. */
int proc_open(void);
/* The next process that it lists, 0 at the end. One entry a call: a directory read is a snapshot, and who hops from pid to pid by forking and ending is long gone when the
 * hundreds of entries of a usual read have been looked at. */
pid_t proc_next(int proc);

#endif
