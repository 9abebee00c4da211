/* os/trusted: opens what open(2) would, but follows no link of a user who is not trusted, and takes no second name of a file of root's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/trusted.h"
#include "tests/os/scratch.h"

#define STRANGER 65534

/* A link that is somebody else's for the one whom theirs() returns: as root it is given away, as a user that user is not trusted. */
static void planted(const char *to, const char *name)
{
	assert_int_equal(symlink(to, scratch(name)), 0);
	if (geteuid() == 0)
		assert_int_equal(lchown(scratch(name), STRANGER, STRANGER), 0);
}

static uid_t us(void)
{
	return geteuid();
}

static uid_t other(void)
{
	return geteuid() == 0 ? 0 : STRANGER;
}

static void opens(const char *path, uid_t trust)
{
	struct stat st, found;
	int fd = trusted_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640, trust);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(st.st_ino, found.st_ino);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

static void refuses(const char *path, uid_t trust, int err)
{
	int fd = trusted_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640, trust);

	if (fd >= 0)
		fail_msg("%s was opened", path);
	assert_int_equal(errno, err);
}

static void plain_paths(void **unused)
{
	struct stat st;

	(void)unused;
	opens(scratch("new"), us());
	assert_int_equal(stat(scratch("new"), &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640, 0);
	opens(scratch("new"), us());
	assert_int_equal(stat(scratch("new"), &st), 0);
	assert_int_equal(st.st_size, 2);
	assert_int_equal(mkdir(scratch("a"), 0700), 0);
	opens(scratch("a//./b"), us());
	opens(scratch("a/../a/b"), us());
	refuses(scratch("a"), us(), EISDIR);
	refuses(scratch("a/"), us(), EISDIR);
	refuses(scratch("none/b"), us(), ENOENT);
	refuses(scratch("new/b"), us(), ENOTDIR);
	refuses("", us(), ENOENT);
	assert_int_equal(chdir(scratch_dir), 0);
	opens("relative", us());
	opens("a/relative", us());
	assert_int_equal(chdir("/"), 0);
	opens("/dev/null", us());
}

static void long_paths(void **unused)
{
	char path[5000];

	(void)unused;
	memset(path, '/', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	refuses(path, us(), ENAMETOOLONG);
	memset(path, 'a', sizeof(path) - 1);
	path[300] = '\0';
	refuses(path, us(), ENAMETOOLONG);
}

static void links_of_the_trusted_are_followed(void **unused)
{
	(void)unused;
	assert_int_equal(mkdir(scratch("d"), 0700), 0);
	assert_int_equal(symlink("d", scratch("to_d")), 0);
	assert_int_equal(symlink("to_d/../d/file", scratch("relative")), 0);
	assert_int_equal(symlink(scratch("d/file"), scratch("absolute")), 0);
	assert_int_equal(symlink("absolute", scratch("second")), 0);
	assert_int_equal(symlink("round", scratch("round")), 0);
	opens(scratch("to_d/other"), us());
	opens(scratch("relative"), us());       /* which makes what is not there */
	opens(scratch("absolute"), us());
	opens(scratch("second"), us());
	refuses(scratch("round"), us(), ELOOP);
	char *text = scratch_read(scratch("d/file"));
	assert_string_equal(text, "xxx");
	free(text);
}

static void links_of_others_are_not(void **unused)
{
	struct stat st;

	(void)unused;
	assert_int_equal(mkdir(scratch("d"), 0700), 0);
	scratch_write(scratch("victim"), "");
	planted(scratch("victim"), "link");
	planted(scratch("none"), "to_none");
	planted("d", "to_d");
	refuses(scratch("link"), other(), ELOOP);
	refuses(scratch("to_none"), other(), ELOOP);
	refuses(scratch("to_d/file"), other(), ELOOP);
	assert_int_equal(access(scratch("none"), F_OK), -1);
	assert_int_equal(access(scratch("d/file"), F_OK), -1);
	assert_int_equal(stat(scratch("victim"), &st), 0);
	assert_int_equal(st.st_size, 0);
	opens(scratch("d/file"), other());
}

static void second_names(void **unused)
{
	(void)unused;
	scratch_write(scratch("file"), "");
	assert_int_equal(link(scratch("file"), scratch("second")), 0);
	if (geteuid() == 0)
		refuses(scratch("second"), us(), EMLINK);
	else
		opens(scratch("second"), us());
	assert_int_equal(symlink("file", scratch("link")), 0);
	assert_int_equal(link(scratch("link"), scratch("second_link")), 0);
	refuses(scratch("second_link"), us(), ELOOP);
}

/* As in containers, where a log may be /dev/stdout. */
static void what_the_kernel_makes_up_is_followed(void **unused)
{
	int pair[2];
	char path[64], c;

	(void)unused;
	assert_int_equal(pipe(pair), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pair[1]);
	assert_int_equal(symlink(path, scratch("out")), 0);
	int fd = trusted_open(scratch("out"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640, us());
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "y", 1), 1);
	assert_int_equal(read(pair[0], &c, 1), 1);
	assert_int_equal(c, 'y');
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void no_descriptor_is_left(void **unused)
{
	int before = open("/", O_RDONLY), after;

	close(before);
	plain_paths(unused);
	refuses(scratch("none/b"), us(), ENOENT);
	planted("d", "to_d");
	refuses(scratch("to_d/file"), other(), ELOOP);
	after = open("/", O_RDONLY);
	close(after);
	assert_int_equal(before, after);
}

#define with_scratch(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_scratch(plain_paths), with_scratch(long_paths), with_scratch(links_of_the_trusted_are_followed), with_scratch(links_of_others_are_not),
		with_scratch(second_names), with_scratch(what_the_kernel_makes_up_is_followed), with_scratch(no_descriptor_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
