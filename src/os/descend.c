/* Finding and ending the processes below one of ours, from /proc. Called by the workers for what a handler leaves behind and by the master for what a
 * dead worker leaves. Nothing here is fatal; memory that is out makes a walk see less, and the caller walks again. */
#include "os/descend.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* How many walks in a row must find nobody new and nobody running. Two: who forks and ends between being listed and being looked at is out of the
 * first walk's sight, but what it leaves is new to the second. Four where somebody is in an uninterruptible wait: that is a vfork(2) parent, which
 * never shows as stopped, or a stuck disk; neither makes children meanwhile. */
#define QUIET_WALKS 2
#define QUIET_WALKS_STUCK 4
#define ENVIRON_MAX (256u << 10)        /* of an environment, looked through */

struct process {
	pid_t pid, ppid, pgrp, session;
	char state;             /* R S D Z T t X I, as proc(5) has them */
	long threads;
	bool below;             /* a descendant of the root of this walk */
};

struct table {
	struct process *rows;
	size_t len, cap;
	size_t vanished;        /* listed, but gone before the look */
};

/* The descendants that the walk before has seen, dead or alive, in order. */
struct known {
	pid_t *pids;
	size_t len;
};

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

static bool process_read(pid_t pid, struct process *out)
{
	char path[32], text[512];
	const char *after;
	int ppid, pgrp, session;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	/* The name in parentheses may hold parentheses and spaces itself: the last one counts. */
	after = strrchr(text, ')');
	*out = (struct process){ .pid = pid };
	if (!after || sscanf(after + 1, " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld",
			     &out->state, &ppid, &pgrp, &session, &out->threads) != 5)
		return false;
	out->ppid = ppid;
	out->pgrp = pgrp;
	out->session = session;
	return true;
}

/* A zombie that has run its course; one whose other threads live on still counts. */
static bool process_ended(const struct process *p)
{
	return p->state == 'X' || (p->state == 'Z' && p->threads <= 1);
}

static bool process_stopped(const struct process *p)
{
	return p->state == 'T' || p->state == 't' || process_ended(p);
}

static bool table_add(struct table *t, const struct process *p)
{
	if (t->len == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct process *rows = reallocarray(t->rows, cap, sizeof(*rows));

		if (!rows)
			return false;
		t->rows = rows;
		t->cap = cap;
	}
	t->rows[t->len++] = *p;
	return true;
}

static int by_parent(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->ppid > y->ppid) - (x->ppid < y->ppid);
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool known_has(const struct known *k, pid_t pid)
{
	return k->len && bsearch(&pid, k->pids, k->len, sizeof(pid), by_number);
}

/* The next process that /proc lists, 0 at the end. One entry a call: a directory read is a snapshot, and who hops from pid to pid by forking and
 * ending is long gone when the hundreds of entries of a usual read have been looked at. */
static pid_t proc_next(int proc)
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

/* Everybody on the machine, in order of their parents. With `known`, whoever is seen running below root or below somebody known is stopped
 * on sight. */
static void table_read(struct table *t, pid_t root, const struct known *known)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid, self = getpid();
	struct process p;

	t->len = t->vanished = 0;
	if (proc < 0)
		return;
	while ((pid = proc_next(proc)) != 0) {
		if (!process_read(pid, &p)) {
			t->vanished++;
			continue;
		}
		if (known && pid != self && (p.ppid == root || known_has(known, p.ppid)) && !process_stopped(&p))
			kill(pid, SIGSTOP);
		if (!table_add(t, &p))
			break;
	}
	close(proc);
	if (t->len)
		qsort(t->rows, t->len, sizeof(*t->rows), by_parent);
}

/* The first row whose parent is `ppid`, or len. */
static size_t table_find(const struct table *t, pid_t ppid)
{
	size_t low = 0, high = t->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->rows[middle].ppid < ppid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks the descendants of root, breadth first, never ourselves. `queue` has room for one pid more than there are rows; those of the
 * descendants are in it afterwards. Returns how many they are. */
static size_t table_mark(struct table *t, pid_t root, pid_t *queue)
{
	size_t head = 0, tail = 0;
	pid_t self = getpid(), parent = root;

	for (;;) {
		for (size_t i = table_find(t, parent); i < t->len && t->rows[i].ppid == parent; i++) {
			if (t->rows[i].below || t->rows[i].pid == self)
				continue;
			t->rows[i].below = true;
			queue[tail++] = t->rows[i].pid;
		}
		if (head == tail)
			return tail;
		parent = queue[head++];
	}
}

/* Sends SIGSTOP to whoever still runs. True where nobody did and nobody is new; *stuck where somebody is in an uninterruptible wait. Somebody that we
 * may not signal (a set-user-id program) cannot be waited for. */
static bool table_stop(const struct table *t, const struct known *known, bool *stuck)
{
	bool still = t->vanished == 0;

	*stuck = false;
	for (size_t i = 0; i < t->len; i++) {
		const struct process *p = &t->rows[i];

		if (!p->below)
			continue;
		if (!known_has(known, p->pid))
			still = false;
		if (process_stopped(p) || kill(p->pid, SIGSTOP) != 0)
			continue;
		if (p->state == 'D')
			*stuck = true;
		else
			still = false;
	}
	return still;
}

static size_t table_signal(const struct table *t, int sig)
{
	size_t count = 0;

	for (size_t i = 0; i < t->len; i++)
		if (t->rows[i].below && !process_ended(&t->rows[i]) && kill(t->rows[i].pid, sig) == 0)
			count++;
	return count;
}

/* One walk. *seen becomes the descendants found; false where memory is out. */
static bool walk(struct table *t, pid_t root, const struct known *known, struct known *seen)
{
	table_read(t, root, known);
	seen->pids = reallocarray(NULL, t->len + 1, sizeof(*seen->pids));
	if (!seen->pids)
		return false;
	seen->len = table_mark(t, root, seen->pids);
	qsort(seen->pids, seen->len, sizeof(*seen->pids), by_number);
	return true;
}

size_t descend_signal(pid_t root, int sig, unsigned limit)
{
	bool kills = sig == SIGKILL, stuck;
	struct known known = { 0 }, seen;
	struct table t = { 0 };
	unsigned quiet = 0;
	size_t count;

	for (unsigned i = 0; i < limit; i++) {
		bool still;

		if (!walk(&t, root, kills ? &known : NULL, &seen))
			break;
		still = kills && table_stop(&t, &known, &stuck);
		free(known.pids);
		known = seen;
		quiet = still ? quiet + 1 : 0;
		if (!kills || quiet >= (stuck ? QUIET_WALKS_STUCK : QUIET_WALKS))
			break;
		sched_yield();
	}
	count = table_signal(&t, sig);
	free(known.pids);
	free(t.rows);
	return count;
}

int descend_subreaper(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
}

static size_t children_by_walk(pid_t *pids, size_t max)
{
	struct table t = { 0 };
	pid_t self = getpid();
	size_t count = 0;

	table_read(&t, 0, NULL);
	for (size_t i = table_find(&t, self); i < t.len && t.rows[i].ppid == self; i++, count++)
		if (count < max)
			pids[count] = t.rows[i].pid;
	free(t.rows);
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

bool descend_marked(pid_t pid, const char *mark)
{
	char path[32], chunk[4096];
	size_t want = strlen(mark), at = 0;
	bool same = true, found = false;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	/* Entries end with a NUL; `at` is the place in the present one, `same` whether it has been the mark so far. */
	while (!found && (n = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n && !found; i++) {
			if (chunk[i] == '\0') {
				found = same && at == want;
				same = true;
				at = 0;
				continue;
			}
			same = same && at < want && chunk[i] == mark[at];
			at++;
		}
	}
	close(fd);
	return found;
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
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid, self = getpid();
	size_t count = 0;

	if (proc < 0)
		return 0;
	while ((pid = proc_next(proc)) != 0) {
		struct process p;
		if (pid == self || !carries(pid, name, is, arg) || (process_read(pid, &p) && process_ended(&p)))
			continue;
		if (count < max)
			pids[count] = pid;
		count++;
	}
	close(proc);
	return count;
}

bool descend_group(pid_t pid, pid_t *pgrp, pid_t *session)
{
	struct process p;

	if (!process_read(pid, &p))
		return false;
	*pgrp = p.pgrp;
	*session = p.session;
	return true;
}
