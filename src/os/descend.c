/* Finding the processes below this one, and those that carry a mark, from /proc. Called by the workers for what a handler leaves behind and by the master for what a
 * dead worker leaves. Nothing here is fatal. */
#include "os/descend.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/proc.h"

#define ENVIRON_MAX (256u << 10)        /* of an environment, looked through */

int descend_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
}

static size_t children_by_walk(pid_t *pids, size_t max)
{
	int proc = proc_open();
	pid_t pid, self = getpid();
	size_t count = 0;
	struct proc p;

	if (proc < 0)
		return 0;
	while ((pid = proc_next(proc)) != 0) {
		if (!proc_read(pid, &p) || p.ppid != self)
			continue;
		if (count < max)
			pids[count] = pid;
		count++;
	}
	close(proc);
	return count;
}

size_t descend_children(pid_t *pids, size_t max)
{
	char path[64];
	size_t count = 0;
	FILE *file;
	int pid;

	/* One thread a process, so the main thread's children are all. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "re");
	if (!file)
		return children_by_walk(pids, max);
	for (; fscanf(file, "%d", &pid) == 1; count++)
		if (count < max)
			pids[count] = pid;
	fclose(file);
	return count;
}

static bool carries(pid_t pid, const char *name, bool (*is)(void *arg, const char *value), void *arg)
{
	static char env[ENVIRON_MAX];
	size_t n = 0, len = strlen(name);
	ssize_t got = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (n < sizeof(env) - 1 && (got = read(fd, env + n, sizeof(env) - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	env[n] = '\0';
	for (const char *p = env; p < env + n; p += strlen(p) + 1)
		if (strncmp(p, name, len) == 0 && p[len] == '=' && is(arg, p + len + 1))
			return true;
	return false;
}

size_t descend_carriers(const char *name, bool (*is)(void *arg, const char *value), void *arg, pid_t *pids, size_t max)
{
	int proc = proc_open();
	pid_t pid, self = getpid();
	size_t count = 0;

	if (proc < 0)
		return 0;
	while ((pid = proc_next(proc)) != 0) {
		struct proc p;
		if (pid == self || !carries(pid, name, is, arg) || (proc_read(pid, &p) && proc_ended(&p)))
			continue;
		if (count < max)
			pids[count] = pid;
		count++;
	}
	close(proc);
	return count;
}
