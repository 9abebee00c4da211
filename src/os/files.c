/* The files a daemon keeps: pid file, locks, directories, and sd_notify's datagram. Called by the master at start and end, by the keeper for
 * its lock, and by the tools. Nothing here is fatal: errors go back as errno. */
#include "os/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PID_TEXT_BYTES 16       /* ten digits, a line end, a NUL */

static int close_keeping_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/* From the start of the file, which is cut first. */
static int pid_put(int fd, pid_t pid)
{
	char text[PID_TEXT_BYTES];
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
	ssize_t done;

	if (ftruncate(fd, 0) != 0)
		return -1;
	do
		done = pwrite(fd, text, (size_t)n, 0);
	while (done < 0 && errno == EINTR);
	if (done == n)
		return 0;
	if (done >= 0)
		errno = ENOSPC;
	return -1;
}

/* The number in the file; 0 where there is none, -1 with errno where it cannot be read. */
static pid_t pid_get(int fd)
{
	char text[PID_TEXT_BYTES], *end;
	ssize_t n;
	long pid;

	do
		n = pread(fd, text, sizeof(text) - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	text[n] = '\0';
	if (text[0] < '1' || text[0] > '9')
		return 0;
	errno = 0;
	pid = strtol(text, &end, 10);
	if (errno || (*end != '\n' && *end != '\0') || pid > INT_MAX)
		return 0;
	return (pid_t)pid;
}

int pidfile_write(const char *path, pid_t pid)
{
	char temp[PATH_MAX];
	int fd, n = snprintf(temp, sizeof(temp), "%s.%d.new", path, (int)getpid());

	if (n < 0 || (size_t)n >= sizeof(temp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* What a killed predecessor of the same number left; O_EXCL so that no planted link is followed. */
	if (unlink(temp) != 0 && errno != ENOENT)
		return -1;
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	if (fchmod(fd, 0644) != 0 || pid_put(fd, pid) != 0 || fsync(fd) != 0) {
		close_keeping_errno(fd);
		goto fail;
	}
	if (close(fd) != 0 || rename(temp, path) != 0)
		goto fail;
	return 0;
fail:
	n = errno;
	unlink(temp);
	errno = n;
	return -1;
}

static pid_t pidfile_number(const char *path)
{
	pid_t pid;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	pid = pid_get(fd);
	close_keeping_errno(fd);
	return pid;
}

pid_t pidfile_read(const char *path)
{
	pid_t pid = pidfile_number(path);

	if (pid > 0 && kill(pid, 0) != 0 && errno != EPERM)
		return 0;
	return pid;
}

void pidfile_remove(const char *path, pid_t pid)
{
	if (pidfile_number(path) == pid)
		unlink(path);
}

int lockfile_take(const char *path, pid_t *holder)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	struct stat st;
	int locked;

	*holder = 0;
	if (fd < 0)
		return -1;
	/* It is cut and perhaps given away, and the directory may be another user's: a second name of some other file must not be hit. */
	if (fstat(fd, &st) != 0)
		return close_keeping_errno(fd);
	if (!S_ISREG(st.st_mode) || st.st_nlink > 1) {
		errno = S_ISREG(st.st_mode) ? EMLINK : EINVAL;
		return close_keeping_errno(fd);
	}
	do
		locked = flock(fd, LOCK_EX | LOCK_NB);
	while (locked != 0 && errno == EINTR);
	if (locked != 0) {
		if (errno == EWOULDBLOCK) {
			pid_t pid = pid_get(fd);

			*holder = pid > 0 ? pid : 0;
			errno = EWOULDBLOCK;
		}
		return close_keeping_errno(fd);
	}
	if (lockfile_say(fd, getpid()) != 0)
		return close_keeping_errno(fd);
	return fd;
}

pid_t lockfile_holder(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), locked;
	pid_t pid = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	do
		locked = flock(fd, LOCK_SH | LOCK_NB);
	while (locked != 0 && errno == EINTR);
	if (locked != 0)
		pid = errno == EWOULDBLOCK ? pid_get(fd) : -1;
	close_keeping_errno(fd);
	return pid;
}

int lockfile_say(int fd, pid_t pid)
{
	return pid_put(fd, pid);
}

int dir_give(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	/* the umask has taken bits from the mode */
	if (fchmod(fd, mode) != 0 || (uid != (uid_t)-1 && fchown(fd, uid, gid) != 0))
		return close_keeping_errno(fd);
	close(fd);
	return 0;
}

/* One directory whose parent is there. */
static int dir_make_one(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return dir_give(path, mode, uid, gid);
	if (errno != EEXIST)
		return -1;
	if (stat(path, &st) != 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		return 0;
	errno = ENOTDIR;
	return -1;
}

int dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part)) {
		errno = n ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	memcpy(part, path, n + 1);
	for (size_t i = 1; i < n; i++) {
		if (part[i] != '/' || part[i - 1] == '/')
			continue;
		part[i] = '\0';
		if (dir_make_one(part, mode, uid, gid) != 0)
			return -1;
		part[i] = '/';
	}
	return dir_make_one(part, mode, uid, gid);
}

int dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (fsync(fd) != 0)
		return close_keeping_errno(fd);
	close(fd);
	return 0;
}

long long disk_free(const char *path)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return -1;
	return (long long)st.f_bavail * (long long)st.f_frsize;
}

void notify_send(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = 1 };        /* a service manager that is stuck must not hold us */
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
}
