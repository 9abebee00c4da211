/* Files a daemon keeps: pid file, locks, directories, and the one datagram of sd_notify(3). No function here exits. */
#ifndef STINT_OS_FILES_H
#define STINT_OS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes `pid` atomically (temporary name, fsync, rename), mode 0644. 0, or -1 with errno. */
int pidfile_write(const char *path, pid_t pid);
/* The pid in the file where that process is alive, 0 where there is none (no file, stale, not a number), -1 with errno. */
pid_t pidfile_read(const char *path);
void pidfile_remove(const char *path, pid_t pid);       /* only where it still holds `pid` */

/* Opens (creating, 0640, O_CLOEXEC) and takes flock(2) LOCK_EX without waiting; writes our pid into the file once it is held.
 * Returns the fd; -1 with errno EWOULDBLOCK where another process holds it, whose pid is then in *holder (0 if unreadable). */
int lockfile_take(const char *path, pid_t *holder);
/* The pid in a lock file that is held now; 0 where nobody holds it or has not said who he is, -1 with errno. */
pid_t lockfile_holder(const char *path);
/* Writes a pid into a held lock file: after daemonizing, the holder is another process than the one that took it. */
int lockfile_say(int fd, pid_t pid);

/* Makes the directory and its missing parents, mode `mode`, owner uid:gid where not (uid_t)-1. An existing one is left as it is. */
int dir_make(const char *path, mode_t mode, uid_t uid, gid_t gid);
/* The same for one that was just made, where its parent may be another user's: whatever has come into its place by now is not given away. */
int dir_give(const char *path, mode_t mode, uid_t uid, gid_t gid);
int dir_sync(const char *path);                         /* fsync of the directory itself */

/* Free bytes for unprivileged users on the file system of `path`; -1 with errno. */
long long disk_free(const char *path);

/* sd_notify(3) without libsystemd: sends `state` ("READY=1\nMAINPID=1") to $NOTIFY_SOCKET; quietly nothing where it is not set. */
void notify_send(const char *state);

#endif
