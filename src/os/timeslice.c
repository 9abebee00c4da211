/* The scheduler's slice of a process, by the system calls that the C library has no functions for. Called by the server's children when they begin, and by who starts programs. Nothing here is fatal. */
#include "os/timeslice.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEEP_POLICY 0x08u               /* SCHED_FLAG_KEEP_POLICY, whose header does not go with <sched.h> */

static bool made_short;

bool timeslice_of(pid_t pid, struct timeslice_attr *out)
{
	return syscall(SYS_sched_getattr, pid, out, sizeof(*out), 0) == 0;
}

bool timeslice_short(void)
{
	struct timeslice_attr a;

	if (!timeslice_of(0, &a) || (a.policy != SCHED_OTHER && a.policy != SCHED_BATCH))
		return false;
	a.runtime = TIMESLICE_SHORT_NS;
	/* an older kernel says yes and does nothing */
	made_short = syscall(SYS_sched_setattr, 0, &a, 0) == 0 && timeslice_of(0, &a) && a.runtime == TIMESLICE_SHORT_NS;
	return made_short;
}

bool timeslice_is_short(void)
{
	return made_short;
}

struct timeslice_attr timeslice_usual(int nice)
{
	return (struct timeslice_attr){ .size = sizeof(struct timeslice_attr), .flags = KEEP_POLICY, .nice = nice };
}

bool timeslice_weigh_session(int nice)
{
	int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool done = dprintf(fd, "%d", nice) > 0;
	close(fd);
	return done;
}
