/* /proc, one process after another. Called by the finding and ending of processes (descend.c, hunt.c) and by what measures one. Nothing here is fatal. */
#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVIRON_MAX (256u << 10)

static ssize_t file_read(const char *path, char *out, size_t size)
{
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	do
		n = read(fd, out, size - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n >= 0)
		out[n] = '\0';
	return n;
}

bool proc_read(pid_t pid, struct proc *out)
{
	char path[32], text[512];
	const char *after;
	int ppid, pgrp, session;
	long long tick[2];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	/* The name in parentheses may hold parentheses and spaces itself: the last one counts. */
	after = strrchr(text, ')');
	*out = (struct proc){ .pid = pid };
	if (!after || sscanf(after + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lld %lld %*d %*d %ld",
			     &out->state, &ppid, &pgrp, &session, &tick[0], &tick[1], &out->threads) != 7)
		return false;
	out->ppid = ppid;
	out->pgrp = pgrp;
	out->session = session;
	out->ticks = tick[0] + tick[1];
	return true;
}

int64_t proc_peak_kb(pid_t pid)
{
	char path[32], text[4096];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return -1;
	at = strstr(text, "\nVmHWM:");
	return at ? strtoll(at + strlen("\nVmHWM:"), NULL, 10) : -1;
}

bool proc_ended(const struct proc *p)
{
	return p->state == 'X' || (p->state == 'Z' && p->threads <= 1);
}

bool proc_stopped(const struct proc *p)
{
	return p->state == 'T' || p->state == 't' || proc_ended(p);
}

bool proc_environ(pid_t pid, bool (*is)(void *arg, const char *entry), void *arg)
{
	static char env[ENVIRON_MAX];
	ssize_t got = 0;
	char path[32];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (n < sizeof(env) - 1 && (got = read(fd, env + n, sizeof(env) - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	env[n] = '\0';
	for (const char *p = env; p < env + n; p += strlen(p) + 1)
		if (is(arg, p))
			return true;
	return false;
}

uint64_t proc_resident_kb(void)
{
	char text[128];
	unsigned long pages;

	if (file_read("/proc/self/statm", text, sizeof(text)) <= 0 || sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return (uint64_t)pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

int proc_open(void)
{
	return open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

pid_t proc_next(int proc)
{
	union {
		struct dirent64 entry;
		char room[sizeof(struct dirent64)];
	} buf;

	for (;;) {
		/* Room for one name of up to 20 bytes; what is longer than a pid comes first and is not one. */
		ssize_t n = getdents64(proc, buf.room, 40);

		if (n < 0 && errno == EINVAL)
			n = getdents64(proc, buf.room, sizeof(buf.room));
		if (n <= 0)
			return 0;
		if (isdigit((unsigned char)buf.entry.d_name[0]))
			return (pid_t)atoi(buf.entry.d_name);
	}
}
