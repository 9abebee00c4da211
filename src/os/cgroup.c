/* Control groups through their files. Called by the master, which has a part of the tree for the server, and by the workers for the groups of attempts.
 * Nothing here is fatal: who has no groups, or not all of their files, does without. */
#include "os/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define TEXT_MAX (64u << 10)            /* of a file that is read whole */
#define PROCS_MAX (1u << 20)            /* of a list of processes */
#define DEPTH_MAX 32                    /* groups below groups */
#define KILL_ROUNDS 64                  /* where the kernel cannot kill a whole group at once */

/* Field n (from 0) of a line of words. */
static bool word_of(const char *line, unsigned n, char *out, size_t size)
{
	while (n-- > 0) {
		line += strcspn(line, " \n");
		if (*line != ' ')
			return false;
		line++;
	}
	size_t len = strcspn(line, " \n");
	if (len == 0 || len >= size)
		return false;
	memcpy(out, line, len);
	out[len] = '\0';
	return true;
}

/* \040 is a space, \134 a backslash, in the paths of mountinfo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static const char *next_line(const char *p)
{
	p = strchr(p, '\n');
	return p && p[1] ? p + 1 : NULL;
}

bool cgroup_path(const char *mounts, const char *own, char *out, size_t size)
{
	char root[CGROUP_PATH_MAX], point[CGROUP_PATH_MAX], group[CGROUP_PATH_MAX];

	while (own && strncmp(own, "0::/", 4) != 0)
		own = next_line(own);
	if (!own)
		return false;
	size_t n = strcspn(own + 3, "\n");
	if (n >= sizeof(group))
		return false;
	memcpy(group, own + 3, n);
	group[n] = '\0';
	/* "/../x": above what this namespace shows; " (deleted)": removed under us */
	if (strncmp(group, "/..", 3) == 0 || strstr(group, " (deleted)"))
		return false;
	for (const char *line = mounts; line && *line; line = next_line(line)) {
		const char *type = strstr(line, " - cgroup2 ");
		if (!type || type > line + strcspn(line, "\n") || !word_of(line, 3, root, sizeof(root)) || !word_of(line, 4, point, sizeof(point)))
			continue;
		unescape(root);
		unescape(point);
		size_t shown = strcmp(root, "/") == 0 ? 0 : strlen(root);       /* the mount may show a part of the tree only */
		if (strncmp(group, root, shown) != 0 || (shown && group[shown] && group[shown] != '/'))
			continue;
		const char *below = strcmp(group + shown, "/") == 0 ? "" : group + shown;
		return (size_t)snprintf(out, size, "%s%s", point, below) < size;
	}
	return false;
}

static char *file_text(const char *path)
{
	char *text = malloc(TEXT_MAX);
	size_t n = 0;
	ssize_t got = 0;
	int fd = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		free(text);
		return NULL;
	}
	while (n < TEXT_MAX - 1 && (got = read(fd, text + n, TEXT_MAX - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	text[n] = '\0';
	return text;
}

bool cgroup_own(char *out, size_t size)
{
	char *mounts = file_text("/proc/self/mountinfo"), *own = file_text("/proc/self/cgroup"), type[CGROUP_PATH_MAX + 16];
	bool found = mounts && own && cgroup_path(mounts, own, out, size);

	free(mounts);
	free(own);
	/* The root alone has no type. */
	return found && (size_t)snprintf(type, sizeof(type), "%s/cgroup.type", out) < sizeof(type) && access(type, F_OK) == 0;
}

bool cgroup_delegated(const char *path)
{
	struct stat st;
	char value[8];

	if (access("/run/systemd/system", F_OK) != 0)
		return true;            /* nobody manages the tree */
	if (getxattr(path, "user.delegate", value, sizeof(value)) == 1 || getxattr(path, "trusted.delegate", value, sizeof(value)) == 1)
		return value[0] == '1';
	/* A systemd before 251 tells root alone; but what belongs to another user than root was given to it. */
	return geteuid() != 0 && stat(path, &st) == 0 && st.st_uid == geteuid();
}

int cgroup_open(int at, const char *path)
{
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int cgroup_write(int group, const char *file, const char *text)
{
	int fd = openat(group, file, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	int saved = errno;
	close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

int cgroup_join(int group, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return cgroup_write(group, "cgroup.procs", text);
}

static bool read_small(int group, const char *file, char *out, size_t size)
{
	int fd = openat(group, file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

int64_t cgroup_number(int group, const char *file, const char *key)
{
	char text[1024];
	size_t n = key ? strlen(key) : 0;

	if (!read_small(group, file, text, sizeof(text)))
		return -1;
	const char *at = text;
	while (at && key && (strncmp(at, key, n) != 0 || at[n] != ' '))
		at = next_line(at);
	if (!at)
		return -1;
	at += key ? n + 1 : 0;
	return *at >= '0' && *at <= '9' ? strtoll(at, NULL, 10) : -1;
}

bool cgroup_lists(int group, const char *file, const char *word)
{
	char text[1024], *save = NULL;

	if (!read_small(group, file, text, sizeof(text)))
		return false;
	for (const char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (strcmp(w, word) == 0)
			return true;
	return false;
}

bool cgroup_empty(int group)
{
	return cgroup_number(group, "cgroup.events", "populated") == 0;
}

/* --- who is in it --- */

/* Calls fn for each process of the group until it says false. */
static void each_process(int group, bool (*fn)(void *arg, pid_t pid), void *arg)
{
	int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	int pid;

	if (!file) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (fscanf(file, "%d", &pid) == 1 && fn(arg, (pid_t)pid))
		;
	fclose(file);
}

struct search { pid_t pid; bool found; };

static bool is_it(void *arg, pid_t pid)
{
	struct search *s = arg;

	s->found |= pid == s->pid;
	return !s->found;
}

static bool is_another(void *arg, pid_t pid)
{
	struct search *s = arg;

	s->found |= pid != s->pid && pid != getpid();
	return !s->found;
}

bool cgroup_has(int group, pid_t pid)
{
	struct search s = { .pid = pid };

	each_process(group, is_it, &s);
	return s.found;
}

bool cgroup_alone(int group, pid_t other)
{
	struct search s = { .pid = other };

	each_process(group, is_another, &s);
	return !s.found;
}

/* --- its end --- */

void cgroup_each(int group, void (*fn)(void *arg, const char *name), void *arg)
{
	int fd = cgroup_open(group, ".");
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			fn(arg, e->d_name);
	closedir(d);
}

static bool kill_one(void *arg, pid_t pid)
{
	unsigned *n = arg;

	if (pid > 0 && pid != getpid() && kill(pid, SIGKILL) == 0)
		++*n;
	return true;
}

struct below { int group; unsigned depth; unsigned n; };

static void kill_all_in(struct below *b);

static void kill_all_below(void *arg, const char *name)
{
	const struct below *above = arg;
	struct below b = { .depth = above->depth + 1 };

	if (b.depth > DEPTH_MAX || (b.group = cgroup_open(above->group, name)) < 0)
		return;
	kill_all_in(&b);
	((struct below *)arg)->n += b.n;
	close(b.group);
}

static void kill_all_in(struct below *b)
{
	each_process(b->group, kill_one, &b->n);
	cgroup_each(b->group, kill_all_below, b);
}

void cgroup_kill(int group)
{
	struct below b = { .group = group };

	if (cgroup_write(group, "cgroup.kill", "1") == 0)
		return;
	/* A kernel before 5.14: frozen first, so that nobody forks meanwhile; SIGKILL ends the frozen too. */
	cgroup_write(group, "cgroup.freeze", "1");
	for (unsigned i = 0; i < KILL_ROUNDS && !cgroup_empty(group); i++) {
		b.n = 0;
		kill_all_in(&b);
		if (b.n == 0)
			break;
	}
	cgroup_write(group, "cgroup.freeze", "0");
}

struct removal { int group; unsigned depth; };

static bool remove_at(int at, const char *name, unsigned depth);

static void remove_below(void *arg, const char *name)
{
	const struct removal *r = arg;

	if (r->depth < DEPTH_MAX)
		remove_at(r->group, name, r->depth + 1);
}

static bool remove_at(int at, const char *name, unsigned depth)
{
	if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return true;
	struct removal r = { .group = cgroup_open(at, name), .depth = depth };
	if (r.group < 0)
		return errno == ENOENT;
	if (depth == 0)
		cgroup_kill(r.group);
	cgroup_each(r.group, remove_below, &r);
	close(r.group);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool cgroup_remove(int at, const char *name)
{
	return remove_at(at, name, 0);
}
