/* Opening a file by a path on which other users may have a say: the superuser follows no link that one of them could have planted. Called by log.c.
 * Nothing here is fatal: errors go back as errno. */
#include "os/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define LINKS_MAX 40            /* as the kernel has it */

struct walk {
	int dir;                /* that rest begins in */
	char rest[PATH_MAX];
	uid_t trust;
	unsigned links;
};

static int enter(struct walk *w, int dir)
{
	if (dir < 0)
		return -1;
	if (w->dir >= 0)
		close(w->dir);
	w->dir = dir;
	return 0;
}

static int enter_root(struct walk *w)
{
	return enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/* Puts what the link says before the rest of the path. */
static int follow(struct walk *w, int link)
{
	char to[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlinkat(link, "", to, sizeof(to));

	if (n < 0)
		return -1;
	strcpy(rest, w->rest);
	int len = (size_t)n < sizeof(to) ? snprintf(w->rest, sizeof(w->rest), "%.*s/%s", (int)n, to, rest) : PATH_MAX;
	if (len >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (rest[0] == '\0')
		w->rest[len - 1] = '\0';
	return n && to[0] == '/' ? enter_root(w) : 0;
}

/* What the kernel makes up: nobody plants it, and its text may be no path. */
static bool is_of_proc(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* Whether the link may be followed; a second name of it may be anybody's. */
static bool is_trusted(const struct walk *w, const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == w->trust) && st->st_nlink == 1;
}

/* The last part of the path. A second name of a file of the superuser's may have been given to it by anybody. */
static int open_last(const struct walk *w, const char *name, int flags, mode_t mode)
{
	struct stat st;
	int fd = openat(w->dir, name, flags, mode);

	if (fd < 0 || (fstat(fd, &st) == 0 && !(S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink > 1)))
		return fd;
	close(fd);
	errno = EMLINK;
	return -1;
}

/* Takes the first part of the rest. -1 with errno; -2: goes on; else the file's fd. */
static int step(struct walk *w, int flags, mode_t mode)
{
	char name[PATH_MAX];
	struct stat st;
	size_t skip = strspn(w->rest, "/"), n = strcspn(w->rest + skip, "/");
	const char *after = w->rest + skip + n;
	bool last = *after == '\0';
	int rc = -2;

	snprintf(name, sizeof(name), "%.*s", n ? (int)n : 1, n ? w->rest + skip : ".");
	memmove(w->rest, after, strlen(after) + 1);
	int fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return last && errno == ENOENT ? open_last(w, name, flags | O_NOFOLLOW, mode) : -1;
	if (fstat(fd, &st) < 0) {
		rc = -1;
	} else if (S_ISLNK(st.st_mode) && !is_of_proc(fd)) {
		if (!is_trusted(w, &st) || ++w->links > LINKS_MAX) {
			errno = ELOOP;
			rc = -1;
		} else {
			rc = follow(w, fd) < 0 ? -1 : -2;
		}
	} else if (last) {
		rc = open_last(w, name, S_ISLNK(st.st_mode) ? flags : flags | O_NOFOLLOW, mode);
	} else if (enter(w, openat(w->dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC | (S_ISLNK(st.st_mode) ? 0 : O_NOFOLLOW))) < 0) {
		rc = -1;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

int trusted_open(const char *path, int flags, mode_t mode, uid_t trust)
{
	struct walk w = { .dir = -1, .trust = trust };
	size_t n = strlen(path);
	int fd;

	if (n == 0 || n >= sizeof(w.rest)) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	memcpy(w.rest, path, n + 1);
	fd = path[0] == '/' ? enter_root(&w) : enter(&w, open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (fd == 0)
		do
			fd = step(&w, flags, mode);
		while (fd == -2);
	int saved = errno;
	if (w.dir >= 0)
		close(w.dir);
	errno = saved;
	return fd;
}
