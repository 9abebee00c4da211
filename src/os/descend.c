/* Finding the processes below this one, and those that carry a mark, from /proc. Called by the workers for what a handler leaves behind and by the master for what a
 * dead worker leaves. Nothing here is fatal. */
#include "os/descend.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/proc.h"

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

struct sought { const char *name; size_t len; bool (*is)(void *arg, const char *value); void *arg; };

static bool is_sought(void *arg, const char *entry)
{
	const struct sought *s = arg;

	return strncmp(entry, s->name, s->len) == 0 && entry[s->len] == '=' && s->is(s->arg, entry + s->len + 1);
}

size_t descend_carriers(const char *name, bool (*is)(void *arg, const char *value), void *arg, pid_t *pids, size_t max)
{
	struct sought sought = { name, strlen(name), is, arg };
	int proc = proc_open();
	pid_t pid, self = getpid();
	size_t count = 0;

	if (proc < 0)
		return 0;
	while ((pid = proc_next(proc)) != 0) {
		struct proc p;
		if (pid == self || !proc_environ(pid, is_sought, &sought) || (proc_read(pid, &p) && proc_ended(&p)))
			continue;
		if (count < max)
			pids[count] = pid;
		count++;
	}
	close(proc);
	return count;
}
