/* os/cgroup: where a process's group lies, by texts that kernels wrote; files of groups, on a made-up tree. What only a kernel can do is tests/system/groups.sh's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "os/cgroup.h"
#include "scratch.h"

#define UNIFIED "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n40 31 0:37 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n"

static void where_a_group_lies(void **state)
{
	static const struct { const char *mounts, *own, *path; } cases[] = {
		{ UNIFIED, "0::/system.slice/stintd.service\n", "/sys/fs/cgroup/system.slice/stintd.service" },
		{ UNIFIED, "0::/\n", "/sys/fs/cgroup" },
		{ HYBRID, "9:name=systemd:/\n4:memory:/x\n0::/a b/c\n", "/sys/fs/cgroup/unified/a b/c" },
		{ HYBRID, "9:name=systemd:/\n4:memory:/x\n", NULL },
		{ "", "0::/x\n", NULL },
		{ UNIFIED, "", NULL },
		/* of a container that has no namespace of its own: the mount shows a part */
		{ "29 23 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/ab/x\n", "/sys/fs/cgroup/x" },
		{ "29 23 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/ab\n", "/sys/fs/cgroup" },
		{ "29 23 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/docker/abc\n", NULL },
		{ "29 23 0:26 /docker/ab /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/other\n", NULL },
		/* the first that shows it */
		{ "1 2 0:26 /part /p rw - cgroup2 c rw\n" UNIFIED, "0::/x\n", "/sys/fs/cgroup/x" },
		{ "29 23 0:26 / /odd\\040place\\134 rw - cgroup2 cgroup2 rw\n", "0::/x\n", "/odd place\\/x" },
		/* above what is shown, and removed */
		{ UNIFIED, "0::/../x\n", NULL },
		{ UNIFIED, "0::/x (deleted)\n", NULL },
		/* something else of that name, and half a line */
		{ "29 23 0:26 / /mnt rw - ext4 /dev/cgroup2 rw\n", "0::/x\n", NULL },
		{ "29 23 - cgroup2 ", "0::/x\n", NULL },
	};
	char path[CGROUP_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = cgroup_path(cases[i].mounts, cases[i].own, path, sizeof(path));
		assert_int_equal(found, cases[i].path != NULL);
		if (found)
			assert_string_equal(path, cases[i].path);
	}
	assert_false(cgroup_path(UNIFIED, "0::/long\n", path, 8));
}

static int made(const char *name)
{
	assert_int_equal(mkdir(scratch(name), 0755), 0);
	int group = cgroup_open(AT_FDCWD, scratch(name));
	assert_true(group >= 0);
	return group;
}

static void numbers(void **state)
{
	int group = made("g");

	(void)state;
	scratch_write(scratch("g/memory.peak"), "123456789012\n");
	scratch_write(scratch("g/memory.max"), "max\n");
	scratch_write(scratch("g/memory.events"), "low 0\nhigh 7\noom 2\noom_kill 3\n");
	scratch_write(scratch("g/empty"), "");
	assert_int_equal(cgroup_number(group, "memory.peak", NULL), 123456789012);
	assert_int_equal(cgroup_number(group, "memory.max", NULL), -1);
	assert_int_equal(cgroup_number(group, "memory.events", "oom"), 2);
	assert_int_equal(cgroup_number(group, "memory.events", "oom_kill"), 3);
	assert_int_equal(cgroup_number(group, "memory.events", "oom_group_kill"), -1);
	assert_int_equal(cgroup_number(group, "empty", NULL), -1);
	assert_int_equal(cgroup_number(group, "nowhere", NULL), -1);
	close(group);
}

static void lists(void **state)
{
	int group = made("g");

	(void)state;
	scratch_write(scratch("g/cgroup.subtree_control"), "cpu memory\n");
	assert_true(cgroup_lists(group, "cgroup.subtree_control", "memory"));
	assert_true(cgroup_lists(group, "cgroup.subtree_control", "cpu"));
	assert_false(cgroup_lists(group, "cgroup.subtree_control", "mem"));
	assert_false(cgroup_lists(group, "cgroup.subtree_control", "pids"));
	assert_false(cgroup_lists(group, "nowhere", "pids"));
	close(group);
}

static void processes(void **state)
{
	char text[64];
	int group = made("g");

	(void)state;
	snprintf(text, sizeof(text), "1\n%d\n", (int)getpid());
	scratch_write(scratch("g/cgroup.procs"), text);
	assert_true(cgroup_has(group, 1));
	assert_false(cgroup_has(group, 2));
	assert_true(cgroup_alone(group, 1));
	assert_false(cgroup_alone(group, 0));
	scratch_write(scratch("g/cgroup.events"), "populated 1\nfrozen 0\n");
	assert_false(cgroup_empty(group));
	scratch_write(scratch("g/cgroup.events"), "populated 0\nfrozen 0\n");
	assert_true(cgroup_empty(group));
	close(group);
}

static void writes(void **state)
{
	char text[32] = "";
	int group = made("g");

	(void)state;
	/* No file is ever made: a group has them, or it has not. */
	assert_int_equal(cgroup_write(group, "pids.max", "7"), -1);
	assert_int_equal(errno, ENOENT);
	scratch_write(scratch("g/pids.max"), "");
	assert_int_equal(cgroup_write(group, "pids.max", "7"), 0);
	int fd = open(scratch("g/pids.max"), O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 1);
	assert_string_equal(text, "7");
	close(fd);
	close(group);
}

static void add_name(void *arg, const char *name)
{
	char *all = arg;

	strcat(strcat(all, name), " ");
}

static void removal_goes_down(void **state)
{
	int group = made("g"), at = cgroup_open(AT_FDCWD, scratch_dir);
	char names[64] = "";

	(void)state;
	close(group);
	assert_int_equal(mkdir(scratch("g/a"), 0755) | mkdir(scratch("g/a/b"), 0755) | mkdir(scratch("g/a/b/c"), 0755), 0);
	assert_true(cgroup_remove(at, "g"));
	assert_int_equal(access(scratch("g"), F_OK), -1);
	assert_true(cgroup_remove(at, "g"));            /* which is not there */
	/* What is no empty group stays, and only that: here a file holds it, in a tree of groups a process. */
	group = made("g");
	assert_int_equal(mkdir(scratch("g/a"), 0755) | mkdir(scratch("g/b"), 0755), 0);
	scratch_write(scratch("g/a/held"), "");
	assert_false(cgroup_remove(at, "g"));
	cgroup_each(group, add_name, names);
	assert_string_equal(names, "a ");
	close(group);
	close(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_a_group_lies),
		cmocka_unit_test_setup_teardown(numbers, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(lists, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(processes, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(writes, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(removal_goes_down, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
