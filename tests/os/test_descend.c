/* os/descend: who is below us, asked both ways (the file itself is included for that), and who carries a mark. Every process made here ends by itself after a minute. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "os/descend.c"

static void children_are_found_both_ways(void **unused)
{
	pid_t made[3], found[8];
	siginfo_t info;

	(void)unused;
	assert_int_equal(descend_children(found, 8), 0);
	assert_int_equal(children_by_walk(found, 8), 0);
	for (unsigned i = 0; i < 3; i++) {
		made[i] = fork();
		if (made[i] == 0) {
			if (i == 1)
				_exit(0);
			alarm(60);
			for (;;)
				pause();
		}
	}
	/* A zombie counts: it wants to be reaped. */
	assert_int_equal(waitid(P_PID, (id_t)made[1], &info, WEXITED | WNOWAIT), 0);
	for (unsigned way = 0; way < 2; way++) {
		memset(found, 0, sizeof(found));
		assert_int_equal((way ? children_by_walk : descend_children)(found, 8), 3);
		for (unsigned i = 0; i < 3; i++)
			assert_true(found[0] == made[i] || found[1] == made[i] || found[2] == made[i]);
		memset(found, 0, sizeof(found));
		assert_int_equal((way ? children_by_walk : descend_children)(found, 2), 3);
		assert_int_equal(found[2], 0);
		assert_int_equal((way ? children_by_walk : descend_children)(NULL, 0), 3);
	}
	for (unsigned i = 0; i < 3; i++) {
		kill(made[i], SIGKILL);
		assert_int_equal(waitpid(made[i], NULL, 0), made[i]);
	}
	assert_int_equal(descend_children(found, 8), 0);
}

static bool environment_readable(pid_t pid)
{
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, &byte, 1);

	if (fd >= 0)
		close(fd);
	return n == 1;
}

/* A process whose environment is two entries, with `before` bytes in front of the second; returns when it has it. */
static pid_t carrier_of(size_t before, const char *entry)
{
	static char filler[8192], copy[128];
	int gone[2];
	pid_t child;
	char byte;

	memset(filler, 'f', sizeof(filler));
	filler[before] = '\0';
	snprintf(copy, sizeof(copy), "%s", entry);
	assert_int_equal(pipe2(gone, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		static char name[] = "sleep", arg[] = "60";

		execve("/bin/sleep", (char *[]){ name, arg, NULL }, (char *[]){ filler, copy, NULL });
		_exit(127);
	}
	close(gone[1]);
	assert_int_equal(read(gone[0], &byte, 1), 0);
	close(gone[0]);
	/* exec closes the pipe a moment before the new environment is where /proc looks for it */
	while (!environment_readable(child))
		sched_yield();
	return child;
}

static bool is_same(void *arg, const char *value)
{
	return strcmp(arg, value) == 0;
}

static size_t carriers(const char *name, const char *value, pid_t *found)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", value);
	*found = 0;
	return descend_carriers(name, is_same, copy, found, 1);
}

/* Wherever it begins in the pages that are read. */
static void a_mark_is_found_whole(void **unused)
{
	static const size_t before[] = { 1, 4070, 4082, 4095, 4096, 8000 };
	char value[32], entry[64], longer[64];
	pid_t found;

	(void)unused;
	snprintf(value, sizeof(value), "019a-%d", (int)getpid());
	snprintf(entry, sizeof(entry), "TEST_MARK=%s", value);
	snprintf(longer, sizeof(longer), "%s1", value);
	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		pid_t pid = carrier_of(before[i], entry);

		assert_int_equal(carriers("TEST_MARK", value, &found), 1);
		assert_int_equal(found, pid);
		assert_int_equal(carriers("TEST_MARK", longer, &found), 0);
		assert_int_equal(carriers("EST_MARK", value, &found), 0);
		assert_int_equal(carriers("TEST_MAR", value, &found), 0);
		kill(pid, SIGKILL);
		/* dead and not reaped: no carrier any more */
		siginfo_t info;
		assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		assert_int_equal(carriers("TEST_MARK", value, &found), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_are_found_both_ways),
		cmocka_unit_test(a_mark_is_found_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
