/* os/files: pid files, locks, directories, the notification. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "os/files.h"
#include "scratch.h"

static void assert_file(const char *path, const char *expected)
{
	char *text = scratch_read(path);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* A pid that was somebody's a moment ago. */
static pid_t dead_pid(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void a_pid_file_is_written_whole(void **unused)
{
	const char *path = scratch("pid");
	char expected[32];
	struct stat st;
	mode_t before = umask(077);

	(void)unused;
	assert_int_equal(pidfile_write(path, getpid()), 0);
	umask(before);
	snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
	assert_file(path, expected);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(pidfile_read(path), getpid());
	/* Over an older, longer one; nothing else is left in the directory. */
	scratch_write(path, "99999999999999999999\n");
	assert_int_equal(pidfile_write(path, 1), 0);
	assert_file(path, "1\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(scratch_dir), 0);
	assert_int_equal(mkdir(scratch_dir, 0700), 0);
}

static void a_pid_file_needs_its_directory(void **unused)
{
	char name[5000];

	(void)unused;
	errno = 0;
	assert_int_equal(pidfile_write(scratch("none/pid"), 1), -1);
	assert_int_equal(errno, ENOENT);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(pidfile_write(name, 1), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

static void stale_and_odd_pid_files_are_none(void **unused)
{
	static const char *const odd[] = { "", "\n", "abc\n", "-1\n", "0\n", "+1\n", " 1\n", "12x\n", "99999999999\n", "1 2\n" };
	const char *path = scratch("pid");

	(void)unused;
	assert_int_equal(pidfile_read(path), 0);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		scratch_write(path, odd[i]);
		assert_int_equal(pidfile_read(path), 0);
	}
	assert_int_equal(pidfile_write(path, dead_pid()), 0);
	assert_int_equal(pidfile_read(path), 0);
	scratch_write(path, "1");
	assert_int_equal(pidfile_read(path), 1);
	assert_int_equal(pidfile_read(scratch_dir), -1);
	assert_int_equal(errno, EISDIR);
}

static void only_our_own_pid_file_is_removed(void **unused)
{
	const char *path = scratch("pid");

	(void)unused;
	assert_int_equal(pidfile_write(path, 1), 0);
	pidfile_remove(path, getpid());
	assert_file(path, "1\n");
	pidfile_remove(path, 1);
	assert_int_equal(access(path, F_OK), -1);
	pidfile_remove(path, 1);
}

static void a_lock_is_held_by_one(void **unused)
{
	const char *path = scratch("lock");
	pid_t holder = -1;
	char expected[32];
	struct stat st;
	int fd, again;

	(void)unused;
	fd = lockfile_take(path, &holder);
	assert_true(fd >= 0);
	assert_int_equal(holder, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~0640, 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
	assert_file(path, expected);

	errno = 0;
	assert_int_equal(lockfile_take(path, &holder), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(holder, getpid());

	assert_int_equal(lockfile_say(fd, 7), 0);
	assert_file(path, "7\n");
	assert_int_equal(lockfile_take(path, &holder), -1);
	assert_int_equal(holder, 7);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lockfile_take(path, &holder), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(holder, 0);

	close(fd);
	again = lockfile_take(path, &holder);
	assert_true(again >= 0);
	assert_file(path, expected);
	close(again);
	assert_int_equal(lockfile_take(scratch("none/lock"), &holder), -1);
	assert_int_equal(errno, ENOENT);
}

static void a_lock_ends_with_its_holder(void **unused)
{
	const char *path = scratch("lock");
	pid_t holder, child;
	int ready[2], fd;
	char byte;

	(void)unused;
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (lockfile_take(path, &holder) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(lockfile_take(path, &holder), -1);
	assert_int_equal(holder, child);
	assert_int_equal(lockfile_holder(path), child);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(lockfile_holder(path), 0);     /* its number still stands in the file */
	fd = lockfile_take(path, &holder);              /* and to look took nothing */
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(lockfile_holder(scratch("none")), 0);
}

/* The directory may be another user's, and a lock is cut and given away. */
static void a_second_name_of_a_file_is_no_lock(void **unused)
{
	pid_t holder;

	(void)unused;
	scratch_write(scratch("victim"), "somebody's");
	assert_int_equal(link(scratch("victim"), scratch("lock")), 0);
	assert_int_equal(lockfile_take(scratch("lock"), &holder), -1);
	assert_int_equal(errno, EMLINK);
	assert_file(scratch("victim"), "somebody's");
}

static void directories_come_with_their_parents(void **unused)
{
	struct stat st;
	mode_t before = umask(077);

	(void)unused;
	assert_int_equal(dir_make(scratch("a//b/c/"), 0755, (uid_t)-1, (gid_t)-1), 0);
	umask(before);
	assert_int_equal(stat(scratch("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(scratch("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	/* What is there keeps its mode. */
	assert_int_equal(chmod(scratch("a/b"), 0700), 0);
	assert_int_equal(dir_make(scratch("a/b"), 0755, (uid_t)-1, (gid_t)-1), 0);
	assert_int_equal(dir_make(scratch("a/b/d"), 0755, getuid(), getgid()), 0);
	assert_int_equal(stat(scratch("a/b"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(dir_sync(scratch("a/b")), 0);
	if (getuid() == 0) {
		assert_int_equal(dir_make(scratch("a/given"), 0750, 65534, 65533), 0);
		assert_int_equal(stat(scratch("a/given"), &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(st.st_gid, 65533);
	}
}

/* --- somebody who writes to the parent as well, at the worst moment --- */

static const char *swap_for;

int mkdir(const char *path, mode_t mode)
{
	int rc = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);

	if (rc == 0 && swap_for && (rmdir(path) != 0 || symlink(swap_for, path) != 0))
		abort();
	return rc;
}

static void a_link_put_in_the_place_of_a_new_directory_is_not_followed(void **unused)
{
	struct stat st;

	(void)unused;
	assert_int_equal(dir_make(scratch("victim"), 0700, (uid_t)-1, (gid_t)-1), 0);
	swap_for = scratch("victim");
	int rc = dir_make(scratch("new"), 0755, getuid(), getgid());
	swap_for = NULL;
	assert_int_equal(rc, -1);
	assert_int_equal(stat(scratch("victim"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void what_is_no_directory_is_refused(void **unused)
{
	(void)unused;
	scratch_write(scratch("file"), "");
	assert_int_equal(dir_make(scratch("file"), 0755, (uid_t)-1, (gid_t)-1), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(dir_make(scratch("file/below"), 0755, (uid_t)-1, (gid_t)-1), -1);
	assert_int_equal(errno, ENOTDIR);
	assert_int_equal(dir_make("", 0755, (uid_t)-1, (gid_t)-1), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(dir_sync(scratch("file")), -1);
	assert_int_equal(errno, ENOTDIR);
}

static void free_space_is_told(void **unused)
{
	(void)unused;
	assert_true(disk_free(scratch_dir) > 0);
	assert_true(disk_free(scratch("none")) == -1);
	assert_int_equal(errno, ENOENT);
}

static int listen_at(const char *path, size_t n)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, path, n);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	return fd;
}

static void the_service_manager_is_told(void **unused)
{
	char text[64], abstract[64];
	int fd = listen_at(scratch("notify"), strlen(scratch("notify")));

	(void)unused;
	setenv("NOTIFY_SOCKET", scratch("notify"), 1);
	notify_send("READY=1\nMAINPID=1");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 17);
	assert_memory_equal(text, "READY=1\nMAINPID=1", 17);
	close(fd);

	snprintf(abstract, sizeof(abstract), "@stint-test-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", abstract, 1);
	abstract[0] = '\0';
	fd = listen_at(abstract, 1 + strlen(abstract + 1));
	notify_send("STOPPING=1");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 10);
	close(fd);

	/* Nobody there, no address, none at all: quietly nothing, and no descriptor is left. */
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_send("READY=1");
	unsetenv("NOTIFY_SOCKET");
	notify_send("READY=1");
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define with_scratch(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_scratch(a_pid_file_is_written_whole),
		with_scratch(a_pid_file_needs_its_directory),
		with_scratch(stale_and_odd_pid_files_are_none),
		with_scratch(only_our_own_pid_file_is_removed),
		with_scratch(a_lock_is_held_by_one),
		with_scratch(a_lock_ends_with_its_holder),
		with_scratch(a_second_name_of_a_file_is_no_lock),
		with_scratch(directories_come_with_their_parents),
		with_scratch(a_link_put_in_the_place_of_a_new_directory_is_not_followed),
		with_scratch(what_is_no_directory_is_refused),
		with_scratch(free_space_is_told),
		with_scratch(the_service_manager_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
