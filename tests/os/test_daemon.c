/* os/daemon: what the waiting parent says, what the daemon is left with, who it becomes and what it is called. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "os/daemon.h"
#include "scratch.h"

static int setup(void **state)
{
	alarm(60);
	prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
	return scratch_setup(state);
}

static unsigned descriptors_before;

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static int hold[2];     /* what wait_for_release() reads from */

/* Runs body() as a daemon with stderr in a file. Returns what the waiting parent exits with; the daemon becomes our child. */
static int parent_of(void (*body)(void))
{
	int status;
	pid_t pid;

	assert_int_equal(pipe(hold), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(scratch("err"), O_WRONLY | O_CREAT | O_APPEND, 0600);

		close(hold[1]);
		dup2(fd, STDERR_FILENO);
		close(fd);
		descriptors_before = descriptors();
		if (daemon_start() != 0)
			_exit(99);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int daemons_end(void)
{
	int status;

	close(hold[1]);
	close(hold[0]);
	assert_true(waitpid(-1, &status, 0) > 0);
	return status;
}

static bool is_null(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat("/dev/null", &b) == 0 && a.st_rdev == b.st_rdev && S_ISCHR(a.st_mode);
}

/* Until the test closes its end: a daemon that ended at once would be reaped by its waiting parent. */
static void wait_for_release(void)
{
	char byte;

	if (read(hold[0], &byte, 1) != 0)
		_exit(50);
}

static void body_ready(void)
{
	if (getsid(0) != getpid())
		_exit(10);
	if (!is_null(STDIN_FILENO) || !is_null(STDOUT_FILENO))
		_exit(11);
	if (is_null(STDERR_FILENO))
		_exit(12);
	dprintf(STDERR_FILENO, "before\n");
	daemon_ready(false);
	if (!is_null(STDERR_FILENO))
		_exit(13);
	dprintf(STDERR_FILENO, "after\n");
	wait_for_release();
	_exit(descriptors() == descriptors_before ? 0 : 14);
}

static void assert_stderr(const char *expected)
{
	char *text = scratch_read(scratch("err"));

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void the_parent_leaves_when_the_daemon_is_ready(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_ready), 0);
	assert_int_equal(daemons_end(), 0);
	assert_stderr("before\n");
}

static void body_ready_keeping(void)
{
	daemon_ready(true);
	dprintf(STDERR_FILENO, "kept\n");
	daemon_failed(7);       /* too late: said once is said */
	wait_for_release();
}

static void stderr_can_be_kept(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_ready_keeping), 0);
	assert_int_equal(daemons_end(), 0);
	assert_stderr("kept\n");
}

static void body_failed(void)
{
	daemon_failed(78);
	daemon_ready(false);
	wait_for_release();
	_exit(is_null(STDERR_FILENO) ? 1 : 0);
}

static void the_parent_leaves_with_the_code_of_a_failure(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_failed), 78);
	assert_int_equal(daemons_end(), 0);
}

static void body_silent(void)
{
	_exit(5);
}

static void body_killed(void)
{
	kill(getpid(), SIGKILL);
}

static void a_daemon_that_dies_silently_is_a_failure(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_silent), 1);
	assert_stderr("stintd: exited with code 5 before it was ready\n");
	close(hold[0]);
	close(hold[1]);
	unlink(scratch("err"));
	assert_int_equal(parent_of(body_killed), 1);
	assert_stderr("stintd: killed by signal 9 (Killed) before it was ready\n");
	close(hold[0]);
	close(hold[1]);
}

static void body_leaving_a_child(void)
{
	if (fork() == 0) {
		wait_for_release();
		_exit(0);
	}
	_exit(6);
}

static void its_own_children_do_not_hold_the_parent(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_leaving_a_child), 1);
	assert_stderr("stintd: exited with code 6 before it was ready\n");
	assert_int_equal(daemons_end(), 0);
}

static void body_with_a_talking_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		daemon_failed(3);
		daemon_ready(false);
		_exit(is_null(STDERR_FILENO) ? 1 : 0);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		_exit(15);
	daemon_ready(true);
	wait_for_release();
}

static void only_the_daemon_itself_has_a_word(void **unused)
{
	(void)unused;
	assert_int_equal(parent_of(body_with_a_talking_child), 0);
	assert_int_equal(daemons_end(), 0);
}

static void in_the_foreground_nothing_happens(void **unused)
{
	pid_t child = fork();
	int status;

	(void)unused;
	if (child == 0) {
		int fd = open(scratch("err"), O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(fd, STDERR_FILENO);
		daemon_ready(false);
		daemon_failed(3);
		_exit(is_null(STDERR_FILENO) ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void nobody_is_nobody_and_stays_so(void **unused)
{
	struct identity id;
	pid_t child;
	int status;

	(void)unused;
	assert_int_equal(identity_lookup("", "", &id), 0);
	assert_false(id.change);
	assert_int_equal(identity_become(&id), 0);
	assert_int_equal(identity_lookup("nobody", "", &id), 0);
	assert_string_equal(id.name, "nobody");
	/* Only root can become somebody; for others the user option means nothing. */
	assert_int_equal(id.change, geteuid() == 0);
	if (!id.change)
		return;
	child = fork();
	if (child == 0) {
		gid_t groups[64];
		int n;

		if (identity_become(&id) != 0 || getuid() != id.uid || geteuid() != id.uid || getgid() != id.gid || getegid() != id.gid)
			_exit(1);
		if (setuid(0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
			_exit(2);
		n = getgroups(64, groups);
		for (int i = 0; i < n; i++)
			if (groups[i] == 0)
				_exit(3);
		_exit(prctl(PR_GET_DUMPABLE) == 1 ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static uint64_t capabilities(const char *which)
{
	char line[256];
	uint64_t set = UINT64_MAX;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, which, strlen(which)) == 0)
			set = strtoull(line + strlen(which) + 1, NULL, 16);
	if (f)
		fclose(f);
	return set;
}

/* Who starts programs as others keeps three rights, and can be anybody but not more than that. */
static void who_switches_keeps_what_that_takes(void **unused)
{
	const uint64_t three = UINT64_C(1) << 5 | UINT64_C(1) << 6 | UINT64_C(1) << 7;        /* KILL, SETGID, SETUID */
	struct identity id;
	pid_t child;
	int status;

	(void)unused;
	assert_int_equal(identity_lookup("nobody", "", &id), 0);
	for (unsigned switches = 0; id.change && switches < 2; switches++) {
		id.switches = switches;
		child = fork();
		if (child == 0) {
			uint64_t want = switches ? three & capabilities("CapPrm:") : 0;
			if (identity_become(&id) != 0 || getuid() != id.uid)
				_exit(1);
			if (capabilities("CapPrm:") != want || capabilities("CapEff:") != want || capabilities("CapInh:") || capabilities("CapAmb:"))
				_exit(2);
			_exit(switches == (setresuid(1, 1, 1) == 0) ? 0 : 3);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static void a_group_can_be_another_than_the_users(void **unused)
{
	const struct group *tty = getgrnam("tty");
	struct identity id;

	(void)unused;
	assert_non_null(tty);
	assert_int_equal(identity_lookup("nobody", "tty", &id), 0);
	assert_int_equal(id.gid, geteuid() == 0 ? tty->gr_gid : getegid());
}

static void unknown_names_are_refused(void **unused)
{
	char name[100];
	struct identity id;
	int expected = geteuid() == 0 ? -1 : 0;

	(void)unused;
	errno = ENOENT;
	assert_int_equal(identity_lookup("no-such-user", "", &id), expected);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(identity_lookup("nobody", "no-such-group", &id), expected);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(identity_lookup(name, "", &id), -1);
	assert_int_equal(errno, ENOENT);
}

static char **main_argv;

static void proc_read(const char *path, char out[512])
{
	FILE *file = fopen(path, "r");
	size_t n = file ? fread(out, 1, 511, file) : 0;

	out[n] = '\0';
	if (file)
		fclose(file);
}

/* Sets a title in a child, where it shows, and says whether both names are as expected. */
static void assert_titled(const char *title_text, const char *cmdline, const char *comm)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		char text[512];

		title_set("%s", title_text);
		proc_read("/proc/self/cmdline", text);
		if (strcmp(text, cmdline) != 0)
			_exit(1);
		proc_read("/proc/self/comm", text);
		text[strcspn(text, "\n")] = '\0';
		if (strcmp(text, comm) != 0)
			_exit(2);
		/* The environment and the arguments have moved before they were overwritten. */
		if (!getenv("STINT_TEST_TITLE") || strcmp(getenv("STINT_TEST_TITLE"), "kept") != 0)
			_exit(3);
		_exit(strstr(main_argv[0], "daemon") && strcmp(main_argv[1], "an-argument") == 0 ? 0 : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_process_is_called_by_its_role(void **unused)
{
	(void)unused;
	assert_titled("stintd: master", "stintd: master", "stintd: master");
	assert_titled("stintd: worker 2", "stintd: worker 2", "stintd:worker2");
	assert_titled("stintd: worker 12", "stintd: worker 12", "stintd:worker12");
	assert_titled("x", "x", "x");
}

#define daemon_test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

static void closed_standard_descriptors_are_kept_from_others(void **unused)
{
	int status;
	pid_t pid = fork();

	(void)unused;
	if (pid == 0) {
		char byte = 'x';

		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		if (standard_fds_open() != 0 || open("/dev/zero", O_RDWR) <= STDERR_FILENO)
			_exit(1);
		for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
			if (write(fd, &byte, 1) != -1 || errno != EBADF)
				_exit(2);
		_exit(read(STDIN_FILENO, &byte, 1) == -1 && errno == EBADF && standard_fds_open() == 0 ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
	/* Once more with an argument and an environment that are known. */
	if (argc == 1) {
		char argument[] = "an-argument";

		setenv("STINT_TEST_TITLE", "kept", 1);
		execv("/proc/self/exe", (char *[]){ argv[0], argument, NULL });
		return 99;
	}
	main_argv = argv;
	title_init(argc, argv);
	const struct CMUnitTest tests[] = {
		daemon_test(the_parent_leaves_when_the_daemon_is_ready),
		daemon_test(stderr_can_be_kept),
		daemon_test(the_parent_leaves_with_the_code_of_a_failure),
		daemon_test(a_daemon_that_dies_silently_is_a_failure),
		daemon_test(its_own_children_do_not_hold_the_parent),
		daemon_test(only_the_daemon_itself_has_a_word),
		daemon_test(in_the_foreground_nothing_happens),
		daemon_test(nobody_is_nobody_and_stays_so),
		daemon_test(who_switches_keeps_what_that_takes),
		daemon_test(a_group_can_be_another_than_the_users),
		daemon_test(unknown_names_are_refused),
		daemon_test(a_process_is_called_by_its_role),
		daemon_test(closed_standard_descriptors_are_kept_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
